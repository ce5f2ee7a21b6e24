"""A run tells Vertesia the role and asks it for its list: no orphan and no lost ARN, whatever fails on the way."""

from typing import Any

import pytest

from aws_setup.models import Run
from aws_setup.vertesia.access import forget_access
from aws_setup.vertesia.handing_over import can_be_told_again, tell_vertesia_again
from environments.models import Environment
from tests.aws_setup.journeys import MONA, open_codes
from tests.aws_setup.vertesia.scene import Scene, said
from tests.sandbox.vertesia import ADMIN_KEY_ID, READER, VIRGINIA


@pytest.fixture
def virginia(scene: Scene) -> Environment:
    scene.connect()
    return scene.environment(VIRGINIA)


def arn_of(scene: Scene, environment: Environment) -> str:
    return scene.console.connection(environment).role_arn


def left_to_vertesia(scene: Scene, environment: Environment, run: Run, code: str) -> None:
    """AWS is right, the ARN is known, the reason is said, and it can be told again."""
    assert (run.state, run.problem["code"]) == ("waiting_for_vertesia", code)
    assert run.doing.startswith("AWS holds what was agreed, and Vertesia was not told.")
    assert arn_of(scene, environment).startswith("arn:aws:iam::")
    assert scene.environment(VIRGINIA).api_key == arn_of(scene, environment)
    assert scene.console.status(environment) == "waiting_for_vertesia"
    assert open_codes(environment) == []
    assert all(step.state == "done" for step in run.steps.all())


def test_vertesia_is_told_and_its_own_list_is_the_proof(scene: Scene, virginia: Environment) -> None:
    run = scene.console.connect(virginia)

    assert (run.state, run.doing) == ("succeeded", "Connected and proven.")
    assert scene.stored_api_key(VIRGINIA) == arn_of(scene, virginia)
    [there] = [one for one in scene.there() if one["id"] == VIRGINIA]
    assert (there["endpoint_url"], there["name"]) == ("us-east-1", "Bedrock Virginia")
    assert scene.console.status(virginia) == "connected"
    assert said("vertesia.api_key_written") == [
        f"Told Vertesia that Bedrock Virginia uses {arn_of(scene, virginia)} in us-east-1."
    ]


def test_a_change_of_region_is_told_too(scene: Scene, virginia: Environment) -> None:
    scene.console.connect(virginia)
    run = scene.console.connect(virginia, region="eu-west-1")

    assert run.state == "succeeded"
    [there] = [one for one in scene.there() if one["id"] == VIRGINIA]
    assert there["endpoint_url"] == "eu-west-1"


@pytest.mark.parametrize("fault", ["answer_lost", "reset_connection", "throttled", "server_error"])
def test_what_mends_itself_is_waited_out(scene: Scene, virginia: Environment, fault: str) -> None:
    scene.fault(fault, call="UpdateEnvironment")
    run = scene.console.connect(virginia)

    assert run.state == "succeeded"
    assert scene.stored_api_key(VIRGINIA) == arn_of(scene, virginia)
    assert len(said("vertesia.api_key_written")) == 1


def test_while_vertesia_asks_to_wait_the_run_says_so(scene: Scene, virginia: Environment) -> None:
    scene.fault("unavailable", call="UpdateEnvironment", retry_after=25)
    run = scene.console.approve(scene.console.plan(virginia))
    due = scene.console.advance(run)

    assert due is not None
    assert run.state == "handing_over"
    assert round((due - scene.console.clock()).total_seconds()) == 25
    assert "Trying again in 25 s" in run.doing
    scene.console.clock.forward(25)
    assert scene.console.finish(run).state == "succeeded"


