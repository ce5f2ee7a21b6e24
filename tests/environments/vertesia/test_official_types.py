"""Held against Vertesia's own Python package: the same questions on the wire, and answers by its own types."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from environments.vertesia import answers
from environments.vertesia.client import VertesiaClient
from environments.vertesia.requests import CreateEnvironment, IssueEnvironmentToken, UpdateEnvironment
from environments.vertesia.sites import SITES
from environments.vertesia.tokens import REFRESH_BEFORE
from environments.vertesia.wire import API_VERSION
from tests.environments.vertesia.servers import (
    ACCOUNT,
    ENVIRONMENT,
    KEY,
    PROJECT,
    TOKEN,
    Asked,
    reply,
    scripted_vertesia,
)

CREATE = CreateEnvironment("Bedrock Virginia", "us-east-1", (PROJECT,), description="Made by a test")
UPDATE = UpdateEnvironment(
    api_key="arn:aws:iam::111122223333:role/VertesiaBedrock",
    endpoint_url="us-east-1",
    name="Bedrock Virginia",
    description="",
    allowed_projects=(PROJECT,),
)
ISSUE = IssueEnvironmentToken(ENVIRONMENT, "Bedrock Virginia", PROJECT, ACCOUNT, "bedrock")

WHEN = "2026-09-01T08:00:00.000Z"
WRITTEN = {"created_by": "user:1", "updated_by": "user:1", "created_at": WHEN, "updated_at": WHEN}
AN_ACCOUNT = {
    **WRITTEN,
    "id": ACCOUNT,
    "name": "Acme",
    "email_domains": ["acme.example.com"],
    "onboarding": {"completed": True},
    "datacenter": "aws",
    "account_type": "customer",
    "billing": {"method": "invoice"},
}
A_PROJECT = {"id": PROJECT, "name": "Marketing", "account": ACCOUNT, "restricted": True}
A_MODEL = {
    "id": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2",
    "name": "Claude",
    "provider": "bedrock",
    "description": "Writes",
    "version": "2",
    "type": "chat",
    "tags": ["x"],
    "owner": "Anthropic",
    "status": "available",
    "can_stream": True,
    "is_custom": False,
    "is_multimodal": False,
    "input_modalities": ["TEXT"],
    "output_modalities": ["TEXT"],
    "tool_support": True,
    "environment": ENVIRONMENT,
}
AN_ENVIRONMENT = {
    **WRITTEN,
    "id": ENVIRONMENT,
    "account": ACCOUNT,
    "name": "Bedrock Virginia",
    "provider": "bedrock",
    "description": "For marketing",
    "endpoint_url": "us-east-1",
    "default_model": A_MODEL["id"],
    "enabled_models": [A_MODEL],
    "apiKey": "arn:...drock",
    "apikey_hint": "arn:...drock",
    "config": {"a": 1},
    "settings": {"default_headers": {"a": "b"}},
    "allowed_projects": [PROJECT],
}
ISSUED = {"token": TOKEN, "token_type": "Bearer", "expires_in": 300}
ANSWERS = [
    AN_ACCOUNT,
    [A_PROJECT],
    {"data": [A_PROJECT]},
    [AN_ENVIRONMENT],
    [AN_ENVIRONMENT],
    AN_ENVIRONMENT,
    AN_ENVIRONMENT,
    AN_ENVIRONMENT,
    [A_MODEL],
]


@dataclass(frozen=True)
class Official:
    """What the package sent, and what it told."""

    asked: list[Asked]
    told: dict[str, Any]


@pytest.fixture(scope="module")
def official() -> Iterator[Official]:
    order = {
        "key": KEY,
        "environment_id": ENVIRONMENT,
        "account_id": ACCOUNT,
        "create": CREATE.to_json(),
        "update": UPDATE.to_json(),
        "environment_token": ISSUE.to_json(),
        "issued_token": ISSUED,
    }
    program = Path(__file__).with_name("official_client.py")
    with scripted_vertesia() as vertesia:
        vertesia.answers += map(reply, ANSWERS)
        done = subprocess.run(
            [sys.executable, str(program)],
            input=json.dumps({**order, "url": vertesia.url}),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        yield Official(vertesia.asked, json.loads(done.stdout))


def ask_all(client: VertesiaClient) -> list[Any]:
    return [
        client.read_account(),
        client.list_projects(ACCOUNT),
        client.list_projects(),
        client.list_environments(),
        client.list_environments(all=False),
        client.read_environment(ENVIRONMENT),
        client.create_environment(CREATE),
        client.update_environment(ENVIRONMENT, UPDATE),
        client.list_models(ENVIRONMENT),
        client.issue_environment_token(ISSUE),
    ]


def test_we_ask_on_the_wire_as_vertesias_own_package_does(official: Official) -> None:
    with scripted_vertesia() as vertesia:
        ask_all(vertesia.client(*map(reply, ANSWERS), reply(ISSUED)))
        ours = vertesia.asked

    assert ours[-1].body == official.told["environment_token"]
    for mine, theirs in zip(ours[:-1], official.asked, strict=True):
        assert mine.line.lower() == theirs.line.lower()  # it writes all=True, the document says boolean
        assert mine.body == theirs.body
        assert mine.headers["x-api-version"] == theirs.headers["x-api-version"]
        assert mine.headers["authorization"] == theirs.headers["authorization"]


def test_answers_mean_the_same_after_they_have_been_through_its_types(official: Official) -> None:
    with scripted_vertesia() as vertesia:
        direct = ask_all(vertesia.client(*map(reply, ANSWERS), reply(ISSUED)))
    with scripted_vertesia() as vertesia:
        typed = ask_all(vertesia.client(*map(reply, official.told["answers"])))

    assert typed[:-1] == direct[:-1]
    assert (typed[-1].value, typed[-1].expires_in) == (direct[-1].value, direct[-1].expires_in)


@pytest.mark.parametrize(
    ("model", "parse", "full"),
    [
        ("Account", answers.parse_account, AN_ACCOUNT),
        ("ProjectRef", answers.parse_project, A_PROJECT),
        ("ExecutionEnvironment", answers.parse_environment, AN_ENVIRONMENT),
        ("AIModel", answers.parse_model, A_MODEL),
    ],
)
def test_we_demand_only_what_its_types_demand(
    official: Official, model: str, parse: Callable[[object], Any], full: dict[str, Any]
) -> None:
    least = {name: full[name] for name in official.told["required"][model]}

    assert len(least) < len(full) or model == "Account"
    assert asdict(parse(least))["id"] == full["id"]


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("ExecutionEnvironmentCreatePayload", CREATE.to_json()),
        ("ExecutionEnvironmentUpdatePayload", UPDATE.to_json()),
        ("EnvironmentTokenRequest", ISSUE.to_json()),
    ],
)
def test_we_send_only_properties_that_are_documented(official: Official, model: str, body: dict[str, Any]) -> None:
    assert set(body) <= set(official.told["documented"][model])
    assert len(body) > 3


def test_refusals_are_read_by_their_documented_names(official: Official) -> None:
    documented = official.told["documented"]

    assert {"message", "details", "error", "errorCode"} <= set(documented["ErrorResponse"])
    assert documented["IssueTokenForbiddenResponse"] == ["error", "errorCode", "message"]
    assert documented["IssueTokenUnavailableResponse"] == ["error", "message"]


def test_sites_version_and_refresh_are_those_of_the_package(official: Official) -> None:
    assert {site.name: [site.api_root, site.token_service] for site in SITES} == official.told["sites"]
    assert official.told["api_version"] == API_VERSION
    assert official.told["refresh_before"] == REFRESH_BEFORE.total_seconds()
