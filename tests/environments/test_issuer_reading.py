"""An issuer is read as AWS reads it, and what AWS would stumble over is named."""

import hashlib
import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.programs import find_free_port
from environments.issuer.reading import IssuerReading, ReadingStep, Result, read_issuer
from environments.sockets import Network
from tests.environments.web_servers import DAY, NOW, Authority, Talk, answer, drip, send, serving
from tests.sandbox.issuer import EC_KEY, RSA_KEY, Issuer, encode, public_jwk

HOST = "issuer.vertesia.example"
URL = f"https://{HOST}"
RSA_JWK = public_jwk(RSA_KEY, "rsa-1", "RS256")
EC_JWK = public_jwk(EC_KEY, "ec-1", "ES256")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def read(url: str, **changes: Any) -> IssuerReading:
    return read_issuer(url, **{"kid": "rsa-1", "allow_loopback": True, **changes})


def failure(url: str, **changes: Any) -> ReadingStep:
    """The step that failed, once it is certain that those before passed and those after were not reached."""
    reading = read(url, **changes)
    failed = reading.failure
    assert failed is not None
    place = reading.steps.index(failed)
    assert [step.name for step in reading.steps] == ["address", "discovery", "keys"]
    assert {step.result for step in reading.steps[:place]} <= {Result.PASSED}
    assert {step.result for step in reading.steps[place + 1 :]} <= {Result.NOT_REACHED}
    assert {step.milliseconds for step in reading.steps[place + 1 :]} <= {None}
    json.dumps([dict(step.evidence) for step in reading.steps])
    return failed


def at(*places: str) -> Any:
    return pytest.mark.parametrize("place", places)


class Misbehaviour:
    """Has one of the issuer's two documents answered by `talk` instead."""

    def __init__(self, issuer: Issuer, place: str, talk: Talk) -> None:
        self._path = {"discovery": "/.well-known/openid-configuration", "keys": "/keys"}[place]
        self._talk = talk
        issuer.before_answer = self

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path == self._path:
            self._talk(handler.connection, b"")
            handler.connection.shutdown(socket.SHUT_RDWR)


def test_a_good_issuer_passes_with_its_evidence(issuer: Issuer) -> None:
    reading = read(issuer.url)

    assert reading.failure is None
    address, discovery, keys = reading.steps
    assert address.evidence["address"] in ("127.0.0.1", "::1")
    assert discovery.evidence["issuer"] == issuer.url
    assert discovery.evidence["jwks_uri"] == f"{issuer.url}/keys"
    assert (keys.evidence["keys"], keys.evidence["kids"]) == (2, ["rsa-1", "ec-1"])
    assert (keys.evidence["kid"], keys.evidence["algorithm"]) == ("rsa-1", "RS256")
    assert keys.sentence == "The key set holds the key rsa-1 that signs tokens (RS256)."
    for step in (discovery, keys):
        assert step.evidence["status"] == 200
        assert step.evidence["bytes"] > 0
    assert all(step.milliseconds is not None and step.milliseconds >= 0 for step in reading.steps)
    assert issuer.fetched == ["/.well-known/openid-configuration", "/keys"]


def test_an_ec_key_will_do_as_well(issuer: Issuer) -> None:
    assert read(issuer.url, kid="ec-1").steps[-1].evidence["algorithm"] == "ES256"


def test_where_the_signing_key_is_unknown_any_usable_one_will_do(issuer: Issuer) -> None:
    issuer.jwks = {"keys": [EC_JWK | {"use": "enc"}, RSA_JWK]}

    reading = read(issuer.url, kid=None)

    assert reading.failure is None
    assert reading.steps[-1].sentence == "The key set holds a key that AWS can use (RS256)."


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}",
        f"{URL}:8443",
        f"{URL}/",
        f"{URL}?tenant=1",
        f"{URL}#top",
        f"https://user:secret@{HOST}",
        "https://Issuer.vertesia.example",
        "https://10.0.0.1",
        "https://localhost",
        "https://[::1",
        "issuer",
    ],
)
def test_a_url_that_aws_does_not_take_is_refused_before_anything_is_asked(url: str) -> None:
    asked: list[str] = []

    found = failure(url, network=Network(resolve=lambda host, port: asked.append(host) or []))

    assert (found.name, found.problem) == ("address", "address_not_allowed")
    assert found.sentence.startswith("The issuer's URL must")
    assert not asked


def test_loopback_is_for_the_sandbox_only(issuer: Issuer) -> None:
    assert failure(issuer.url, allow_loopback=False).problem == "address_not_allowed"
    assert not issuer.fetched


