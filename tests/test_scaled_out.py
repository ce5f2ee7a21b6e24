"""The console on a PostgreSQL and a Redis that are not its own, as a team runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
import requests

from tests.conftest import IN_CI
from tests.servers import NoServer, postgresql, redis_server
from tests.stack import Stack, running_stack

pytestmark = pytest.mark.stack

ORGANIZATION, ENVIRONMENT = "66c1c0ffee5a4db0c4b0a001", "66c1c0ffee5a4db0c4b0e001"


@pytest.fixture(scope="module")
def scaled_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with ExitStack() as stack:
        try:
            database_url, redis_url = stack.enter_context(postgresql()), stack.enter_context(redis_server())
        except NoServer as error:
            if IN_CI:
                raise
            pytest.skip(str(error))
        yield stack.enter_context(
            running_stack(
                tmp_path_factory.mktemp("scaled-out") / "var",
                DATABASE_URL=database_url,
                REDIS_URL=redis_url,
                SECRET_KEY="a-secret-of-these-tests-and-of-nothing-else",
                ENCRYPTION_KEYS="another-secret-of-these-tests-and-nothing-else",
            )
        )


def test_every_part_answers_and_no_broker_is_started(scaled_out: Stack) -> None:
    assert requests.get(f"{scaled_out.url}/healthz", timeout=10).json()["status"] == "ok"
    assert not any("valkey" in " ".join(process.cmdline()) for process in scaled_out.processes())
    assert not (scaled_out.var_dir / "broker.url").exists()


def test_nothing_that_must_last_is_kept_on_this_machine(scaled_out: Stack) -> None:
    kept = {path.name for path in (scaled_out.var_dir / "sandbox").iterdir()}

    assert kept.isdisjoint({"console.sqlite3", "secret_key", "encryption_keys"})


def test_an_environment_is_connected_and_stands_in_postgresql(scaled_out: Stack) -> None:
    connected = scaled_out.manage("connect", ORGANIZATION, ENVIRONMENT, "--region", "us-east-1", "--yes", "--json")

    assert connected.returncode == 0, connected.stderr
    assert json.loads(connected.stdout)["status"] == "connected"
    with psycopg.connect(scaled_out.environ["DATABASE_URL"]) as database:
        [(status,)] = database.execute(
            "SELECT status FROM environments_environment WHERE environment_id = %s", [ENVIRONMENT]
        )
    assert status == "connected"
