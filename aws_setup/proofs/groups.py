"""The checks of a verification under few headings, so that what holds takes a line and what does not stands open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aws_setup.models import Check
from aws_setup.proofs.rungs import PROVEN_BY_EXCHANGE, Group

NOT_KNOWN = "Other"
"""The heading of checks that a former release made, and this one does not know."""
Result = Check.Result


@dataclass(frozen=True)
class CheckGroup:
    """Checks that belong together, in the order of the rungs. `has_exchange`: STS exchanged a token that time."""

    title: str
    checks: Sequence[Check]
    has_exchange: bool = False

    @property
    def result(self) -> Check.Result:
        """The whole in one word: red where one is red, and green only where each was reached."""
        found = {check.result for check in self.checks}
        return next(one for one in (Result.FAIL, Result.NOT_RUN, Result.PASS, Result.SKIPPED) if one in found)

    @property
    def is_open(self) -> bool:
        """Whether it is to be seen at once: what is red, and the answer that a person paid for."""
        return self.result == Result.FAIL or any(check.check_name == "one_token" for check in self.checks)

    @property
    def milliseconds(self) -> int | None:
        """How long its checks took together; None where none was timed."""
        timed = [check.milliseconds for check in self.checks if check.milliseconds is not None]
        return sum(timed) if timed else None

    @property
    def summary(self) -> str:
        """`4 of 4 passed · proven by the exchange`, `2 of 4 passed · 1 failed · 1 not run`."""
        number = {result: sum(check.result == result for check in self.checks) for result in Result}
        words = [f"{number[Result.PASS]} of {len(self.checks)} passed"] if number[Result.PASS] else []
        for result, word in ((Result.FAIL, "failed"), (Result.SKIPPED, "skipped"), (Result.NOT_RUN, "not run")):
            if number[result]:
                words.append(f"{number[result]} {word}")
        if self.has_exchange and any(check.check_name in PROVEN_BY_EXCHANGE for check in self.checks):
            words.append("proven by the exchange")
        return " · ".join(words)


def group_checks(checks: Iterable[Check]) -> list[CheckGroup]:
    """The checks under their headings; a heading without checks is left out."""
    by_title: dict[str, list[Check]] = {title: [] for title in (*Group, NOT_KNOWN)}
    has_exchange = False
    for check in checks:
        by_title[check.rung.group if check.rung else NOT_KNOWN].append(check)
        has_exchange |= check.check_name == "exchange" and check.result == Result.PASS
    return [CheckGroup(title, found, has_exchange) for title, found in by_title.items() if found]
