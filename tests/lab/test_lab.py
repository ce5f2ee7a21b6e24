"""The lab itself: that it holds the whole catalogue, and that a row can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.lab.bench import Bench
from tests.lab.catalogue import ROWS
from tests.lab.inner import play
from tests.lab.rows import Outcome, Row
from tests.live_account import ACCOUNTS

CATALOGUE = ["1", "2", "3", "4", "5", "6", "9b", *(str(number) for number in range(11, 22)), "24"]
BESIDE_IT = ["skew", "idp", "off", "?", "iso"]


def test_every_failure_of_the_catalogue_has_a_row() -> None:
    assert set(CATALOGUE + BESIDE_IT) <= {row.number for row in ROWS}


def test_each_row_has_a_name_of_its_own_and_an_account() -> None:
    assert [name for name, times in Counter(row.name for row in ROWS).items() if times > 1] == []
    assert {row.account_id for row in ROWS} == set(ACCOUNTS)


def test_the_sample_has_each_kind_of_mending() -> None:
    sample = {row.number for row in ROWS if row.is_sample}
    assert {"1", "5", "13", "20", "24", "iso", "9b", "?"} <= sample
    assert len([row for row in ROWS if row.is_sample]) <= 10


@dataclass
class Untouched:
    """A bench that nothing is done at but putting it in order again."""

    done: list[str] = field(default_factory=list)

    def renew(self) -> None:
        self.done.append("renewed")

    def tidy(self) -> None:
        self.done.append("tidied")


def find(rung: str, cause: str, remedy: str) -> Callable[[Bench, Outcome], None]:
    def found(bench: Bench, outcome: Outcome) -> None:
        outcome.rung, outcome.cause, outcome.remedy = rung, cause, remedy

    return found


def stay_red(bench: Bench, outcome: Outcome) -> None:
    find("trust", "trust_subject", "Plan it.")(bench, outcome)
    raise AssertionError("the last proof is failed")


def stumble(bench: Bench, outcome: Outcome) -> None:
    raise KeyError("a mistake of the lab's")


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (find("trust", "trust_subject", "Plan it."), ""),
        (find("provider", "trust_subject", "Plan it."), "found elsewhere"),
        (find("trust", "denied_above", "Plan it."), "another cause"),
        (find("trust", "trust_subject", ""), "no remedy"),
        (stay_red, "the last proof is failed"),
        (stumble, "a mistake of the lab's"),
    ],
)
def test_a_row_passes_only_where_rung_cause_remedy_and_green_are_right(
    capsys: pytest.CaptureFixture[str], does: Callable[[Bench, Outcome], None], reason: str
) -> None:
    bench = Untouched()
    row = Row("5", "another subject", "trust", "trust_subject", does, ACCOUNTS[0])
    assert play(row, bench) is not bool(reason)  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert said.startswith("lab FAILED" if reason else "lab ok")
    assert reason in said
    assert bench.done == (["renewed"] if reason else []) + ["tidied"]