def test_a_key_revoked_in_the_middle(scene: Scene, virginia: Environment) -> None:
    scene.fault("key_revoked", call="UpdateEnvironment")
    run = scene.console.connect(virginia)
    left_to_vertesia(scene, virginia, run, "vertesia_key_refused")

    scene.change_key(ADMIN_KEY_ID, is_enabled=True, are_tokens_refused=False)
    again = tell_vertesia_again(scene.console.connection(virginia), actor=MONA, now=scene.console.clock())
    assert again == run
    run = scene.console.finish(run)
    assert (run.state, run.problem) == ("succeeded", None)
    assert scene.stored_api_key(VIRGINIA) == arn_of(scene, virginia)
    assert scene.console.status(virginia) == "connected"


def test_an_environment_deleted_in_between(scene: Scene, virginia: Environment) -> None:
    scene.fault("environment_deleted", call="UpdateEnvironment")
    run = scene.console.connect(virginia)
    left_to_vertesia(scene, virginia, run, "vertesia_environment_deleted")


def test_a_role_without_the_right_to_write(scene: Scene) -> None:
    scene.connect(READER)
    virginia = scene.environment(VIRGINIA)
    run = scene.console.connect(virginia)
    left_to_vertesia(scene, virginia, run, "vertesia_forbidden")
    assert "environment:admin" in run.problem["remedy"]


def test_a_vertesia_that_stays_away_is_given_up_and_nothing_is_lost(scene: Scene, virginia: Environment) -> None:
    scene.fault("reset_connection", call="UpdateEnvironment", times=None)
    run = scene.console.connect(virginia)
    left_to_vertesia(scene, virginia, run, "vertesia_unreachable")


@pytest.mark.parametrize(
    "order",
    [
        {"kind": "reset_connection", "call": "IssueToken", "times": None},
        {"kind": "unavailable", "call": "IssueToken", "times": None},
    ],
    ids=lambda order: order["kind"],
)
def test_a_token_service_that_is_down(scene: Scene, virginia: Environment, order: dict[str, Any]) -> None:
    scene.clients = fresh(scene)
    scene.console.open_vertesia = scene.clients.open
    scene.fault(**order)
    run = scene.console.connect(virginia)

    assert run.state == "waiting_for_vertesia"
    assert run.problem["code"] in ("vertesia_unreachable", "vertesia_busy")
    assert scene.environment(VIRGINIA).api_key


def fresh(scene: Scene) -> Any:
    """Clients of a worker that just started: they hold no token."""
    return type(scene.clients)(find_local_url=lambda: scene.sandbox.process.vertesia_url, now=scene.console.clock)


def test_a_worker_lost_after_the_write_writes_once_more_and_says_it_once(scene: Scene, virginia: Environment) -> None:
    run = scene.console.approve(scene.console.plan(virginia))
    scene.fault("throttled", call="UpdateEnvironment")
    scene.console.advance(run)
    assert run.state == "handing_over"
    scene.console.clock.forward(600)  # its lease ran out, too
    assert scene.console.finish(run).state == "succeeded"
    assert len(said("vertesia.api_key_written")) == 1


def test_an_organization_without_a_key_is_left_to_a_person(scene: Scene, virginia: Environment) -> None:
    forget_access(virginia.organization.vertesia_access, actor=MONA)
    run = scene.console.connect(virginia)

    assert (run.state, run.problem) == ("waiting_for_vertesia", None)
    assert scene.stored_api_key(VIRGINIA) == ""
    assert not can_be_told_again(scene.console.connection(virginia))

    scene.connect()
    assert can_be_told_again(scene.console.connection(virginia))
    tell_vertesia_again(scene.console.connection(virginia), actor=MONA, now=scene.console.clock())
    assert scene.console.finish(run).state == "succeeded"


def test_disconnecting_says_what_studio_still_holds(scene: Scene, virginia: Environment) -> None:
    scene.console.connect(virginia)
    arn = arn_of(scene, virginia)
    run = scene.console.disconnect(virginia)

    assert run.state == "succeeded"
    assert "Studio still holds the role's ARN" in run.doing
    assert scene.stored_api_key(VIRGINIA) == arn