def test_a_name_that_leads_into_a_private_network_is_refused() -> None:
    found = failure(URL, network=Network(resolve=lambda host, port: [("10.0.0.1", port)]))

    assert (found.name, found.problem) == ("address", "address_not_allowed")
    assert "10.0.0.1" in found.sentence


def test_a_name_that_nobody_knows() -> None:
    found = failure(URL)

    assert (found.name, found.problem) == ("address", "name_not_resolved")
    assert HOST in found.sentence


def test_a_connection_that_is_refused() -> None:
    found = failure(f"http://127.0.0.1:{find_free_port()}")

    assert (found.name, found.problem) == ("address", "not_connected")


def test_a_name_that_takes_too_long_to_resolve() -> None:
    is_over = threading.Event()

    found = failure(URL, deadline_seconds=0.3, network=Network(resolve=lambda host, port: is_over.wait(10) and []))
    is_over.set()

    assert (found.name, found.problem) == ("address", "too_slow")
    assert found.milliseconds is not None
    assert found.milliseconds >= 300


@at("discovery", "keys")
def test_another_status_than_200(issuer: Issuer, place: str) -> None:
    Misbehaviour(issuer, place, answer(b"{}", status="503 Service Unavailable"))

    found = failure(issuer.url)

    assert (found.name, found.problem) == (place, "http_status")
    assert found.evidence["status"] == 503
    assert "HTTP 503 instead of 200" in found.sentence


@at("discovery", "keys")
def test_a_redirect(issuer: Issuer, place: str) -> None:
    Misbehaviour(issuer, place, answer(status="302 Found", headers=f"Location: {issuer.url}/keys\r\n"))

    found = failure(issuer.url)

    assert (found.name, found.problem) == (place, "redirected")


@at("discovery", "keys")
@pytest.mark.parametrize(
    "body",
    [b"<html>Sign in</html>", b"", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 100_000],
    ids=["a page", "nothing", "a list", "null", "a text", "no UTF-8", "a depth"],
)
def test_something_else_than_a_json_object(issuer: Issuer, place: str, body: bytes) -> None:
    Misbehaviour(issuer, place, answer(body))

    found = failure(issuer.url)

    assert (found.name, found.problem) == (place, "not_json")


@at("discovery", "keys")
def test_a_document_without_end(issuer: Issuer, place: str) -> None:
    Misbehaviour(issuer, place, answer(b" " * 600_000))

    found = failure(issuer.url)

    assert (found.name, found.problem) == (place, "too_large")


@at("discovery", "keys")
def test_something_else_than_http(issuer: Issuer, place: str) -> None:
    Misbehaviour(issuer, place, send(b"SSH-2.0-OpenSSH\r\n"))

    found = failure(issuer.url)

    assert (found.name, found.problem) == (place, "bad_answer")


