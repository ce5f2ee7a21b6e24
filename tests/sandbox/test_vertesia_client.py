"""The console's client and the sandbox's Vertesia understand each other; what breaks there is told apart here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from environments.vertesia.client import VertesiaClient
from environments.vertesia.errors import (
    Busy,
    EnvironmentTokenRefused,
    Forbidden,
    KeyRefused,
    NotFound,
    Rejected,
    Unreachable,
    VertesiaError,
)
from environments.vertesia.protocol import Vertesia as Protocol
from environments.vertesia.requests import CreateEnvironment, IssueEnvironmentToken, UpdateEnvironment
from environments.vertesia.sites import local_site
from environments.vertesia.tokens import ApiKey, TokenSource
from environments.vertesia.wire import Wire
from tests.sandbox.process import SandboxProcess
from tests.sandbox.vertesia import (
    ADMIN,
    ISSUING,
    MARKETING,
    OPENAI,
    ORGANIZATION,
    READER,
    RESEARCH,
    REVOKED,
    VIRGINIA,
    Vertesia,
    trust_vertesia,
)

MISSING = "66f2a1c08d4b3e9f17c0ffff"
NEW = CreateEnvironment("New", "us-east-1", (MARKETING,), description="Made by a test")
Client = Callable[..., Protocol]


@pytest.fixture
def client(sandbox: SandboxProcess) -> Client:
    """The console's client in Vertesia's first state, with the administrator's key or another."""
    sandbox.control("POST", "reset")

    def make(key: str = ADMIN, **limits: Any) -> Protocol:
        def now() -> datetime:
            return datetime.now(UTC)

        site = local_site(f"{sandbox.vertesia_url}/api/v1", sandbox.vertesia_url)
        wire = Wire(now=now, **limits)
        return VertesiaClient(site, TokenSource(site, ApiKey(key), wire, now=now), wire)

    return make


def token_order(environment_id: str) -> IssueEnvironmentToken:
    return IssueEnvironmentToken(environment_id, "Bedrock Virginia", MARKETING, ORGANIZATION, "bedrock")


def test_organization_projects_and_environments_are_read(client: Client) -> None:
    vertesia = client()

    claims = vertesia.read_claims()
    assert (claims.account_id, claims.project_id) == (ORGANIZATION, MARKETING)
    assert claims.permissions is not None
    assert "environment:admin" in claims.permissions
    assert vertesia.read_account().id == ORGANIZATION
    assert {project.id for project in vertesia.list_projects(ORGANIZATION)} == {MARKETING, RESEARCH}
    assert {project.id for project in vertesia.list_projects()} == {MARKETING, RESEARCH}
    assert len(vertesia.list_environments()) == 4
    assert len(vertesia.list_environments(all=False)) == 3
    assert [one.has_api_key for one in vertesia.list_environments() if one.id == OPENAI] == [True]


def test_an_environment_is_made_given_its_role_and_lists_models(client: Client, vertesia: Vertesia) -> None:
    console = client()

    made = console.create_environment(NEW)
    role_arn = trust_vertesia(vertesia, made.id)
    changed = console.update_environment(made.id, UpdateEnvironment(api_key=role_arn))

    assert (made.name, made.endpoint_url, made.allowed_projects) == ("New", "us-east-1", (MARKETING,))
    assert not made.has_api_key
    assert changed.has_api_key
    assert role_arn not in repr(changed)
    assert vertesia.stored_api_key(made.id) == role_arn
    assert console.read_environment(made.id) == changed
    assert any(":foundation-model/" in model.id for model in console.list_models(made.id))


def test_a_key_that_may_have_an_environments_token_gets_it_and_others_are_told(client: Client) -> None:
    assert client(ISSUING).issue_environment_token(token_order(VIRGINIA)).value.count(".") == 2
    with pytest.raises(EnvironmentTokenRefused):
        client().issue_environment_token(token_order(VIRGINIA))


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda client: client(REVOKED).read_account(), KeyRefused),
        (lambda client: client("sk-nobodys").read_account(), KeyRefused),
        (lambda client: client(READER).create_environment(NEW), Forbidden),
        (lambda client: client().read_environment(MISSING), NotFound),
        (lambda client: client().create_environment(CreateEnvironment("New", "us-east-1", (), provider="x")), Rejected),
        (lambda client: client().list_models(VIRGINIA), Busy),
    ],
)
def test_a_refusal_is_told_apart(client: Client, ask: Callable[[Client], Any], expected: type[VertesiaError]) -> None:
    with pytest.raises(expected) as caught:
        ask(client)

    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("kind", "order", "expected", "retry_after"),
    [
        ("server_error", {}, Busy, None),
        ("throttled", {"retry_after": 5}, Busy, 5),
        ("unavailable", {"retry_after": 30}, Busy, 30),
        ("answer_lost", {}, Unreachable, None),
        ("reset_connection", {}, Unreachable, None),
        ("slow", {"seconds": 30}, Unreachable, None),
        ("environment_deleted", {}, NotFound, None),
    ],
)
def test_a_fault_is_told_apart(
    client: Client,
    vertesia: Vertesia,
    kind: str,
    order: dict[str, Any],
    expected: type[VertesiaError],
    retry_after: float | None,
) -> None:
    console = client(read_seconds=0.5)
    console.read_account()

    with (
        vertesia.fault(kind, call="UpdateEnvironment", **order),
        pytest.raises(expected) as caught,
    ):
        console.update_environment(VIRGINIA, UpdateEnvironment(name="Other"))

    assert type(caught.value) is expected
    assert caught.value.retry_after == retry_after


def test_what_was_written_before_the_answer_was_lost_is_found(client: Client, vertesia: Vertesia) -> None:
    console = client()
    console.read_account()

    with vertesia.fault("answer_lost", call="CreateEnvironment"), pytest.raises(Unreachable) as caught:
        console.create_environment(NEW)

    assert caught.value.may_have_been_done
    assert [one.name for one in console.list_environments()].count("New") == 1


def test_a_key_revoked_meanwhile_is_refused_at_the_next_exchange(client: Client, vertesia: Vertesia) -> None:
    console = client()
    console.read_account()

    with vertesia.fault("key_revoked", call="GetAccount"), pytest.raises(KeyRefused):
        console.read_account()
    with pytest.raises(KeyRefused):
        console.read_account()


@pytest.mark.parametrize(
    "code",
    ["requested_scope_unavailable", "no_accessible_account", "restricted_environment", "token_issuance_forbidden"],
)
def test_each_code_of_the_token_service_is_understood(client: Client, vertesia: Vertesia, code: str) -> None:
    with vertesia.fault("forbidden", call="IssueToken", code=code), pytest.raises(KeyRefused) as caught:
        client().read_account()

    assert caught.value.code == code
