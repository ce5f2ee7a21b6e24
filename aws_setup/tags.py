"""A person's own tags for what this console makes in AWS, one `key=value` a line. Pure.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html (characters, lengths, 50 per resource, keys
compared regardless of case).
"""

import re
from collections.abc import Iterable

OWN_PREFIX = "vertesia-aws-setup:"
MOST_TAGS = 48
"""IAM takes 50 on a role; two of them say that the role is ours."""

_ALLOWED = re.compile(r"[\w .:/=+\-@]*")


class InvalidTag(ValueError):
    """AWS would refuse these tags; the message is a sentence for the person who typed them."""


def parse_tags(lines: Iterable[str]) -> dict[str, str]:
    """Tags from lines of `key=value`, in their order; empty lines are passed over. Raises InvalidTag."""
    tags: dict[str, str] = {}
    taken: set[str] = set()
    for line in (line.strip() for line in lines):
        if not line:
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not key:
            raise InvalidTag(f"“{line}” is not a tag. One tag a line, as in CostCenter=4711.")
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise InvalidTag(f"The tag {key[:40]} is too long: a key has at most 128 characters, a value 256.")
        if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
            raise InvalidTag(
                f"The tag {key[:40]} has a character AWS refuses. Letters, digits and spaces . : / = + - @ _"
            )
        if key.lower().startswith("aws:") or key.lower().startswith(OWN_PREFIX):
            raise InvalidTag(f"The tag {key} begins with a prefix that is kept for AWS or for this console.")
        if key.lower() in taken:
            raise InvalidTag(f"The tag {key} stands there twice; AWS compares keys regardless of case.")
        if len(tags) == MOST_TAGS:
            raise InvalidTag(f"At most {MOST_TAGS} tags: AWS takes 50, and two say that the role is this console's.")
        taken.add(key.lower())
        tags[key] = value
    return tags


def format_tags(tags: dict[str, str]) -> str:
    """The tags as a person types them: one `key=value` a line."""
    return "\n".join(f"{key}={value}" for key, value in tags.items())
