"""A mail server and a receiver of webhooks on the loopback address: they keep what reaches them, and refuse if told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast


@dataclass
class MailServer:
    """Speaks as much SMTP (RFC 5321) as a client needs that only delivers. `refusal`: its answer to every recipient."""

    port: int = 0
    refusal: str = ""
    sign_in_refusal: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)


@dataclass
class Received:
    """One request, as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookReceiver:
    """Answers every request with `status` and `headers`; drips its answer where `is_slow`, until it is closed."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    is_slow: bool = False
    received: list[Received] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server until the end of the block."""
    server = MailServer()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 ready")
            recipients: list[str] = []
            while line := self.rfile.readline().decode().rstrip():
                match line.split(" ", 1)[0].upper():
                    case "EHLO" | "HELO":
                        self.say("250-here\r\n250 AUTH PLAIN")
                    case "AUTH":
                        self.say(server.sign_in_refusal or "235 welcome")
                    case "RCPT":
                        recipients.append(line.partition("<")[2].partition(">")[0])
                        self.say(server.refusal or "250 fine")
                    case "DATA":
                        self.say("354 go on")
                        server.mails.append(self.read_mail())
                        server.recipients.append(recipients)
                        self.say("250 taken")
                    case "QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 fine")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def read_mail(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b"."))
            return cast(EmailMessage, message_from_bytes(b"".join(lines), policy=policy.default))

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)) as server.port:
        yield server


@contextmanager
def webhook_receiver() -> Iterator[WebhookReceiver]:
    """A receiver until the end of the block."""
    receiver = WebhookReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if receiver.is_slow:
                while not receiver.closing.wait(0.2):
                    self.wfile.write(b"H")
                return
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Tests print nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                """The client went away, as it may."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with _serving(server, before_end=receiver.closing.set) as receiver.port:
        yield receiver


@contextmanager
def _serving(server: socketserver.TCPServer, *, before_end: Callable[[], None] = lambda: None) -> Iterator[int]:
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    with server:
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            before_end()
            server.shutdown()
            thread.join()
