"""From what is known to a status: every row of the table, and every status there is."""

from dataclasses import fields
from datetime import timedelta
from itertools import product

import pytest

from aws_setup.pauses import next_pause
from aws_setup.report import exit_code
from aws_setup.status import StatusFacts, compute_status, read_facts, refresh_status
from environments.models import Status
from tests.aws_setup.journeys import Console
from tests.fake_aws import FakeAws

AGREED = {"is_agreed": True}
TABLE: list[tuple[dict[str, bool], Status]] = [
    ({}, Status.NOT_CONNECTED),
    ({"is_connectable": False}, Status.NOT_CONNECTABLE),
    ({"is_connectable": False, "has_pending_plan": True}, Status.NOT_CONNECTABLE),
    ({"has_pending_plan": True}, Status.WAITING_FOR_APPROVAL),
    ({"was_disconnected": True}, Status.DISCONNECTED),
    ({"was_disconnected": True, "has_pending_plan": True}, Status.WAITING_FOR_APPROVAL),
    ({"has_live_run": True}, Status.SETTING_UP),
    ({"has_live_run": True, "has_open_finding": True, "is_proven": True, **AGREED}, Status.SETTING_UP),
    ({"has_open_finding": True}, Status.NEEDS_ATTENTION),
    ({"has_open_finding": True, "is_proven": True, **AGREED}, Status.NEEDS_ATTENTION),
    (AGREED, Status.WAITING_FOR_VERTESIA),
    ({"is_confirmed": True, **AGREED}, Status.CONFIRMED),
    ({"is_proven": True, **AGREED}, Status.CONNECTED),
    ({"is_proven": True, "is_confirmed": True, **AGREED}, Status.CONNECTED),
    ({"is_proven": True, "has_pending_plan": True, **AGREED}, Status.CONNECTED),
    ({"is_proven": True}, Status.NOT_CONNECTED),
    ({"is_confirmed": True}, Status.NOT_CONNECTED),
]


@pytest.mark.parametrize(("facts", "status"), TABLE)
def test_facts_lead_to_a_status(facts: dict[str, bool], status: Status) -> None:
    assert compute_status(StatusFacts(**facts)) == status


def every_fact() -> list[StatusFacts]:
    names = [field.name for field in fields(StatusFacts)]
    return [
        StatusFacts(**dict(zip(names, values, strict=True))) for values in product((False, True), repeat=len(names))
    ]


def test_every_status_is_reached_and_an_old_proof_is_for_the_clock_to_say() -> None:
    assert {compute_status(facts) for facts in every_fact()} == set(Status) - {Status.PROOF_IS_OLD}


def test_nothing_is_connected_unless_agreed_proven_and_without_a_finding() -> None:
    for facts in every_fact():
        if compute_status(facts) == Status.CONNECTED:
            assert facts.is_agreed
            assert facts.is_proven
            assert not facts.has_open_finding
            assert not facts.has_live_run


@pytest.mark.parametrize("status", Status)
def test_only_a_proof_exits_with_zero(status: Status) -> None:
    expected = {Status.CONNECTED: 0, Status.WAITING_FOR_VERTESIA: 3, Status.CONFIRMED: 3}.get(status, 1)
    assert exit_code(status) == expected


def test_an_environment_goes_through_its_statuses(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    seen = [console.status(environment)]
    plan = console.plan(environment)
    seen.append(console.status(environment))
    run = console.approve(plan)
    seen.append(console.status(environment))
    console.finish(run)
    seen.append(console.status(environment))
    console.clock.forward(3600)
    aws.home.roles.clear()
    console.verify(environment)
    seen.append(console.status(environment))
    console.connect(environment)
    seen.append(console.status(environment))
    console.disconnect(environment)
    seen.append(console.status(environment))
    assert seen == [
        "not_connected",
        "waiting_for_approval",
        "setting_up",
        "connected",
        "needs_attention",
        "connected",
        "disconnected",
    ]


def test_a_plan_that_ran_out_waits_for_nobody(console: Console) -> None:
    environment = console.environment()
    console.plan(environment)
    assert read_facts(environment, now=console.clock()).has_pending_plan
    console.clock.forward(24 * 3600)
    assert not read_facts(environment, now=console.clock()).has_pending_plan
    refresh_status(environment, now=console.clock())
    assert console.status(environment) == "not_connected"


def test_pauses_grow_from_one_second_to_ten() -> None:
    pauses = [next_pause(timedelta(seconds=waited)).total_seconds() for waited in range(0, 60)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1, 10)
