"""Fetching over https from addresses that a person or a setting names, by the rules of `destinations`.

Redirects are not followed, proxies of the environment are not used, an answer has a greatest size, and one deadline
holds for everything: name, connection, TLS, question and answer.
"""

import http.client
import io
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from environments.destinations import Destination, DestinationRefused, read_destination
from environments.sockets import INTERNET, Deadline, FetchFailed, Network, Peer, Stage, connected

__all__ = ["FetchFailed", "Fetched", "Stage", "fetch", "post_json"]

MAX_BODY_BYTES = 512 * 1024
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Fetched:
    """A whole answer of whatever status, but no redirect. `milliseconds` covers everything from the name on."""

    status: int
    body: bytes
    milliseconds: int
    peer: Peer


def fetch(
    url: str,
    *,
    allow_loopback: bool,
    deadline_seconds: float,
    max_bytes: int = MAX_BODY_BYTES,
    network: Network = INTERNET,
) -> Fetched:
    """GET `url`. `allow_loopback` is the sandbox's waiver: plain http on a loopback host, with a port.

    Raises FetchFailed, after `deadline_seconds` at the latest.
    """
    destination = _read(url, allow_loopback=allow_loopback)
    question = _Question("GET", None, {"Accept": "application/json"})
    return _ask(destination, question, Deadline(deadline_seconds), max_bytes, network)


def post_json(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allow_loopback: bool,
    allow_private: bool = False,
    deadline_seconds: float,
    max_bytes: int = MAX_BODY_BYTES,
    network: Network = INTERNET,
) -> Fetched:
    """POST `body`, JSON as it is to be sent, with `headers` besides the usual ones.

    `allow_private`: the operator named the address, so it may be one of a private network too, or, in the sandbox, of
    this machine. Raises FetchFailed as `fetch`.
    """
    destination = _read(url, allow_loopback=allow_loopback, allow_private=allow_private)
    question = _Question("POST", body, {"Content-Type": "application/json", **headers})
    return _ask(destination, question, Deadline(deadline_seconds), max_bytes, network)


@dataclass(frozen=True)
class _Question:
    method: str
    body: bytes | None
    headers: Mapping[str, str]


class _TimedReader(io.RawIOBase):
    """Reads with what is left of the time at each read, so that a server that drips gains none."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv_into(buffer)


class _TimedSocket:
    """What http.client wants of a socket. Who opened the connection closes it."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        unsent = memoryview(data)
        while unsent:
            self._connection.settimeout(self._deadline.left())
            unsent = unsent[self._connection.send(unsent) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._connection, self._deadline))

    def close(self) -> None:
        pass


def _read(url: str, *, allow_loopback: bool, allow_private: bool = False) -> Destination:
    try:
        return read_destination(url, allow_loopback=allow_loopback, allow_private=allow_private)
    except DestinationRefused as error:
        raise FetchFailed(Stage.ADDRESS_NOT_ALLOWED, str(error)) from error


def _ask(
    destination: Destination, question: _Question, deadline: Deadline, max_bytes: int, network: Network
) -> Fetched:
    host = destination.host
    with connected(destination, deadline=deadline, network=network) as (connection, peer):

        def fail(stage: Stage, sentence: str) -> FetchFailed:
            return FetchFailed(stage, sentence, milliseconds=deadline.spent(), peer=peer)

        # http.client, unlike urllib, asks no proxy and follows nothing.
        exchange = http.client.HTTPConnection(host, destination.port)
        exchange.sock = _TimedSocket(connection, deadline)
        usual = {"Host": destination.authority, "User-Agent": "vertesia-aws-setup", "Connection": "close"}
        try:
            exchange.request(
                question.method, destination.target, body=question.body, headers={**usual, **question.headers}
            )
            with exchange.getresponse() as answer:
                if answer.status in REDIRECTS:
                    raise fail(Stage.REDIRECTED, f"{host} answers with a redirect (HTTP {answer.status}).")
                announced = answer.length
                content = b"" if announced is not None and announced > max_bytes else answer.read(max_bytes + 1)
        except TimeoutError as error:
            raise deadline.missed(f"{host} did not answer in full", peer=peer) from error
        except (OSError, http.client.HTTPException) as error:
            raise fail(Stage.BAD_ANSWER, f"{host} does not answer as a web server does.") from error
        if max(announced or 0, len(content)) > max_bytes:
            raise fail(Stage.TOO_LARGE, f"{host} answers with more than {max_bytes:,} bytes.")
        if announced is not None and len(content) < announced:
            raise fail(Stage.BAD_ANSWER, f"{host} breaks off in the middle of its answer.")
        return Fetched(answer.status, content, deadline.spent(), peer)
