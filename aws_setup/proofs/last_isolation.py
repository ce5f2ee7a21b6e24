"""The last proof of isolation: what was refused, and whether it still says something."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aws_setup.models import Check, Connection, Verification
from aws_setup.proofs.ladder import is_untried
from aws_setup.proofs.rungs import ISOLATION

COUNTS_FOR = timedelta(days=30)
"""Longer than PROOF_MAX_AGE_HOURS: trust policies change rarely, and comparing with AWS sees when they do."""


class Shut(StrEnum):
    """How it is known that the role keeps everybody else out."""

    PROVEN = "kept_out"
    OLD = "kept_out_once"
    PARTLY = "not_all_known"
    EVALUATED = "evaluated"
    LETS_IN = "lets_in"


@dataclass(frozen=True)
class LastIsolation:
    """`was_changed`: this console changed something in AWS since."""

    finished_at: datetime
    checks: list[Check]
    is_old: bool
    was_changed: bool

    @property
    def shut(self) -> Shut:
        results = {check.result for check in self.checks}
        if Check.Result.FAIL in results:
            return Shut.LETS_IN
        if any(map(is_untried, self.checks)):
            return Shut.PARTLY
        if Check.Result.PASS not in results:
            return Shut.EVALUATED
        return Shut.OLD if self.is_old else Shut.PROVEN

    @property
    def words(self) -> str:
        """`4 of 4 refused`, of the tokens that must be."""
        return f"{sum(check.result == Check.Result.PASS for check in self.checks)} of {len(self.checks)} refused"


def read_last_isolation(connection: Connection, *, now: datetime) -> LastIsolation | None:
    """The last verification that came as far as isolation; None before there is one."""
    asked = Verification.objects.filter(connection=connection, with_isolation=True, finished_at__isnull=False)
    proof = asked.filter(checks__check_name__in=ISOLATION).order_by("-id").first()
    if proof is None or proof.finished_at is None:
        return None
    was_changed = connection.last_write_at is not None and connection.last_write_at > proof.finished_at
    return LastIsolation(
        finished_at=proof.finished_at,
        checks=list(proof.checks.filter(check_name__in=ISOLATION)),
        is_old=was_changed or now - proof.finished_at > COUNTS_FOR,
        was_changed=was_changed,
    )
