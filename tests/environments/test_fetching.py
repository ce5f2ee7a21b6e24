"""Fetching goes to the public internet by https only, to the address it checked, and ends in time."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from config.programs import find_free_port
from environments.destinations import Destination, Place, place_of, read_destination
from environments.fetching import FetchFailed, Stage, fetch, post_json
from environments.sockets import Network, TlsReason
from tests.environments.web_servers import DAY, NOW, Authority, answer, drip, send, serving, stay_silent

HOST = "issuer.vertesia.example"
SOON = 0.5
"""Seconds: long enough for a server that answers, short enough for one that does not."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def get(url: str, **changes: Any) -> Any:
    return fetch(url, **{"allow_loopback": True, "deadline_seconds": 10.0, **changes})


def failure(url: str, **changes: Any) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        get(url, **changes)
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "",
        "issuer.vertesia.example",
        "ftp://issuer.vertesia.example/",
        "http://issuer.vertesia.example/",
        "http://localhost/",
        "https://user@issuer.vertesia.example/",
        "https://user:secret@issuer.vertesia.example/",
        "https://@issuer.vertesia.example/",
        "https://issuer.vertesia.example/#top",
        "https://issuer.vertesia.example:0/",
        "https://issuer.vertesia.example:99999/",
        "https://issuer.vertesia.example/a b",
        "https://issuer.vertesia.example/\n",
        "https://issuer.vertesia.example\\@localhost/",
        "https://íssuer.vertesia.example/",
        "https://[::1/",
        "https:///path",
        "https://$(id).vertesia.example/",
        "https://a;id.vertesia.example/",
        "https://`id`.vertesia.example/",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_no_plain_https_url_is_not_fetched(url: str) -> None:
    assert failure(url).stage == Stage.ADDRESS_NOT_ALLOWED


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::1",
        "2001:db8::1",
        "fe80::1%1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff0e::1",
    ],
)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert place_of(address) != Place.INTERNET


