"""/healthz and the signs of life it reads, on a real broker."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
from celery import Celery
from django.test import Client
from django.urls import reverse

from config.health import BROKER_SENTENCE, WORKER_SENTENCE, worker_problem
from config.heartbeat import BEAT_KEY, WORKER_KEY, connect_to_broker
from tests.servers import valkey
from tests.stack import Stack


@pytest.fixture(scope="module")
def own_broker() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture
def broker_url(own_broker: str, settings: Any) -> str:
    """An empty broker, which the console uses."""
    connect_to_broker(own_broker).flushall()
    settings.CELERY_BROKER_URL = own_broker
    return own_broker


@pytest.mark.django_db
def test_everything_answers_and_anybody_may_ask(client: Client, broker_url: str) -> None:
    for key in (WORKER_KEY, BEAT_KEY):
        connect_to_broker(broker_url).set(key, "1")

    answer = client.get(reverse("healthz"))

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        **{part: {"ok": True, "detail": "answers"} for part in ("database", "broker", "worker", "beat")},
    }
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize(("part", "key"), [("worker", WORKER_KEY), ("beat", BEAT_KEY)])
def test_a_part_without_a_sign_of_life_is_failing(client: Client, broker_url: str, part: str, key: str) -> None:
    for present in {WORKER_KEY, BEAT_KEY} - {key}:
        connect_to_broker(broker_url).set(present, "1")

    answer = client.get(reverse("healthz"))

    assert answer.status_code == 503
    assert [name for name, found in answer.json().items() if name != "status" and not found["ok"]] == [part]
    assert f"celery --app config {part}" in answer.json()[part]["detail"]


@pytest.mark.django_db
def test_without_a_broker_every_part_that_needs_it_says_so(client: Client, settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"

    answer = client.get(reverse("healthz"))

    assert answer.status_code == 503
    assert answer.json()["database"]["ok"]
    assert {answer.json()[part]["detail"] for part in ("broker", "worker", "beat")} == {BROKER_SENTENCE}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_can_only_be_read(client: Client, method: str) -> None:
    assert getattr(client, method)(reverse("healthz")).status_code == 405


@pytest.mark.django_db
def test_head_answers_as_get_does_without_a_body(client: Client, settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"

    answer = client.head(reverse("healthz"))

    assert (answer.status_code, answer.content) == (503, b"")


def test_the_broker_s_password_is_never_shown(client: Client, settings: Any, db: None) -> None:
    settings.CELERY_BROKER_URL = "redis://:canary-of-a-password@127.0.0.1:1/0"

    assert b"canary" not in client.get(reverse("healthz")).content


def test_a_worker_that_has_gone_is_missed_within_ten_seconds(broker_url: str) -> None:
    from_a_worker = connect_to_broker(broker_url)
    from_a_worker.set(WORKER_KEY, "1", px=50)
    assert worker_problem() is None

    from_a_worker.pexpire(WORKER_KEY, 0)

    assert worker_problem() == WORKER_SENTENCE


def test_the_running_console_is_well(stack: Stack) -> None:
    keys = connect_to_broker(stack.broker_url)

    assert 0 < keys.pttl(WORKER_KEY) <= 10_000
    assert 0 < keys.pttl(BEAT_KEY) <= 15_000


def test_beat_sends_what_is_due_and_the_worker_does_it(stack: Stack) -> None:
    ask_without_a_message = (
        "from aws_setup.models import WorkerCaller; from django.utils import timezone; "
        "WorkerCaller.objects.update_or_create(id=1, defaults={'check_requested_at': timezone.now()})"
    )
    stack.manage("shell", "--no-imports", "-c", ask_without_a_message, check=True)
    database = sqlite3.connect(f"file:{stack.var_dir}/sandbox/console.sqlite3?mode=ro", uri=True)
    with closing(database):
        deadline = time.monotonic() + 15
        query = "SELECT count(*) FROM aws_setup_workercaller WHERE checked_at >= check_requested_at"
        while database.execute(query).fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_workers_obey_nobody_who_reaches_the_broker(stack: Stack) -> None:
    with Celery(broker=stack.broker_url, set_as_current=False) as control:
        assert control.control.inspect(timeout=1).ping() is None
        control.control.shutdown()

    assert requests.get(f"{stack.url}/healthz", timeout=10).json()["worker"]["ok"]
