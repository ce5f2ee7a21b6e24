"""Connections to where fetching may go: the name resolved once, that very address connected to, TLS checked.

One deadline holds for all of it. No sentence here holds a path or a query: those of a webhook may be secret.
"""

import os
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from environments.destinations import Destination

Endpoint = tuple[str, int]
"""An address in digits, and a port."""


class Stage(StrEnum):
    """Where fetching ended."""

    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    NAME_NOT_RESOLVED = "name_not_resolved"
    NOT_CONNECTED = "not_connected"
    TLS_FAILED = "tls_failed"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    REDIRECTED = "redirected"
    BAD_ANSWER = "bad_answer"


class TlsReason(StrEnum):
    """Why TLS did not come about."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SELF_SIGNED = "self_signed"
    UNKNOWN_AUTHORITY = "unknown_authority"
    WRONG_NAME = "wrong_name"
    OTHER = "other"


_TLS_REASONS = {
    9: TlsReason.NOT_YET_VALID,
    10: TlsReason.EXPIRED,
    18: TlsReason.SELF_SIGNED,
    19: TlsReason.UNKNOWN_AUTHORITY,
    20: TlsReason.UNKNOWN_AUTHORITY,
    21: TlsReason.UNKNOWN_AUTHORITY,
    62: TlsReason.WRONG_NAME,
    64: TlsReason.WRONG_NAME,
}
"""OpenSSL's X509_V_ERR_… codes, https://github.com/openssl/openssl/blob/master/include/openssl/x509_vfy.h.in."""

_TLS_WORDS = {
    TlsReason.EXPIRED: "its certificate has expired",
    TlsReason.NOT_YET_VALID: "its certificate is not valid yet",
    TlsReason.SELF_SIGNED: "its certificate is self-signed",
    TlsReason.UNKNOWN_AUTHORITY: "its certificate comes from an authority that is not publicly trusted, "
    "or the server leaves out an intermediate certificate",
    TlsReason.WRONG_NAME: "its certificate was issued for another name",
    TlsReason.OTHER: "the server breaks off while it is set up, or does not speak it",
}


@dataclass(frozen=True)
class Certificate:
    """What a server's certificate says, once it has been checked."""

    names: tuple[str, ...]
    issuer: str
    expires_at: datetime


@dataclass(frozen=True)
class Peer:
    """Who was connected to. `milliseconds` covers name, connection and TLS; no certificate: http on loopback."""

    address: str
    certificate: Certificate | None
    milliseconds: int


@dataclass(frozen=True)
class PresentedCertificates:
    """Certificates (DER) as a server presents them, unchecked, its own first. Not `is_chain`: its own alone."""

    certificates: tuple[bytes, ...]
    is_chain: bool


class FetchFailed(Exception):
    """There is no answer to use; the message is a sentence for a person.

    `peer` is None where there was no connection yet; `tls_reason` is set where the stage is `tls_failed`.
    """

    def __init__(
        self,
        stage: Stage,
        sentence: str,
        *,
        milliseconds: int = 0,
        peer: Peer | None = None,
        tls_reason: TlsReason | None = None,
    ) -> None:
        super().__init__(sentence)
        self.stage = stage
        self.milliseconds = milliseconds
        self.peer = peer
        self.tls_reason = tls_reason


class Deadline:
    """One moment by which everything has to be done."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started = time.monotonic()

    def left(self) -> float:
        """Seconds, always more than none. Raises TimeoutError once there are none left."""
        left = self._started + self.seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def spent(self) -> int:
        """Milliseconds since the start."""
        return round((time.monotonic() - self._started) * 1000)

    def missed(self, what: str, *, peer: Peer | None = None) -> FetchFailed:
        """The failure of something that did not happen in time, as the beginning of a sentence."""
        return FetchFailed(
            Stage.TOO_SLOW, f"{what} within {self.seconds:.3g} seconds.", milliseconds=self.spent(), peer=peer
        )


def resolve_name(host: str, port: int) -> list[Endpoint]:
    """Where `host` is, in the system's order. Raises OSError and UnicodeError, and may take as long as it likes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(entry[4][0]), int(entry[4][1])) for entry in found))


@dataclass(frozen=True)
class Network:
    """What lies outside: where names lead, which addresses may be reached, which authorities are trusted."""

    resolve: Callable[[str, int], Iterable[Endpoint]] = resolve_name
    is_allowed: Callable[[Destination, str], bool] = Destination.may_be_at
    make_context: Callable[[], ssl.SSLContext] = ssl.create_default_context


INTERNET = Network()
"""The one network there is; tests bring another, of servers of their own."""


