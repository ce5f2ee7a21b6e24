"""The issuer's public address, which can be told to misbehave: it hands on what the console publishes, or spoils it."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/.well-known/jwks.json"


@dataclass(frozen=True)
class Answer:
    """What is sent, after `delay` seconds."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    delay: float = 0.0

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    def with_document(self, document: Any) -> Answer:
        return replace(self, body=json.dumps(document).encode())


Spoil = Callable[[str, Answer], Answer]
"""From the path that was asked for, and what the console answers, to what is sent."""


class PublicIssuer:
    """A web server of this process at the issuer's address. Faithful until it is told otherwise."""

    def __init__(self, port: int, console_url: str) -> None:
        self._port = port
        self._console_url = console_url
        self._spoil: Spoil = lambda path, answer: answer
        self._patience = threading.Event()
        self._open()

    def _open(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._make_handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Nobody answers any more: connections are refused."""
        self._patience.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def spoiling(self, spoil: Spoil) -> Iterator[None]:
        """Misbehave for as long as the context lasts."""
        self._patience.clear()
        self._spoil = spoil
        try:
            yield
        finally:
            self._patience.set()
            self._spoil = lambda path, answer: answer

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.close()
        try:
            yield
        finally:
            self._open()

    def answer(self, path: str) -> Answer:
        with urllib.request.urlopen(self._console_url + path, timeout=10) as found:  # noqa: S310 - loopback only
            return self._spoil(path, Answer(found.read()))

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    answer = issuer.answer(self.path)
                except urllib.error.HTTPError as error:
                    answer = Answer(b"", status=error.code)
                issuer._patience.wait(answer.delay)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                with suppress(OSError):  # whoever asked has gone: that is the row
                    self.wfile.write(answer.body)

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler
