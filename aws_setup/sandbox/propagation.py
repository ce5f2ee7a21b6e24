"""IAM's eventual consistency: what STS and Bedrock see of a write, and when.

A write is in IAM at once. STS and Bedrock go on seeing what was there before until the write has aged:
a role and its trust policy for the whole of `seconds`, an identity provider and its audiences for half of it,
a role's permissions for two thirds. AWS publishes no figures; six seconds is what people report on a good day
(https://github.com/hashicorp/terraform-provider-aws/issues/6566).

Only what this process wrote is remembered: after a restart everything counts as seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

TRUST_SHARE = 1.0
PROVIDER_SHARE = 0.5
PERMISSIONS_SHARE = 2 / 3


@dataclass(frozen=True)
class _Write(Generic[T]):
    at: float
    value: T


class Delayed(Generic[T]):
    """Values that a reader sees `share` of the propagation time after they were written."""

    def __init__(self, clock: PropagationTime, share: float) -> None:
        self._clock = clock
        self._share = share
        self._writes: dict[Hashable, list[_Write[T]]] = {}

    def record(self, key: Hashable, *, before: T, after: T) -> None:
        """Remember a write that has just been made; with the time at 0 it is seen at once, and stays so."""
        if self._clock.seconds == 0:
            self.forget(key)
            return
        writes = self._writes.setdefault(key, [_Write(float("-inf"), before)])
        writes.append(_Write(self._clock.now(), after))

    def seen(self, key: Hashable, *, current: T) -> T:
        """The value as a reader sees it now; `current` where no recent write is known."""
        writes = self._writes.get(key)
        if writes is None:
            return current
        horizon = self._clock.now() - self._clock.seconds * self._share
        while len(writes) > 1 and writes[1].at <= horizon:
            del writes[0]
        if len(writes) == 1:
            del self._writes[key]
            return current
        return writes[0].value

    def forget(self, key: Hashable) -> None:
        """Let the current value be seen at once."""
        self._writes.pop(key, None)

    def clear(self) -> None:
        self._writes.clear()


class PropagationTime:
    """`seconds` may be changed at any time, and counts for writes that are still on their way."""

    def __init__(self, seconds: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.now = now


@dataclass(frozen=True)
class RolePermissions:
    """A role's permissions as references: inline documents, managed policy ARNs, boundary ARN."""

    inline: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    boundary: str | None = None


class Propagation:
    """Keys are (account id, role name) or (account id, provider ARN)."""

    def __init__(self, seconds: float) -> None:
        self.time = PropagationTime(seconds)
        self.trust: Delayed[str | None] = Delayed(self.time, TRUST_SHARE)
        self.audiences: Delayed[tuple[str, ...] | None] = Delayed(self.time, PROVIDER_SHARE)
        self.permissions: Delayed[RolePermissions] = Delayed(self.time, PERMISSIONS_SHARE)

    def forget_role(self, account_id: str, name: str) -> None:
        self.trust.forget((account_id, name))
        self.permissions.forget((account_id, name))

    def clear(self) -> None:
        for delayed in (self.trust, self.audiences, self.permissions):
            delayed.clear()
