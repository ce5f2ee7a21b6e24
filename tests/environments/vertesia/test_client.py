"""What is asked of Vertesia, and what is made of its answers."""

from typing import Any

import pytest

from environments.ids import InvalidVertesiaId
from environments.vertesia.answers import Account, Project
from environments.vertesia.errors import UnexpectedAnswer
from environments.vertesia.requests import CreateEnvironment, IssueEnvironmentToken, NotARoleArn, UpdateEnvironment
from tests.environments.vertesia.servers import (
    ACCOUNT,
    AN_ENVIRONMENT,
    ENVIRONMENT,
    KEY,
    PROJECT,
    TOKEN,
    Scripted,
    issue,
    reply,
)

ROLE = "arn:aws:iam::111122223333:role/vertesia/VertesiaBedrock"
A_PROJECT = {"id": PROJECT, "name": "Marketing", "account": ACCOUNT}


def test_every_call_says_which_version_it_speaks_and_brings_a_token_never_the_key(vertesia: Scripted) -> None:
    vertesia.client(reply({"id": ACCOUNT, "name": "Acme"})).read_account()

    asked = vertesia.asked[-1]
    assert asked.line == "GET /api/v1/account"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["x-api-version"] == "20260803"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["user-agent"] == "vertesia-aws-setup"
    assert KEY not in str(asked)


def test_organizations_and_projects_are_read(vertesia: Scripted) -> None:
    restricted = {**A_PROJECT, "id": "66f2a1c08d4b3e9f17c0b002", "restricted": True}
    client = vertesia.client(
        reply([{"id": ACCOUNT, "name": "Acme"}]), reply([A_PROJECT, restricted]), reply({"data": [A_PROJECT]})
    )

    assert client.list_accounts() == (Account(ACCOUNT, "Acme"),)
    assert [project.is_restricted for project in client.list_projects("a&b")] == [False, True]
    assert client.list_projects() == (Project(PROJECT, "Marketing", ACCOUNT, is_restricted=False),)
    assert [asked.line for asked in vertesia.asked if asked.line.startswith("GET")] == [
        "GET /api/v1/accounts",
        "GET /api/v1/projects?account=a%26b",
        "GET /api/v1/account/projects",
    ]


def test_all_environments_are_listed_or_those_of_the_keys_project(vertesia: Scripted) -> None:
    client = vertesia.client(reply([AN_ENVIRONMENT]), reply([]))

    assert [environment.name for environment in client.list_environments()] == ["Bedrock Virginia"]
    assert client.list_environments(all=False) == ()
    assert [asked.line for asked in vertesia.asked][1:] == [
        "GET /api/v1/environments?all=true",
        "GET /api/v1/environments",
    ]


def test_a_masked_key_is_known_to_be_there_and_is_not_kept(vertesia: Scripted) -> None:
    masked = {**AN_ENVIRONMENT, "apiKey": "arn:************drock", "apikey_hint": "arn:...drock"}
    client = vertesia.client(reply(masked), reply({**AN_ENVIRONMENT, "apiKey": "arn:****drock"}), reply(AN_ENVIRONMENT))

    hinted, unhinted, without = (client.read_environment(ENVIRONMENT) for _ in range(3))

    assert (hinted.has_api_key, hinted.apikey_hint) == (True, "arn:...drock")
    assert (unhinted.has_api_key, unhinted.apikey_hint) == (True, "")
    assert not without.has_api_key
    assert "***" not in repr((hinted, unhinted))


@pytest.mark.parametrize(
    ("environment_id", "path"), [("a/b?c=d#e", "a%2Fb%3Fc%3Dd%23e"), ("a b%2F", "a%20b%252F"), ("é", "%C3%A9")]
)
def test_an_id_stays_one_part_of_the_path(vertesia: Scripted, environment_id: str, path: str) -> None:
    vertesia.client(reply([])).list_models(environment_id)

    assert vertesia.asked[-1].line == f"GET /api/v1/environments/{path}/models"


@pytest.mark.parametrize("environment_id", ["", ".", ".."])
def test_an_id_that_leads_elsewhere_is_not_asked_for(vertesia: Scripted, environment_id: str) -> None:
    with pytest.raises(InvalidVertesiaId):
        vertesia.client().read_environment(environment_id)

    assert vertesia.asked == []


def test_an_environment_is_created_with_what_may_be_written_and_nothing_else(vertesia: Scripted) -> None:
    client = vertesia.client(reply(AN_ENVIRONMENT))

    created = client.create_environment(CreateEnvironment("Bedrock Virginia", "us-east-1", (PROJECT,)))

    assert created.id == ENVIRONMENT
    assert vertesia.asked[-1].line == "POST /api/v1/environments"
    assert vertesia.asked[-1].body == {
        "name": "Bedrock Virginia",
        "provider": "bedrock",
        "endpoint_url": "us-east-1",
        "allowed_projects": [PROJECT],
    }


