"""Several at once on the real database: one approval, one run; many set-ups, no lock that is not waited for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection
from pytest_django import Settings

from aws_setup import hints, provisioning
from aws_setup.approval import approve_plan
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.findings import open_finding
from aws_setup.models import Delivery, Notice, Plan, Run
from aws_setup.notices.outbox import close_window
from environments.installation import prepare_installation
from tests.aws_setup.journeys import MONA, Console
from tests.fake_aws import Clock, FakeAws

Result = TypeVar("Result")


@pytest.fixture
def console(transactional_db: None, aws: FakeAws, clock: Clock) -> Console:
    prepare_installation(now=clock(), key_algorithm="ES256")
    return Console(aws, clock)


def at_once(work: list[Callable[[], Result]]) -> list[Result]:
    """Do all of it at the same moment, each in a thread with a database connection of its own."""
    barrier = Barrier(len(work))

    def start(do: Callable[[], Result]) -> Result:
        try:
            with hints.suppressed():
                barrier.wait(timeout=30)
                return do()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(start, work))


def approved(plan: Plan, *, now: datetime) -> Run | None:
    """The run that came of this approval; None where it was refused."""
    try:
        return approve_plan(plan, fingerprint=plan.fingerprint, actor=MONA, now=now)
    except Blocked:
        return None


def test_twenty_simultaneous_approvals_make_one_run(console: Console) -> None:
    plan = console.plan(console.environment())
    now = console.clock()

    runs = at_once([lambda: approved(Plan.objects.get(pk=plan.pk), now=now)] * 20)
    assert len([run for run in runs if run is not None]) == 1
    assert Run.objects.count() == 1


def test_two_plans_of_one_environment_approved_at_once_make_one_run(console: Console) -> None:
    environment = console.environment()
    plans = [console.plan(environment), console.plan(environment, region="eu-west-1")]
    now = console.clock()
    runs = at_once(
        [
            lambda plan=plan: approved(plan, now=now)  # type: ignore[misc]
            for plan in plans
        ]
    )
    assert len([run for run in runs if run is not None]) == 1
    assert Plan.objects.filter(approved_at__isnull=False).count() == 1


def test_a_run_told_to_many_workers_is_done_by_one(console: Console, aws: FakeAws) -> None:
    run = console.approve(console.plan(console.environment()))
    at_once([lambda: provisioning.advance_run(run.pk, open_gateway=aws.open, clock=console.clock)] * 4)
    console.clock.forward(1)
    run.refresh_from_db()
    if not run.is_finished:
        console.finish(run)
    assert run.state == Run.State.SUCCEEDED
    assert aws.writes == ["CreateOpenIDConnectProvider", "CreateRole", "PutRolePolicy"]


def test_many_set_ups_in_one_account_share_one_provider_and_all_succeed(console: Console, aws: FakeAws) -> None:
    runs = [console.approve(console.plan(console.environment())) for _ in range(8)]
    at_once(
        [
            lambda run=run: provisioning.advance_run(run.pk, open_gateway=aws.open, clock=console.clock)  # type: ignore[misc]
            for run in runs
        ]
    )
    for run in runs:
        console.clock.forward(2)
        run.refresh_from_db()
        if not run.is_finished:
            console.finish(run)
    assert {run.state for run in runs} == {Run.State.SUCCEEDED}
    assert aws.writes.count("CreateOpenIDConnectProvider") == 1
    assert len(aws.home.roles) == 8


def test_a_window_that_many_workers_close_is_told_once(console: Console, settings: Settings) -> None:
    settings.NOTIFY_WEBHOOK_URL = "https://hooks.example.com/"
    settings.NOTIFY_WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    environment = console.environment()
    console.connect(environment)
    problem = Problem(code="provider_missing", sentence="There is no identity provider.")
    open_finding(console.connection(environment), problem, now=console.clock(), actor=MONA)
    console.clock.forward(settings.NOTICE_GROUP_SECONDS)
    made = at_once([lambda: close_window(now=console.clock())] * 8)
    assert sorted(len(deliveries) for deliveries in made) == [0] * 7 + [1]
    assert Delivery.objects.count() == 1
    assert not Notice.objects.exists()
