"""The control interface: state, breakages, settings and reset."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.chain import Chain
from tests.sandbox.process import ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]


@pytest.fixture
def break_it(sandbox: SandboxProcess, chain: Chain) -> Iterator[Callable[..., Any]]:
    def order(kind: str, **changes: str) -> Any:
        named = {"account_id": ACCOUNT, "role_name": chain.role_name, "issuer_url": chain.issuer.url}
        return sandbox.control("POST", "breakages", {"kind": kind} | named | changes)

    yield order
    order("start_issuer")


@pytest.mark.parametrize("header", [None, "0"])
def test_nothing_is_told_or_done_without_the_header(sandbox: SandboxProcess, header: str | None) -> None:
    assert sandbox.control("GET", "state", header=header)[0] == 403
    assert sandbox.control("POST", "reset", {}, header=header)[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil:{port}"]
)
@pytest.mark.parametrize(
    "path", ["/_sandbox/state", "/?Action=GetCallerIdentity&Version=2011-06-15", "/foundation-models"]
)
def test_who_calls_it_by_another_name_is_told_nothing(sandbox: SandboxProcess, host: str, path: str) -> None:
    assert call_as(sandbox, host, path) == (403, {"error": "the sandbox answers only to its own address"})


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_it_answers_to_the_names_of_this_machine(sandbox: SandboxProcess, host: str) -> None:
    assert call_as(sandbox, host, "/_sandbox/health")[0] == 200


def call_as(sandbox: SandboxProcess, host: str, path: str) -> tuple[int, Any]:
    request = urllib.request.Request(  # noqa: S310 - loopback only
        sandbox.url + path,
        headers={"X-Sandbox-Control": "1", "Host": host.format(port=sandbox.url.rpartition(":")[2])},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback only
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_health_tells_the_propagation_time(sandbox: SandboxProcess) -> None:
    assert sandbox.control("GET", "health") == (200, {"status": "ok", "propagation_seconds": 0})


def test_state_shows_the_chain_and_no_secret(sandbox: SandboxProcess, chain: Chain) -> None:
    keys = chain.keys()
    status, state = sandbox.control("GET", "state")
    assert status == 200
    assert [account["account_id"] for account in state["accounts"]] == [ACCOUNT, "444455556666", "777788889999"]
    role = sandbox.stored_role(chain.role_name)
    assert role["trust_policy"] == chain.trust()
    assert list(role["inline_policies"]) == ["VertesiaBedrock"]
    assert role["last_used"]
    assert {"arn": chain.provider_arn, "issuer_url": chain.issuer.url, "audiences": ["bedrock"]}.items() <= next(
        provider for provider in state["accounts"][0]["providers"] if provider["arn"] == chain.provider_arn
    ).items()
    for secret in (*keys, "not-a-secret"):
        assert secret not in str(state)


def test_a_deleted_provider_breaks_the_exchange(chain: Chain, break_it: Callable[..., Any], refusal: Refused) -> None:
    assert break_it("delete_provider")[0] == 200
    assert refusal(chain.exchange)[1].startswith("No OpenIDConnect provider found in your account")


def test_a_removed_audience_breaks_the_exchange(chain: Chain, break_it: Callable[..., Any], refusal: Refused) -> None:
    assert break_it("remove_audience")[0] == 200
    assert refusal(chain.exchange) == ("InvalidIdentityToken", "Incorrect token audience")


def test_one_letter_of_the_subject_breaks_the_exchange(
    chain: Chain, break_it: Callable[..., Any], refusal: Refused
) -> None:
    status, answer = break_it("change_subject_case")
    assert status == 200
    before, after = answer["before"], answer["after"]
    assert before == chain.trust() != after
    assert json.dumps(before).lower() == json.dumps(after).lower()
    assert refusal(chain.exchange)[0] == "AccessDenied"


def test_a_detached_policy_breaks_the_list(chain: Chain, break_it: Callable[..., Any], refusal: Refused) -> None:
    bedrock = chain.sandbox.client("bedrock", chain.keys())
    bedrock.list_foundation_models()
    chain.iam.attach_role_policy(RoleName=chain.role_name, PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockFullAccess")
    assert break_it("detach_policy")[0] == 200
    chain.exchange()
    assert refusal(bedrock.list_foundation_models)[0] == "AccessDeniedException"


def test_a_stopped_issuer_breaks_the_exchange_until_it_is_started(
    chain: Chain, break_it: Callable[..., Any], refusal: Refused
) -> None:
    assert break_it("stop_issuer")[0] == 200
    assert refusal(chain.exchange)[1].startswith("Couldn't retrieve verification key")
    assert break_it("start_issuer")[0] == 200
    chain.exchange()


@pytest.mark.parametrize(
    ("order", "status", "sentence"),
    [
        ({"kind": "earthquake"}, 400, "kind must be one of"),
        ({"kind": "stop_issuer", "issuer_url": ""}, 400, "issuer_url is missing"),
        ({"kind": "detach_policy", "role_name": "Nobody"}, 409, f"account {ACCOUNT} has no role Nobody"),
        ({"kind": "delete_provider", "issuer_url": "https://x"}, 409, f"account {ACCOUNT} has no identity provider"),
        ({"kind": "remove_audience", "audience": "blobs"}, 409, "has no audience blobs"),
    ],
)
def test_what_cannot_be_broken_is_said(
    break_it: Callable[..., Any], order: dict[str, str], status: int, sentence: str
) -> None:
    answered, body = break_it(**order)
    assert answered == status
    assert sentence in body["error"]


def test_an_unknown_path_or_body_is_refused(sandbox: SandboxProcess) -> None:
    assert sandbox.control("GET", "nothing")[0] == 404
    assert sandbox.control("POST", "settings", {"propagation_seconds": -1})[0] == 400
    assert sandbox.control("POST", "settings", [])[0] == 400
    assert sandbox.control("POST", "caller_policy", {"policy": {"Statement": "x"}})[0] == 400


def test_reset_brings_back_the_first_state(
    sandbox: SandboxProcess, chain: Chain, break_it: Callable[..., Any], refusal: Refused
) -> None:
    bedrock = sandbox.client("bedrock", chain.keys())
    break_it("stop_issuer")
    sandbox.control("POST", "settings", {"propagation_seconds": 3})
    sandbox.control("POST", "caller_policy", {"policy": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": "*", "Resource": "*"}
    ]}})  # fmt: skip

    assert sandbox.control("POST", "reset", {}) == (200, {"status": "ok", "propagation_seconds": 0})

    _, state = sandbox.control("GET", "state")
    assert state["stopped_issuers"] == []
    for account in state["accounts"]:
        assert [role["name"] for role in account["roles"]] == ["VertesiaConsole"]
        assert (account["providers"], account["policies"]) == ([], [])
    assert sandbox.client("iam").list_roles()["Roles"]
    assert refusal(bedrock.list_foundation_models)[0] == "UnrecognizedClientException"


ORDERS = {
    "settings": {"clock_offset_seconds": 1, "default_page_size": 5},
    "regions": {"account_id": ACCOUNT, "without_sts": ["eu-west-1"], "disabled": ["me-south-1"]},
    "issuers": {"issuer_url": "https://issuer.example.com", "thumbprint": "a" * 40},
    "model_access": {"account_id": ACCOUNT, "agreement": "PENDING", "lifecycle": "LEGACY", "is_form_sent": False},
}


def shown(sandbox: SandboxProcess) -> dict[str, Any]:
    _, state = sandbox.control("GET", "state")
    names = ("clock_offset_seconds", "default_page_size", "private_certificates")
    return {name: state[name] for name in names} | {
        name: state["accounts"][0][name] for name in ("regions_off", "model_access")
    }


def test_what_it_was_told_outlives_a_restart_but_not_a_reset(tmp_path: Path) -> None:
    sandbox = SandboxProcess(tmp_path, "--propagation", "0")
    try:
        first = shown(sandbox)
        for name, order in ORDERS.items():
            assert sandbox.control("POST", name, order)[0] == 200
        told = shown(sandbox)
        assert all(told[name] != first[name] for name in first)
        sandbox.stop()
        sandbox.start()
        assert shown(sandbox) == told
        sandbox.control("POST", "reset", {})
        assert shown(sandbox) == first
    finally:
        sandbox.stop()


def test_a_plain_page_cannot_be_had(sandbox: SandboxProcess) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{sandbox.url}/", timeout=5)  # noqa: S310 - loopback only
    with caught.value as answer:
        assert answer.code == 403
