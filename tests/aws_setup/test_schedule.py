"""Keeping it proven: when a connection is proven again, and how what was found is counted and kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from aws_setup import tasks
from aws_setup.gateway.errors import CredentialsProblem
from aws_setup.models import Connection, Finding, Listing, ProofDay, Verification
from aws_setup.proof_days import DayCount
from aws_setup.proofs import schedule
from aws_setup.proofs.retention import KEEP_DAYS, MOST_PROOFS, forget_old_proofs
from environments.history import CONSOLE
from environments.models import Environment, Event
from tests.aws_setup.journeys import MONA, VERTESIA_ISSUER, Console, make_copies, open_codes
from tests.aws_setup.sandboxed import Sandbox
from tests.fake_aws import Crash, FakeAws

HOUR = timedelta(hours=1)
EXPIRED = CredentialsProblem("The security token is expired", operation="iam:GetRole", code="ExpiredToken")
OF_THE_WORKER = (
    "sts:GetCallerIdentity",
    "iam:GetRole",
    "iam:GetOpenIDConnectProvider",
    "iam:ListRolePolicies",
    "iam:ListAttachedRolePolicies",
    "iam:GetRolePolicy",
    "iam:SimulatePrincipalPolicy",
    "bedrock:GetFoundationModelAvailability",
)


def pass_time(console: Console, span: timedelta) -> None:
    console.clock.forward(span.total_seconds())


def sweep(console: Console) -> list[int]:
    """Request what is due; the connections under way."""
    schedule.request_due_verifications(now=console.clock())
    under_way = Verification.objects.filter(finished_at__isnull=True)
    return sorted(under_way.values_list("connection_id", flat=True))


def work(console: Console) -> Verification:
    """See the one scheduled verification to its end."""
    return console.finish_proof(Verification.objects.get(finished_at__isnull=True))


def wait_for_next(console: Console, environment: Environment) -> Verification:
    """Let time pass until the next scheduled verification is due, and see it to its end."""
    due = console.connection(environment).next_verification_at
    assert due is not None
    pass_time(console, due - console.clock() - timedelta(seconds=1))
    assert sweep(console) == []
    pass_time(console, timedelta(seconds=1))
    assert sweep(console) == [environment.connection.pk]
    return work(console)


def until_next(console: Console, environment: Environment) -> timedelta:
    due = console.connection(environment).next_verification_at
    assert due is not None
    return due - console.clock()


# --- when -------------------------------------------------------------------------------------------------------


def test_a_set_up_is_proven_again_and_again_by_the_console_itself(console: Console, connected: Environment) -> None:
    for _ in range(3):
        proof = wait_for_next(console, connected)
        assert (proof.state, proof.actor, proof.run) == ("proven", CONSOLE, None)
        connected.refresh_from_db()
        assert connected.verified_at == proof.finished_at
        assert console.status(connected) == "connected"


def test_each_connection_has_its_own_time_within_a_tenth_of_the_interval(
    console: Console, connected: Environment, settings: Settings
) -> None:
    interval = settings.VERIFICATION_INTERVAL_HOURS * HOUR
    assert 0.9 * interval <= until_next(console, connected) <= 1.1 * interval
    now = console.clock()
    moments = [schedule.next_verification(Connection(pk=pk), now=now, failures=0) for pk in range(1, 1001)]
    assert len({round((moment - now) / interval, 2) for moment in moments}) > 15
    assert moments == [schedule.next_verification(Connection(pk=pk), now=now, failures=0) for pk in range(1, 1001)]


def test_what_fails_is_looked_at_soon_and_then_ever_more_rarely(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    held = dict(aws.home.roles)
    aws.home.roles.clear()
    pauses = []
    for number in range(1, 11):
        assert wait_for_next(console, connected).state == "failed"
        assert console.connection(connected).failures_in_a_row == number
        pauses.append(until_next(console, connected) / HOUR)
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 16, 24, 24, 24]
    aws.home.roles.update(held)
    assert wait_for_next(console, connected).state == "proven"
    assert console.connection(connected).failures_in_a_row == 0
    assert until_next(console, connected) > 5 * HOUR
    assert open_codes(connected) == []


def test_a_set_up_that_is_not_proven_begins_to_be_looked_at_anew(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.home.roles.clear()
    for _ in range(4):
        wait_for_next(console, connected)
    aws.deny("sts:AssumeRoleWithWebIdentity")
    assert console.connect(connected).state == "failed"
    assert console.connection(connected).failures_in_a_row == 1
    assert until_next(console, connected) == HOUR / 4


def test_a_set_up_that_came_to_no_proof_is_looked_at_soon(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    aws.deny("iam:PutRolePolicy")
    assert console.connect(environment).state == "failed"
    assert until_next(console, environment) == HOUR / 4
    pass_time(console, HOUR)
    assert sweep(console) == [environment.connection.pk]


def test_nothing_is_asked_for_while_one_is_under_way_or_a_run_changes_aws(
    console: Console, connected: Environment
) -> None:
    pass_time(console, 7 * HOUR)
    assert sweep(console) == [connected.connection.pk]
    assert sweep(console) == [connected.connection.pk]
    work(console)
    pass_time(console, 7 * HOUR)
    run = console.approve(console.plan(connected))
    assert sweep(console) == []
    console.finish(run)
    assert sweep(console) == []
    assert until_next(console, connected) > 5 * HOUR


def test_what_was_found_about_an_earlier_agreement_counts_for_nothing(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    before = ProofDay.objects.get()
    plan = console.plan(connected, region="eu-west-1")
    pass_time(console, 7 * HOUR)
    sweep(console)
    aws.before("bedrock:ListInferenceProfiles", lambda: console.approve(plan))
    assert work(console).state == "failed"
    assert console.connection(connected).failures_in_a_row == 0
    assert [vars(day) | {"_state": None} for day in ProofDay.objects.all()] == [vars(before) | {"_state": None}]


def test_what_is_disconnected_is_never_proven_again(console: Console, connected: Environment) -> None:
    console.disconnect(connected)
    assert console.connection(connected).next_verification_at is None
    Connection.objects.update(next_verification_at=console.clock())
    assert sweep(console) == []


def test_nothing_is_scheduled_where_the_settings_say_so_unless_a_connection_says_otherwise(
    console: Console, connected: Environment, settings: Settings
) -> None:
    settings.VERIFICATION_INTERVAL_HOURS = 0
    pass_time(console, 7 * HOUR)
    assert sweep(console) == []
    change_interval(console, connected, 3)
    assert sweep(console) == [connected.connection.pk]


def test_a_connection_can_be_proven_on_request_only(console: Console, connected: Environment) -> None:
    change_interval(console, connected, 0)
    pass_time(console, 100 * HOUR)
    assert sweep(console) == []
    console.verify(connected)
    change_interval(console, connected, None)
    assert sweep(console) == []
    pass_time(console, 7 * HOUR)
    assert sweep(console) == [connected.connection.pk]


def change_interval(console: Console, environment: Environment, every_hours: int | None) -> bool:
    connection = console.connection(environment)
    return schedule.change_interval(connection, every_hours=every_hours, actor=MONA, now=console.clock())


def test_a_new_interval_counts_from_the_last_proof_and_is_told_once(console: Console, connected: Environment) -> None:
    pass_time(console, 2 * HOUR)
    assert change_interval(console, connected, 12)
    assert 8.7 * HOUR < until_next(console, connected) < 11.3 * HOUR
    assert not change_interval(console, connected, 12)
    assert change_interval(console, connected, 1)
    assert until_next(console, connected) == timedelta(0)
    told = Event.objects.filter(action="schedule.changed").order_by("id")
    assert [event.sentence for event in told] == ["To be proven every 12 hours.", "To be proven every hour."]


def test_a_new_interval_does_not_hasten_what_fails(console: Console, aws: FakeAws, connected: Environment) -> None:
    aws.home.roles.clear()
    console.verify(connected)
    change_interval(console, connected, 1)
    assert until_next(console, connected) == HOUR / 4


def test_while_others_are_let_in_each_scheduled_proof_looks_again(console: Console, connected: Environment) -> None:
    Finding.objects.create(
        connection=console.connection(connected),
        source=Finding.Source.ISOLATION,
        code="isolation_sibling",
        problem={"sentence": "A sibling is let in."},
    )
    assert wait_for_next(console, connected).with_isolation
    assert not wait_for_next(console, connected).with_isolation


@pytest.mark.parametrize("number", [5, 500])
def test_however_many_are_due_they_are_taken_up_a_few_at_a_time_in_three_queries(
    console: Console, connected: Environment, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_copies(connected, number - 1)
    pass_time(console, 7 * HOUR)
    with django_assert_num_queries(3):  # how many are under way, which are due, and storing them
        schedule.request_due_verifications(now=console.clock())
    at_most = min(number, schedule.MOST_AT_A_TIME)
    assert Verification.objects.filter(finished_at__isnull=True).count() == at_most
    with django_assert_num_queries(2 if number < schedule.MOST_AT_A_TIME else 1):
        schedule.request_due_verifications(now=console.clock())
    assert Verification.objects.filter(finished_at__isnull=True).count() == at_most


def test_the_sweep_asks_for_what_is_due(console: Console, connected: Environment) -> None:
    under_way = Verification.objects.filter(finished_at__isnull=True)
    Connection.objects.update(next_verification_at=timezone.now() + HOUR)
    tasks.sweep()
    assert not under_way.exists()
    Connection.objects.update(next_verification_at=timezone.now())
    tasks.sweep()
    assert under_way.get().actor == CONSOLE


def test_a_worker_that_is_lost_in_a_scheduled_proof_is_followed_by_another(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    pass_time(console, 7 * HOUR)
    sweep(console)
    aws.fail("sts:AssumeRoleWithWebIdentity", Crash())
    with pytest.raises(Crash):
        work(console)
    pass_time(console, HOUR)
    assert work(console).state == "proven"


# --- without the worker's credentials -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["denied", "expired"])
def test_where_tokens_can_be_signed_the_workers_own_credentials_are_not_needed(
    console: Console, aws: FakeAws, connected: Environment, how: str
) -> None:
    for operation in OF_THE_WORKER:
        if how == "denied":
            aws.deny(operation)
        else:
            aws.fail(operation, EXPIRED, times=1_000_000)
    proof = wait_for_next(console, connected)
    assert proof.state == "proven"
    assert set(proof.checks.exclude(result="pass").values_list("check_name", "result")) == {
        ("get_permission", "skipped"),
        ("invoke_permission", "skipped"),
        ("stream_permission", "skipped"),
        ("availability", "skipped"),
    }
    assert console.status(connected) == "connected"


def test_in_the_sandbox_too_a_worker_whose_credentials_ran_out_proves_what_it_signs(
    db: None, sandbox: Sandbox, settings: Settings
) -> None:
    console = sandbox.console(settings)
    environment = console.environment()
    assert console.connect(environment).state == "succeeded"
    for operation in OF_THE_WORKER:
        fault = {"kind": "credentials_expired", "action": operation.split(":")[1], "times": None}
        status, answer = sandbox.process.control("POST", "faults", fault)
        assert status == 200, answer
    with pytest.raises(CredentialsProblem):
        console.open_gateway(console.account).identify_caller()
    Connection.objects.update(next_verification_at=console.clock())
    assert sweep(console) == [environment.connection.pk]
    proof = work(console)
    assert proof.state == "proven"
    simulated = proof.checks.get(check_name="invoke_permission")
    assert (simulated.result, simulated.detail) == (
        "skipped",
        "Not simulated: The worker's AWS credentials have run out.",
    )


def test_where_only_vertesia_can_sign_a_look_is_scheduled_and_is_never_proof(console: Console) -> None:
    environment = console.environment(issuer=VERTESIA_ISSUER)
    console.connect(environment)
    proof = wait_for_next(console, environment)
    assert proof.state == "not_provable"
    environment.refresh_from_db()
    assert environment.verified_at is None
    assert console.status(environment) == "waiting_for_vertesia"
    assert console.connection(environment).failures_in_a_row == 0
    counted = ProofDay.objects.filter(connection=environment.connection)
    assert {(day.proven, day.failed) for day in counted} == {(0, 0)}
    assert sum(day.not_provable for day in counted) == 2


def test_such_a_look_fails_without_the_workers_rights_and_finds_what_differs(console: Console, aws: FakeAws) -> None:
    environment = console.environment(name="Marketing", issuer=VERTESIA_ISSUER)
    console.connect(environment)
    aws.fail("iam:GetRole", EXPIRED, times=1_000_000)
    assert wait_for_next(console, environment).state == "failed"
    aws.mend()
    aws.home.roles.clear()
    assert wait_for_next(console, environment).state == "failed"
    assert open_codes(environment) == ["drift"]


# --- how its days went --------------------------------------------------------------------------------------------


def test_each_day_counts_what_was_proven_and_what_failed(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    first = console.clock().date()
    console.verify(connected)
    held = dict(aws.home.roles)
    aws.home.roles.clear()
    console.verify(connected)
    pass_time(console, 24 * HOUR)
    aws.home.roles.update(held)
    console.verify(connected)
    connection = console.connection(connected)
    assert schedule.read_days(connection, since=first) == {
        first: DayCount(proven=2, failed=1),
        console.clock().date(): DayCount(proven=1),
    }
    assert list(schedule.read_days(connection, since=console.clock().date())) == [console.clock().date()]


def test_history_tells_of_a_scheduled_proof_only_where_it_is_news(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    told = Event.objects.filter(action="verification.proven")
    assert told.count() == 1
    wait_for_next(console, connected)
    assert told.count() == 1
    held = dict(aws.home.roles)
    aws.home.roles.clear()
    wait_for_next(console, connected)
    aws.home.roles.update(held)
    wait_for_next(console, connected)
    assert told.count() == 2
    console.verify(connected)
    assert told.count() == 3


# --- how long it is kept ------------------------------------------------------------------------------------------


def ended(connection: Connection, *, days_ago: float, now: Any, **values: Any) -> Verification:
    values = {"state": "proven", "actor": CONSOLE} | values
    return Verification.objects.create(connection=connection, finished_at=now - timedelta(days=days_ago), **values)


def listing(digest: str) -> Listing:
    return Listing.objects.create(digest=digest, shown=0, total=0)


def test_old_verifications_go_but_for_the_last_of_each_kind_and_those_of_runs(
    console: Console, connected: Environment
) -> None:
    connection, now = console.connection(connected), console.clock() + timedelta(days=200)
    of_run = Verification.objects.get()
    seen, unseen = listing("a"), listing("b")
    gone = [
        ended(connection, days_ago=120, now=now, listing=unseen),
        ended(connection, days_ago=110, now=now, state="failed"),
    ]
    kept = [
        ended(connection, days_ago=105, now=now, state="not_provable", listing=seen),
        ended(connection, days_ago=100, now=now),
        ended(connection, days_ago=95, now=now, state="failed"),
    ]
    forget_old_proofs(now=now)
    assert set(Verification.objects.all()) == {of_run, *kept}
    assert not Verification.objects.filter(pk__in=[proof.pk for proof in gone]).exists()
    assert set(Listing.objects.all()) == {seen, of_run.listing}
    newer = ended(connection, days_ago=10, now=now, listing=seen)
    forget_old_proofs(now=now)
    assert set(Verification.objects.all()) == {of_run, newer}


def test_what_is_younger_is_kept_and_what_is_under_way_too(
    console: Console, connected: Environment, settings: Settings
) -> None:
    settings.KEEP_PROOFS_DAYS = 7
    connection, now = console.connection(connected), console.clock() + timedelta(days=20)
    ended(connection, days_ago=7.5, now=now)
    younger = [ended(connection, days_ago=6.5, now=now), ended(connection, days_ago=1, now=now)]
    live = Verification.objects.create(connection=connection, actor="mona")
    forget_old_proofs(now=now)
    assert set(Verification.objects.filter(run=None)) == {*younger, live}


def test_a_sweep_forgets_only_so_many_at_once(console: Console, connected: Environment) -> None:
    connection, now = console.connection(connected), console.clock() + timedelta(days=200)
    Verification.objects.bulk_create(
        Verification(connection=connection, actor=CONSOLE, state="failed", finished_at=now - timedelta(days=100))
        for _ in range(MOST_PROOFS + 10)
    )
    ended(connection, days_ago=1, now=now)
    forget_old_proofs(now=now)
    assert Verification.objects.filter(state="failed").count() == 10
    forget_old_proofs(now=now)
    assert not Verification.objects.filter(state="failed").exists()


def test_counts_of_days_are_kept_for_more_than_a_year(console: Console, connected: Environment) -> None:
    connection, today = console.connection(connected), console.clock().date()
    ProofDay.objects.create(connection=connection, day=today - KEEP_DAYS)
    ProofDay.objects.create(connection=connection, day=today - KEEP_DAYS - timedelta(days=1))
    forget_old_proofs(now=console.clock())
    assert sorted(ProofDay.objects.values_list("day", flat=True)) == [today - KEEP_DAYS, today]


def test_the_sweep_forgets(console: Console, connected: Environment) -> None:
    connection, now = console.connection(connected), timezone.now()
    old = ended(connection, days_ago=100, now=now)
    ended(connection, days_ago=1, now=now)
    tasks.sweep()
    assert not Verification.objects.filter(pk=old.pk).exists()
