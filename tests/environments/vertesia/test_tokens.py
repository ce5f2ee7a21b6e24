"""One API key, and the short-lived tokens made of it."""

import json
import pickle
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from environments.issuer.unverified import UnreadableToken, UnverifiedToken, read_unverified
from environments.vertesia.errors import UnexpectedAnswer
from environments.vertesia.tokens import ApiKey, InvalidApiKey
from tests.environments.vertesia.servers import (
    ACCOUNT,
    CLAIMS,
    KEY,
    NOON,
    PROJECT,
    TOKEN,
    Scripted,
    encode,
    issue,
    reply,
)


def running_out(**after: float) -> str:
    return encode({**CLAIMS, "exp": int((NOON + timedelta(**after)).timestamp())})


def test_the_key_is_exchanged_as_vertesias_own_client_does(vertesia: Scripted) -> None:
    assert vertesia.tokens().get_token() == TOKEN

    [asked] = vertesia.asked
    assert asked.line == "POST /token/issue"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["x-api-version"] == "20260803"
    assert asked.body == {"type": "apikey", "key": KEY}


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        (issue(running_out(minutes=10)), 600),
        (issue(running_out(minutes=10), expires_in=3), 600),
        (issue(expires_in=300), 300),
        (issue(), 3600),
        (issue(expires_in=10**30), 24 * 3600),
    ],
)
def test_a_token_is_used_until_a_minute_before_it_runs_out(vertesia: Scripted, script: Any, seconds: int) -> None:
    vertesia.issues += [script, issue(running_out(days=9))]
    tokens = vertesia.tokens()
    first = tokens.get_token()

    vertesia.clock.pass_by(seconds=seconds - 61)
    assert tokens.get_token() == first
    vertesia.clock.pass_by(seconds=1)
    assert tokens.get_token() == running_out(days=9)
    assert len(vertesia.exchanges) == 2


def test_a_token_that_has_run_out_by_our_clock_is_used_and_asked_for_each_time(vertesia: Scripted) -> None:
    vertesia.issues += [issue(running_out(hours=-1)), issue(running_out(hours=-1))]
    tokens = vertesia.tokens()

    assert tokens.get_token() == tokens.get_token() == running_out(hours=-1)
    assert len(vertesia.exchanges) == 2


def test_many_threads_share_one_exchange(vertesia: Scripted) -> None:
    tokens, got = vertesia.tokens(), []
    threads = [threading.Thread(target=lambda: got.append(tokens.get_token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)

    assert got == [TOKEN] * 8
    assert len(vertesia.exchanges) == 1


def test_a_forgotten_token_is_not_given_out_again_and_another_is_kept(vertesia: Scripted) -> None:
    tokens = vertesia.tokens()
    tokens.get_token()

    tokens.forget("another")
    tokens.get_token()
    assert len(vertesia.exchanges) == 1
    tokens.forget(TOKEN)
    tokens.get_token()
    assert len(vertesia.exchanges) == 2


def test_the_token_says_whose_key_it_is_and_who_signs(vertesia: Scripted) -> None:
    endpoints = {"studio": "https://api.eu1.vertesia.io", "token": "https://sts.eu1.vertesia.io", "git": None}
    claims = {**CLAIMS, "exp": 1_800_000_000, "permissions": ["environment:admin"], "endpoints": endpoints}
    vertesia.issues.append(issue(encode(claims)))

    found = vertesia.tokens().read_claims()

    assert (found.account_id, found.account_name, found.project_id) == (ACCOUNT, "Acme", PROJECT)
    assert found.issuer == "https://sts.vertesia.io"
    assert found.expires_at == datetime.fromtimestamp(1_800_000_000, UTC)
    assert found.permissions == ("environment:admin",)
    assert found.endpoints == {"studio": "https://api.eu1.vertesia.io", "token": "https://sts.eu1.vertesia.io"}


def test_a_token_that_says_little_is_not_guessed_at(vertesia: Scripted) -> None:
    vertesia.issues.append(issue(encode({"iss": "i", "account": {"id": ACCOUNT}, "endpoints": "eu1.vertesia.io"})))

    found = vertesia.tokens().read_claims()

    assert (found.project_id, found.expires_at, found.permissions) == ("", None, None)
    assert found.endpoints == {"domain": "eu1.vertesia.io"}


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({}, "answer.token is missing"),
        ({"token": 7}, "answer.token is not a text"),
        ({"token": "opaque"}, "answer.token is not a JSON Web Token"),
        ({"token": "a.b.c\r\nX-Injected: 1"}, "answer.token is empty, longer than"),
        ({"token": "a.b.c"}, "The text is not a JSON Web Token"),
        ({"token": encode([])}, "The text is not a JSON Web Token"),
        ({"token": encode({"iss": "i"})}, "claims.account is missing"),
        ({"token": encode({**CLAIMS, "iss": ["i"]})}, "claims.iss is not a text"),
        ({"token": encode({**CLAIMS, "exp": "soon"})}, "claims.exp is not a number"),
        ({"token": encode({**CLAIMS, "exp": 1e300})}, "claims.exp is not a date"),
        ({"token": encode({**CLAIMS, "account": {"id": "*"}})}, "claims.account.id is not a plain id"),
        ({"token": TOKEN, "expires_in": True}, "answer.expires_in is not a number"),
    ],
)
def test_an_answer_that_holds_no_token_is_refused(vertesia: Scripted, document: Any, what: str) -> None:
    vertesia.issues.append(reply(document))

    with pytest.raises(UnexpectedAnswer, match=what):
        vertesia.tokens().get_token()


@pytest.mark.parametrize("text", ["", "sk-", "pk-1", "eyJhbGciOi", "sk-a b", "sk-a\n", "sk-é", "sk-" + "a" * 600])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidApiKey) as caught:
        ApiKey(text)

    assert len(text) < 4 or text.strip() not in str(caught.value)


def test_a_key_is_neither_shown_nor_sent_to_a_queue(vertesia: Scripted) -> None:
    key = ApiKey(KEY)

    assert KEY not in repr((key, vertesia.tokens(), vertesia.client()))
    with pytest.raises(TypeError, match="not to be sent"):
        pickle.dumps(key)
    with pytest.raises(TypeError):
        json.dumps(key)


def test_an_unverified_token_is_read_whoever_signed_it() -> None:
    assert read_unverified(UnverifiedToken(encode({"iss": "anybody", "exp": 1}))) == {"iss": "anybody", "exp": 1}


@pytest.mark.parametrize("text", ["", "canary", "canary.canary.canary", "a" * 40_000, encode("canary")])
def test_what_is_no_token_is_not_repeated(text: str) -> None:
    with pytest.raises(UnreadableToken) as caught:
        read_unverified(UnverifiedToken(text))

    assert "canary" not in str(caught.value)
