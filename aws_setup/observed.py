"""What an AWS account holds of the things a connection names, as values. Pure."""

from dataclasses import dataclass, field

from aws_setup.desired import ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.policies import PolicyDocument


@dataclass(frozen=True)
class ObservedProvider:
    """An IAM OIDC provider as GetOpenIDConnectProvider answers."""

    arn: str
    audiences: tuple[str, ...]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ObservedRole:
    """An IAM role with its policies: inline ones by name, attached ones by ARN."""

    arn: str
    trust: PolicyDocument
    tags: dict[str, str] = field(default_factory=dict)
    boundary_arn: str = ""
    inline: dict[str, PolicyDocument] = field(default_factory=dict)
    attached: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    def is_ours(self, installation_id: str) -> bool:
        """Whether this console made it, by its ownership tag."""
        return self.tags.get(INSTALLATION_TAG) == installation_id

    def is_for(self, desired: DesiredState) -> bool:
        """Whether it was made for this environment; a role of ours whose tag was taken away is taken for it."""
        return self.tags.get(ENVIRONMENT_TAG, desired.environment_id) in desired.environment_ids


@dataclass(frozen=True)
class ObservedState:
    """What the account holds of the things a desired state names; None where there is none."""

    account_id: str
    provider: ObservedProvider | None
    role: ObservedRole | None
    retired_roles: tuple[ObservedRole, ...] = ()
