"""IAM's own eventual consistency, where a fault asks for it: reads that show what was there before a write.

Without such a fault IAM shows a write at once, and only STS and Bedrock lag: see `propagation`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from aws_setup.sandbox import emulator
from aws_setup.sandbox.emulator import Record

WRITES = {
    "CreateOpenIDConnectProvider": "provider",
    "DeleteOpenIDConnectProvider": "provider",
    "AddClientIDToOpenIDConnectProvider": "audience",
    "RemoveClientIDFromOpenIDConnectProvider": "audience",
    "CreateRole": "role",
    "DeleteRole": "role",
    "UpdateAssumeRolePolicy": "trust",
    "PutRolePolicy": "policy",
    "DeleteRolePolicy": "policy",
    "AttachRolePolicy": "policy",
    "DetachRolePolicy": "policy",
}
"""Which call writes what."""
PARTS = {"role": None, "trust": ("AssumeRolePolicyDocument",), "policy": ("InlinePolicies", "AttachedPolicies")} | {
    "provider": None,
    "audience": ("ClientIDList",),
}
"""The fields of a record that belong to each; None for whether there is one at all."""


@dataclass(frozen=True)
class Place:
    """What was written: a role's name in lower case, or a provider's ARN, of an account."""

    what: str
    account_id: str
    name: str


@dataclass
class _Change:
    """Values and from when on each of them is seen; the first one always was."""

    values: list[tuple[float, Any]]
    is_flapping: bool = False
    looks: int = field(default=0)


class Lateness:
    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._changes: dict[Place, _Change] = {}

    def note(self, place: Place, *, before: Any, after: Any, seconds: float, is_flapping: bool) -> None:
        """A write that readers see `seconds` from now on; flapping, every other one of them sees it meanwhile."""
        change = self._changes.setdefault(place, _Change([(float("-inf"), before)]))
        change.values.append((self._now() + seconds, after))
        change.is_flapping = is_flapping

    def seen(self, place: Place, current: Any) -> Any:
        """The value as IAM's own reader sees it; this counts as a look, and looks alternate while it flaps."""
        change = self._pending(place)
        if change is None:
            return current
        if change.is_flapping:
            change.looks += 1
            if change.looks % 2 == 1:
                return current
        return change.values[0][1]

    def seen_elsewhere(self, place: Place, current: Any) -> Any:
        """The value as STS and Bedrock see it: old until it is new."""
        change = self._pending(place)
        return current if change is None else change.values[0][1]

    def names(self, what: str, account_id: str) -> set[str]:
        """What is still on its way in an account."""
        return {place.name for place in self._changes if (place.what, place.account_id) == (what, account_id)}

    def forget(self, place: Place) -> None:
        """Let the current value be seen at once."""
        self._changes.pop(place, None)

    def clear(self) -> None:
        self._changes.clear()

    def _pending(self, place: Place) -> _Change | None:
        change = self._changes.get(place)
        if change is None:
            return None
        while len(change.values) > 1 and change.values[1][0] <= self._now():
            del change.values[0]
        if len(change.values) == 1:
            del self._changes[place]
            return None
        return change


def role_place(what: str, account_id: str, name: str) -> Place:
    return Place(what, account_id, name.lower())


def snapshot(place: Place) -> Any:
    """What IAM holds in that place now, as a copy; None for nothing."""
    return part_of(_record(place), place.what)


def part_of(record: Record | None, what: str) -> Any:
    fields = PARTS[what]
    if record is None or fields is None:
        return deepcopy(record)
    return deepcopy({name: record[name] for name in fields})


def _record(place: Place) -> Record | None:
    if place.what in ("provider", "audience"):
        return emulator.providers.find(place.account_id, place.name)
    roles = emulator.roles.of_account(place.account_id).items()
    return next((role for name, role in roles if name.lower() == place.name), None)
