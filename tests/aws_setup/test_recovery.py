"""What happens to a run when its worker, its lease, or AWS does not hold out."""

import uuid
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError

from aws_setup import verification
from aws_setup.gateway.errors import AwsUnreachable
from aws_setup.leases import LEASE, MOST_ATTEMPTS, ResourceBusy, hold
from aws_setup.models import ResourceLease, Run, Step, Verification
from aws_setup.pauses import GIVE_UP_AFTER
from environments.models import Event
from tests.aws_setup.journeys import MONA, Console, open_codes, outcomes
from tests.fake_aws import HOME, Clock, Crash, FakeAws, throttled

FIRST_WRITES = ("iam:CreateOpenIDConnectProvider", "iam:CreateRole", "iam:PutRolePolicy")
ROLE_LEASE_AND_MORE = 130


def crash(console: Console, run: Run) -> None:
    """The worker's process ends; nobody notices until its leases run out."""
    with pytest.raises(Crash):
        console.advance(run)
    console.clock.forward(ROLE_LEASE_AND_MORE)


@pytest.mark.parametrize("operation", [*FIRST_WRITES, "sts:AssumeRoleWithWebIdentity", "bedrock:ListFoundationModels"])
@pytest.mark.parametrize("is_done", [True, False], ids=["after", "before"])
def test_a_run_whose_worker_is_lost_ends_in_the_same_state_without_doing_anything_twice(
    console: Console, aws: FakeAws, operation: str, is_done: bool
) -> None:
    environment = console.environment(name="Marketing")
    run = console.approve(console.plan(environment))

    def end_process() -> None:
        raise Crash

    if is_done and operation in FIRST_WRITES:
        lost_after = aws.wrote

        def write_and_end(action: str) -> None:
            lost_after(action)
            if f"iam:{action}" == operation:
                aws.wrote = lost_after  # type: ignore[method-assign]
                raise Crash

        aws.wrote = write_and_end  # type: ignore[method-assign]
    else:
        aws.before(operation, end_process)
    crash(console, run)
    console.finish(run)

    assert run.state == Run.State.SUCCEEDED, run.problem
    assert aws.writes == ["CreateOpenIDConnectProvider", "CreateRole", "PutRolePolicy"]
    assert (len(aws.home.providers), len(aws.home.roles)) == (1, 1)
    assert [verification.state for verification in Verification.objects.all()] == [Verification.State.PROVEN]
    assert console.status(environment) == "connected"


def test_a_live_lease_keeps_a_second_worker_out(console: Console, aws: FakeAws) -> None:
    run = console.approve(console.plan(console.environment()))
    seen: list[object] = []
    aws.before("iam:CreateRole", lambda: seen.append(console.advance(Run.objects.get(pk=run.pk))))
    console.finish(run)
    assert seen == [None]
    assert aws.writes == ["CreateOpenIDConnectProvider", "CreateRole", "PutRolePolicy"]


def take_over(model: type[Run] | type[Verification]) -> None:
    model.objects.filter(finished_at__isnull=True).update(lease_token=uuid.uuid4())


