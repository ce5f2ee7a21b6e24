"""Parameters of query-protocol calls (IAM, STS): flat names such as `Tags.member.1.Key`."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import parse_qs

from aws_setup.sandbox.errors import AwsError, validation_error
from aws_setup.sandbox.wire import AwsRequest

T = TypeVar("T")

MAX_TAGS = 50

TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*")
"""IAM's tag pattern `[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]`, near enough in Python's terms."""


class Parameters:
    """The parameters of one call; the last value of a name counts."""

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = values

    @classmethod
    def of(cls, request: AwsRequest) -> Parameters:
        values = dict(request.query)
        if request.method == "POST":
            values |= parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def raw(self) -> dict[str, list[str]]:
        return self._values

    def get(self, name: str, default: str = "") -> str:
        found = self._values.get(name)
        return found[-1] if found else default

    def required(self, name: str) -> str:
        """The value, or ValidationError when it is missing or empty."""
        value = self.get(name)
        if not value:
            member = name[0].lower() + name[1:]
            raise validation_error(f"Value null at '{member}' failed to satisfy constraint: Member must not be null")
        return value

    def number(self, name: str, *, default: int, low: int, high: int) -> int:
        text = self.get(name)
        if not text:
            return default
        member = name[0].lower() + name[1:]
        if not text.isascii() or not text.isdigit():
            raise AwsError("MalformedInput", f"'{text}' at '{member}' is not a number")
        value = int(text)
        if value < low:
            raise validation_error(
                f"Value '{value}' at '{member}' failed to satisfy constraint: "
                f"Member must have value greater than or equal to {low}"
            )
        if value > high:
            raise validation_error(
                f"Value '{value}' at '{member}' failed to satisfy constraint: "
                f"Member must have value less than or equal to {high}"
            )
        return value

    def members(self, name: str) -> list[str]:
        found: list[str] = []
        while (key := f"{name}.member.{len(found) + 1}") in self._values:
            found.append(self.get(key))
        return found

    def tags(self) -> list[dict[str, str]]:
        """The tags of a create or tag call, as IAM stores them; ValidationError or InvalidInput when it would not."""
        tags: list[dict[str, str]] = []
        while (prefix := f"Tags.member.{len(tags) + 1}") + ".Key" in self._values:
            key, value = self.get(prefix + ".Key"), self.get(prefix + ".Value")
            place = f"tags.{len(tags) + 1}.member"
            for part, text, limit in (("key", key, 128), ("value", value, 256)):
                if len(text) > limit:
                    raise validation_error(
                        f"Value '{text}' at '{place}.{part}' failed to satisfy constraint: "
                        f"Member must have length less than or equal to {limit}"
                    )
                if not TAG_TEXT.fullmatch(text) or (part == "key" and not text):
                    raise validation_error(
                        f"Value '{text}' at '{place}.{part}' failed to satisfy constraint: Member must satisfy "
                        r"regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]" + ("+" if part == "key" else "*")
                    )
            tags.append({"Key": key, "Value": value})
        if len({tag["Key"].lower() for tag in tags}) < len(tags):
            raise AwsError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        if len(tags) > MAX_TAGS:
            raise validation_error(
                "Value at 'tags' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_TAGS}"
            )
        return tags

    def page(self, items: Sequence[T]) -> tuple[list[T], str | None]:
        """One page by Marker and MaxItems (100 unless told), and the marker of the next one or None."""
        limit = self.number("MaxItems", default=100, low=1, high=1000)
        try:
            start = int(base64.urlsafe_b64decode(self.get("Marker") or b"MA=="))
        except (ValueError, binascii.Error):
            start = -1
        if start < 0:
            raise AwsError("ValidationError", f"Invalid Marker: {self.get('Marker')}")
        following = start + limit
        marker = base64.urlsafe_b64encode(str(following).encode()).decode() if following < len(items) else None
        return list(items[start:following]), marker


def merge_tags(existing: list[dict[str, str]], new: list[dict[str, str]]) -> list[dict[str, str]]:
    """Tag keys compare without case; the newest spelling and value stay. LimitExceeded beyond 50."""
    merged = {tag["Key"].lower(): tag for tag in [*existing, *new]}
    if len(merged) > MAX_TAGS:
        raise AwsError("LimitExceeded", "The number of tags has reached the maximum limit.", 409)
    return list(merged.values())


def without_tags(existing: list[dict[str, str]], keys: Sequence[str]) -> list[dict[str, str]]:
    gone = {key.lower() for key in keys}
    return [tag for tag in existing if tag["Key"].lower() not in gone]
