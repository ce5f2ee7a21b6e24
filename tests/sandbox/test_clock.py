"""AWS's clock, set apart from this machine's: tokens, signatures, sessions and the Date header go by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.sandbox.chain import Chain
from tests.sandbox.process import SandboxProcess

Refused = Callable[..., tuple[str, str]]


@pytest.fixture
def set_clock(sandbox: SandboxProcess) -> Iterator[Callable[[float], None]]:
    def send(offset_seconds: float) -> None:
        assert sandbox.control("POST", "settings", {"clock_offset_seconds": offset_seconds})[0] == 200

    yield send
    send(0)


def test_a_clock_that_is_ahead_takes_a_fresh_token_for_expired(
    chain: Chain, set_clock: Callable[[float], None], refusal: Refused
) -> None:
    set_clock(301)
    code, message = refusal(chain.exchange)
    assert code == "ExpiredTokenException"
    assert message.startswith("Token expired: current date/time ")
    set_clock(200)
    chain.exchange()


def test_a_clock_that_is_behind_takes_a_fresh_token_for_not_yet_valid(
    chain: Chain, set_clock: Callable[[float], None], refusal: Refused
) -> None:
    set_clock(-60)
    code, message = refusal(chain.exchange)
    assert (code, message[:19]) == ("InvalidIdentityToken", "Token not yet valid")
    set_clock(0)
    chain.exchange()


@pytest.mark.parametrize(
    ("service", "call", "code", "minutes"),
    [
        ("iam", "list_roles", "SignatureDoesNotMatch", 15),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch", 15),
        ("bedrock", "list_foundation_models", "InvalidSignatureException", 5),
    ],
)
def test_a_signature_that_is_too_far_from_that_clock_is_refused(
    sandbox: SandboxProcess,
    set_clock: Callable[[float], None],
    refusal: Refused,
    service: str,
    call: str,
    code: str,
    minutes: int,
) -> None:
    signed = getattr(sandbox.client(service), call)
    set_clock(minutes * 60 - 30)
    signed()
    set_clock(minutes * 60 + 30)
    told_code, told = refusal(signed)
    assert told_code == code
    assert re.fullmatch(rf"Signature expired: \w+Z is now earlier than \w+Z \(\w+Z - {minutes} min\.\)", told)
    set_clock(-minutes * 60 - 30)
    told_code, told = refusal(signed)
    assert told_code == code
    assert re.fullmatch(rf"Signature not yet current: \w+Z is still later than \w+Z \(\w+Z \+ {minutes} min\.\)", told)


def test_a_session_lasts_as_long_as_that_clock_says(
    chain: Chain, set_clock: Callable[[float], None], refusal: Refused
) -> None:
    set_clock(-250)
    keys = chain.keys(token=chain.issuer.token(chain.subject, iat=1, nbf=1), DurationSeconds=900)
    bedrock = chain.sandbox.client("bedrock", keys)
    bedrock.list_foundation_models()
    set_clock(660)
    assert refusal(bedrock.list_foundation_models)[0] == "ExpiredTokenException"


@pytest.mark.parametrize("offset", [0, 3600, -3600])
def test_every_answer_carries_the_date_of_that_clock(
    sandbox: SandboxProcess, set_clock: Callable[[float], None], offset: int
) -> None:
    set_clock(offset)
    headers = date_headers(sandbox)
    assert len(headers) == 3
    for header in headers:
        distance = parsedate_to_datetime(header) - datetime.now(UTC)
        assert abs(distance - timedelta(seconds=offset)) < timedelta(seconds=30)


def date_headers(sandbox: SandboxProcess) -> list[str]:
    """Of a signed, of an unsigned and of a JSON answer, refused or not."""
    found: list[str] = []
    for client, call, parameters in (
        (sandbox.client("iam"), "list_roles", {}),
        (sandbox.client("bedrock"), "list_foundation_models", {}),
        (sandbox.client("sts", None), "assume_role_with_web_identity", {"RoleArn": "x"}),
    ):
        try:
            answer: dict[str, Any] = getattr(client, call)(**parameters)
        except client.exceptions.ClientError as error:
            answer = error.response
        found.append(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return found


@pytest.mark.parametrize("offset", [True, "1", None, 10**9])
def test_what_is_no_offset_is_refused(sandbox: SandboxProcess, offset: Any) -> None:
    status, body = sandbox.control("POST", "settings", {"clock_offset_seconds": offset})
    assert status == 400
    assert body["error"].startswith("clock_offset_seconds must be")
