"""How the last days of a connection went, as a strip with one mark per day. Pure. A day is one of UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

DAYS_SHOWN = 30


class DayState(StrEnum):
    """What a day's verifications showed, all of them together."""

    PROVEN = "day_proven"
    PARTLY = "day_partly"
    FAILED = "day_failed"
    NOT_PROVABLE = "day_not_provable"
    NOTHING = "day_nothing"


@dataclass(frozen=True)
class DayCount:
    """How many verifications of one day ended in which way."""

    proven: int = 0
    failed: int = 0
    not_provable: int = 0

    @property
    def total(self) -> int:
        return self.proven + self.failed + self.not_provable

    @property
    def state(self) -> DayState:
        """A day counts as proven only where something was proven and nothing failed."""
        if self.failed:
            return DayState.FAILED if self.failed == self.total else DayState.PARTLY
        if self.proven:
            return DayState.PROVEN
        return DayState.NOT_PROVABLE if self.not_provable else DayState.NOTHING


@dataclass(frozen=True)
class StripDay:
    """One mark of the strip."""

    day: date
    count: DayCount

    @property
    def state(self) -> DayState:
        return self.count.state

    @property
    def text(self) -> str:
        """What it says to whoever cannot see it: `23 November 2026: 1 of 4 failed`."""
        return f"{self.day.day} {self.day:%B %Y}: {self._outcome}"

    @property
    def _outcome(self) -> str:
        count = self.count
        if self.state == DayState.NOTHING:
            return "nothing was proven"
        if self.state == DayState.PROVEN:
            return "proven" if count.proven == 1 else f"proven {count.proven} times"
        if self.state == DayState.NOT_PROVABLE:
            return "looked at, not provable from here"
        if count.total == 1:
            return "failed"
        return f"{'all' if count.failed == count.total else count.failed} of {count.total} failed"


@dataclass(frozen=True)
class Strip:
    """The marks of the last days, the oldest first."""

    days: tuple[StripDay, ...]

    @property
    def proven(self) -> int:
        return sum(day.count.proven for day in self.days)

    @property
    def proofs(self) -> int:
        """How many verifications proved it or failed; what cannot be proven from here counts for neither."""
        return self.proven + sum(day.count.failed for day in self.days)

    @property
    def looks(self) -> int:
        """How many verifications could not prove anything from here."""
        return sum(day.count.not_provable for day in self.days)

    @property
    def sentence(self) -> str:
        """`98 % of 120 proofs in 30 days`. It is 100 % only where none failed, and 0 % only where all did."""
        span = f"in {len(self.days)} days"
        if not self.proofs:
            looks = "1 look" if self.looks == 1 else f"{self.looks} looks"
            return f"{looks} {span}, none of them proof" if self.looks else f"Nothing proven {span}"
        share = self.proven * 100 // self.proofs
        if not share and self.proven:
            share = 1
        return f"{share} % of {self.proofs} proof{'' if self.proofs == 1 else 's'} {span}"

    @property
    def states(self) -> list[DayState]:
        """The states that occur, in the order of the legend."""
        return [state for state in DayState if any(day.state == state for day in self.days)]


def arrange_days(counts: Mapping[date, DayCount], *, today: date, length: int = DAYS_SHOWN) -> Strip:
    """The last `length` days up to `today`, with what is known of each."""
    days = (today - timedelta(days=back) for back in reversed(range(length)))
    return Strip(tuple(StripDay(day, counts.get(day, DayCount())) for day in days))
