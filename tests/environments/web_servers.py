"""Servers on loopback that answer as they are told, in clear or with a certificate of the tests' own authority."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from environments.sockets import Network

Talk = Callable[[socket.socket, bytes], None]
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def answer(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> Talk:
    """Answer in full at once."""
    return send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)


def send(raw: bytes) -> Talk:
    return lambda connection, question: connection.sendall(raw)


def stay_silent(connection: socket.socket, question: bytes) -> None:
    """Until the other side has had enough."""
    connection.recv(1)


def drip(raw: bytes, every: float = 0.02) -> Talk:
    """One byte of `raw` after the other, then the last one for ever, until the other side has had enough."""

    def talk(connection: socket.socket, question: bytes) -> None:
        position = 0
        connection.settimeout(every)
        while True:
            connection.sendall(raw[position : position + 1] or raw[-1:])
            position += 1
            with contextlib.suppress(TimeoutError):
                if not connection.recv(1):
                    return

    return talk


class WebServer:
    """Reads one question per connection and has `talk` answer it. `questions` are kept as they came."""

    def __init__(self, talk: Talk, *, context: ssl.SSLContext | None = None) -> None:
        self.talk = talk
        self.questions: list[bytes] = []
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=10)
            assert not thread.is_alive()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=[connection]))
            self._threads[-1].start()

    def _serve(self, plain: socket.socket) -> None:
        # A client that goes away, or does not like the certificate, is what some tests are about.
        with plain, contextlib.suppress(OSError):
            plain.settimeout(10)
            connection = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            with connection:
                question = read_question(connection)
                if question:
                    self.questions.append(question)
                    self.talk(connection, question)


def read_question(connection: socket.socket) -> bytes:
    question = b""
    while b"\r\n\r\n" not in question:
        part = connection.recv(65536)
        if not part:
            return b""
        question += part
    head, _, body = question.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.partition(b":")[2]):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def serving(talk: Talk, *, context: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    server = WebServer(talk, context=context)
    try:
        yield server
    finally:
        server.close()


class Authority:
    """A certificate authority of the tests' own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests' Own Authority")])
        self.certificate = self._sign(self._name, self._name, self._key.public_key(), self._key, is_authority=True)
        self.file = directory / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def serve_as(
        self,
        name: str,
        *,
        begins: datetime.datetime = NOW - DAY,
        ends: datetime.datetime = NOW + DAY,
        own: bool = False,
        chain: bool = False,
    ) -> ssl.SSLContext:
        """A server's context. The certificate is its `own` signer's, or comes with that of the authority: a `chain`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer, signer = (subject, key) if own else (self._name, self._key)
        certificate = self._sign(
            subject, issuer, key.public_key(), signer, host=name, begins=begins, ends=ends, is_authority=own
        )
        file = self._directory / f"{name}-{certificate.serial_number}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
            + (self.file.read_bytes() if chain else b"")
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def network(self, port: int, **changes: Any) -> Network:
        """A network in which every name leads to `port` on this machine and this authority is trusted."""
        usual: dict[str, Any] = {
            "resolve": lambda host, _: [("127.0.0.1", port)],
            "is_allowed": lambda destination, address: True,
            "make_context": lambda: ssl.create_default_context(cafile=str(self.file)),
        }
        return Network(**(usual | changes))

    def _sign(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        public_key: Any,
        signer: Any,
        *,
        host: str = "",
        begins: datetime.datetime = NOW - DAY,
        ends: datetime.datetime = NOW + DAY,
        is_authority: bool,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if host:
            try:
                name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
            except ValueError:
                name = x509.DNSName(host)
            builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        return builder.sign(signer, hashes.SHA256())
