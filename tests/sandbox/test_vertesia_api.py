"""The local Vertesia's API: what it lists, what it lets be written, what it hides, and how strict it is."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.vertesia import (
    ADMIN,
    IRELAND,
    MARKETING,
    OPENAI,
    ORGANIZATION,
    READER,
    RESEARCH,
    TOKYO,
    VIRGINIA,
    Vertesia,
)

ROLE = "arn:aws:iam::111122223333:role/Vertesia"


def test_the_account_is_the_organization(vertesia: Vertesia) -> None:
    account = vertesia.get("account")

    assert (account["id"], account["name"], account["account_type"]) == (ORGANIZATION, "Acme", "customer")


def test_projects_are_listed_bare_and_wrapped(vertesia: Vertesia) -> None:
    projects = vertesia.get("projects")

    assert [(project["id"], project["account"]) for project in projects] == [
        (MARKETING, ORGANIZATION),
        (RESEARCH, ORGANIZATION),
    ]
    assert vertesia.get(f"projects?account={ORGANIZATION}") == projects
    assert vertesia.get("account/projects") == {"data": projects}
    assert vertesia.call("GET", f"projects?account={'0' * 24}").status == 404


def test_a_project_that_a_key_cannot_enter_is_marked(vertesia: Vertesia) -> None:
    reader = Vertesia(vertesia.sandbox, READER)
    reader.exchange()

    assert [project.get("restricted") for project in reader.get("projects")] == [None, True]


def test_environments_are_those_of_the_keys_project_unless_all_are_wanted(vertesia: Vertesia) -> None:
    assert vertesia.environment_ids() == [VIRGINIA, IRELAND, OPENAI]
    assert vertesia.environment_ids("?all=false") == [VIRGINIA, IRELAND, OPENAI]
    assert vertesia.environment_ids("?all=true") == [VIRGINIA, IRELAND, TOKYO, OPENAI]
    assert vertesia.environment_ids("/?all=true") == [VIRGINIA, IRELAND, TOKYO, OPENAI]


def test_an_environment_is_made_written_in_part_and_deleted(vertesia: Vertesia) -> None:
    made = vertesia.call(
        "POST",
        "environments",
        {"name": "New", "provider": "bedrock", "endpoint_url": "eu-west-1", "allowed_projects": [MARKETING]},
    ).body
    assert len(made["id"]) == 24
    assert made["account"] == ORGANIZATION
    assert "apiKey" not in made

    written = vertesia.call("PUT", f"environments/{made['id']}", {"apiKey": ROLE}).body
    assert (written["name"], written["endpoint_url"]) == ("New", "eu-west-1")
    assert written["updated_by"].startswith("apikey:")
    assert made["id"] in vertesia.environment_ids()

    assert vertesia.call("DELETE", f"environments/{made['id']}").body == {"id": made["id"]}
    assert vertesia.call("GET", f"environments/{made['id']}").refusal == (404, "Environment not found")


def test_a_key_is_stored_and_never_given_back(vertesia: Vertesia) -> None:
    written = vertesia.call("PUT", f"environments/{VIRGINIA}", {"apiKey": ROLE}).body

    assert written["apiKey"] == written["apikey_hint"] == "arn:...esia"
    assert vertesia.get(f"environments/{VIRGINIA}") == written
    assert vertesia.stored_api_key(VIRGINIA) == ROLE


def test_a_mask_that_is_written_back_is_stored_as_the_key(vertesia: Vertesia) -> None:
    vertesia.call("PUT", f"environments/{VIRGINIA}", {"apiKey": ROLE})
    seen = vertesia.get(f"environments/{VIRGINIA}")
    again = vertesia.call("PUT", f"environments/{VIRGINIA}", {"apiKey": seen["apiKey"]}).body

    assert again["apiKey"] == seen["apiKey"]
    assert vertesia.stored_api_key(VIRGINIA) == seen["apiKey"]


@pytest.mark.parametrize(
    "name", ["id", "account", "apikey_hint", "created_by", "updated_by", "created_at", "updated_at", "tags", "status"]
)
def test_what_cannot_be_written_is_refused_by_its_name(vertesia: Vertesia, name: str) -> None:
    before = vertesia.get(f"environments/{VIRGINIA}")
    answers = [
        vertesia.call("PUT", f"environments/{VIRGINIA}", {"name": "Other", name: "x"}),
        vertesia.call("POST", "environments", {"name": "Other", "provider": "bedrock", name: "x"}),
    ]

    assert [answer.refusal for answer in answers] == [(400, f'Unrecognized key: "{name}"')] * 2
    assert set(answers[0].body) == {"error", "status", "message"}
    assert vertesia.get(f"environments/{VIRGINIA}") == before
    assert len(vertesia.environment_ids("?all=true")) == 4


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": 1}, "name"),
        ({"provider": "amazon"}, "provider"),
        ({"allowed_projects": MARKETING}, "allowed_projects"),
        ({"allowed_projects": ["0" * 24]}, "allowed_projects"),
        ({"default_model": {}}, "default_model"),
        ({"enabled_models": ["x"]}, "enabled_models"),
        ({"settings": []}, "settings"),
        ({"apiKey": None}, "apiKey"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_name(vertesia: Vertesia, body: dict[str, Any], named: str) -> None:
    status, message = vertesia.call("PUT", f"environments/{VIRGINIA}", body).refusal

    assert (status, named in message) == (400, True)


@pytest.mark.parametrize("name", ["name", "provider"])
def test_a_new_environment_needs_name_and_provider(vertesia: Vertesia, name: str) -> None:
    body = {"name": "New", "provider": "bedrock"}
    del body[name]

    assert vertesia.call("POST", "environments", body).refusal == (400, f"Invalid input at {name}: required")


@pytest.mark.parametrize(
    "path", ["account", "projects", "account/projects", "environments", f"environments/{VIRGINIA}"]
)
def test_a_query_parameter_that_is_not_known_is_refused_by_its_name(vertesia: Vertesia, path: str) -> None:
    assert vertesia.call("GET", f"{path}?limit=10").refusal == (400, 'Unrecognized key: "limit"')


def test_before_its_version_strictness_was_not_asked_for(vertesia: Vertesia) -> None:
    def send(version: str) -> int:
        return vertesia.call("PUT", f"environments/{VIRGINIA}", {"tags": []}, headers={"x-api-version": version}).status

    assert [send(version) for version in ("20260319", "20260803", "20270101", "latest")] == [200, 400, 400, 400]


def test_only_json_is_read(vertesia: Vertesia) -> None:
    def put(data: str, content_type: str) -> int:
        return requests.put(
            f"{vertesia.url}/api/v1/environments/{VIRGINIA}",
            data=data,
            headers={"Authorization": f"Bearer {vertesia.token}", "Content-Type": content_type},
            timeout=10,
        ).status_code

    assert put('{"name": "x"}', "application/json; charset=utf-8") == 200
    assert put('{"name": "x"}', "text/plain") == 415
    assert put("name=x", "application/x-www-form-urlencoded") == 415
    assert [put(text, "application/json") for text in ("{", "[]", '"x"', "")] == [400] * 4


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "environments", {"name": "New", "provider": "bedrock"}),
        ("PUT", f"environments/{VIRGINIA}", {"apiKey": ROLE}),
        ("PUT", f"environments/{VIRGINIA}/config", {"enabled_models": []}),
        ("DELETE", f"environments/{VIRGINIA}", None),
        ("POST", f"environments/{VIRGINIA}/models/enabled", {"model_id": "x"}),
        ("DELETE", f"environments/{VIRGINIA}/models/enabled/x", None),
    ],
)
def test_a_reader_changes_nothing(vertesia: Vertesia, method: str, path: str, body: Any) -> None:
    reader = Vertesia(vertesia.sandbox, READER)
    reader.exchange()
    before = vertesia.get("environments?all=true")

    assert reader.call(method, path, body).refusal == (403, "Missing permission: environment:admin")
    assert vertesia.get("environments?all=true") == before == reader.get("environments?all=true")


def test_config_is_merged_and_enabled_models_are_replaced(vertesia: Vertesia) -> None:
    model = {"id": "m", "name": "M", "provider": "bedrock"}
    vertesia.call("PUT", f"environments/{VIRGINIA}/config", {"config": {"failover": True, "entries": []}})
    written = vertesia.call(
        "PUT", f"environments/{VIRGINIA}/config", {"config": {"failover": False}, "enabled_models": [model]}
    ).body

    assert written["config"] == {"failover": False, "entries": []}
    assert written["enabled_models"] == [model]
    assert vertesia.call("PUT", f"environments/{VIRGINIA}/config", {"name": "x"}).status == 400


def test_ids_are_decoded_and_what_is_not_there_is_not_found(vertesia: Vertesia) -> None:
    spelled = "".join(f"%{ord(letter):02X}" for letter in VIRGINIA)
    assert vertesia.get(f"environments/{spelled}")["id"] == VIRGINIA
    for path in ("environments/x", f"environments/{'0' * 24}", "environments/..%2Faccount", "nothing", ""):
        assert vertesia.call("GET", path).status == 404


def test_whoever_is_not_known_learns_nothing_of_what_there_is(vertesia: Vertesia) -> None:
    for path in ("environments", f"environments/{VIRGINIA}", "environments/x", "nothing"):
        assert vertesia.send("GET", f"/api/v1/{path}").status == 401


def test_it_answers_only_to_its_own_address(vertesia: Vertesia) -> None:
    answer = vertesia.send("GET", "/.well-known/openid-configuration", headers={"Host": "evil.example"})

    assert answer.status == 403


def test_neither_keys_nor_tokens_are_logged_or_shown(vertesia: Vertesia) -> None:
    vertesia.call("PUT", f"environments/{OPENAI}", {"apiKey": "sk-proj-canary-of-openai"})
    vertesia.issue({"type": "apikey", "key": ADMIN})
    _, state = vertesia.sandbox.control("GET", "vertesia/state")
    seen = vertesia.sandbox.log_file.read_text() + str(state)

    assert "vertesia UpdateEnvironment 200" in seen
    for canary in (vertesia.token, ADMIN, "canary-of-openai"):
        assert canary not in seen
