"""Vertesia's ids, and the token subject made of them. Pure.

Ids become part of an IAM trust policy, where `*`, `?` and `$` are wildcards or variables and `:` is the separator of
the subject: only a plain id may ever get there. Vertesia's published fixtures are all 24 hexadecimal digits, its
documentation promises no form, so another plain id is a warning, not an error.
"""

import re
from typing import NewType

OrganizationId = NewType("OrganizationId", str)
EnvironmentId = NewType("EnvironmentId", str)
Subject = NewType("Subject", str)

PLAIN_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}\Z"
AUDIENCE_PATTERN = r"^[!-#%-)+->@-~]{1,255}\Z"
"""Visible ASCII without `$`, `*` and `?`, which IAM would read as a variable or a wildcard in a trust policy."""
_PLAIN_ID = re.compile(PLAIN_ID_PATTERN)
_USUAL_ID = re.compile(r"[0-9a-f]{24}")


class InvalidVertesiaId(ValueError):
    """The text cannot be a Vertesia id; the message is a sentence for the person who typed it."""


def validate_plain_id(value: str) -> None:
    """Raise InvalidVertesiaId unless `value` is a plain id: letters, digits, `-` and `_`, at most 64."""
    if not _PLAIN_ID.match(value):
        raise InvalidVertesiaId(
            "A Vertesia id holds only letters, digits, hyphens and underscores, at most 64 of them. "
            "Copy it from Vertesia Studio without quotes or spaces."
        )


def is_usual_id(value: str) -> bool:
    """Whether `value` looks like every id Vertesia has published: 24 lower-case hexadecimal digits."""
    return _USUAL_ID.fullmatch(value) is not None


def describe_unusual(*, organization_id: str, environment_id: str) -> list[str]:
    """A sentence for each of the two that is a plain id and yet not like those Vertesia has published."""
    ids = (("organization id", organization_id), ("environment id", environment_id))
    return [
        f"The {what} {value} is not the usual 24 hexadecimal digits. Compare it with Studio once more."
        for what, value in ids
        if value and not is_usual_id(value)
    ]


def build_subject(organization_id: str, environment_id: str) -> Subject:
    """The `sub` claim of an environment's token: `env:ORGANIZATION_ID:ENVIRONMENT_ID`.

    Raises InvalidVertesiaId where either is not a plain id or both are equal.
    """
    validate_plain_id(organization_id)
    validate_plain_id(environment_id)
    if organization_id == environment_id:
        raise InvalidVertesiaId(
            "Organization id and environment id are the same. The organization id stands in Vertesia Studio under the "
            "user icon, top right; the environment id in the environment's own page."
        )
    return Subject(f"env:{organization_id}:{environment_id}")
