"""Failing on purpose: what the page offers is what the sandbox takes, and history tells it."""

import pytest
from pytest_django import Settings

from aws_setup import hints, tasks
from aws_setup.lab import faults
from aws_setup.lab.control import NoSandbox
from aws_setup.lab.faults import ANY, CALLS, CLEAR, FAILURES, request_fault, tell_fault
from aws_setup.policies import provisioning_policy
from aws_setup.trust.statements import as_list
from environments.models import Event
from tests.aws_setup.journeys import MONA
from tests.aws_setup.sandboxed import Sandbox

pytestmark = pytest.mark.django_db
ONCE = {"call": ANY, "account_id": ANY, "times": 1, "actor": MONA}


def standing(sandbox: Sandbox) -> list[dict[str, object]]:
    _, answer = sandbox.process.control("GET", "faults")
    found: list[dict[str, object]] = answer["faults"]
    return found


@pytest.fixture(autouse=True)
def clean(sandbox: Sandbox) -> None:
    sandbox.reset()


@pytest.mark.parametrize("failure", FAILURES)
def test_the_sandbox_takes_every_failure_that_is_offered(sandbox: Sandbox, failure: str) -> None:
    tell_fault(failure, **ONCE, sandbox_url=sandbox.process.url)
    [fault] = standing(sandbox)
    assert {"times": 1, "action": ANY, "account_id": ANY, **FAILURES[failure].order}.items() <= fault.items()
    assert Event.objects.get().action == "sandbox.fault"


@pytest.mark.parametrize("call", [call for calls in CALLS.values() for call in calls])
def test_the_sandbox_knows_every_call_that_is_offered(sandbox: Sandbox, call: str) -> None:
    tell_fault("unavailable", **(ONCE | {"call": call, "times": 0}), sandbox_url=sandbox.process.url)
    [fault] = standing(sandbox)
    assert (fault["action"], fault["times"]) == (call, None)


def test_every_call_that_needs_a_right_is_offered() -> None:
    policy = provisioning_policy(
        partition="aws",
        account_id="111122223333",
        boundary_arn="arn:aws:iam::111122223333:policy/Boundary",
        removes_providers=True,
    )
    rights = {action for statement in policy["Statement"] for action in as_list(statement["Action"])}
    named = {right.partition(":")[2] for right in rights} - {"TagOpenIDConnectProvider"}  # no call: asked for by Create
    assert named <= {call for calls in CALLS.values() for call in calls}


def test_a_worker_tells_the_sandbox_and_clears_it(sandbox: Sandbox, settings: Settings) -> None:
    settings.SANDBOX_URL = sandbox.process.url
    tasks.fail_sandbox("throttled", "CreateRole", "111122223333", 2, MONA)
    [fault] = standing(sandbox)
    assert (fault["kind"], fault["account_id"], fault["times"]) == ("throttled", "111122223333", 2)
    tasks.fail_sandbox(CLEAR, ANY, ANY, 0, MONA)
    assert standing(sandbox) == []
    assert list(Event.objects.order_by("pk").values_list("sentence", "actor")) == [
        ("Sandbox: told to fail: Throttled, CreateRole in account 111122223333, twice.", MONA),
        ("Sandbox: all failures on purpose were cleared.", MONA),
    ]


def test_what_the_sandbox_refuses_stands_in_history_with_its_reason(sandbox: Sandbox) -> None:
    tell_fault("limit_exceeded", **(ONCE | {"call": "GetRole"}), sandbox_url=sandbox.process.url)
    assert standing(sandbox) == []
    event = Event.objects.get(action="sandbox.fault_refused")
    assert event.sentence.endswith("GetRole in any account, once; GetRole cannot be limit_exceeded.")


def test_real_aws_is_not_told_to_fail(sandbox: Sandbox, settings: Settings) -> None:
    settings.AWS_SANDBOX = False
    with pytest.raises(NoSandbox):
        request_fault("throttled", **ONCE)
    with pytest.raises(NoSandbox):
        tell_fault("throttled", **ONCE, sandbox_url=sandbox.process.url)
    assert standing(sandbox) == []


def test_only_known_failures_are_asked_for() -> None:
    with hints.suppressed(), pytest.raises(ValueError, match="is not a way to fail"):
        faults.request_fault("meteor", **ONCE)
