"""What a company wants of every role in an account: the account's own defaults, then those of the settings."""

from dataclasses import dataclass

from django.conf import settings

from aws_setup.desired import DEFAULT_SESSION_SECONDS
from aws_setup.models import Account


@dataclass(frozen=True)
class CompanyDefaults:
    """`prefix` begins every role name; `path` is IAM's; `boundary_arn` is a policy, or empty."""

    prefix: str
    path: str
    boundary_arn: str
    tags: dict[str, str]
    max_session_seconds: int

    @property
    def in_words(self) -> list[str]:
        """What differs from what AWS does anyway, one short phrase each."""
        hours = self.max_session_seconds // 3600
        words = {
            f"name begins with {self.prefix}": self.prefix,
            f"path {self.path}": self.path != "/",
            f"permissions boundary {self.boundary_arn}": self.boundary_arn,
            "tags " + ", ".join(f"{key}={value}" for key, value in self.tags.items()): self.tags,
            f"sessions of up to {hours} hours": self.max_session_seconds != DEFAULT_SESSION_SECONDS,
        }
        return [phrase for phrase, is_set in words.items() if is_set]


def defaults_of(account: Account | None) -> CompanyDefaults:
    """The defaults for roles in this account; None stands for an account that is not known yet."""
    if account is None:
        account = Account()
    return CompanyDefaults(
        prefix=account.role_prefix,
        path=account.role_path or settings.ROLE_PATH,
        boundary_arn=account.boundary_arn or settings.ROLE_PERMISSIONS_BOUNDARY,
        tags=dict(account.extra_tags),
        max_session_seconds=account.max_session_seconds,
    )
