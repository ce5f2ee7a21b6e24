"""Every call that can write, disturbed in each way: it ends as if undisturbed, or at once with the reason."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from aws_setup.gateway.errors import AwsBusy, AwsError, AwsUnreachable
from aws_setup.gateway.iam import BOTO_METHOD
from aws_setup.leases import LEASE
from aws_setup.models import Account, Plan, Run
from environments.models import Environment
from tests.aws_setup.journeys import Console, open_codes
from tests.fake_aws import HOME, Crash, FakeAws, FakeProvider, throttled

PROVIDER = f"arn:aws:iam::{HOME}:oidc-provider/localhost:8000"
BOUNDARY = f"arn:aws:iam::{HOME}:policy/Boundary"
Scene = Callable[[Console, FakeAws, Environment], Plan]


@pytest.fixture(autouse=True)
def _seen_at_once(settings: Settings) -> None:
    settings.PROPAGATION_WINDOW_SECONDS = 0


def first_set_up(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    return console.plan(environment)


def beside_another_audience(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    aws.home.providers[PROVIDER] = FakeProvider(PROVIDER, "http://localhost:8000", ["blobs"])
    return console.plan(environment)


def to_another_id(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    console.connect(environment)
    return console.plan(environment, environment_id="65e1f2a3b4c5d60718293fff")


def to_a_managed_policy(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    console.connect(environment)
    return console.plan(environment, permissions="full")


def from_a_managed_policy(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    console.connect(environment, permissions="full")
    return console.plan(environment, permissions="invoke")


def without_a_tag(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    console.connect(environment, tags={"Team": "Research"})
    return console.plan(environment, tags={})


def with_a_boundary(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    console.connect(environment)
    aws.home.policies.add(BOUNDARY)
    Account.objects.update(boundary_arn=BOUNDARY)
    return console.plan(environment)


def with_the_session_as_agreed(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    console.connect(environment)
    [role] = aws.home.roles.values()
    role.max_session_seconds = 43200
    return console.plan(environment, purpose="repair")


def disconnected(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    console.connect(environment)
    return console.plan(environment, purpose="disconnect", removes_provider=True)


def disconnected_beside_another_audience(console: Console, aws: FakeAws, environment: Environment) -> Plan:
    console.connect(environment)
    aws.home.providers[PROVIDER].audiences.append("blobs")
    return console.plan(environment, purpose="disconnect", removes_provider=True)


SCENES: dict[str, Scene] = {
    "AddClientIDToOpenIDConnectProvider": beside_another_audience,
    "AttachRolePolicy": to_a_managed_policy,
    "CreateOpenIDConnectProvider": first_set_up,
    "CreateRole": first_set_up,
    "DeleteOpenIDConnectProvider": disconnected,
    "DeleteRole": disconnected,
    "DeleteRolePolicy": to_a_managed_policy,
    "DetachRolePolicy": from_a_managed_policy,
    "PutRolePermissionsBoundary": with_a_boundary,
    "PutRolePolicy": first_set_up,
    "RemoveClientIDFromOpenIDConnectProvider": disconnected_beside_another_audience,
    "TagRole": to_another_id,
    "UntagRole": without_a_tag,
    "UpdateAssumeRolePolicy": to_another_id,
    "UpdateRole": with_the_session_as_agreed,
}
each_write = pytest.mark.parametrize("action", SCENES)


def prepare(console: Console, aws: FakeAws, action: str) -> tuple[Environment, Run, list[str]]:
    """An approved run that does this action, and all that it is to write, in order."""
    environment = console.environment(name="Marketing")
    plan = SCENES[action](console, aws, environment)
    planned = [one["action"] for one in plan.actions if one["verb"] != "keep"]
    assert action in planned
    aws.writes.clear()
    return environment, console.approve(plan), planned


def test_a_scene_stands_here_for_everything_that_can_be_written() -> None:
    assert SCENES.keys() == BOTO_METHOD.keys()


@each_write
@pytest.mark.parametrize("is_done", [True, False], ids=["after", "before"])
def test_a_worker_that_is_lost_at_it_leaves_a_run_that_another_one_ends(
    console: Console, aws: FakeAws, action: str, is_done: bool
) -> None:
    _, run, planned = prepare(console, aws, action)
    write = aws.wrote

    def write_and_end(written: str) -> None:
        write(written)
        if written == action:
            aws.wrote = write  # type: ignore[method-assign]
            raise Crash

    if is_done:
        aws.wrote = write_and_end  # type: ignore[method-assign]
    else:
        aws.fail(f"iam:{action}", Crash())
    with pytest.raises(Crash):
        console.advance(run)
    console.clock.forward(LEASE.total_seconds() + 1)

    assert console.finish(run).state == Run.State.SUCCEEDED, run.problem
    assert aws.writes == planned


@each_write
@pytest.mark.parametrize("kind", ["throttled", "concurrent", "unreachable"])
def test_what_passes_by_is_tried_again(console: Console, aws: FakeAws, action: str, kind: str) -> None:
    operation = f"iam:{action}"
    errors: dict[str, AwsError] = {
        "throttled": throttled(operation),
        "concurrent": AwsBusy("Try again.", operation=operation, code="ConcurrentModification"),
        "unreachable": AwsUnreachable("The connection was reset.", operation=operation, code="ConnectionClosedError"),
    }
    _, run, planned = prepare(console, aws, action)
    aws.fail(operation, errors[kind], times=2)
    assert console.finish(run).state == Run.State.SUCCEEDED, run.problem
    assert aws.writes == planned


@each_write
def test_a_denial_is_said_at_once_and_the_rest_is_done_by_a_new_plan(
    console: Console, aws: FakeAws, action: str
) -> None:
    environment, run, planned = prepare(console, aws, action)
    aws.deny(f"iam:{action}")
    before = console.clock()
    assert console.finish(run).state == Run.State.FAILED
    assert (console.clock() - before).total_seconds() < 5
    assert open_codes(environment) == ["worker_denied"]
    assert f"iam:{action}" in run.problem["sentence"]
    aws.mend()
    draft = run.plan.draft
    again = console.plan(environment, purpose=draft.purpose, **draft.answers)
    assert console.finish(console.approve(again)).state == Run.State.SUCCEEDED, run.problem
    assert aws.writes == planned
