"""A Vertesia that answers as it is told, once per line of its script, and keeps what it was asked."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from environments.vertesia.client import VertesiaClient
from environments.vertesia.sites import Site, local_site
from environments.vertesia.tokens import ApiKey, TokenSource
from environments.vertesia.wire import Wire
from tests.environments.web_servers import Talk, WebServer, answer, serving

KEY = "sk-canary-7f3a9c1e5b"
ACCOUNT, PROJECT, ENVIRONMENT = "66f2a1c08d4b3e9f17c0ac3e", "66f2a1c08d4b3e9f17c0b001", "66f2a1c08d4b3e9f17c0e001"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CLAIMS = {"iss": "https://sts.vertesia.io", "account": {"id": ACCOUNT, "name": "Acme"}, "project": {"id": PROJECT}}
AN_ENVIRONMENT = {"id": ENVIRONMENT, "account": ACCOUNT, "name": "Bedrock Virginia", "provider": "bedrock"}


def encode(claims: Any, *, signature: str = "canary-signature") -> str:
    """A token as nobody signed it."""
    parts = (json.dumps(part).encode() for part in ({"alg": "ES256", "typ": "JWT"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature])


TOKEN = encode(CLAIMS)


def reply(document: Any, status: int = 200, **headers: str) -> Talk:
    """Answer with JSON; `headers` by their names with underscores."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return answer(json.dumps(document).encode(), status=f"{status} Status", headers=f"{lines}Connection: close\r\n")


def issue(token: str = TOKEN, **more: Any) -> Talk:
    return reply({"token": token, "token_type": "Bearer", **more})


@dataclass
class Asked:
    """One request, as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: Any


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class Scripted:
    """`answers`, one after the other; the token service answers of its own accord unless `issues` is a script, too."""

    server: WebServer
    answers: list[Talk] = field(default_factory=list)
    issues: list[Talk] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def asked(self) -> list[Asked]:
        return [_read(question) for question in self.server.questions]

    @property
    def exchanges(self) -> list[Asked]:
        return [one for one in self.asked if (one.body or {}).get("type") == "apikey"]

    @property
    def site(self) -> Site:
        return local_site(f"{self.url}/api/v1", self.url)

    def tokens(self) -> TokenSource:
        return TokenSource(self.site, ApiKey(KEY), Wire(now=self.clock), now=self.clock)

    def client(self, *answers: Talk, **limits: Any) -> VertesiaClient:
        """A client whose next questions are answered by `answers`."""
        self.answers += answers
        wire = Wire(now=self.clock, **limits)
        return VertesiaClient(self.site, TokenSource(self.site, ApiKey(KEY), wire, now=self.clock), wire)

    def talk(self, connection: socket.socket, question: bytes) -> None:
        if (_read(question).body or {}).get("type") == "apikey":
            (self.issues.pop(0) if self.issues else issue())(connection, question)
        else:
            self.answers.pop(0)(connection, question)


def _read(question: bytes) -> Asked:
    head, _, body = question.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(line.removesuffix(" HTTP/1.1"), headers, json.loads(body) if body else None)


@contextmanager
def scripted_vertesia() -> Iterator[Scripted]:
    scripted: list[Scripted] = []
    with serving(lambda connection, question: scripted[0].talk(connection, question)) as server:
        scripted.append(Scripted(server))
        yield scripted[0]
