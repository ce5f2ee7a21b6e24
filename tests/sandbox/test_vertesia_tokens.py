"""The local Vertesia's token service: keys exchanged, tokens of environments, what it refuses, its documents."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
import requests

from tests.sandbox.vertesia import (
    ADMIN,
    ADMIN_KEY_ID,
    ISSUING,
    ISSUING_KEY_ID,
    MARKETING,
    ORGANIZATION,
    READER,
    REVOKED,
    TOKYO,
    VIRGINIA,
    Vertesia,
)

ENVIRONMENT_TOKEN = {
    "type": "environment",
    "environment_id": VIRGINIA,
    "environment_name": "Bedrock Virginia",
    "project_id": MARKETING,
    "account_id": ORGANIZATION,
}


def read(vertesia: Vertesia, token: str, *, audience: str) -> dict[str, Any]:
    """The claims of a token that the issuer's own published key vouches for, as anybody can check."""
    discovery = vertesia.send("GET", "/.well-known/openid-configuration").body
    assert discovery["issuer"] == vertesia.url
    key_id = jwt.get_unverified_header(token)["kid"]
    keys = {key["kid"]: key for key in requests.get(discovery["jwks_uri"], timeout=10).json()["keys"]}
    assert all("d" not in key for key in keys.values())
    claims: dict[str, Any] = jwt.decode(
        token, jwt.PyJWK(keys[key_id]), algorithms=["ES256", "RS256"], audience=audience, issuer=vertesia.url
    )
    return claims


@pytest.mark.parametrize("form", ["bearer", "body", "both"])
def test_an_api_key_is_exchanged_for_an_hour_wherever_it_is_sent(vertesia: Vertesia, form: str) -> None:
    body = None if form == "bearer" else {"type": "apikey", "key": ADMIN}
    answer = vertesia.issue(body, bearer="" if form == "body" else None)

    assert (answer.status, answer.body["token_type"], answer.body["expires_in"]) == (200, "Bearer", 3600)
    claims = read(vertesia, answer.body["token"], audience=vertesia.url)
    assert claims["type"] == "apikey"
    assert claims["account"] == {"id": ORGANIZATION, "name": "Acme"}
    assert claims["project"] == {"id": MARKETING, "name": "Marketing", "account": ORGANIZATION}
    assert "environment:admin" in claims["permissions"]
    assert claims["endpoints"] == {"studio": vertesia.url, "store": vertesia.url, "token": vertesia.url}
    assert claims["exp"] - claims["iat"] == 3600


def test_a_token_may_be_signed_with_rsa_too(vertesia: Vertesia) -> None:
    token = vertesia.issue({"type": "apikey", "key": ADMIN, "algorithm": "RS256"}).body["token"]

    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    assert read(vertesia, token, audience=vertesia.url)["iss"] == vertesia.url


@pytest.mark.parametrize("key", [REVOKED, "sk-unknown", "", "no-key-at-all"])
def test_a_key_that_is_revoked_unknown_or_missing_is_refused(vertesia: Vertesia, key: str) -> None:
    answer = vertesia.issue(bearer=key)

    assert answer.status == answer.body["status"] == 401
    assert answer.body["error"] == "Unauthorized"


@pytest.mark.parametrize("key", [ADMIN, READER])
def test_a_usual_key_gets_no_token_of_an_environment(vertesia: Vertesia, key: str) -> None:
    answer = vertesia.issue(ENVIRONMENT_TOKEN, bearer=key)

    assert answer.status == 403
    assert set(answer.body) == {"error", "message", "errorCode"}
    assert answer.body["errorCode"] == "token_issuance_forbidden"


