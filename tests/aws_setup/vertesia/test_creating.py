"""An environment is ordered: made in Vertesia once, whatever becomes of the answer, and taken up here."""

from typing import Any

import pytest

from aws_setup.vertesia.creating import NotOrdered
from tests.aws_setup.vertesia.scene import Scene, said
from tests.sandbox.vertesia import ADMIN, ADMIN_KEY_ID, MARKETING, READER, RESEARCH


def made(scene: Scene) -> list[dict[str, Any]]:
    return [environment for environment in scene.there() if environment["name"] == "New"]


def test_what_is_ordered_is_made_as_shown_and_taken_up(scene: Scene) -> None:
    access = scene.connect()
    job = scene.order(access, region="eu-west-1", project_ids=[MARKETING, RESEARCH])
    shown = job.order
    job = scene.finish(job)

    assert job.state == "done"
    [there] = made(scene)
    assert {name: there[name] for name in shown} == shown
    assert job.environment is not None
    assert (job.environment.environment_id, job.environment.endpoint_url) == (there["id"], "eu-west-1")
    assert job.environment.status == "not_connected"
    assert there["id"] in said("vertesia.environment_created")[0]


@pytest.mark.parametrize("fault", ["answer_lost", "server_error", "throttled", "reset_connection"])
def test_one_environment_is_made_whatever_becomes_of_the_answer(scene: Scene, fault: str) -> None:
    access = scene.connect()
    scene.fault(fault, call="CreateEnvironment")
    job = scene.finish(scene.order(access))

    assert job.state == "done"
    [there] = made(scene)
    assert job.result["environment_id"] == there["id"]
    assert len(said("vertesia.environment_created")) == 1


def test_after_a_lost_answer_it_is_looked_for_before_it_is_made(scene: Scene) -> None:
    access = scene.connect()
    scene.fault("answer_lost", call="CreateEnvironment")
    job = scene.order(access)
    due = scene.advance(job)

    assert due is not None
    assert (due - scene.console.clock()).total_seconds() >= 10
    assert len(made(scene)) == 1
    scene.fault("forbidden", call="CreateEnvironment")  # nobody may make a second one
    scene.console.clock.forward(10)
    assert scene.finish(job).state == "done"


def test_two_orders_of_one_name_are_two_environments(scene: Scene) -> None:
    access = scene.connect()
    first, second = scene.finish(scene.order(access)), scene.finish(scene.order(access))

    assert first.result["environment_id"] != second.result["environment_id"]
    assert len(made(scene)) == 2


def test_a_key_that_lost_its_right_meanwhile_is_said(scene: Scene) -> None:
    access = scene.connect()
    scene.change_key(ADMIN_KEY_ID, role="reader", are_tokens_refused=False)
    scene.clients = type(scene.clients)(
        find_local_url=lambda: scene.sandbox.process.vertesia_url, now=scene.console.clock
    )
    job = scene.finish(scene.order(access))

    assert (job.state, job.problem["code"]) == ("failed", "vertesia_forbidden")
    assert "environment:admin" in job.problem["sentence"]
    assert made(scene) == []


def test_a_readers_key_orders_nothing(scene: Scene) -> None:
    with pytest.raises(NotOrdered, match="environment:admin"):
        scene.order(scene.connect(READER))


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"region": "Frankfurt"}, "region"),
        ({"project_ids": []}, "project_ids"),
        ({"project_ids": ["66f2a1c08d4b3e9f17c0b999"]}, "project_ids"),
    ],
)
def test_what_cannot_be_made_is_not_ordered(scene: Scene, wanted: dict[str, Any], field: str) -> None:
    access = scene.connect(ADMIN)
    with pytest.raises(NotOrdered) as refused:
        scene.order(access, **wanted)
    assert refused.value.field == field
