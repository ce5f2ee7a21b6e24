"""The strip of days: what each mark says, and what is said of all of them."""

from datetime import date, timedelta

import pytest

from aws_setup.proof_days import DayCount, DayState, Strip, StripDay, arrange_days

TODAY = date(2026, 11, 23)


def days_ago(number: int) -> date:
    return TODAY - timedelta(days=number)


def strip(**counts: int) -> Strip:
    """A strip on which all this happened yesterday."""
    return arrange_days({days_ago(1): DayCount(**counts)}, today=TODAY)


@pytest.mark.parametrize(
    ("count", "state", "text"),
    [
        (DayCount(), DayState.NOTHING, "nothing was proven"),
        (DayCount(proven=1), DayState.PROVEN, "proven"),
        (DayCount(proven=4), DayState.PROVEN, "proven 4 times"),
        (DayCount(proven=4, not_provable=1), DayState.PROVEN, "proven 4 times"),
        (DayCount(proven=3, failed=1), DayState.PARTLY, "1 of 4 failed"),
        (DayCount(failed=1, not_provable=2), DayState.PARTLY, "1 of 3 failed"),
        (DayCount(failed=3), DayState.FAILED, "all of 3 failed"),
        (DayCount(failed=1), DayState.FAILED, "failed"),
        (DayCount(not_provable=2), DayState.NOT_PROVABLE, "looked at, not provable from here"),
    ],
)
def test_a_day_is_as_good_as_its_proofs(count: DayCount, state: DayState, text: str) -> None:
    day = StripDay(TODAY, count)
    assert (day.state, day.text) == (state, f"23 November 2026: {text}")


def test_there_is_one_mark_for_each_day_up_to_today() -> None:
    found = arrange_days({TODAY: DayCount(proven=1), days_ago(29): DayCount(failed=1)}, today=TODAY)
    assert [day.day for day in found.days] == [days_ago(29 - index) for index in range(30)]
    assert [found.days[0].state, found.days[15].state, found.days[-1].state] == [
        "day_failed",
        "day_nothing",
        "day_proven",
    ]
    assert found.states == [DayState.PROVEN, DayState.FAILED, DayState.NOTHING]


def test_what_is_older_than_the_strip_does_not_count() -> None:
    assert arrange_days({days_ago(30): DayCount(failed=7)}, today=TODAY).sentence == "Nothing proven in 30 days"


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({}, "Nothing proven in 30 days"),
        ({"proven": 1}, "100 % of 1 proof in 30 days"),
        ({"proven": 118, "failed": 2}, "98 % of 120 proofs in 30 days"),
        ({"proven": 999, "failed": 1}, "99 % of 1000 proofs in 30 days"),
        ({"proven": 1, "failed": 999}, "1 % of 1000 proofs in 30 days"),
        ({"failed": 3}, "0 % of 3 proofs in 30 days"),
        ({"not_provable": 1}, "1 look in 30 days, none of them proof"),
        ({"not_provable": 120}, "120 looks in 30 days, none of them proof"),
        ({"proven": 1, "not_provable": 120}, "100 % of 1 proof in 30 days"),
    ],
)
def test_all_of_them_are_said_in_a_sentence_that_promises_nothing(counts: dict[str, int], sentence: str) -> None:
    assert strip(**counts).sentence == sentence
