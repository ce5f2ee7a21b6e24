"""What goes wrong between here and Vertesia, told apart by what mends it."""

import gzip
import json
import logging
import socket
import traceback
from pathlib import Path
from typing import Any

import pytest

from environments.vertesia.client import VertesiaClient
from environments.vertesia.errors import (
    KEY_REFUSALS,
    Busy,
    EnvironmentTokenRefused,
    Forbidden,
    KeyRefused,
    NotFound,
    Rejected,
    UnexpectedAnswer,
    Unreachable,
    VertesiaError,
)
from environments.vertesia.requests import CreateEnvironment, IssueEnvironmentToken
from environments.vertesia.sites import Site, local_site
from environments.vertesia.tokens import ApiKey, TokenSource
from environments.vertesia.wire import Wire
from tests.environments.vertesia.servers import (
    ACCOUNT,
    AN_ENVIRONMENT,
    ENVIRONMENT,
    KEY,
    PROJECT,
    TOKEN,
    Clock,
    Scripted,
    reply,
)
from tests.environments.web_servers import Authority, Talk, answer, drip, send, serving, stay_silent

CREATE = CreateEnvironment("Bedrock Virginia", "us-east-1", (PROJECT,))
COMPRESSED = gzip.compress(json.dumps(AN_ENVIRONMENT).encode())
"""Nobody asked for compression, and a small compressed answer can be huge."""
ISSUE = IssueEnvironmentToken(ENVIRONMENT, "Bedrock Virginia", PROJECT, ACCOUNT, "bedrock")


def refusal(message: str = "", status: int = 400, code: str = "") -> dict[str, Any]:
    """Vertesia's ErrorResponse, with the errorCode of its token service."""
    return {"error": "Error", "status": status, "message": message} | ({"errorCode": code} if code else {})


def create(client: VertesiaClient) -> VertesiaError:
    with pytest.raises(VertesiaError) as caught:
        client.create_environment(CREATE)
    return caught.value


@pytest.mark.parametrize("code", KEY_REFUSALS)
def test_a_key_that_is_refused_is_told_apart_by_vertesias_code(vertesia: Scripted, code: str) -> None:
    vertesia.issues.append(reply(refusal("Denied.", 403, code), 403))

    error = create(vertesia.client())

    assert (type(error), error.code, str(error)) == (KeyRefused, code, KEY_REFUSALS[code])
    assert not error.is_transient


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_vertesia_does_not_know_is_refused(vertesia: Scripted, status: int) -> None:
    vertesia.issues.append(reply(refusal("Invalid key", status), status))

    error = create(vertesia.client())

    assert isinstance(error, KeyRefused)
    assert "does not accept this API key" in str(error)
    assert len(vertesia.asked) == 1


def test_a_token_that_is_no_longer_taken_is_replaced_at_the_next_try(vertesia: Scripted) -> None:
    client = vertesia.client(reply(refusal(status=401), 401), reply(AN_ENVIRONMENT))

    error = create(client)
    client.create_environment(CREATE)

    assert isinstance(error, KeyRefused)
    assert "no longer accepts the token" in str(error)
    assert len(vertesia.exchanges) == 2


def test_a_role_that_is_too_small_is_told_with_the_permission_it_takes(vertesia: Scripted) -> None:
    error = create(vertesia.client(reply(refusal("Missing permission: environment:admin", 403), 403)))

    assert isinstance(error, Forbidden)
    assert str(error) == (
        "Vertesia does not let this API key create an environment: it lacks the permission environment:admin. "
        "Give the key's role that permission in Studio, or enter a key that has it. "
        "Vertesia says: “Missing permission: environment:admin”"
    )