@contextmanager
def connected(
    destination: Destination, *, deadline: Deadline, network: Network
) -> Iterator[tuple[socket.socket, Peer]]:
    """A connection to `destination`, with TLS unless it is the sandbox's loopback, closed at the end.

    Raises FetchFailed.
    """
    plain, address = _connect(destination, deadline, network)
    with closing(plain):
        if not destination.is_secure:
            yield plain, Peer(address, None, deadline.spent())
            return
        with _secure(plain, destination, deadline, network.make_context()) as secured:
            yield secured, Peer(address, _describe(secured.getpeercert() or {}), deadline.spent())


def read_presented_certificates(
    destination: Destination, *, deadline: Deadline, network: Network = INTERNET
) -> PresentedCertificates:
    """What the server presents, to explain why it was not accepted. Nothing is asked of the server.

    Before Python 3.13 there is no public way to more than the server's own certificate
    (https://docs.python.org/3.13/library/ssl.html#ssl.SSLSocket.get_unverified_chain). Raises FetchFailed.
    """
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    plain, _ = _connect(destination, deadline, network)
    with closing(plain), _secure(plain, destination, deadline, unchecked) as secured:
        if hasattr(secured, "get_unverified_chain"):
            return PresentedCertificates(tuple(secured.get_unverified_chain()), is_chain=True)
        own = secured.getpeercert(binary_form=True)
        return PresentedCertificates((own,) if own else (), is_chain=False)


def _connect(destination: Destination, deadline: Deadline, network: Network) -> tuple[socket.socket, str]:
    """A connection to the first address that takes one; those not tried yet share what is left of the time."""
    endpoints = _resolve(destination, deadline, network)
    problem = OSError()
    for number, endpoint in enumerate(endpoints):
        try:
            timeout = deadline.left() / (len(endpoints) - number)
            return socket.create_connection(endpoint, timeout=timeout), endpoint[0]
        except OSError as error:
            problem = error
    where = f"{destination.host} ({', '.join(address for address, _ in endpoints)})"
    if isinstance(problem, TimeoutError):
        raise deadline.missed(f"{where} did not take a connection") from problem
    reason = os.strerror(problem.errno).lower() if problem.errno else "for no reason given"
    sentence = f"{where} takes no connection: {reason}."
    raise FetchFailed(Stage.NOT_CONNECTED, sentence, milliseconds=deadline.spent()) from problem


def _resolve(destination: Destination, deadline: Deadline, network: Network) -> list[Endpoint]:
    """Where the host is; all of it must be allowed."""
    host = destination.host
    try:
        endpoints = _resolve_in_time(destination, deadline, network)
    except TimeoutError as error:
        raise deadline.missed(f"The name {host} was not resolved") from error
    except (OSError, UnicodeError) as error:
        sentence = f"The name {host} cannot be resolved."
        raise FetchFailed(Stage.NAME_NOT_RESOLVED, sentence, milliseconds=deadline.spent()) from error
    for address, _ in endpoints:
        if not network.is_allowed(destination, address):
            sentence = f"{host} leads to {address}, which is not an address of {' or '.join(destination.places)}."
            raise FetchFailed(Stage.ADDRESS_NOT_ALLOWED, sentence, milliseconds=deadline.spent())
    return endpoints


def _resolve_in_time(destination: Destination, deadline: Deadline, network: Network) -> list[Endpoint]:
    """The system's resolver knows no deadline: a thread waits for it, and is left behind where need be."""
    outcome: queue.SimpleQueue[list[Endpoint] | Exception] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            outcome.put(list(network.resolve(destination.host, destination.port)) or OSError("It has no address."))
        except Exception as error:
            outcome.put(error)

    threading.Thread(target=resolve, name="resolve", daemon=True).start()
    try:
        found = outcome.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def _secure(
    plain: socket.socket, destination: Destination, deadline: Deadline, context: ssl.SSLContext
) -> ssl.SSLSocket:
    """TLS over `plain`, which it takes over."""
    host = destination.host
    try:
        plain.settimeout(deadline.left())
        return context.wrap_socket(plain, server_hostname=host.removesuffix("."))
    except TimeoutError as error:
        raise deadline.missed(f"{host} did not finish setting up TLS") from error
    except (OSError, ValueError) as error:
        reason, words = TlsReason.OTHER, _TLS_WORDS[TlsReason.OTHER]
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = _TLS_REASONS.get(error.verify_code, TlsReason.OTHER)
            words = f"certificate: {error.verify_message}" if reason == TlsReason.OTHER else _TLS_WORDS[reason]
        sentence = f"TLS with {host} fails: {words}."
        raise FetchFailed(Stage.TLS_FAILED, sentence, milliseconds=deadline.spent(), tls_reason=reason) from error


def _describe(certificate: Mapping[str, Any]) -> Certificate:
    """`certificate` as SSLSocket.getpeercert gives it of one that was checked."""
    issuer = {name: value for part in certificate["issuer"] for name, value in part}
    return Certificate(
        names=tuple(value for _, value in certificate.get("subjectAltName", ())),
        issuer=issuer.get("organizationName") or issuer.get("commonName") or "",
        expires_at=datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), tz=UTC),
    )
