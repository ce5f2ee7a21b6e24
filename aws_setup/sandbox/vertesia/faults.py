"""Faults of the local Vertesia: calls that are told beforehand to fail, to wait, or to lose their answer.

Kept in memory only. A call meets at most one, the one that stands longest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_setup.sandbox.vertesia.errors import FORBIDDEN_CODES
from aws_setup.sandbox.wire import Json

ANY = "*"
TOKEN_SERVICE_CALLS = ("IssueToken", "GetDiscovery", "GetKeys")
STATUSES = {"server_error": 500, "throttled": 429, "unavailable": 503}
RETRIABLE = ("throttled", "unavailable")
SILENT = ("token_service_down", "reset_connection", "answer_lost")
HAPPENING = ("key_revoked", "environment_deleted")
"""Someone does it elsewhere in the moment before the call is performed."""
KINDS = (*STATUSES, "forbidden", *SILENT, "slow", *HAPPENING)
MAX_SECONDS = 600.0


@dataclass
class VertesiaFault:
    """`times` None: until it is deleted. `seconds` is how long `slow` waits, `retry_after` what a refusal advises."""

    kind: str
    call: str = ANY
    times: int | None = 1
    skip: int = 0
    code: str = ""
    seconds: float = 0.0
    retry_after: int | None = None
    id: int = 0
    met: int = 0
    passed: int = 0
    deleted: asyncio.Event = field(default_factory=asyncio.Event)

    def concerns(self, call: str) -> bool:
        if self.times is not None and self.met >= self.times:
            return False
        if self.kind == "token_service_down":
            return call in TOKEN_SERVICE_CALLS
        return self.call in (ANY, call)

    def strike(self) -> bool:
        """Count a call that it concerns; False where this one still passes."""
        if self.passed < self.skip:
            self.passed += 1
            return False
        self.met += 1
        return True

    def to_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "kind": self.kind,
            "call": self.call,
            "times": self.times,
            "skip": self.skip,
            "code": self.code,
            "seconds": self.seconds,
            "retry_after": self.retry_after,
            "met": self.met,
        }


class VertesiaFaults:
    """Those that stand, spent ones included until they are deleted, in the order in which they came."""

    def __init__(self) -> None:
        self._faults: dict[int, VertesiaFault] = {}
        self._last_id = 0

    def add(self, fault: VertesiaFault) -> VertesiaFault:
        self._last_id += 1
        fault.id = self._last_id
        self._faults[fault.id] = fault
        return fault

    def delete(self, fault_id: int) -> bool:
        """What it slows down goes on; False where there is none of that id."""
        fault = self._faults.pop(fault_id, None)
        if fault is not None:
            fault.deleted.set()
        return fault is not None

    def clear(self) -> None:
        for fault_id in list(self._faults):
            self.delete(fault_id)

    def strike(self, call: str) -> VertesiaFault | None:
        """The fault that this call meets, if any; it is counted."""
        return next((fault for fault in self._faults.values() if fault.concerns(call) and fault.strike()), None)

    def to_json(self) -> list[Json]:
        return [fault.to_json() for fault in self._faults.values()]


def read_fault(order: Mapping[str, Any], *, calls: Collection[str]) -> VertesiaFault:
    """The fault that an order describes. ValueError says what is wrong."""
    unknown = set(order) - {"kind", "call", "times", "skip", "code", "seconds", "retry_after"}
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(map(str, unknown)))} in a fault")
    kind, call, code = order.get("kind"), order.get("call", ANY), order.get("code", "")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if call != ANY and call not in calls:
        raise ValueError(f"call must be * or one of {', '.join(calls)}, and is {call!r}")
    if (kind == "forbidden" and call == "IssueToken") != (code in FORBIDDEN_CODES) or (code and kind != "forbidden"):
        raise ValueError(f"code belongs to a forbidden IssueToken, and is one of {', '.join(FORBIDDEN_CODES)}")
    times, skip, retry_after = order.get("times", 1), order.get("skip", 0), order.get("retry_after")
    if times is not None and not _is_whole(times, least=1):
        raise ValueError("times must be a whole number, 1 or more, or null")
    if not _is_whole(skip, least=0):
        raise ValueError("skip must be a whole number, 0 or more")
    if retry_after is not None and (kind not in RETRIABLE or not _is_whole(retry_after, least=0)):
        raise ValueError(f"retry_after is a whole number of seconds, and belongs to {', '.join(RETRIABLE)}")
    return VertesiaFault(kind, call, times, skip, code, _read_seconds(kind, order.get("seconds")), retry_after)


def _is_whole(value: Any, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _read_seconds(kind: str, seconds: Any) -> float:
    if (seconds is not None) != (kind == "slow"):
        raise ValueError("seconds belongs to slow, which needs it")
    if seconds is None:
        return 0.0
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"seconds must be a number above 0, at most {MAX_SECONDS:g}")
    return float(seconds)