@pytest.mark.parametrize("address", ["8.8.8.8", "2600:1f18::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert place_of(address) == Place.INTERNET


RECEIVER = "https://hooks.example.internal/"
PRIVATE = ["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::ffff:10.1.2.3", "fc00::1", "fd12:3456::1"]
LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
NOWHERE = [
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    "224.0.0.1",
    "::",
    "::ffff:169.254.169.254",
    "::ffff:168.63.129.16",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::10.1.2.3",
    "64:ff9b::127.0.0.1",
    "2002:a01:203::1",
    "fe80::1%1",
    "fe80::a9fe:a9fe",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fd00:100::100:200",
    "fd00:a9fe:a9fe::1",
    "fd00:42::42",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_the_operator_named_may_stand_in_a_private_network_and_nothing_else(address: str) -> None:
    assert read_destination(RECEIVER, allow_loopback=False, allow_private=True).may_be_at(address)
    assert not read_destination(RECEIVER, allow_loopback=False).may_be_at(address)
    assert not read_destination("http://localhost:1/", allow_loopback=True, allow_private=True).may_be_at(address)


@pytest.mark.parametrize("address", LOOPBACK)
def test_what_the_operator_named_may_stand_on_this_machine_in_the_sandbox_only(address: str) -> None:
    assert read_destination(RECEIVER, allow_loopback=True, allow_private=True).may_be_at(address)
    assert not read_destination(RECEIVER, allow_loopback=False, allow_private=True).may_be_at(address)


@pytest.mark.parametrize("address", NOWHERE)
def test_nobody_s_wish_opens_link_local_shared_or_metadata_addresses(address: str) -> None:
    for is_sandbox in (False, True):
        assert not read_destination(RECEIVER, allow_loopback=is_sandbox, allow_private=True).may_be_at(address)


@pytest.mark.parametrize("url", ["http://10.1.2.3:80/", "http://hooks.example.internal:80/", "http://localhost/"])
def test_a_private_network_is_reached_by_https_only(url: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        post_json(url, b"{}", {}, allow_loopback=True, allow_private=True, deadline_seconds=10)

    assert caught.value.stage == Stage.ADDRESS_NOT_ALLOWED
    assert "by https only" in str(caught.value)


def test_a_metadata_address_behind_a_name_that_the_operator_gave_is_not_asked() -> None:
    network = Network(resolve=lambda host, port: [("10.1.2.3", port), ("169.254.169.254", port)])

    with pytest.raises(FetchFailed) as caught:
        post_json(RECEIVER, b"{}", {}, allow_loopback=False, allow_private=True, deadline_seconds=10, network=network)

    assert caught.value.stage == Stage.ADDRESS_NOT_ALLOWED
    assert "169.254.169.254, which is not an address of the public internet or a private network" in str(caught.value)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://localhost/", "https://[::1]/"])
def test_https_does_not_lead_to_this_machine_even_in_the_sandbox(url: str) -> None:
    found = failure(url)

    assert found.stage == Stage.ADDRESS_NOT_ALLOWED
    assert "not an address of the public internet" in str(found)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    network = Network(resolve=lambda host, port: [("8.8.8.8", port), ("10.0.0.1", port)])

    found = failure(f"https://{HOST}/", network=network)

    assert found.stage == Stage.ADDRESS_NOT_ALLOWED
    assert "10.0.0.1" in str(found)


def test_the_waiver_is_for_the_sandbox_only() -> None:
    with serving(answer()) as server:
        assert failure(server.url, allow_loopback=False).stage == Stage.ADDRESS_NOT_ALLOWED
        assert not server.questions

        assert get(server.url).body == b"{}"


def test_the_waiver_does_not_hold_for_a_loopback_name_that_leads_elsewhere() -> None:
    found = failure("http://localhost:8000/", network=Network(resolve=lambda host, port: [("8.8.8.8", port)]))

    assert found.stage == Stage.ADDRESS_NOT_ALLOWED


def test_an_answer_is_whole_and_says_who_gave_it() -> None:
    with serving(answer(b'{"a": 1}', status="404 Not Found")) as server:
        fetched = get(f"{server.url}/path?query=1")

        assert (fetched.status, fetched.body) == (404, b'{"a": 1}')
        assert fetched.peer.address in ("127.0.0.1", "::1")
        assert fetched.peer.certificate is None
        assert fetched.milliseconds >= fetched.peer.milliseconds
        assert server.questions[0].startswith(b"GET /path?query=1 HTTP/1.1\r\n")
        assert f"Host: localhost:{server.port}".encode() in server.questions[0]


def test_an_answer_in_chunks_and_one_without_a_length_are_read() -> None:
    with serving(send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")) as server:
        assert get(server.url).body == b"abc"
    with serving(send(b"HTTP/1.0 200 OK\r\n\r\nabc")) as server:
        assert get(server.url).body == b"abc"


def test_a_server_that_keeps_the_connection_open_is_not_waited_for() -> None:
    def talk(connection: socket.socket, question: bytes) -> None:
        answer(b"abc")(connection, question)
        stay_silent(connection, question)

    with serving(talk) as server:
        assert get(server.url).body == b"abc"


def test_json_is_posted_with_the_headers_given() -> None:
    with serving(answer(b"", status="202 Accepted")) as server:
        fetched = post_json(
            f"{server.url}/hook", b'{"a": 1}', {"X-Signature": "abc"}, allow_loopback=True, deadline_seconds=10
        )

        head, _, body = server.questions[0].partition(b"\r\n\r\n")
        assert fetched.status == 202
        assert body == b'{"a": 1}'
        assert head.startswith(b"POST /hook HTTP/1.1\r\n")
        assert b"Content-Type: application/json" in head
        assert b"X-Signature: abc" in head


def test_json_is_posted_over_tls_to_a_receiver_that_the_operator_has_on_this_machine(authority: Authority) -> None:
    body = '{ "b" :1,\n"a": "ü" }'.encode()

    with serving(answer(status="204 None"), context=authority.serve_as(HOST)) as server:
        network = authority.network(server.port, is_allowed=Destination.may_be_at)

        def post(**waivers: bool) -> int:
            return post_json(f"https://{HOST}/", body, {}, deadline_seconds=10, network=network, **waivers).status

        for refused in (
            {"allow_loopback": True},
            {"allow_loopback": False, "allow_private": True},
        ):
            with pytest.raises(FetchFailed, match=r"leads to 127\.0\.0\.1"):
                post(**refused)
        assert not server.questions

        assert post(allow_loopback=True, allow_private=True) == 204
        assert server.questions[0].endswith(b"\r\n\r\n" + body)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with serving(answer(b"direct")) as server:
        assert get(server.url).body == b"direct"


def test_a_name_that_nobody_knows_is_said_to_be_unknown() -> None:
    found = failure(f"https://{HOST}/secret?key=secret")

    assert found.stage == Stage.NAME_NOT_RESOLVED
    assert str(found) == f"The name {HOST} cannot be resolved."
    assert found.peer is None


def test_a_resolver_that_hangs_does_not_hold_longer_than_the_deadline() -> None:
    is_over = threading.Event()

    def hang(host: str, port: int) -> list[tuple[str, int]]:
        is_over.wait(10)
        return []

    started = time.monotonic()
    found = failure(f"https://{HOST}/", deadline_seconds=SOON, network=Network(resolve=hang))
    is_over.set()

    assert found.stage == Stage.TOO_SLOW
    assert "was not resolved within 0.5 seconds" in str(found)
    assert time.monotonic() - started < 5


def test_a_port_where_nobody_listens_is_named_as_refused() -> None:
    found = failure(f"http://127.0.0.1:{find_free_port()}/")

    assert found.stage == Stage.NOT_CONNECTED
    assert str(found) == "127.0.0.1 (127.0.0.1) takes no connection: connection refused."


def test_the_next_address_is_tried_where_the_first_takes_no_connection() -> None:
    with serving(answer(b"second")) as server:
        nobody = ("127.0.0.2", find_free_port())
        network = Network(resolve=lambda host, port: [nobody, ("127.0.0.1", port)])

        fetched = get(server.url, network=network)

        assert fetched.body == b"second"
        assert fetched.peer.address == "127.0.0.1"


def test_the_name_is_resolved_once_and_that_very_address_is_used() -> None:
    asked: list[str] = []

    with serving(answer()) as server:

        def resolve(host: str, port: int) -> list[tuple[str, int]]:
            asked.append(host)
            return [("127.0.0.1", port)]

        get(server.url, network=Network(resolve=resolve))

    assert asked == ["localhost"]


@pytest.mark.parametrize(
    "talk",
    [
        stay_silent,
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\na"),
        drip(b"HTTP/1.1 200 OK\r\nX-Long: a"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\na"),
    ],
    ids=["silent", "body drips", "header drips", "chunk drips"],
)
def test_a_slow_server_does_not_hold_longer_than_the_deadline(talk: Any) -> None:
    with serving(talk) as server:
        started = time.monotonic()
        found = failure(server.url, deadline_seconds=SOON)

        assert found.stage == Stage.TOO_SLOW
        assert str(found) == "localhost did not answer in full within 0.5 seconds."
        assert found.peer is not None
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serving(answer(status=f"{status} Elsewhere", headers="Location: /other?token=secret\r\n")) as server:
        found = failure(server.url)

        assert found.stage == Stage.REDIRECTED
        assert "secret" not in str(found)
        assert len(server.questions) == 1


@pytest.mark.parametrize(
    "talk",
    [
        answer(b"a" * 1001),
        send(b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * 1001),
        send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n"),
        send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
    ],
    ids=["announced", "without a length", "in chunks", "announced only"],
)
def test_an_answer_that_is_too_large_is_not_taken(talk: Any) -> None:
    with serving(talk) as server:
        assert failure(server.url, max_bytes=1000).stage == Stage.TOO_LARGE


def test_an_answer_of_just_the_greatest_size_is_taken() -> None:
    with serving(answer(b"a" * 1000)) as server:
        assert len(get(server.url, max_bytes=1000).body) == 1000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    ],
    ids=["nothing", "another protocol", "cut short", "cut in a chunk", "headers without end"],
)
def test_what_is_no_answer_of_a_web_server_is_said_to_be_none(raw: bytes) -> None:
    with serving(send(raw)) as server:
        assert failure(server.url).stage == Stage.BAD_ANSWER


@contextlib.contextmanager
def secure_server(context: ssl.SSLContext) -> Iterator[int]:
    with serving(answer(b"secure"), context=context) as server:
        yield server.port


def test_tls_is_checked_against_the_name_and_described(authority: Authority) -> None:
    with serving(answer(b"secure"), context=authority.serve_as(HOST)) as server:
        fetched = get(f"https://{HOST}/", allow_loopback=False, network=authority.network(server.port))

        assert fetched.body == b"secure"
        assert fetched.peer.address == "127.0.0.1"
        assert fetched.peer.certificate.names == (HOST,)
        assert fetched.peer.certificate.issuer == "Tests' Own Authority"
        assert fetched.peer.certificate.expires_at == (NOW + DAY).replace(microsecond=0)
        assert f"Host: {HOST}\r\n".encode() in server.questions[0]


def test_sni_tells_the_server_the_name(authority: Authority) -> None:
    told: list[str | None] = []
    context = authority.serve_as(HOST)
    context.sni_callback = lambda connection, name, _: told.append(name)

    with secure_server(context) as port:
        get(f"https://{HOST}/", network=authority.network(port))

    assert told == [HOST]


@pytest.mark.parametrize(
    ("certificate", "reason", "words"),
    [
        ({"ends": NOW - DAY / 2}, TlsReason.EXPIRED, "has expired"),
        ({"begins": NOW + DAY / 2}, TlsReason.NOT_YET_VALID, "not valid yet"),
        ({"own": True}, TlsReason.SELF_SIGNED, "self-signed"),
        ({"name": "other.vertesia.example"}, TlsReason.WRONG_NAME, "issued for another name"),
    ],
)
def test_a_certificate_that_does_not_hold_is_explained(
    authority: Authority, certificate: dict[str, Any], reason: TlsReason, words: str
) -> None:
    with secure_server(authority.serve_as(**{"name": HOST, **certificate})) as port:
        found = failure(f"https://{HOST}/", network=authority.network(port))

        assert (found.stage, found.tls_reason) == (Stage.TLS_FAILED, reason)
        assert words in str(found)


def test_an_authority_that_is_not_publicly_trusted_is_named_as_such(authority: Authority) -> None:
    with secure_server(authority.serve_as(HOST)) as port:
        network = authority.network(port, make_context=ssl.create_default_context)

        found = failure(f"https://{HOST}/", network=network)

        assert (found.stage, found.tls_reason) == (Stage.TLS_FAILED, TlsReason.UNKNOWN_AUTHORITY)


def test_an_address_in_the_place_of_a_name_is_checked_against_the_certificate(authority: Authority) -> None:
    with secure_server(authority.serve_as("127.0.0.1")) as port:
        assert get("https://127.0.0.1/", network=authority.network(port)).body == b"secure"
        found = failure("https://127.0.0.2/", network=authority.network(port))
        assert found.tls_reason == TlsReason.WRONG_NAME


def test_a_server_that_does_not_speak_tls_is_found_out(authority: Authority) -> None:
    def greet_in_clear(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
            connection.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet_in_clear, args=[listener])
        thread.start()
        found = failure(f"https://{HOST}/", network=authority.network(listener.getsockname()[1]))
        thread.join()

    assert (found.stage, found.tls_reason) == (Stage.TLS_FAILED, TlsReason.OTHER)


def test_a_server_that_never_sets_up_tls_does_not_hold_longer_than_the_deadline(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        network = authority.network(listener.getsockname()[1])

        found = failure(f"https://{HOST}/", deadline_seconds=SOON, network=network)

    assert found.stage == Stage.TOO_SLOW
    assert "did not finish setting up TLS" in str(found)
    assert found.peer is None


def test_a_server_that_drips_behind_tls_does_not_hold_longer_either(authority: Authority) -> None:
    talk = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\na")
    with serving(talk, context=authority.serve_as(HOST)) as server:
        started = time.monotonic()
        found = failure(f"https://{HOST}/", deadline_seconds=1.5, network=authority.network(server.port))

        assert found.stage == Stage.TOO_SLOW
        assert found.peer is not None
        assert time.monotonic() - started < 5
