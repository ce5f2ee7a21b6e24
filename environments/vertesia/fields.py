"""Strict reading of JSON that somebody else wrote. Pure.

What is wrong is said once, with the path to it and never with the value. Fields nobody asked for are not looked at;
null stands for a field that is not there.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from environments.ids import InvalidVertesiaId, validate_plain_id

Read = TypeVar("Read")


class WrongShape(ValueError):
    """The JSON is not what it should be. The message is the end of a sentence: `environments[0].name is missing`."""


class Fields:
    """A JSON object and the path that leads to it. All methods raise WrongShape."""

    def __init__(self, document: object, path: str) -> None:
        if not isinstance(document, Mapping):
            raise WrongShape(f"{path} is not an object")
        self._document = document
        self._path = path

    def read_id(self, name: str) -> str:
        """An id of Vertesia's, which may become part of a trust policy: a plain one, or it is refused."""
        return _check_id(self._get(name, str), self._at(name))

    def read_text(self, name: str, limit: int) -> str:
        """A text to show: on one line, shortened to `limit` characters."""
        return clean_text(self._get(name, str), limit)

    def find_text(self, name: str, limit: int) -> str:
        """As `read_text`, empty where the field is not there."""
        return self.read_text(name, limit) if self.has(name) else ""

    def read_exact(self, name: str, limit: int) -> str:
        """A text that is compared: refused, not shortened, where it is empty, longer or holds what nobody can see."""
        return _check_exact(self._get(name, str), limit, self._at(name))

    def find_flag(self, name: str) -> bool | None:
        """True or false; None where the field is not there."""
        return self._get(name, bool) if self.has(name) else None

    def find_number(self, name: str) -> float | None:
        """A number; None where the field is not there."""
        if not self.has(name):
            return None
        value = self._document[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WrongShape(f"{self._at(name)} is not a number")
        try:
            return float(value)
        except OverflowError:
            raise WrongShape(f"{self._at(name)} is too large") from None

    def read_object(self, name: str) -> "Fields":
        if not self.has(name):
            raise WrongShape(f"{self._at(name)} is missing")
        return Fields(self._document[name], self._at(name))

    def find_object(self, name: str) -> "Fields | None":
        return self.read_object(name) if self.has(name) else None

    def read_list(self, name: str, read: Callable[[object, str], Read]) -> tuple[Read, ...]:
        """A list, each item read by `read(item, path)`."""
        return read_list(self._get(name, list), self._at(name), read)

    def find_list(self, name: str, read: Callable[[object, str], Read]) -> tuple[Read, ...] | None:
        """As `read_list`; None where the field is not there."""
        return self.read_list(name, read) if self.has(name) else None

    def find_ids(self, name: str) -> tuple[str, ...] | None:
        """A list of ids; None where the field is not there."""
        return self.find_list(name, lambda value, path: _check_id(_check(value, str, path), path))

    def find_texts(self, name: str, limit: int) -> tuple[str, ...]:
        """A list of texts to show, each as in `read_text`; empty where the field is not there."""
        return self.find_list(name, lambda value, path: clean_text(_check(value, str, path), limit)) or ()

    def find_texts_by_name(self, name: str, limit: int, *, alone: str) -> dict[str, str]:
        """The texts among an object's values, each as in `read_text`; a single text stands under `alone`."""
        value = self._document.get(name)
        values = value if isinstance(value, Mapping) else {alone: value}
        return {
            clean_text(key, limit): clean_text(text, limit) for key, text in values.items() if isinstance(text, str)
        }

    def has(self, name: str) -> bool:
        return self._document.get(name) is not None

    def _get(self, name: str, kind: type[Read]) -> Read:
        if not self.has(name):
            raise WrongShape(f"{self._at(name)} is missing")
        return _check(self._document[name], kind, self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}"


def read_list(document: object, path: str, read: Callable[[object, str], Read]) -> tuple[Read, ...]:
    """A JSON array at `path`, each item read by `read(item, path)`. Raises WrongShape."""
    items: list[object] = _check(document, list, path)
    return tuple(read(item, f"{path}[{number}]") for number, item in enumerate(items))


def clean_text(text: str, limit: int) -> str:
    """`text` on one line, without characters that cannot be seen, shortened to `limit` characters."""
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


_KINDS: Mapping[type, str] = {str: "a text", bool: "true or false", list: "a list"}


def _check(value: object, kind: type[Read], path: str) -> Read:
    if not isinstance(value, kind):
        raise WrongShape(f"{path} is not {_KINDS[kind]}")
    return value


def _check_id(value: str, path: str) -> str:
    try:
        validate_plain_id(value)
    except InvalidVertesiaId:
        raise WrongShape(f"{path} is not a plain id") from None
    return value


def _check_exact(value: str, limit: int, path: str) -> str:
    if not 0 < len(value) <= limit or not value.isprintable():
        raise WrongShape(f"{path} is empty, longer than {limit} characters or holds some that cannot be seen")
    return value
