"""The checks of a verification under few headings, so that what holds takes a line and what does not stands open."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aws_setup.models import Check
from aws_setup.proofs.rungs import PROVEN_BY_EXCHANGE, Group

NOT_KNOWN = "Other"
"""The heading of checks that a former release made, and this one does not know."""
Result = Check.Result


@dataclass(frozen=True)
class CheckGroup:
    """Checks that belong together, in the order of the rungs. `exchange`: what became of the exchange that time."""

    title: str
    checks: Sequence[Check]
    exchange: str = ""

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
        """`4 of 4 passed · proven by the exchange`, `3 of 3 passed · simulated`, `1 failed · 3 not run`."""
        number = {result: sum(check.result == result for check in self.checks) for result in Result}
        words = [f"{number[Result.PASS]} of {len(self.checks)} passed"] if number[Result.PASS] else []
        for result, word in ((Result.FAIL, "failed"), (Result.SKIPPED, "skipped"), (Result.NOT_RUN, "not run")):
            if number[result]:
                words.append(f"{number[result]} {word}")
        return " · ".join([*words, *self._describe_proof()])

    def _describe_proof(self) -> Iterator[str]:
        """How what passed is known, where it was not seen to happen."""
        passed = [check for check in self.checks if check.result == Result.PASS]
        simulated = sum(check.rung is not None and check.rung.is_simulated for check in passed)
        if simulated:
            yield "simulated" if simulated == len(passed) else f"{simulated} simulated"
        if any(check.check_name in PROVEN_BY_EXCHANGE for check in passed):
            if self.exchange == Result.PASS:
                yield "proven by the exchange"
            elif self.exchange == Result.SKIPPED:
                yield "not proven"


def group_checks(checks: Iterable[Check]) -> list[CheckGroup]:
    """The checks under their headings; a heading without checks is left out."""
    by_title: dict[str, list[Check]] = {title: [] for title in (*Group, NOT_KNOWN)}
    exchange = ""
    for check in checks:
        by_title[check.rung.group if check.rung else NOT_KNOWN].append(check)
        if check.check_name == "exchange":
            exchange = check.result
    return [CheckGroup(title, found, exchange) for title, found in by_title.items() if found]
