"""What an AWS account holds of the things a connection names, as values. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from aws_setup.canonical import canonical
from aws_setup.desired import (
    ADOPTED_TAG,
    DEFAULT_SESSION_SECONDS,
    ENVIRONMENT_TAG,
    INSTALLATION_TAG,
    DesiredState,
)
from aws_setup.policies import PolicyDocument


@dataclass(frozen=True)
class ObservedProvider:
    """An IAM OIDC provider as GetOpenIDConnectProvider answers."""

    arn: str
    audiences: tuple[str, ...]
    tags: dict[str, str] = field(default_factory=dict)
    thumbprints: tuple[str, ...] = ()

    def is_ours(self, installation_id: str) -> bool:
        """Whether this console made it, by its ownership tag."""
        return self.tags.get(INSTALLATION_TAG) == installation_id


@dataclass(frozen=True)
class ObservedRole:
    """An IAM role with its policies: inline ones by name, attached ones by ARN. `role_id` is IAM's unique id."""

    arn: str
    trust: PolicyDocument
    tags: dict[str, str] = field(default_factory=dict)
    boundary_arn: str = ""
    inline: dict[str, PolicyDocument] = field(default_factory=dict)
    attached: tuple[str, ...] = ()
    role_id: str = ""
    max_session_seconds: int = DEFAULT_SESSION_SECONDS

    @property
    def name(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def is_adopted(self) -> bool:
        """Whether somebody else made it and gave it into this console's care."""
        return ADOPTED_TAG in self.tags

    def is_ours(self, installation_id: str) -> bool:
        """Whether this console made it, or was given it, by its ownership tag."""
        return self.tags.get(INSTALLATION_TAG) == installation_id

    def is_for(self, desired: DesiredState) -> bool:
        """Whether it was made for this environment; a role of ours whose tag was taken away is taken for it."""
        return self.tags.get(ENVIRONMENT_TAG, desired.environment_id) in desired.environment_ids

    def belongs_to(self, desired: DesiredState) -> bool:
        """Whether this console may change it for this agreement: its tags say so, or IAM's own id of the role does.

        The id is the stronger sign: tags can be taken away, or copied; an id is never used again.
        """
        if self.role_id and self.role_id == desired.role_id:
            return True
        return self.is_ours(desired.installation_id) and self.is_for(desired)

    def needs_consent(self, desired: DesiredState) -> bool:
        """Whether its maker is to consent before this agreement may change it.

        Also where its tags say that it was given into care once, but this agreement knows nothing of what its maker
        has in it: the console forgot, or somebody copied the tags.
        """
        if self.role_id and self.role_id == desired.role_id:
            return False
        return not self.belongs_to(desired) or (self.is_adopted and not desired.is_adopted)

    @property
    def digest(self) -> str:
        """SHA-256 of everything about it: what somebody who consents to its adoption has seen."""
        return hashlib.sha256(canonical(asdict(self)).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal value."""
        return asdict(self) | {"attached": list(self.attached)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "attached": tuple(data["attached"])})


@dataclass(frozen=True)
class Quotas:
    """What the account has room for, by GetAccountSummary; None where it does not say."""

    roles: int | None = None
    roles_quota: int | None = None
    trust_size_quota: int | None = None
    """Characters of a trust policy, white space aside."""

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back to an equal value."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True)
class ObservedState:
    """What the account holds of the things a desired state names; None where there is none.

    `other_providers` are those of `DesiredState.also_trusts`, by ARN. `quotas` is None where it was not read or may not
    be. `trusting_roles` are ARNs of the account's roles that trust the identity provider; None likewise.
    """

    account_id: str
    provider: ObservedProvider | None
    role: ObservedRole | None
    retired_roles: tuple[ObservedRole, ...] = ()
    other_providers: Mapping[str, ObservedProvider] = field(default_factory=dict)
    quotas: Quotas | None = None
    trusting_roles: tuple[str, ...] | None = None

    def find_provider(self, arn: str) -> ObservedProvider | None:
        """The identity provider of one of the trusted issuers."""
        if self.provider is not None and self.provider.arn == arn:
            return self.provider
        return self.other_providers.get(arn)
