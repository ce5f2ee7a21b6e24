"""One place through which every call to Vertesia goes: tried once, bounded in time and size, its errors classified."""

import json
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import urllib3

from environments.sockets import Deadline
from environments.vertesia.errors import Operation, UnexpectedAnswer, Unreachable, classify_refusal

API_VERSION = "20260803"
"""CURRENT_API_VERSION of Vertesia's own clients. From it on, an unknown property in a request is answered with 400."""

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
ANSWER_SECONDS = 30.0
MAX_BYTES = 5 * 1024 * 1024
MAX_RETRY_AFTER = 24 * 3600.0
_PART = 64 * 1024


class Wire:
    """Asks Vertesia, from as many threads as there are. No retry, redirect or proxy; TLS is always verified.

    `now` tells the time for a Retry-After that is a date. The limits are seconds and bytes: to connect, to wait for
    the next bytes, for the whole answer, and how large that may be.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._now = now
        self._answer_seconds = answer_seconds
        self._max_bytes = max_bytes
        self._pools = urllib3.PoolManager(
            cert_reqs="CERT_REQUIRED",
            retries=False,
            timeout=urllib3.Timeout(connect=connect_seconds, read=read_seconds),
        )

    def ask(
        self, operation: Operation, method: str, url: str, *, bearer: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        """The JSON that Vertesia answers with. `bearer`: an API key or token, visible ASCII. Raises VertesiaError."""
        status, headers, content = self._exchange(operation, method, url, bearer, body)
        document = _read_json(content)
        if 200 <= status < 300 and document is not _NO_JSON:
            return document
        if status < 400:
            said = "a redirect" if status >= 300 else "no JSON"
            raise UnexpectedAnswer(
                f"Vertesia was asked to {operation.what}, and {urlsplit(url).hostname} answers with {said} "
                f"(HTTP {status}).",
                operation=operation,
                status=status,
                may_have_been_done=True,
            )
        raise classify_refusal(
            status,
            document,
            operation=operation,
            retry_after=_read_retry_after(headers.get("retry-after", ""), now=self._now()),
            known_secrets=(bearer,),
        )

    def _exchange(
        self, operation: Operation, method: str, url: str, bearer: str, body: Mapping[str, Any] | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {bearer}",
            "User-Agent": "vertesia-aws-setup",
            "x-api-version": API_VERSION,
        }
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        deadline = Deadline(self._answer_seconds)
        try:
            response = self._pools.request(
                method, url, body=content, headers=headers, redirect=False, preload_content=False
            )
            try:
                return response.status, response.headers, self._read_body(operation, response, deadline)
            finally:
                # Closed where it was not read to its end; a connection that was is in the pool by now.
                response.close()
        except (urllib3.exceptions.HTTPError, TimeoutError) as error:
            # Not chained: urllib3's text may repeat what the server sent, and the server what it was sent.
            raise _explain(error, operation, urlsplit(url).hostname or "Vertesia") from None

    def _read_body(self, operation: Operation, response: urllib3.BaseHTTPResponse, deadline: Deadline) -> bytes:
        parts: list[bytes] = []
        left = self._max_bytes
        # As sent: nobody asked for compression, and a small compressed answer can be huge.
        while part := response.read1(_PART, decode_content=False):
            parts.append(part)
            left -= len(part)
            if left < 0:
                raise UnexpectedAnswer(
                    f"Vertesia was asked to {operation.what} and answers with more than {self._max_bytes:,} bytes.",
                    operation=operation,
                    status=response.status,
                    may_have_been_done=True,
                )
            deadline.left()
        return b"".join(parts)


_NO_JSON = object()


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's (RFC 8259, section 6)."""
    raise ValueError(name)


def _read_json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _NO_JSON


def _read_retry_after(header: str, *, now: datetime) -> float | None:
    """Seconds from `now`, at most MAX_RETRY_AFTER, of a Retry-After in seconds or as a date (RFC 9110, 10.2.3)."""
    if header.isascii() and header.isdigit():
        seconds = float(header)
    else:
        try:
            when = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _explain(error: Exception, operation: Operation, host: str) -> Unreachable:
    # Without a connection, which in urllib3 is a time-out of its own, or a certificate nothing is sent.
    is_certificate = bool(error.args) and isinstance(error.args[0], ssl.SSLCertVerificationError)
    was_sent = not isinstance(error, urllib3.exceptions.ConnectTimeoutError) and not is_certificate
    match error:
        case urllib3.exceptions.NameResolutionError():
            why = f"The name {host} leads nowhere."
        case urllib3.exceptions.NewConnectionError():
            why = f"{host} takes no connection."
        case urllib3.exceptions.SSLError():
            why = f"TLS with {host} failed{': its certificate is not trusted here' if is_certificate else ''}."
        case urllib3.exceptions.TimeoutError() | TimeoutError():
            why = f"{host} did not answer in time."
        case _:
            why = f"{host} broke off."
    return Unreachable(
        f"Vertesia could not be asked to {operation.what}. {why}", operation=operation, may_have_been_done=was_sent
    )