def test_a_worker_that_lost_its_lease_writes_nothing_more_to_aws_or_the_history(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    run = console.approve(console.plan(environment))
    aws.before("iam:CreateOpenIDConnectProvider", lambda: take_over(Run))
    assert console.advance(run) is None
    assert aws.writes == ["CreateOpenIDConnectProvider"]
    assert outcomes(run)[0][1] == "running"
    assert not Event.objects.filter(action__startswith="aws.").exists()
    assert not ResourceLease.objects.exists()


@pytest.mark.parametrize("operation", ["sts:AssumeRoleWithWebIdentity", "bedrock:ListInferenceProfiles"])
def test_a_worker_whose_proof_was_taken_over_stores_no_result(console: Console, aws: FakeAws, operation: str) -> None:
    environment = console.environment()
    console.connect(environment)
    proven_at = console.clock()
    console.clock.forward(60)
    proof = verification.request_verification(console.connection(environment), actor=MONA, now=console.clock())
    assert proof is not None
    aws.before(operation, lambda: take_over(Verification))
    assert verification.advance_verification(proof.pk, open_gateway=aws.open, clock=console.clock) is None
    proof.refresh_from_db()
    assert proof.state == Verification.State.RUNNING
    assert not proof.checks.exists()
    environment.refresh_from_db()
    assert environment.verified_at == proven_at


def test_a_proof_under_way_when_a_run_comes_to_prove_becomes_the_runs_own(console: Console) -> None:
    environment = console.environment()
    console.connect(environment)
    asked = verification.request_verification(console.connection(environment), actor=MONA, now=console.clock())
    assert asked is not None
    run = console.connect(environment, region="eu-west-1")
    assert run.state == Run.State.SUCCEEDED
    asked.refresh_from_db()
    assert (asked.run, asked.state) == (run, Verification.State.PROVEN)


def test_no_proof_is_asked_for_while_a_run_is_live_and_one_at_a_time_otherwise(console: Console) -> None:
    environment = console.environment()
    run = console.approve(console.plan(environment))
    connection = console.connection(environment)
    assert verification.request_verification(connection, actor=MONA, now=console.clock()) is None
    console.finish(run)
    assert verification.request_verification(connection, actor=MONA, now=console.clock()) is not None
    assert verification.request_verification(connection, actor=MONA, now=console.clock()) is None


def test_a_mistake_of_the_console_ends_the_run_and_leaves_the_way_free(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    run = console.approve(console.plan(environment))
    aws.fail("bedrock:ListCustomModels", RuntimeError())
    with pytest.raises(RuntimeError):
        console.advance(run)
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert open_codes(environment) == ["internal_error"]
    assert console.verify(environment).state == Verification.State.PROVEN
    assert console.status(environment) == "connected"


def test_a_mistake_of_the_console_ends_a_proof(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    console.connect(environment)
    proof = verification.request_verification(console.connection(environment), actor=MONA, now=console.clock())
    assert proof is not None
    aws.fail("sts:AssumeRoleWithWebIdentity", RuntimeError())
    with pytest.raises(RuntimeError):
        verification.advance_verification(proof.pk, open_gateway=aws.open, clock=console.clock)
    proof.refresh_from_db()
    assert proof.state == Verification.State.FAILED
    assert {check.result for check in proof.checks.all()} == {"not_run"}


@pytest.mark.parametrize("interruption", [SoftTimeLimitExceeded(), OperationalError("database is locked")])
@pytest.mark.parametrize("operation", ["iam:CreateRole", "bedrock:ListCustomModels"])
def test_an_interruption_gives_the_leases_back_and_the_next_worker_goes_on_at_once(
    console: Console, aws: FakeAws, operation: str, interruption: Exception
) -> None:
    run = console.approve(console.plan(console.environment()))
    aws.fail(operation, interruption)
    with pytest.raises(type(interruption)):
        console.advance(run)
    run.refresh_from_db()
    assert (run.is_finished, run.lease_until, run.problem) == (False, None, None)
    assert not ResourceLease.objects.exists()
    assert console.finish(run).state == Run.State.SUCCEEDED


def test_a_mistake_made_after_the_lease_was_lost_leaves_the_other_workers_run_alone(
    console: Console, aws: FakeAws
) -> None:
    run = console.approve(console.plan(console.environment()))

    def lose_it_and_fail() -> None:
        take_over(Run)
        raise RuntimeError

    aws.before("iam:CreateRole", lose_it_and_fail)
    with pytest.raises(RuntimeError):
        console.advance(run)
    run.refresh_from_db()
    assert (run.is_finished, run.problem) == (False, None)


def test_a_run_that_is_taken_up_again_and_again_without_an_end_is_given_up(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    run = console.approve(console.plan(environment))
    for _ in range(MOST_ATTEMPTS):
        aws.fail("iam:CreateRole", Crash())
        crash(console, run)
    assert console.advance(run) is None
    assert run.state == Run.State.FAILED
    assert open_codes(environment) == ["gave_up"]


def test_waiting_as_planned_does_not_count_as_an_attempt_without_an_end(console: Console, aws: FakeAws) -> None:
    run = console.approve(console.plan(console.environment()))
    with hold([f"arn:aws:iam::{HOME}:oidc-provider/localhost:8000"], now=console.clock()):
        for _ in range(MOST_ATTEMPTS + 5):
            due = console.advance(run)
            assert due is not None
            console.clock.now = due
    assert console.finish(run).state == Run.State.SUCCEEDED


def test_a_worker_that_goes_on_writing_keeps_its_lease_however_long_it_takes(console: Console, aws: FakeAws) -> None:
    run = console.approve(console.plan(console.environment()))
    seen: list[object] = []

    def take_a_minute_and_let_another_try() -> None:
        console.clock.forward(60)
        seen.append(console.advance(Run.objects.get(pk=run.pk)))
        with (
            pytest.raises(ResourceBusy),
            hold([f"arn:aws:iam::{HOME}:oidc-provider/localhost:8000"], now=console.clock()),
        ):
            pytest.fail("wrote where another one writes")

    for operation in FIRST_WRITES:
        aws.before(operation, take_a_minute_and_let_another_try)
    console.finish(run)
    assert seen == [None, None, None]
    assert run.state == Run.State.SUCCEEDED


def test_what_aws_cannot_do_now_is_asked_again_with_growing_pauses_that_a_person_can_see(
    console: Console, aws: FakeAws
) -> None:
    run = console.approve(console.plan(console.environment()))
    aws.fail("iam:CreateRole", throttled("iam:CreateRole"), times=4)
    pauses = []
    while not run.is_finished:
        due = console.advance(run)
        if due is None:
            break
        assert run.doing.startswith("iam:CreateRole answered Throttling; trying again in ")
        pauses.append((due - console.clock()).total_seconds())
        console.clock.now = due
    assert pauses == sorted(pauses)
    assert len(pauses) == 4
    assert run.state == Run.State.SUCCEEDED
    assert aws.writes.count("CreateOpenIDConnectProvider") == 1


def test_after_five_minutes_of_it_the_run_gives_up_with_a_reason(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    started = console.clock()
    run = console.approve(console.plan(environment))
    aws.fail("iam:PutRolePolicy", throttled("iam:PutRolePolicy"), times=1000)
    console.finish(run)
    assert run.problem is not None
    assert run.problem["code"] == "aws_busy"
    assert GIVE_UP_AFTER < console.clock() - started < GIVE_UP_AFTER + timedelta(seconds=30)
    assert [step.state for step in run.steps.all()] == [Step.State.DONE, Step.State.DONE, Step.State.FAILED]


@pytest.mark.parametrize("operation", FIRST_WRITES)
def test_a_denied_write_names_the_action_and_a_new_plan_does_the_rest(
    console: Console, aws: FakeAws, operation: str
) -> None:
    environment = console.environment()
    run = console.approve(console.plan(environment))
    aws.deny(operation)
    console.finish(run)
    assert run.problem is not None
    assert (run.problem["code"], operation in run.problem["sentence"]) == ("worker_denied", True)
    assert run.problem["command"] == "./manage.py provisioning_policy"
    assert open_codes(environment) == ["worker_denied"]
    aws.mend()
    assert console.connect(environment).state == Run.State.SUCCEEDED
    assert aws.writes == ["CreateOpenIDConnectProvider", "CreateRole", "PutRolePolicy"]
    assert open_codes(environment) == []


def test_a_role_counts_as_held_as_soon_as_it_may_exist_and_not_where_aws_said_no(
    console: Console, aws: FakeAws
) -> None:
    refused, unanswered = console.environment(name="Refused"), console.environment(name="Unanswered")
    aws.deny("iam:CreateRole")
    console.connect(refused)
    assert not console.connection(refused).has_aws_resources
    aws.mend()
    no_answer = AwsUnreachable("No answer in time.", operation="iam:CreateRole", code="ReadTimeoutError")
    aws.fail("iam:CreateRole", no_answer, times=1000)
    run = console.approve(console.plan(unanswered))
    due = console.advance(run)
    assert due is not None
    console.clock.now = due
    unanswered.refresh_from_db()
    assert unanswered.api_key == f"arn:aws:iam::{HOME}:role/VertesiaEnvironmentUnanswered"
    assert console.finish(run).state == Run.State.FAILED
    assert console.connection(unanswered).has_aws_resources
    aws.mend()
    assert console.disconnect(unanswered).state == Run.State.SUCCEEDED
    assert not console.connection(unanswered).has_aws_resources


def test_what_somebody_undid_while_a_run_waited_is_done_again(console: Console, aws: FakeAws) -> None:
    run = console.approve(console.plan(console.environment(name="Marketing")))
    aws.fail("iam:PutRolePolicy", throttled("iam:PutRolePolicy"))
    due = console.advance(run)
    assert due is not None
    console.clock.now = due
    aws.home.roles.clear()
    assert console.finish(run).state == Run.State.SUCCEEDED, run.problem
    assert aws.writes == ["CreateOpenIDConnectProvider", "CreateRole", "CreateRole", "PutRolePolicy"]
    assert {outcome for _, outcome in outcomes(run)} == {"created"}


def test_a_sibling_waits_for_the_provider_that_another_run_wrote(console: Console, aws: FakeAws) -> None:
    first, second = console.environment(name="First"), console.environment(name="Second")
    for environment in (first, second):
        console.connect(environment)
    console.clock.forward(600)
    aws.home.providers.clear()
    console.connect(first)
    aws.propagation = timedelta(seconds=20)
    assert console.verify(second).state == Verification.State.PROVEN


@pytest.mark.parametrize("propagation", [0.5, 6, 60])
def test_what_aws_has_not_spread_yet_is_waited_for(console: Console, aws: FakeAws, propagation: float) -> None:
    aws.propagation = timedelta(seconds=propagation)
    started = console.clock()
    run = console.approve(console.plan(console.environment()))
    due = console.advance(run)
    assert due is not None
    assert "AWS does not show the change everywhere yet" in run.doing
    console.clock.now = due
    console.finish(run)
    assert run.state == Run.State.SUCCEEDED
    assert propagation <= (console.clock() - started).total_seconds() <= propagation + 11


def test_what_was_written_by_a_lost_worker_is_waited_for_as_well(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    run = console.approve(console.plan(environment))
    aws.fail("iam:PutRolePolicy", Crash())
    crash(console, run)
    aws.propagation = timedelta(seconds=20)
    assert console.finish(run).state == Run.State.SUCCEEDED


def test_after_two_minutes_of_waiting_there_is_one_clear_finding(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    aws.propagation = timedelta(hours=1)
    started = console.clock()
    run = console.connect(environment)
    assert run.state == Run.State.FAILED
    assert open_codes(environment) == ["denied_above"]
    assert 120 <= (console.clock() - started).total_seconds() <= 140


def test_a_refusal_long_after_the_last_write_is_not_waited_out(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    console.connect(environment)
    console.clock.forward(121)
    aws.home.roles.clear()
    before = console.clock()
    proof = console.verify(environment)
    assert console.clock() == before
    assert proof.problem is not None
    assert proof.problem["code"] == "role_missing"


def test_two_runs_never_write_to_one_resource_at_a_time(console: Console, aws: FakeAws) -> None:
    first, second = (console.approve(console.plan(console.environment())) for _ in range(2))
    doing: list[str] = []

    def let_the_other_try() -> None:
        assert console.advance(second) is not None
        doing.append(second.doing)

    aws.before("iam:CreateOpenIDConnectProvider", let_the_other_try)
    console.finish(first)
    assert doing == [f"Another set-up is writing to arn:aws:iam::{HOME}:oidc-provider/localhost:8000; waiting for it"]
    console.clock.forward(1)
    assert console.finish(second).state == Run.State.SUCCEEDED


def test_leases_are_taken_all_or_none_and_given_back(db: None, clock: Clock) -> None:
    with hold(["b"], now=clock()):
        with pytest.raises(ResourceBusy) as busy, hold(["a", "b"], now=clock()):
            pytest.fail("held what another one holds")
        assert busy.value.resource == "b"
        with hold(["a"], now=clock()):
            assert ResourceLease.objects.count() == 2
    assert not ResourceLease.objects.exists()


def test_a_lease_that_ran_out_is_anybodys(db: None, clock: Clock) -> None:
    ResourceLease.objects.create(resource="a", token=uuid.uuid4(), until=clock() + LEASE)
    with pytest.raises(ResourceBusy), hold(["a"], now=clock() + LEASE):
        pytest.fail("took a lease that was live")
    with hold(["a"], now=clock() + LEASE + timedelta(seconds=1)):
        assert ResourceLease.objects.count() == 1