def test_an_update_sends_only_what_changes(vertesia: Scripted) -> None:
    client = vertesia.client(reply(AN_ENVIRONMENT))

    client.update_environment(ENVIRONMENT, UpdateEnvironment(api_key=ROLE, endpoint_url="us-east-1"))

    assert vertesia.asked[-1].line == f"PUT /api/v1/environments/{ENVIRONMENT}"
    assert vertesia.asked[-1].body == {"apiKey": ROLE, "endpoint_url": "us-east-1"}


@pytest.mark.parametrize(
    "api_key", ["", "arn:...drock", "arn:************drock", "sk-proj-1", f"{ROLE}\n", "arn:aws:iam::1111:role/x"]
)
def test_what_was_read_of_a_key_cannot_be_written_back(api_key: str) -> None:
    with pytest.raises(NotARoleArn) as caught:
        UpdateEnvironment(api_key=api_key)

    assert not api_key or api_key not in str(caught.value)


def test_an_update_that_changes_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="changes something"):
        UpdateEnvironment()


def test_models_come_in_vertesias_order_with_what_it_says_of_them(vertesia: Scripted) -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2"
    client = vertesia.client(
        reply(
            [
                {"id": arn, "name": "Claude", "provider": "bedrock", "owner": "Anthropic", "can_stream": True},
                {"id": "amazon.nova", "name": "Nova", "provider": "bedrock", "input_modalities": ["TEXT"], "new": 1},
            ]
        )
    )

    claude, nova = client.list_models(ENVIRONMENT)

    assert (claude.id, claude.owner, claude.can_stream, claude.is_custom) == (arn, "Anthropic", True, None)
    assert nova.input_modalities == ("TEXT",)


def test_a_token_for_an_environment_is_asked_for_as_documented(vertesia: Scripted) -> None:
    client = vertesia.client(issue(expires_in=300))

    token = client.issue_environment_token(
        IssueEnvironmentToken(ENVIRONMENT, "Bedrock Virginia", PROJECT, ACCOUNT, "bedrock")
    )

    assert (token.value, token.expires_in) == (TOKEN, 300)
    assert TOKEN not in repr(token)
    [asked] = vertesia.asked
    assert (asked.line, asked.headers["authorization"]) == ("POST /token/issue", f"Bearer {KEY}")
    assert asked.body == {
        "type": "environment",
        "environment_id": ENVIRONMENT,
        "environment_name": "Bedrock Virginia",
        "project_id": PROJECT,
        "account_id": ACCOUNT,
        "audience": "bedrock",
    }


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "environments is not a list"),
        ([7], r"environments\[0\] is not an object"),
        ([{**AN_ENVIRONMENT, "name": None}], r"environments\[0\].name is missing"),
        ([AN_ENVIRONMENT, {**AN_ENVIRONMENT, "id": "*"}], r"environments\[1\].id is not a plain id"),
        ([{**AN_ENVIRONMENT, "id": 7}], r"environments\[0\].id is not a text"),
        ([{**AN_ENVIRONMENT, "provider": "be\ndrock"}], r"environments\[0\].provider is empty, longer"),
        ([{**AN_ENVIRONMENT, "allowed_projects": "x"}], r"environments\[0\].allowed_projects is not a list"),
        ([{**AN_ENVIRONMENT, "allowed_projects": [1]}], r"environments\[0\].allowed_projects\[0\] is not a text"),
        ([{**AN_ENVIRONMENT, "enabled_models": [{}]}], r"environments\[0\].enabled_models\[0\].id is missing"),
    ],
)
def test_an_answer_of_another_shape_is_refused_with_the_path_to_it(
    vertesia: Scripted, document: Any, path: str
) -> None:
    with pytest.raises(UnexpectedAnswer, match=f"was asked to list the environments, .* documented: {path}"):
        vertesia.client(reply(document)).list_environments()


def test_what_vertesia_writes_is_text_on_one_line_and_not_too_much_of_it(vertesia: Scripted) -> None:
    nasty = {**AN_ENVIRONMENT, "name": "a\u202eb\x00\n\ud800" + "c" * 900, "description": "d" * 900, "unknown": {}}

    environment = vertesia.client(reply(nasty)).read_environment(ENVIRONMENT)

    assert environment.name.startswith("a b ccc")
    assert (len(environment.name), len(environment.description)) == (200, 500)
    assert environment.name.encode()
