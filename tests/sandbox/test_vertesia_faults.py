"""What can go wrong with Vertesia, told beforehand; and what of it lasts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.process import SandboxProcess
from tests.sandbox.vertesia import ADMIN_KEY_ID, IRELAND, ISSUING_KEY_ID, VIRGINIA, Vertesia

ROLE = "arn:aws:iam::111122223333:role/Vertesia"


def test_the_token_service_can_be_down_while_the_api_answers(vertesia: Vertesia) -> None:
    with vertesia.fault("token_service_down", times=None):
        for method, path in (("POST", "/token/issue"), ("GET", "/.well-known/jwks")):
            with pytest.raises(requests.ConnectionError):
                vertesia.send(method, path)
        assert vertesia.call("GET", "account").status == 200
    assert vertesia.issue().status == 200


def test_signing_can_be_unavailable_for_a_number_of_calls(vertesia: Vertesia) -> None:
    with vertesia.fault("unavailable", call="IssueToken", times=2, retry_after=7):
        answers = [vertesia.issue() for _ in range(3)]

    assert [answer.status for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert set(answers[0].body) == {"error", "message"}
    assert "retry-after" not in answers[2].headers


@pytest.mark.parametrize(("kind", "status"), [("unavailable", 503), ("throttled", 429), ("server_error", 500)])
def test_any_call_can_fail(vertesia: Vertesia, kind: str, status: int) -> None:
    with vertesia.fault(kind, call="GetEnvironment", skip=1):
        answers = [vertesia.call("GET", f"environments/{VIRGINIA}") for _ in range(3)]

    assert [answer.status for answer in answers] == [200, status, 200]
    assert answers[1].body["status"] == status
    assert ("retry-after" in answers[1].headers) == (kind != "server_error")


@pytest.mark.parametrize(
    "code",
    ["requested_scope_unavailable", "no_accessible_account", "restricted_environment", "token_issuance_forbidden"],
)
def test_each_code_of_a_refused_token_can_be_had(vertesia: Vertesia, code: str) -> None:
    with vertesia.fault("forbidden", call="IssueToken", code=code):
        answer = vertesia.issue()

    assert (answer.status, answer.body["errorCode"]) == (403, code)
    assert set(answer.body) == {"error", "message", "errorCode"}


def test_a_call_of_the_api_can_be_forbidden(vertesia: Vertesia) -> None:
    with vertesia.fault("forbidden", call="UpdateEnvironment"):
        assert vertesia.call("PUT", f"environments/{VIRGINIA}", {"apiKey": ROLE}).status == 403

    assert vertesia.stored_api_key(VIRGINIA) == ""


@pytest.mark.parametrize(("kind", "stored"), [("answer_lost", ROLE), ("reset_connection", "")])
def test_a_write_can_be_stored_without_an_answer_or_not_at_all(vertesia: Vertesia, kind: str, stored: str) -> None:
    with vertesia.fault(kind, call="UpdateEnvironment"), pytest.raises(requests.ConnectionError):
        vertesia.call("PUT", f"environments/{VIRGINIA}", {"apiKey": ROLE})

    assert vertesia.stored_api_key(VIRGINIA) == stored


def test_an_environment_can_be_made_without_an_answer(vertesia: Vertesia) -> None:
    body = {"name": "Orphan", "provider": "bedrock"}
    with vertesia.fault("answer_lost", call="CreateEnvironment"), pytest.raises(requests.ConnectionError):
        vertesia.call("POST", "environments", body)

    assert [one["name"] for one in vertesia.get("environments?all=true")].count("Orphan") == 1


def test_a_key_can_be_revoked_in_the_middle(vertesia: Vertesia) -> None:
    with vertesia.fault("key_revoked", call="GetEnvironment", skip=1):
        statuses = [vertesia.call("GET", f"environments/{VIRGINIA}").status for _ in range(3)]

    assert statuses == [200, 401, 401]
    assert vertesia.issue().status == 401


def test_a_key_can_be_revoked_in_the_moment_of_its_exchange(vertesia: Vertesia) -> None:
    with vertesia.fault("key_revoked", call="IssueToken"):
        assert vertesia.issue().status == 401
    assert vertesia.call("GET", "account").status == 401


def test_an_environment_can_be_deleted_in_between(vertesia: Vertesia) -> None:
    with vertesia.fault("environment_deleted", call="UpdateEnvironment"):
        answer = vertesia.call("PUT", f"environments/{VIRGINIA}", {"apiKey": ROLE})
    assert answer.refusal == (404, "Environment not found")
    assert VIRGINIA not in vertesia.environment_ids()

    assert vertesia.sandbox.control("DELETE", f"vertesia/environments/{IRELAND}") == (200, {"id": IRELAND})
    assert IRELAND not in vertesia.environment_ids()


def test_an_answer_can_be_slow(vertesia: Vertesia) -> None:
    with vertesia.fault("slow", call="GetAccount", seconds=0.4):
        started = time.monotonic()
        assert vertesia.call("GET", "account").status == 200
        assert time.monotonic() - started >= 0.4


def test_a_client_that_gives_up_on_a_slow_write_has_not_written(vertesia: Vertesia) -> None:
    with vertesia.fault("slow", call="UpdateEnvironment", seconds=60), pytest.raises(requests.ReadTimeout):
        requests.put(
            f"{vertesia.url}/api/v1/environments/{VIRGINIA}",
            json={"apiKey": ROLE},
            headers={"Authorization": f"Bearer {vertesia.token}"},
            timeout=0.3,
        )
    assert vertesia.stored_api_key(VIRGINIA) == ""


def test_faults_are_counted_shown_and_deleted(vertesia: Vertesia) -> None:
    with vertesia.fault("throttled", call="GetAccount", times=None) as fault:
        vertesia.call("GET", "account")
        assert vertesia.sandbox.control("GET", "vertesia/faults") == (200, {"faults": [fault | {"met": 1}]})
        assert vertesia.sandbox.control("DELETE", f"vertesia/faults/{fault['id']}") == (200, {"faults": []})
        assert vertesia.call("GET", "account").status == 200
        assert vertesia.sandbox.control("DELETE", f"vertesia/faults/{fault['id']}")[0] == 400


@pytest.mark.parametrize(
    ("name", "order", "said"),
    [
        ("faults", {"kind": "magic"}, "kind must be"),
        ("faults", {"kind": "slow"}, "seconds"),
        ("faults", {"kind": "slow", "seconds": 0}, "seconds"),
        ("faults", {"kind": "throttled", "seconds": 1}, "seconds"),
        ("faults", {"kind": "throttled", "call": "Nothing"}, "call must be"),
        ("faults", {"kind": "throttled", "times": 0}, "times"),
        ("faults", {"kind": "throttled", "skip": -1}, "skip"),
        ("faults", {"kind": "server_error", "retry_after": 1}, "retry_after"),
        ("faults", {"kind": "forbidden", "call": "IssueToken"}, "code"),
        ("faults", {"kind": "forbidden", "call": "GetAccount", "code": "restricted_environment"}, "code"),
        ("faults", {"kind": "throttled", "colour": "red"}, "colour"),
        ("keys", {"id": "x", "is_enabled": False}, "there is no API key"),
        ("keys", {"id": ADMIN_KEY_ID}, "is_enabled"),
        ("keys", {"id": ADMIN_KEY_ID, "is_enabled": 0}, "is_enabled must be"),
        ("keys", {"id": ADMIN_KEY_ID, "role": "emperor"}, "role must be"),
        ("settings", {}, "token_seconds"),
        ("settings", {"token_seconds": 0}, "token_seconds"),
        ("nothing", {}, "there is no POST vertesia/nothing"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_a_sentence(
    vertesia: Vertesia, name: str, order: dict[str, Any], said: str
) -> None:
    status, answer = vertesia.sandbox.control("POST", f"vertesia/{name}", order)

    assert (status, said in answer["error"]) == (400, True)


def test_a_reset_brings_the_first_state_back(vertesia: Vertesia) -> None:
    _, before = vertesia.sandbox.control("GET", "vertesia/state")
    vertesia.call("DELETE", f"environments/{VIRGINIA}")
    vertesia.call("PUT", f"environments/{IRELAND}", {"apiKey": ROLE, "name": "Other"})
    vertesia.sandbox.control("POST", "vertesia/keys", {"id": ADMIN_KEY_ID, "role": "reader"})
    vertesia.sandbox.control("POST", "vertesia/settings", {"token_seconds": 5})
    vertesia.sandbox.control("POST", "vertesia/faults", {"kind": "server_error"})
    assert vertesia.sandbox.control("GET", "vertesia/state")[1] != before

    vertesia.sandbox.control("POST", "reset")
    assert vertesia.sandbox.control("GET", "vertesia/state")[1] == before
    assert vertesia.call("GET", "account").status == 200


def test_only_the_control_header_gives_orders(vertesia: Vertesia) -> None:
    assert vertesia.sandbox.control("GET", "vertesia/state", header=None)[0] == 403
    assert vertesia.send("GET", "/_sandbox/vertesia/state", headers={"X-Sandbox-Control": "1"}).status == 401


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    running = SandboxProcess(tmp_path, "--propagation", "0")
    yield running
    running.stop()


def test_what_was_written_and_who_signs_survive_a_restart(own_sandbox: SandboxProcess) -> None:
    client = Vertesia(own_sandbox)
    client.exchange()
    client.call("PUT", f"environments/{VIRGINIA}", {"apiKey": ROLE})
    own_sandbox.control("POST", "vertesia/keys", {"id": ISSUING_KEY_ID, "is_enabled": False})
    keys = client.send("GET", "/.well-known/jwks").body
    _, before = own_sandbox.control("GET", "vertesia/state")
    own_sandbox.stop()
    assert (own_sandbox.state_dir / "state.json").stat().st_mode & 0o077 == 0
    own_sandbox.start()

    assert client.url == own_sandbox.vertesia_url
    assert own_sandbox.control("GET", "vertesia/state")[1] == before
    assert client.send("GET", "/.well-known/jwks").body == keys
    assert client.call("GET", "account").status == 200


def test_a_sandbox_that_stops_answers_what_was_slow(own_sandbox: SandboxProcess) -> None:
    own_sandbox.control("POST", "vertesia/faults", {"kind": "slow", "call": "GetDiscovery", "seconds": 60})
    with ThreadPoolExecutor(1) as background:
        asked = background.submit(Vertesia(own_sandbox).send, "GET", "/.well-known/openid-configuration")
        while not own_sandbox.control("GET", "vertesia/faults")[1]["faults"][0]["met"]:
            assert not asked.done()
        assert own_sandbox.stop() < 3
    assert asked.result().status == 200
    own_sandbox.start()