@at("discovery", "keys")
def test_a_server_that_drips(issuer: Issuer, place: str) -> None:
    Misbehaviour(issuer, place, drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"))

    found = failure(issuer.url, deadline_seconds=1.0)

    assert (found.name, found.problem) == (place, "too_slow")
    assert found.sentence.endswith("AWS gives discovery and keys together 1 seconds.")


def test_discovery_and_keys_share_the_time_that_aws_gives(issuer: Issuer) -> None:
    is_over = threading.Event()
    issuer.before_answer = lambda handler: is_over.wait(1.2) and None

    found = failure(issuer.url, deadline_seconds=2.0)
    is_over.set()

    assert (found.name, found.problem) == ("keys", "too_slow")


@pytest.mark.parametrize("difference", ["/", "x"])
def test_a_discovery_document_of_another_issuer(issuer: Issuer, difference: str) -> None:
    issuer.discovery["issuer"] = issuer.url + difference

    found = failure(issuer.url)

    assert (found.name, found.problem) == ("discovery", "issuer_differs")
    assert found.evidence["expected"] == issuer.url
    assert found.evidence["actual"] == issuer.url + difference


@pytest.mark.parametrize("actual", [None, 1, ["x" * 100_000]])
def test_a_discovery_document_without_a_usable_issuer(issuer: Issuer, actual: Any) -> None:
    issuer.discovery["issuer"] = actual

    found = failure(issuer.url)

    assert found.problem == "issuer_differs"
    assert len(found.evidence["actual"]) <= 200


@pytest.mark.parametrize("jwks_uri", [None, "", 1, []])
def test_a_discovery_document_without_a_jwks_uri(issuer: Issuer, jwks_uri: Any) -> None:
    issuer.discovery["jwks_uri"] = jwks_uri

    assert failure(issuer.url).problem == "no_jwks_uri"


@pytest.mark.parametrize("keys", [[], None, {}, "text", ["text", 1]])
def test_a_key_set_without_keys(issuer: Issuer, keys: Any) -> None:
    issuer.jwks = {"keys": keys}

    assert failure(issuer.url).problem == "no_keys"


def test_a_document_that_is_no_key_set(issuer: Issuer) -> None:
    issuer.jwks = {"error": "not found"}

    assert failure(issuer.url).problem == "no_keys"


def test_more_keys_than_aws_reads(issuer: Issuer) -> None:
    issuer.jwks = {"keys": [RSA_JWK | {"kid": f"rsa-{number}"} for number in range(101)]}

    found = failure(issuer.url)

    assert (found.name, found.problem) == ("keys", "too_many_keys")
    assert found.evidence["keys"] == 101
    assert found.sentence == "The key set holds 101 RSA keys. AWS reads at most 100."


def test_as_many_keys_as_aws_reads(issuer: Issuer) -> None:
    rsa = [RSA_JWK | {"kid": f"rsa-{number}"} for number in range(100)]
    issuer.jwks = {"keys": [*rsa, *(EC_JWK | {"kid": f"ec-{number}"} for number in range(100))]}

    assert read(issuer.url).failure is None


def test_a_signing_key_that_is_not_published(issuer: Issuer) -> None:
    issuer.jwks = {"keys": [EC_JWK | {"kid": f"ec-{number}"} for number in range(7)]}

    found = failure(issuer.url)

    assert found.problem == "key_missing"
    assert found.evidence["kid"] == "rsa-1"
    assert found.evidence["kids"] == ["ec-0", "ec-1", "ec-2", "ec-3", "ec-4"]
    assert found.sentence == (
        "The key rsa-1 that signs tokens is not published. The key set has ec-0, ec-1, ec-2, ec-3, ec-4."
    )


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (RSA_JWK | {"use": "enc"}, "its use is enc, not sig"),
        (RSA_JWK | {"alg": "PS256"}, "its algorithm is PS256, where RS256 or RS384 or RS512 would fit"),
        (RSA_JWK | {"alg": "ES256"}, "its algorithm is ES256"),
        (RSA_JWK | {"alg": ["RS256"]}, "its algorithm is"),
        (EC_JWK | {"crv": "secp256k1"}, "its curve is secp256k1"),
        (EC_JWK | {"crv": ["P-256"]}, "its curve is"),
        (EC_JWK | {"alg": "ES384"}, "its algorithm is ES384, where ES256 would fit"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA"}, "its type is OKP; AWS takes RSA and EC"),
        ({"kty": "oct", "k": "AA"}, "its type is oct"),
        ({}, "its type is not given"),
        ({"kty": "RSA"}, "it cannot be read as a public key"),
        (RSA_JWK | {"n": "é"}, "it cannot be read as a public key"),
        (RSA_JWK | {"n": 1}, "it cannot be read as a public key"),
        (RSA_JWK | {"n": None}, "it cannot be read as a public key"),
        (RSA_JWK | {"e": {}}, "it cannot be read as a public key"),
        (EC_JWK | {"x": encode(b"\0" * 32)}, "it cannot be read as a public key"),
        (EC_JWK | {"y": []}, "it cannot be read as a public key"),
    ],
)
@pytest.mark.parametrize("kid", ["rsa-1", None])
def test_a_key_that_aws_cannot_use(issuer: Issuer, key: dict[str, Any], why: str, kid: str | None) -> None:
    issuer.jwks = {"keys": [key | {"kid": "rsa-1"}]}

    found = failure(issuer.url, kid=kid)

    assert found.problem == "key_unusable"
    assert why in found.sentence


def test_a_private_key_in_the_key_set_is_read_as_its_public_one(issuer: Issuer) -> None:
    """Whoever publishes half of one could else have this console search for its primes, for hours."""
    issuer.jwks = {"keys": [RSA_JWK | {"d": "AQAB"}]}

    assert read(issuer.url).failure is None


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", None])
def test_an_rsa_key_is_good_for_three_algorithms(issuer: Issuer, alg: str | None) -> None:
    issuer.jwks = {"keys": [{name: value for name, value in (RSA_JWK | {"alg": alg}).items() if value}]}

    assert read(issuer.url).failure is None


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_a_key_of_each_curve_that_aws_takes(issuer: Issuer, curve: ec.EllipticCurve) -> None:
    algorithm = {256: "ES256", 384: "ES384", 521: "ES512"}[curve.key_size]
    issuer.jwks = {"keys": [public_jwk(ec.generate_private_key(curve), "ec-1", algorithm)]}

    assert read(issuer.url, kid="ec-1").failure is None