def test_a_privileged_key_gets_the_token_that_aws_is_shown(vertesia: Vertesia) -> None:
    claims = read(vertesia, vertesia.issue(ENVIRONMENT_TOKEN, bearer=ISSUING).body["token"], audience="bedrock")

    assert claims["sub"] == f"env:{ORGANIZATION}:{VIRGINIA}"
    assert (claims["aud"], claims["name"], claims["account"]["id"]) == ("bedrock", "Bedrock Virginia", ORGANIZATION)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"environment_id": "0" * 24}, "requested_scope_unavailable"),
        ({"environment_name": "Another"}, "requested_scope_unavailable"),
        ({"account_id": "0" * 24}, "requested_scope_unavailable"),
        ({"environment_id": TOKYO, "environment_name": "Bedrock Tokyo"}, "restricted_environment"),
    ],
)
def test_a_privileged_key_is_told_by_a_code_what_it_may_not_have(
    vertesia: Vertesia, changes: dict[str, str], code: str
) -> None:
    answer = vertesia.issue(ENVIRONMENT_TOKEN | changes, bearer=ISSUING)

    assert (answer.status, answer.body["errorCode"]) == (403, code)
    assert not any(value in json.dumps(answer.body) for value in changes.values())


@pytest.mark.parametrize("kind", ["user", "project", "agent", "service_account"])
def test_no_key_gets_tokens_of_other_types(vertesia: Vertesia, kind: str) -> None:
    assert vertesia.issue({"type": kind}, bearer=ISSUING).body["errorCode"] == "token_issuance_forbidden"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"type": "apikey", "key": ADMIN, "ttl": 1}, "ttl"),
        ({"type": "apikey"}, "key"),
        ({"type": "apikey", "key": 1}, "key"),
        ({"type": "magic"}, "type"),
        ({"type": "apikey", "key": ADMIN, "algorithm": "HS256"}, "algorithm"),
        ({name: value for name, value in ENVIRONMENT_TOKEN.items() if name != "project_id"}, "project_id"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(vertesia: Vertesia, body: dict[str, Any], named: str) -> None:
    status, message = vertesia.issue(body, bearer=ISSUING).refusal

    assert status == 400
    assert named in message


def test_tokens_of_environments_and_foreign_or_changed_ones_open_no_api(vertesia: Vertesia) -> None:
    assert vertesia.call("GET", "account").status == 200
    environment_token = vertesia.issue(ENVIRONMENT_TOKEN, bearer=ISSUING).body["token"]
    header, claims, _ = vertesia.token.split(".")
    for token in (environment_token, f"{header}.{claims}.AAAA", f"{header}.{claims}.", "x", ADMIN, ""):
        answer = vertesia.call("GET", "account", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status, answer.body["error"], answer.body["status"]) == (401, "Unauthorized", 401)


def test_a_token_ends_with_its_time(vertesia: Vertesia) -> None:
    vertesia.sandbox.control("POST", "vertesia/settings", {"token_seconds": 1})
    assert vertesia.issue().body["expires_in"] == 1
    vertesia.exchange()
    while (answer := vertesia.call("GET", "account")).status == 200:
        pass

    assert answer.refusal == (401, "Token expired")


def test_a_revoked_key_gets_no_new_token_while_its_old_one_lives_on_unless_that_is_refused_too(
    vertesia: Vertesia,
) -> None:
    vertesia.sandbox.control("POST", "vertesia/keys", {"id": ADMIN_KEY_ID, "is_enabled": False})
    assert vertesia.issue().status == 401
    assert vertesia.call("GET", "account").status == 200

    vertesia.sandbox.control("POST", "vertesia/keys", {"id": ADMIN_KEY_ID, "are_tokens_refused": True})
    assert vertesia.call("GET", "account").status == 401


def test_a_key_can_be_told_to_be_privileged_or_not(vertesia: Vertesia) -> None:
    vertesia.sandbox.control(
        "POST", "vertesia/keys", {"id": ISSUING_KEY_ID, "may_issue_environment_tokens": False, "role": "reader"}
    )
    answer = vertesia.issue(ENVIRONMENT_TOKEN, bearer=ISSUING)

    assert answer.body["errorCode"] == "token_issuance_forbidden"
