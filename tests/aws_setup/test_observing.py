"""Comparing AWS with what was agreed: found, named, repaired by one plan, or accepted; and when that happens."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from aws_setup import tasks
from aws_setup.credentials import SandboxUnavailable
from aws_setup.diagnosis import Blocked
from aws_setup.drift import observing
from aws_setup.models import Account, Connection, Finding, Observation, Run
from aws_setup.pauses import GIVE_UP_AFTER
from aws_setup.plans.actions import Action, writes
from environments.history import CONSOLE
from environments.models import Environment, Event
from tests.aws_setup.journeys import MONA, VERTESIA_ISSUER, Console, make_copies, open_codes
from tests.fake_aws import SECOND, Crash, FakeAws, FakeRole, throttled

LATER = 3600
BUCKET = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
BOUNDARY = "arn:aws:iam::111122223333:policy/Boundary"
PARTNER = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999900001111:root"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def connected(console: Console) -> Environment:
    """Connected an hour ago."""
    environment = console.environment(name="Marketing")
    console.connect(environment, tags={"CostCenter": "4711"})
    console.clock.forward(LATER)
    return environment


def the_role(aws: FakeAws) -> FakeRole:
    return aws.home.role("VertesiaEnvironmentMarketing")


def delete_provider(aws: FakeAws) -> None:
    aws.home.providers.clear()


def remove_audience(aws: FakeAws) -> None:
    next(iter(aws.home.providers.values())).audiences[:] = ["blobs"]


def delete_role(aws: FakeAws) -> None:
    aws.home.roles.clear()


def recreate_role(aws: FakeAws) -> None:
    the_role(aws).role_id = "AROASOMEBODYELSE"


def change_subject(aws: FakeAws) -> None:
    checked = the_role(aws).trust["Statement"][0]["Condition"]["StringEquals"]
    checked["localhost:8000:sub"] = checked["localhost:8000:sub"].upper()


def let_partner_in(aws: FakeAws) -> None:
    the_role(aws).trust["Statement"].append(PARTNER)


def detach_policy(aws: FakeAws) -> None:
    the_role(aws).inline.clear()


def widen_policy(aws: FakeAws) -> None:
    the_role(aws).inline["VertesiaBedrock"]["Statement"].append(BUCKET["Statement"][0])  # type: ignore[index]


def attach_policy(aws: FakeAws) -> None:
    the_role(aws).attached.append(READ_ONLY)


def put_policy(aws: FakeAws) -> None:
    the_role(aws).inline["Bucket"] = BUCKET


def add_boundary(aws: FakeAws) -> None:
    aws.home.policies.add(BOUNDARY)
    the_role(aws).boundary_arn = BOUNDARY


def lengthen_sessions(aws: FakeAws) -> None:
    the_role(aws).max_session_seconds = 7200


def take_tag(aws: FakeAws) -> None:
    del the_role(aws).tags["CostCenter"]


def take_all_tags(aws: FakeAws) -> None:
    the_role(aws).tags.clear()


Bend = Callable[[FakeAws], None]
CASES: list[tuple[Bend, list[str], bool, bool]] = [
    # what somebody does, what is found, whether one plan repairs it, whether it can be accepted
    (delete_provider, ["provider_deleted"], True, False),
    (remove_audience, ["audience_removed"], True, False),
    (delete_role, ["role_deleted"], True, False),
    (recreate_role, ["role_recreated"], True, True),
    (change_subject, ["trust_changed", "trust_widened"], True, False),
    (let_partner_in, ["trust_widened"], True, True),
    (detach_policy, ["policy_detached"], True, False),
    (widen_policy, ["policy_changed"], True, True),
    (attach_policy, ["policy_added"], True, True),
    (put_policy, ["policy_added"], True, True),
    (add_boundary, ["boundary_added"], False, True),
    (lengthen_sessions, ["session_length_changed"], True, True),
    (take_tag, ["tags_changed"], True, True),
    (take_all_tags, ["tags_changed"] * 3, True, False),
]
NAMES = [bend.__name__ for bend, *_ in CASES]


def kinds(observation: Observation) -> list[str]:
    return [difference["kind"] for difference in observation.differences]


@pytest.mark.parametrize(("bend", "found"), [case[:2] for case in CASES], ids=NAMES)
def test_what_somebody_changed_is_one_finding_that_names_it(
    console: Console, aws: FakeAws, connected: Environment, bend: Bend, found: list[str]
) -> None:
    bend(aws)
    observation = console.observe(connected)
    assert observation.state == Observation.State.DIFFERENT
    assert kinds(observation) == found
    assert open_codes(connected) == ["drift"]
    finding = Finding.objects.get()
    assert finding.source == Finding.Source.OBSERVATION
    assert observation.differences[0]["field"] in finding.problem["sentence"]
    assert console.status(connected) == "needs_attention"
    assert console.connection(connected).observed_at == console.clock()


@pytest.mark.parametrize("bend", [case[0] for case in CASES if case[2]], ids=[c[0].__name__ for c in CASES if c[2]])
def test_one_plan_repairs_it_and_the_comparison_at_once_closes_the_finding(
    console: Console, aws: FakeAws, connected: Environment, bend: Bend
) -> None:
    bend(aws)
    console.observe(connected)
    run = console.connect(connected, purpose="repair")
    assert run.state == Run.State.SUCCEEDED
    assert Observation.objects.filter(finished_at__isnull=True, next_attempt_at__lte=console.clock()).count() == 1
    assert console.observe(connected).state == Observation.State.SAME
    assert open_codes(connected) == []
    assert console.status(connected) == "connected"


@pytest.mark.parametrize("bend", [case[0] for case in CASES if case[3]], ids=[c[0].__name__ for c in CASES if c[3]])
def test_what_was_meant_is_accepted_by_a_plan_that_writes_nothing(
    console: Console, aws: FakeAws, connected: Environment, bend: Bend
) -> None:
    bend(aws)
    console.observe(connected)
    before = aws.snapshot()
    plan = console.plan(connected, purpose="accept")
    assert writes([Action.from_json(action) for action in plan.actions]) == []
    assert console.finish(console.approve(plan)).state == Run.State.SUCCEEDED
    assert aws.snapshot() == before
    assert console.observe(connected).state == Observation.State.SAME
    assert open_codes(connected) == []
    assert console.status(connected) == "connected"


@pytest.mark.parametrize("bend", [case[0] for case in CASES if case[3]], ids=[c[0].__name__ for c in CASES if c[3]])
def test_a_later_repair_does_not_take_back_what_was_accepted(
    console: Console, aws: FakeAws, connected: Environment, bend: Bend
) -> None:
    bend(aws)
    console.connect(connected, purpose="accept")
    before = aws.snapshot()
    console.connect(connected, purpose="repair")
    assert aws.snapshot() == before
    assert console.observe(connected).state == Observation.State.SAME


def test_an_acceptance_repairs_what_cannot_be_accepted(console: Console, aws: FakeAws, connected: Environment) -> None:
    let_partner_in(aws)
    detach_policy(aws)
    plan = console.plan(connected, purpose="accept")
    assert [action.action for action in writes([Action.from_json(action) for action in plan.actions])] == [
        "PutRolePolicy"
    ]
    console.finish(console.approve(plan))
    assert PARTNER in the_role(aws).trust["Statement"]
    assert console.observe(connected).state == Observation.State.SAME


def test_an_acceptance_agrees_to_nothing_but_what_aws_holds(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    """Ids, issuer and the account's defaults may have changed since: they are no part of it."""
    Environment.objects.filter(pk=connected.pk).update(environment_id="66a0c0ffee5a4db0c4b0eeee")
    Account.objects.update(extra_tags={"Owner": "platform"})
    agreed = console.connection(connected).desired
    take_tag(aws)
    desired = console.plan(connected, purpose="accept").desired
    assert {key for key in agreed if agreed[key] != desired[key]} <= {"tags", "role_id", "retire_policy_arns"}
    assert desired["tags"] == []


