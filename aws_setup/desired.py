"""What AWS should hold for one connection, as a value. Pure."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from aws_setup.names import ProviderArn, RoleArn, build_provider_arn, build_role_arn, strip_scheme
from aws_setup.policies import VERSION, PolicyDocument, full_access_policy_arn, invoke_policy, trust_statement

INSTALLATION_TAG = "vertesia-aws-setup:installation"
ENVIRONMENT_TAG = "vertesia-aws-setup:environment"
"""Ownership tags: which console made this, for which environment. What lacks ours is somebody else's."""
ADOPTED_TAG = "vertesia-aws-setup:adopted"
"""On a role that somebody else made and gave into this console's care: it is never deleted from here."""

DEFAULT_SESSION_SECONDS = 3600
"""What IAM sets where a role names no maximum session duration."""

_LISTS = (
    "earlier_environment_ids",
    "retire_role_names",
    "retire_policy_arns",
    "retire_inline_names",
    "retire_tag_keys",
)
_PAIRS = ("tags", "also_trusts", "accepted_policies")


@dataclass(frozen=True)
class DesiredState:
    """Provider, role, trust and permissions of one environment in one account; or, if `is_absent`, none of ours.

    `earlier_environment_ids` are ids under which this very environment was agreed before, where they changed.
    `retire_role_names` are roles of this environment to remove once the new one is proven; `retire_policy_arns` are
    managed policies that earlier agreements attached and this one does not want, or that somebody put on a role of ours
    and a person wants gone; `retire_inline_names` are inline ones, `retire_tag_keys` a person's own tags of the role.

    `role_id` is IAM's unique id of the role where it is known to be this environment's: it tells a role of the same
    name that somebody made anew. `is_adopted`: somebody else made the role and consented to our statement in it;
    `kept_trust` is their part of its trust policy, a JSON document, and stays as it is. `also_trusts` are (issuer URL,
    audience) that the role trusts beside `issuer_url`, while an organization moves from one issuer to another.
    `accepted_policies` are (policy ARN, "") or (inline policy name, its JSON) that others put on the role and somebody
    accepted; `own_policy` is our inline policy as JSON, where somebody accepted another than the generated one.
    `removes_provider` (with `is_absent`): the identity provider goes too, where nothing else uses it; `added_audience`:
    this console put the audience on somebody else's provider.
    """

    installation_id: str
    partition: str
    account_id: str
    region: str
    issuer_url: str
    audience: str
    organization_id: str
    environment_id: str
    subject: str
    role_name: str
    permissions: str
    role_path: str = "/"
    policy_arn: str = ""
    boundary_arn: str = ""
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    is_absent: bool = False
    earlier_environment_ids: tuple[str, ...] = ()
    retire_role_names: tuple[str, ...] = ()
    retire_policy_arns: tuple[str, ...] = ()
    retire_tag_keys: tuple[str, ...] = ()
    retire_inline_names: tuple[str, ...] = ()
    max_session_seconds: int = DEFAULT_SESSION_SECONDS
    role_id: str = ""
    is_adopted: bool = False
    kept_trust: str = ""
    also_trusts: tuple[tuple[str, str], ...] = ()
    accepted_policies: tuple[tuple[str, str], ...] = ()
    own_policy: str = ""
    removes_provider: bool = False
    added_audience: bool = False

    @property
    def provider_arn(self) -> ProviderArn:
        return self.provider_arn_of(self.issuer_url)

    def provider_arn_of(self, issuer_url: str) -> ProviderArn:
        """The identity provider of any issuer in this account."""
        return build_provider_arn(partition=self.partition, account_id=self.account_id, issuer_url=issuer_url)

    @property
    def trusted_issuers(self) -> tuple[tuple[str, str], ...]:
        """(URL, audience) of every issuer whose tokens the role takes, in one order whichever is the current one."""
        return tuple(sorted({(self.issuer_url, self.audience), *self.also_trusts}))

    @property
    def other_provider_arns(self) -> list[ProviderArn]:
        """The identity providers that the role needs beside `provider_arn`."""
        return [self.provider_arn_of(issuer_url) for issuer_url, _ in self.also_trusts]

    def for_issuer(self, issuer_url: str) -> Self | None:
        """The same agreement as tokens of this issuer meet it; None where the role does not trust the issuer."""
        audience = dict(self.trusted_issuers).get(issuer_url)
        if audience is None:
            return None
        others = tuple(pair for pair in self.trusted_issuers if pair[0] != issuer_url)
        return replace(self, issuer_url=issuer_url, audience=audience, also_trusts=others)

    @property
    def role_arn(self) -> RoleArn:
        return build_role_arn(
            partition=self.partition, account_id=self.account_id, path=self.role_path, name=self.role_name
        )

    @property
    def own_statements(self) -> list[PolicyDocument]:
        """Our statements of the trust policy: one for each trusted issuer, each for exactly this subject."""
        return [
            trust_statement(
                provider_arn=self.provider_arn_of(issuer_url),
                issuer_url=issuer_url,
                audience=audience,
                subject=self.subject,
            )
            for issuer_url, audience in self.trusted_issuers
        ]

    @property
    def kept_statements(self) -> list[PolicyDocument]:
        """The statements of others in the trust policy, which stay."""
        kept: list[PolicyDocument] = json.loads(self.kept_trust)["Statement"] if self.kept_trust else []
        return kept

    @property
    def trust(self) -> PolicyDocument:
        """The whole trust policy: what others have there, then ours."""
        document = json.loads(self.kept_trust) if self.kept_trust else {"Version": VERSION}
        return {**document, "Statement": [*self.kept_statements, *self.own_statements]}

    @property
    def inline_policy(self) -> PolicyDocument | None:
        """The policy written into the role; None where a managed policy is attached instead."""
        if self.permissions == "invoke" and self.own_policy:
            own: PolicyDocument = json.loads(self.own_policy)
            return own
        if self.permissions == "invoke":
            return invoke_policy(partition=self.partition, account_id=self.account_id)
        return None

    @property
    def accepted_inline(self) -> dict[str, PolicyDocument]:
        """The inline policies of others that somebody accepted, by name."""
        return {name: json.loads(document) for name, document in self.accepted_policies if document}

    @property
    def attached_policy_arn(self) -> str:
        """The managed policy to attach; empty where the role has an inline policy."""
        if self.permissions == "full":
            return full_access_policy_arn(self.partition)
        return self.policy_arn if self.permissions == "policy" else ""

    @property
    def provider_tags(self) -> dict[str, str]:
        """Tags of the identity provider, which all environments of the account share."""
        return dict(self.tags) | {INSTALLATION_TAG: self.installation_id}

    @property
    def environment_ids(self) -> tuple[str, ...]:
        """What the environment tag of a role of this environment may say."""
        return (self.environment_id, *self.earlier_environment_ids)

    @property
    def role_tags(self) -> dict[str, str]:
        own = {INSTALLATION_TAG: self.installation_id, ENVIRONMENT_TAG: self.environment_id}
        return dict(self.tags) | own | ({ADOPTED_TAG: "true"} if self.is_adopted else {})

    @property
    def condition_key_prefix(self) -> str:
        """What stands before `:sub` and `:aud` in the trust policy's condition keys."""
        return strip_scheme(self.issuer_url)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal value."""
        data = asdict(self)
        data |= {name: [list(pair) for pair in data[name]] for name in _PAIRS}
        return data | {name: list(data[name]) for name in _LISTS}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            **{
                **data,
                **{name: tuple((key, value) for key, value in data.get(name, ())) for name in _PAIRS},
                **{name: tuple(data.get(name, ())) for name in _LISTS},
            }
        )
