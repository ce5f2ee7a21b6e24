"""Faults: calls that are told beforehand to fail, to wait, or to lose their answer. Kept in memory only.

A call meets at most one of them, the one that stands longest; what a fault has let pass or met counts for it alone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_setup.sandbox.lateness import PARTS, WRITES
from aws_setup.sandbox.wire import Json

ANY = "*"
IAM_WRITES_ONLY = ("concurrent_modification", "limit_exceeded")
BEDROCK_ONLY = ("unknown_operation", "operation_not_allowed")
REFUSING = ("throttled", "unavailable", "internal_error", *IAM_WRITES_ONLY, *BEDROCK_ONLY)
SIGNED_ONLY = ("credentials_expired", "clock_skewed")
SILENT = ("timeout", "reset_connection", "answer_lost")
HOLDING = ("hold_before", "hold_after")
LATE = ("late", "flapping")
KINDS = (*REFUSING, *SILENT, *HOLDING, "denied", *SIGNED_ONLY, *LATE)
LAYERS = ("identity", "boundary", "session", "scp", "rcp", "unstated")

LONGEST_HOLD_SECONDS = 60.0
DEFAULT_SECONDS = {"timeout": 30.0, "late": 6.0, "flapping": 6.0} | dict.fromkeys(HOLDING, LONGEST_HOLD_SECONDS)
MAX_SECONDS = {"timeout": 600.0, "late": 600.0, "flapping": 600.0} | dict.fromkeys(HOLDING, LONGEST_HOLD_SECONDS)
MAX_FAULTS = 1000

UNSIGNED_CALL = "AssumeRoleWithWebIdentity"
UNDENIABLE_CALL = "GetCallerIdentity"
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_READING = ("Get", "List", "Simulate")


@dataclass(frozen=True)
class Holding:
    """A call that waits for its fault to be deleted. `client_port` is the peer's TCP port."""

    call: str
    client_port: int


@dataclass
class Fault:
    """`times` None: until it is deleted. `seconds`: see DEFAULT_SECONDS; 0.0 where the kind knows none."""

    kind: str
    account_id: str = ANY
    action: str = ANY
    times: int | None = 1
    skip: int = 0
    seconds: float = 0.0
    layer: str | None = None
    what: str | None = None
    id: int = 0
    met: int = 0
    passed: int = 0
    deleted: asyncio.Event = field(default_factory=asyncio.Event)
    holding: list[Holding] = field(default_factory=list)

    @property
    def is_spent(self) -> bool:
        return self.times is not None and self.met >= self.times

    def concerns(self, *, service: str, action: str, account_id: str) -> bool:
        return (
            not self.is_spent
            and self.account_id in (ANY, account_id)
            and self.action in (ANY, action)
            and _can_meet(self, service=service, action=action)
        )

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
            "account_id": self.account_id,
            "action": self.action,
            "times": self.times,
            "skip": self.skip,
            "seconds": self.seconds,
            "layer": self.layer,
            "what": self.what,
            "met": self.met,
            "holding": [{"call": one.call, "client_port": one.client_port} for one in self.holding],
        }


class Faults:
    """Those that stand, spent ones included until they are deleted, in the order in which they came."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._last_id = 0

    def add(self, fault: Fault) -> Fault:
        if len(self._faults) >= MAX_FAULTS:
            raise ValueError(f"{MAX_FAULTS} faults stand already; delete some")
        self._last_id += 1
        fault.id = self._last_id
        self._faults[fault.id] = fault
        return fault

    def delete(self, fault_id: int) -> bool:
        """What it holds goes on; False where there is none of that id."""
        fault = self._faults.pop(fault_id, None)
        if fault is not None:
            fault.deleted.set()
        return fault is not None

    def clear(self) -> None:
        for fault_id in list(self._faults):
            self.delete(fault_id)

    def to_json(self) -> list[Json]:
        return [fault.to_json() for fault in self._faults.values()]

    def strike(self, *, service: str, action: str, account_id: str) -> Fault | None:
        """The fault that this call meets, if any; it is counted."""
        return self._strike([f for f in self._faults.values() if f.kind not in LATE], service, action, account_id)

    def awaits_write(self, action: str, account_id: str) -> bool:
        """Whether a write of this kind, if it succeeds, may be told to be seen late."""
        return any(fault.concerns(service="iam", action=action, account_id=account_id) for fault in self._late())

    def strike_write(self, action: str, account_id: str) -> Fault | None:
        """The fault that lets this write, which has just succeeded, be seen late; it is counted."""
        return self._strike(self._late(), "iam", action, account_id)

    def _late(self) -> list[Fault]:
        return [fault for fault in self._faults.values() if fault.kind in LATE]

    def _strike(self, faults: list[Fault], service: str, action: str, account_id: str) -> Fault | None:
        for fault in faults:
            if fault.concerns(service=service, action=action, account_id=account_id) and fault.strike():
                return fault
        return None


def read_fault(order: Mapping[str, Any], *, operations: Mapping[str, str]) -> Fault:
    """The fault that an order describes; `operations` gives each call's service. ValueError says what is wrong."""
    unknown = set(order) - {"kind", "account_id", "action", "times", "skip", "seconds", "layer", "what"}
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(map(str, unknown)))} in a fault")
    kind, account_id, action = order.get("kind"), order.get("account_id", ANY), order.get("action", ANY)
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if not isinstance(account_id, str) or not (account_id == ANY or _ACCOUNT.fullmatch(account_id)):
        raise ValueError("account_id must be 12 digits or *")
    if not isinstance(action, str) or not (action == ANY or action in operations):
        raise ValueError(f"action must be * or a call that the sandbox offers, such as CreateRole, and is {action!r}")
    times = order.get("times", 1)
    if times is not None and not _is_whole(times, least=1):
        raise ValueError("times must be a whole number, 1 or more, or null")
    skip = order.get("skip", 0)
    if not _is_whole(skip, least=0):
        raise ValueError("skip must be a whole number, 0 or more")
    fault = Fault(kind, account_id, action, times, skip, _read_seconds(kind, order.get("seconds")))
    if kind == "denied":
        fault.layer = _read_choice("layer", order.get("layer") or "identity", LAYERS)
    if kind in LATE:
        fault.what = _read_choice("what", order.get("what"), tuple(PARTS))
    if action != ANY and not _can_meet(fault, service=operations[action], action=action):
        raise ValueError(f"{action} cannot be {kind}" + (f" with {fault.what}" if fault.what else ""))
    return fault


def _can_meet(fault: Fault, *, service: str, action: str) -> bool:
    """Whether AWS could answer this call so at all."""
    if fault.kind in LATE:
        return WRITES.get(action) == fault.what
    if fault.kind in IAM_WRITES_ONLY:
        return service == "iam" and not action.startswith(_READING)
    if fault.kind in BEDROCK_ONLY:
        return service == "bedrock"
    if fault.kind in SIGNED_ONLY:
        return action != UNSIGNED_CALL
    return fault.kind != "denied" or action != UNDENIABLE_CALL


def _is_whole(value: Any, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _read_seconds(kind: str, seconds: Any) -> float:
    if kind not in MAX_SECONDS:
        return 0.0
    if seconds is None:
        return DEFAULT_SECONDS[kind]
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= MAX_SECONDS[kind]:
        raise ValueError(f"seconds of {kind} must be a number above 0, at most {MAX_SECONDS[kind]:g}")
    return float(seconds)


def _read_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}")
    return str(value)
