"""What AWS should hold for one connection, as a value. Pure."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from aws_setup.names import ProviderArn, RoleArn, build_provider_arn, build_role_arn, strip_scheme
from aws_setup.policies import PolicyDocument, full_access_policy_arn, invoke_policy, trust_policy

INSTALLATION_TAG = "vertesia-aws-setup:installation"
ENVIRONMENT_TAG = "vertesia-aws-setup:environment"
"""Ownership tags: which console made this, for which environment. What lacks ours is somebody else's."""

_LISTS = ("earlier_environment_ids", "retire_role_names", "retire_policy_arns", "retire_tag_keys")


@dataclass(frozen=True)
class DesiredState:
    """Provider, role, trust and permissions of one environment in one account; or, if `is_absent`, none of ours.

    `earlier_environment_ids` are ids under which this very environment was agreed before, where they changed.
    `retire_role_names` are roles of this environment to remove once the new one is proven; `retire_policy_arns` are
    managed policies that earlier agreements attached and this one does not want, `retire_tag_keys` a person's own tags
    of the role likewise.
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

    @property
    def provider_arn(self) -> ProviderArn:
        return build_provider_arn(partition=self.partition, account_id=self.account_id, issuer_url=self.issuer_url)

    @property
    def role_arn(self) -> RoleArn:
        return build_role_arn(
            partition=self.partition, account_id=self.account_id, path=self.role_path, name=self.role_name
        )

    @property
    def trust(self) -> PolicyDocument:
        return trust_policy(
            provider_arn=self.provider_arn,
            issuer_url=self.issuer_url,
            audience=self.audience,
            subject=self.subject,
        )

    @property
    def inline_policy(self) -> PolicyDocument | None:
        """The policy written into the role; None where a managed policy is attached instead."""
        if self.permissions == "invoke":
            return invoke_policy(partition=self.partition, account_id=self.account_id)
        return None

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
        return dict(self.tags) | {INSTALLATION_TAG: self.installation_id, ENVIRONMENT_TAG: self.environment_id}

    @property
    def condition_key_prefix(self) -> str:
        """What stands before `:sub` and `:aud` in the trust policy's condition keys."""
        return strip_scheme(self.issuer_url)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal value."""
        data = asdict(self)
        data["tags"] = [list(pair) for pair in self.tags]
        return data | {name: list(data[name]) for name in _LISTS}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(
            **{
                **data,
                "tags": tuple((key, value) for key, value in data["tags"]),
                **{name: tuple(data.get(name, ())) for name in _LISTS},
            }
        )