def test_a_repair_sets_no_tag_that_the_accounts_defaults_have_got_since(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    Account.objects.update(extra_tags={"Owner": "platform"})
    plan = console.plan(connected, purpose="repair")
    assert writes([Action.from_json(action) for action in plan.actions]) == []


def test_a_boundary_is_never_taken_off_and_stays_a_finding_until_it_is_accepted(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    add_boundary(aws)
    console.connect(connected, purpose="repair")
    console.clock.forward(LATER)
    assert the_role(aws).boundary_arn == BOUNDARY
    assert kinds(console.observe(connected)) == ["boundary_added"]
    assert Finding.objects.get().problem["fix"] == ""


def test_a_role_that_somebody_made_in_place_of_ours_is_not_touched_without_consent(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    role = the_role(aws)
    role.tags.clear()
    recreate_role(aws)
    assert "role_recreated" in kinds(console.observe(connected))
    for purpose in ("repair", "accept"):
        with pytest.raises(Blocked) as refusal:
            console.plan(connected, purpose=purpose)
        assert refusal.value.problem.code == "role_not_ours"


# --- findings and history ---------------------------------------------------------------------------------------


def test_the_same_differences_again_write_no_line_of_history_and_others_write_one(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    take_tag(aws)
    console.observe(connected)
    before = Event.objects.count()
    console.clock.forward(LATER)
    console.observe(connected)
    assert Event.objects.count() == before
    assert Finding.objects.get().seen_at == console.clock()
    attach_policy(aws)
    console.observe(connected)
    [event] = Event.objects.all()[: Event.objects.count() - before]
    assert (event.action, "in 2 points" in event.sentence) == ("finding.changed", True)


def test_what_somebody_put_back_by_hand_closes_the_finding(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    attach_policy(aws)
    console.observe(connected)
    the_role(aws).attached.clear()
    assert console.observe(connected).state == Observation.State.SAME
    assert open_codes(connected) == []
    assert Event.objects.filter(action="finding.closed").count() == 1


def test_a_proof_does_not_close_what_an_observation_found_nor_the_other_way_round(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    attach_policy(aws)
    console.observe(connected)
    console.verify(connected)
    assert open_codes(connected) == ["drift"]
    remove_audience(aws)
    console.verify(connected)
    assert open_codes(connected) == ["audience_missing", "drift"]
    the_role(aws).attached.clear()
    next(iter(aws.home.providers.values())).audiences.append("bedrock")
    console.observe(connected)
    assert open_codes(connected) == ["audience_missing"]


def test_proof_and_observation_share_one_finding_where_only_vertesia_can_sign(console: Console, aws: FakeAws) -> None:
    environment = console.environment(name="Marketing", issuer=VERTESIA_ISSUER)
    console.connect(environment)
    console.clock.forward(LATER)
    detach_policy(aws)
    proof = console.verify(environment)
    console.observe(environment)
    assert proof.problem == Finding.objects.get().problem
    assert Event.objects.filter(action="finding.opened").count() == 1


def test_few_observations_are_kept(console: Console, aws: FakeAws, connected: Environment) -> None:
    attach_policy(aws)
    console.observe(connected)
    aws.deny("iam:GetRole")
    for _ in range(observing.KEPT + 2):
        console.observe(connected)
    states = [observation.state for observation in Observation.objects.all()]
    assert states == ["failed"] * observing.KEPT + ["different"]


def test_the_id_of_a_role_from_before_ids_were_kept_is_noted(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    Connection.objects.update(role_id="")
    console.observe(connected)
    assert console.connection(connected).role_id == the_role(aws).role_id


# --- what is not drift ------------------------------------------------------------------------------------------


def test_what_the_worker_may_not_read_is_no_drift(console: Console, aws: FakeAws, connected: Environment) -> None:
    attach_policy(aws)
    aws.deny("iam:ListAttachedRolePolicies")
    observation = console.observe(connected)
    assert observation.state == Observation.State.FAILED
    assert "iam:ListAttachedRolePolicies" in (observation.problem or {})["sentence"]
    assert open_codes(connected) == []
    assert console.connection(connected).observed_at is None


def test_a_sandbox_that_is_not_running_is_no_drift(console: Console, connected: Environment) -> None:
    def refuse(account: Account | None) -> Any:
        raise SandboxUnavailable("nothing listens")

    console.open_gateway = refuse
    assert (console.observe(connected).problem or {})["code"] == "sandbox_down"
    assert open_codes(connected) == []


def test_another_account_is_no_drift(console: Console, aws: FakeAws, connected: Environment) -> None:
    aws.caller_account = SECOND
    assert (console.observe(connected).problem or {})["code"] == "wrong_account"
    assert open_codes(connected) == []


def test_what_aws_cannot_do_now_is_waited_for_and_given_up_in_time(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.fail("iam:GetRole", throttled("iam:GetRole"), times=2)
    assert console.observe(connected).state == Observation.State.SAME
    aws.fail("iam:GetRole", throttled("iam:GetRole"), times=1000)
    started = console.clock()
    assert (console.observe(connected).problem or {})["code"] == "aws_busy"
    assert GIVE_UP_AFTER < console.clock() - started < GIVE_UP_AFTER + timedelta(seconds=30)


def test_what_aws_may_still_be_spreading_is_looked_at_again(
    console: Console, aws: FakeAws, connected: Environment, settings: Settings
) -> None:
    window = timedelta(seconds=settings.PROPAGATION_WINDOW_SECONDS)
    written_at = console.clock()
    Connection.objects.update(last_write_at=written_at)
    attach_policy(aws)
    assert console.observe(connected).state == Observation.State.DIFFERENT
    assert console.clock() >= written_at + window

    Connection.objects.update(last_write_at=console.clock())
    started = console.clock()
    the_role(aws).attached.clear()
    assert console.observe(connected).state == Observation.State.SAME
    assert console.clock() == started


def test_a_finding_of_before_stands_where_aws_cannot_be_asked(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    attach_policy(aws)
    console.observe(connected)
    aws.deny("iam:GetRole")
    console.observe(connected)
    assert open_codes(connected) == ["drift"]


# --- one at a time ----------------------------------------------------------------------------------------------


def request(console: Console, environment: Environment) -> Observation | None:
    return observing.request_observation(console.connection(environment), actor=MONA, now=console.clock())


def advance(console: Console, observation: Observation) -> datetime | None:
    return observing.advance_observation(observation.pk, open_gateway=console.open_gateway, clock=console.clock)


def test_one_observation_at_a_time_and_none_while_aws_is_changed(console: Console, connected: Environment) -> None:
    first = request(console, connected)
    assert first is not None
    assert request(console, connected) is None
    first.delete()
    console.approve(console.plan(connected))
    assert request(console, connected) is None


def test_another_worker_leaves_it_alone_and_a_lost_one_is_followed_by_another(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    observation = request(console, connected)
    assert observation is not None
    aws.fail("iam:GetRole", Crash())
    with pytest.raises(Crash):
        advance(console, observation)
    calls = len(aws.operations)
    assert advance(console, observation) is None
    assert len(aws.operations) == calls
    console.clock.forward(LATER)
    advance(console, observation)
    observation.refresh_from_db()
    assert observation.state == Observation.State.SAME


def test_a_mistake_of_the_console_ends_it_and_is_no_drift(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    observation = request(console, connected)
    assert observation is not None
    aws.fail("iam:GetRole", RuntimeError("a mistake"))
    with pytest.raises(RuntimeError):
        advance(console, observation)
    observation.refresh_from_db()
    assert (observation.state, (observation.problem or {})["code"]) == ("failed", "internal_error")
    assert open_codes(connected) == []


def test_what_was_read_before_something_else_was_agreed_is_forgotten(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    observation = request(console, connected)
    assert observation is not None
    attach_policy(aws)
    plan = console.plan(connected, region="eu-west-1")
    aws.before("iam:ListRolePolicies", lambda: console.approve(plan))
    assert advance(console, observation) is None
    assert not Observation.objects.exists()
    assert open_codes(connected) == []


# --- the schedule -----------------------------------------------------------------------------------------------


def sweep(console: Console) -> list[int]:
    """Request what is due; the connections under way."""
    observing.request_due_observations(now=console.clock())
    under_way = Observation.objects.filter(finished_at__isnull=True)
    return sorted(under_way.values_list("connection_id", flat=True))


def test_after_a_set_up_aws_is_compared_once_it_has_spread_it(console: Console, settings: Settings) -> None:
    environment = console.environment()
    console.connect(environment)
    due = console.connection(environment).next_observation_at
    assert due == console.clock() + timedelta(seconds=settings.PROPAGATION_WINDOW_SECONDS)
    assert sweep(console) == []
    console.clock.forward(settings.PROPAGATION_WINDOW_SECONDS)
    assert sweep(console) == [environment.connection.pk]
    assert sweep(console) == [environment.connection.pk]
    assert Observation.objects.get().actor == CONSOLE


def test_it_is_compared_again_and_again_each_connection_at_its_own_time(
    console: Console, connected: Environment, settings: Settings
) -> None:
    console.observe(connected)
    due = console.connection(connected).next_observation_at
    assert due is not None
    interval = timedelta(hours=settings.OBSERVATION_INTERVAL_HOURS)
    assert 0.9 * interval <= due - console.clock() <= 1.1 * interval
    moments = [observing.next_observation(pk, now=console.clock()) for pk in range(1, 1001)]
    assert len({round((moment - console.clock()) / interval, 2) for moment in moments}) > 15


def test_a_comparison_that_failed_is_made_again_in_its_time(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("iam:GetRole")
    console.observe(connected)
    due = console.connection(connected).next_observation_at
    assert due is not None
    assert due > console.clock()


def test_nothing_is_scheduled_where_that_is_switched_off(
    console: Console, connected: Environment, settings: Settings
) -> None:
    settings.OBSERVATION_INTERVAL_HOURS = 0
    assert sweep(console) == []
    console.observe(connected)
    settings.OBSERVATION_INTERVAL_HOURS = 6
    assert sweep(console) == [connected.connection.pk]


def test_what_aws_holds_nothing_of_is_never_compared(console: Console, connected: Environment) -> None:
    console.disconnect(connected)
    console.clock.forward(100 * LATER)
    assert sweep(console) == []
    assert request(console, connected) is None
    assert console.connection(connected).next_observation_at is None


def test_disconnecting_closes_what_was_found(console: Console, aws: FakeAws, connected: Environment) -> None:
    take_tag(aws)
    console.observe(connected)
    console.disconnect(connected)
    assert open_codes(connected) == []
    assert console.status(connected) == "disconnected"


def test_thousands_that_are_due_are_taken_up_a_few_at_a_time_in_three_queries(
    console: Console, connected: Environment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_copies(connected, 1000)
    with django_assert_num_queries(3):
        observing.request_due_observations(now=console.clock())
    assert Observation.objects.count() == observing.MOST_AT_A_TIME
    with django_assert_num_queries(1):
        observing.request_due_observations(now=console.clock())
    assert Observation.objects.count() == observing.MOST_AT_A_TIME


def test_the_sweep_requests_what_is_due(console: Console, connected: Environment) -> None:
    Connection.objects.update(next_observation_at=timezone.now() + timedelta(hours=1))
    tasks.sweep()
    assert not Observation.objects.exists()
    Connection.objects.update(next_observation_at=timezone.now())
    tasks.sweep()
    assert Observation.objects.get().actor == CONSOLE