def test_what_was_deleted_meanwhile_is_not_found(vertesia: Scripted) -> None:
    with pytest.raises(NotFound, match="asked to show the environment and does not find it: it was deleted there"):
        vertesia.client(reply(refusal(status=404), 404)).read_environment(ENVIRONMENT)


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_request_that_is_not_taken_is_told_in_vertesias_words(vertesia: Scripted, status: int) -> None:
    error = create(vertesia.client(reply(refusal("Unknown property: tags"), status)))

    assert type(error) is Rejected
    assert (error.message, error.may_have_been_done) == ("Unknown property: tags", False)
    assert str(error) == (
        f"Vertesia refused to create an environment (HTTP {status}). Vertesia says: “Unknown property: tags”"
    )


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("Tue, 24 Nov 2026 12:02:00 GMT", 120),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("999999999", 24 * 3600),
        ("-5", None),
        ("soon", None),
    ],
)
def test_how_long_vertesia_asks_to_wait_is_told(vertesia: Scripted, header: str, seconds: float | None) -> None:
    error = create(vertesia.client(reply({"error": "Service Unavailable", "message": "x"}, 503, Retry_After=header)))

    assert type(error) is Busy
    assert (error.retry_after, error.is_transient) == (seconds, True)
    assert ("asks to wait" in str(error)) == (seconds is not None)


@pytest.mark.parametrize(("status", "may_have_been_done"), [(429, False), (500, True), (502, True), (503, True)])
def test_an_error_of_vertesias_own_passes_but_may_have_done_what_was_asked(
    vertesia: Scripted, status: int, may_have_been_done: bool
) -> None:
    error = create(vertesia.client(answer(b"<html>Bad gateway", status=f"{status} x", headers="Connection: close\r\n")))

    assert type(error) is Busy
    assert (error.retry_after, error.may_have_been_done) == (None, may_have_been_done)
    assert str(error) == f"Vertesia could not create an environment just now (HTTP {status})."


def test_a_token_service_that_cannot_sign_is_busy_and_nothing_is_asked_with_no_token(vertesia: Scripted) -> None:
    vertesia.issues.append(reply({"error": "x", "message": "Signing unavailable"}, 503, Retry_After="7"))

    error = create(vertesia.client())

    assert (type(error), error.retry_after) == (Busy, 7)
    assert len(vertesia.asked) == 1


@pytest.mark.parametrize("code", ["token_issuance_forbidden", ""])
def test_a_refused_environment_token_is_nothing_unusual(vertesia: Scripted, code: str) -> None:
    with pytest.raises(EnvironmentTokenRefused, match="which is usual") as caught:
        vertesia.client(reply(refusal("No.", 403, code), 403)).issue_environment_token(ISSUE)

    assert caught.value.code == code


def test_a_refused_key_is_not_taken_for_a_refused_environment_token(vertesia: Scripted) -> None:
    with pytest.raises(KeyRefused, match="does not accept this API key"):
        vertesia.client(reply(refusal("No.", 401), 401)).issue_environment_token(ISSUE)


@pytest.mark.parametrize(
    ("talk", "what"),
    [
        (answer(b"<html>", headers="Connection: close\r\n"), "answers with no JSON"),
        (answer(b"", headers="Connection: close\r\n"), "answers with no JSON"),
        (answer(b"[" * 1900, headers="Connection: close\r\n"), "answers with no JSON"),
        (answer(b"NaN", headers="Connection: close\r\n"), "answers with no JSON"),
        (answer(COMPRESSED, headers="Content-Encoding: gzip\r\nConnection: close\r\n"), "answers with no JSON"),
        (answer(b" " * 3000, headers="Connection: close\r\n"), "answers with more than 2,000 bytes"),
        (send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * 3000), "answers with more than 2,000 bytes"),
        (reply({}, 302, Location="http://localhost:1/"), "answers with a redirect"),
        (reply({}, 307, Location="/elsewhere"), "answers with a redirect"),
    ],
)
def test_what_is_no_answer_of_vertesias_is_said_and_may_hide_a_success(
    vertesia: Scripted, talk: Talk, what: str
) -> None:
    error = create(vertesia.client(talk, max_bytes=2000))

    assert type(error) is UnexpectedAnswer
    assert what in str(error)
    assert error.may_have_been_done
    assert len(vertesia.asked) == 2


