"""A webhook that its receiver can tell from anybody else's, signed as Standard Webhooks says.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ssl import SSLCertVerificationError
from urllib.parse import SplitResult, urlsplit

from aws_setup.notices.failures import NotDelivered, explain_no_connection

SECRET_PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
"""How long a symmetric secret may be: 192 to 512 bits."""
DEADLINE_SECONDS = 5.0
USER_AGENT = "Vertesia-AWS-Setup"


class UnusableSecret(ValueError):
    """The secret is not one that Standard Webhooks knows. Its text is in no message."""


def read_secret(text: str) -> bytes:
    """The key in a secret as it is handed out: `whsec_` and base64 of 24 to 64 bytes. Raises UnusableSecret."""
    if not text.startswith(SECRET_PREFIX):
        raise UnusableSecret(f"It does not begin with {SECRET_PREFIX}.")
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableSecret(f"What follows {SECRET_PREFIX} is not base64.") from None
    if len(key) not in SECRET_BYTES:
        raise UnusableSecret(f"It is {len(key)} bytes long; 24 to 64 are allowed.")
    return key


def sign(key: bytes, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers that go with `body`. `timestamp`: of this try, in seconds since 1970."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}


def send_webhook(url: str, *, secret: str, message_id: str, timestamp: int, body: bytes) -> None:
    """Post `body`, signed. Raises NotDelivered where anything but a 2xx answers, or nothing within five seconds."""
    try:
        headers = sign(read_secret(secret), message_id=message_id, timestamp=timestamp, body=body)
        status = post(url, body=body, headers=headers)
    except UnusableSecret as error:
        raise NotDelivered(f"NOTIFY_WEBHOOK_SECRET cannot be used. {error}") from None
    except SSLCertVerificationError as error:
        raise NotDelivered(f"The receiver's certificate is not valid: {error.verify_message}.") from error
    except OSError as error:
        raise NotDelivered(explain_no_connection(error, whose="The receiver", seconds=DEADLINE_SECONDS)) from error
    except HTTPException as error:
        raise NotDelivered("The receiver's answer is not HTTP, or broke off.") from error
    if 300 <= status < 400:
        raise NotDelivered(
            f"The receiver answered {status}, a redirect, and none is followed: name the final address in "
            "NOTIFY_WEBHOOK_URL."
        )
    if not 200 <= status < 300:
        raise NotDelivered(f"The receiver answered {status}; only a 2xx counts as delivered.")


def post(url: str, *, body: bytes, headers: dict[str, str]) -> int:
    """Post JSON and return the status of the answer, of which nothing else is read.

    Follows no redirect and uses no proxy; ends within DEADLINE_SECONDS, once the name is resolved, however slowly an
    answer drips in. Raises OSError (TimeoutError where time ran out) and HTTPException.
    """
    parts = urlsplit(url)
    connection = _connection_to(parts)
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(DEADLINE_SECONDS, end)
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        if is_over.is_set():
            raise TimeoutError
        target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        connection.request(
            "POST", target, body, {"Content-Type": "application/json", "User-Agent": USER_AGENT, **headers}
        )
        with connection.getresponse() as answer:
            return answer.status
    except (OSError, HTTPException):
        if is_over.is_set():
            raise TimeoutError from None
        raise
    finally:
        watch.cancel()
        connection.close()


def _connection_to(parts: SplitResult) -> HTTPConnection:
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=DEADLINE_SECONDS)