def serve_documents(**changes: Any) -> Talk:
    """An issuer at URL."""
    documents = {
        b"/.well-known/openid-configuration": {"issuer": URL, "jwks_uri": f"{URL}/keys"} | changes,
        b"/keys": {"keys": [RSA_JWK]},
    }

    def talk(connection: socket.socket, question: bytes) -> None:
        answer(json.dumps(documents[question.split(b" ")[1]]).encode())(connection, question)

    return talk


def test_a_public_issuer_passes_with_its_certificate(authority: Authority) -> None:
    with serving(serve_documents(), context=authority.serve_as(HOST)) as server:
        reading = read(URL, allow_loopback=False, network=authority.network(server.port))

    assert reading.failure is None
    for step in (reading.steps[0], reading.steps[2]):
        assert step.evidence["certificate_names"] == [HOST]
        assert step.evidence["certificate_expires_at"] == (NOW + DAY).replace(microsecond=0).isoformat()
    assert reading.steps[0].sentence == f"{HOST} is at 127.0.0.1, and TLS holds."


@pytest.mark.parametrize("jwks_uri", [f"http://{HOST}/keys", "http://localhost:8000/keys", "ftp://x", "/keys"])
def test_keys_of_a_public_issuer_that_are_not_published_by_https(authority: Authority, jwks_uri: str) -> None:
    with serving(serve_documents(jwks_uri=jwks_uri), context=authority.serve_as(HOST)) as server:
        found = failure(URL, network=authority.network(server.port))

    assert (found.name, found.problem) == ("discovery", "jwks_not_https")


def test_an_issuer_cannot_send_the_console_into_a_private_network(authority: Authority) -> None:
    with serving(serve_documents(jwks_uri="https://keys.internal/keys"), context=authority.serve_as(HOST)) as server:
        network = authority.network(server.port, is_allowed=lambda destination, address: destination.host == HOST)

        found = failure(URL, network=network)

    assert (found.name, found.problem) == ("keys", "address_not_allowed")
    assert "keys.internal" in found.sentence


def test_an_expired_certificate_is_shown_with_its_date(authority: Authority) -> None:
    with serving(serve_documents(), context=authority.serve_as(HOST, ends=NOW - DAY / 2)) as server:
        found = failure(URL, network=authority.network(server.port))

    assert (found.name, found.problem, found.evidence["tls_reason"]) == ("address", "tls_failed", "expired")
    assert found.evidence["certificate_expires_at"] == (NOW - DAY / 2).replace(microsecond=0).isoformat()
    assert "thumbprint" not in found.evidence


def test_a_certificate_for_another_name_is_shown_with_its_names(authority: Authority) -> None:
    with serving(serve_documents(), context=authority.serve_as("other.vertesia.example")) as server:
        found = failure(URL, network=authority.network(server.port))

    assert found.evidence["tls_reason"] == "wrong_name"
    assert found.evidence["certificate_names"] == ["other.vertesia.example"]


def test_a_self_signed_certificate_comes_with_the_thumbprint_that_iam_wants(authority: Authority) -> None:
    context = authority.serve_as(HOST, own=True)
    with serving(serve_documents(), context=context) as server:
        presented = ssl.get_server_certificate(("127.0.0.1", server.port))
        found = failure(URL, network=authority.network(server.port))

    assert found.evidence["tls_reason"] == "self_signed"
    expected = hashlib.sha1(ssl.PEM_cert_to_DER_cert(presented), usedforsecurity=False).hexdigest()
    assert found.evidence["thumbprint"] == expected


def test_a_private_authority_has_its_thumbprint_computed_or_the_way_to_it_shown(authority: Authority) -> None:
    context = authority.serve_as(HOST, chain=True)
    with serving(serve_documents(), context=context) as server:
        found = failure(URL, network=authority.network(server.port, make_context=ssl.create_default_context))

    assert found.evidence["tls_reason"] == "unknown_authority"
    if sys.version_info >= (3, 13):
        der = authority.certificate.public_bytes(serialization.Encoding.DER)
        assert found.evidence["thumbprint"] == hashlib.sha1(der, usedforsecurity=False).hexdigest()
    else:
        assert found.evidence["thumbprint"] is None
        assert found.evidence["thumbprint_command"] == (
            f"openssl s_client -servername {HOST} -showcerts -connect {HOST}:443 </dev/null"
        )