@pytest.mark.parametrize(
    ("talk", "why"),
    [
        (stay_silent, "localhost did not answer in time"),
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n "), "localhost did not answer in time"),
        (lambda connection, question: connection.close(), "localhost broke off"),
        (send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{"), "localhost broke off"),
        (send(b"SSH-2.0-OpenSSH\r\n"), "localhost broke off"),
    ],
)
def test_an_answer_that_does_not_arrive_may_hide_a_success(vertesia: Scripted, talk: Talk, why: str) -> None:
    error = create(vertesia.client(talk, read_seconds=0.3, answer_seconds=0.6))

    assert type(error) is Unreachable
    assert error.is_transient
    assert str(error) == f"Vertesia could not be asked to create an environment. {why}."
    assert error.may_have_been_done


def client_at(site: Site, clock: Clock) -> VertesiaClient:
    wire = Wire(now=clock)
    return VertesiaClient(site, TokenSource(site, ApiKey(KEY), wire, now=clock), wire)


def test_where_nobody_listens_nothing_was_done() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    error = create(client_at(local_site(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}"), Clock()))

    assert type(error) is Unreachable
    assert "127.0.0.1 takes no connection" in str(error)
    assert not error.may_have_been_done


def test_a_name_that_leads_nowhere_is_said() -> None:
    error = create(client_at(Site("x", "https://api.vertesia.invalid", "https://sts.vertesia.invalid"), Clock()))

    assert "The name sts.vertesia.invalid leads nowhere" in str(error)
    assert not error.may_have_been_done


def test_a_certificate_that_is_not_trusted_ends_it_before_anything_is_sent(tmp_path: Path) -> None:
    with serving(stay_silent, context=Authority(tmp_path).serve_as("localhost")) as server:
        url = f"https://localhost:{server.port}"
        error = create(client_at(Site("x", url, url), Clock()))

        assert server.questions == []
    assert type(error) is Unreachable
    assert "its certificate is not trusted here" in str(error)
    assert not error.may_have_been_done


def echoes() -> list[Talk]:
    """Answers that repeat what must be repeated nowhere."""
    said = f"{KEY} and {TOKEN} of Bearer {TOKEN}"
    return [
        *(
            reply(refusal(said, status, said) | {"details": said}, status, X_Said=said)
            for status in (400, 401, 403, 404, 500)
        ),
        reply({"error": said}, 400),
        reply({"message": {"text": said}, said: said}, 503),
        reply({"error": said}, 302, Location=f"http://localhost:1/{KEY}"),
        answer(said.encode(), headers="Connection: close\r\n"),
        send(f"HTTP/1.1 {said}\r\n\r\n".encode()),
        send(f"{said}\r\n\r\n".encode()),
        reply({**AN_ENVIRONMENT, "id": said, said: said}),
        reply({**AN_ENVIRONMENT, "allowed_projects": [said]}),
        reply([said]),
        reply({"token": said}),
    ]


@pytest.mark.parametrize("number", range(len(echoes())))
@pytest.mark.parametrize("door", ["exchange", "call", "environment token"])
def test_no_error_and_no_log_line_repeats_the_key_or_a_token(
    vertesia: Scripted, door: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="urllib3")
    if door == "exchange":
        vertesia.issues.append(echoes()[number])
    else:
        vertesia.answers.append(echoes()[number])
    client = vertesia.client()
    ask = client.issue_environment_token if door == "environment token" else client.create_environment

    with pytest.raises(VertesiaError) as caught:
        ask(ISSUE if door == "environment token" else CREATE)

    error = caught.value
    told = [*traceback.format_exception(error), repr(error), str(vars(error)), repr(client), caplog.text]
    assert any("localhost" in line for line in caplog.messages)
    for secret in (KEY, TOKEN, TOKEN.rpartition(".")[0], "canary"):
        assert not any(secret in text for text in told)
