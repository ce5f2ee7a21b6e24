"""A database that is locked or gone for a moment: the request fails cleanly, and no approved plan is lost."""

import sqlite3
from collections.abc import Iterator

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.test import Client
from django.urls import reverse

from aws_setup import hints
from aws_setup.models import Plan, Run
from config.errors import is_database_away
from tests.web.wizard_rows import let_worker_plan, make_draft, prepare, signed_in_client, text_of


@pytest.fixture(autouse=True)
def _no_workers() -> Iterator[None]:
    with hints.suppressed():
        yield


@pytest.fixture
def client(transactional_db: None) -> Client:
    prepare()
    client = signed_in_client()
    client.raise_request_exception = False
    return client


@pytest.fixture
def locked(client: Client) -> Iterator[sqlite3.Connection]:
    """Another process has the database's one write lock, and a request waits for it only a moment."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()
    connection.close()


def approve(client: Client, plan: Plan):
    return client.post(reverse("draft_approve", args=[plan.draft_id]), {"fingerprint": plan.fingerprint})


@pytest.fixture
def plan(client: Client) -> Plan:
    plan = let_worker_plan(make_draft(client))
    assert plan is not None
    return plan


def test_while_it_is_locked_an_approval_fails_with_a_page_that_says_so(
    client: Client, plan: Plan, locked: sqlite3.Connection
) -> None:
    answer = approve(client, plan)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "The database does not answer" in text_of(answer)
    assert "Traceback" not in text_of(answer)


def test_nothing_half_approved_is_left_and_the_plan_can_be_approved_afterwards(
    client: Client, plan: Plan, locked: sqlite3.Connection
) -> None:
    approve(client, plan)
    locked.execute("ROLLBACK")
    plan.refresh_from_db()
    assert plan.approved_at is None
    assert not Run.objects.exists()
    assert approve(client, plan).status_code == 302
    assert Run.objects.get().plan == plan


def test_pages_that_only_read_are_answered_while_somebody_writes(client: Client, locked: sqlite3.Connection) -> None:
    assert client.get(reverse("environments")).status_code == 200


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_a_database_that_is_gone_is_told_from_a_mistake(error: Exception) -> None:
    assert is_database_away(error)
    assert not is_database_away(ProgrammingError("no such table"))
    assert not is_database_away(None)
