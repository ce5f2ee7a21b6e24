"""Fetching an issuer's documents as AWS does: in time, without redirects, within bounds.

AWS wants https without a port. The sandbox has one waiver, for issuers that run beside it: plain http
on a loopback host, with a port.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import ipaddress
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}
TIMEOUT_SECONDS = 5.0
"""For discovery and JWKS together, connecting included."""
MAX_DOCUMENT_BYTES = 512 * 1024


class FetchError(Exception):
    """The document could not be read: why is for the log, AWS tells nobody."""


def is_loopback(url: str) -> bool:
    """Whether the URL falls under the sandbox's waiver."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS and parts.port is not None


async def fetch_json(url: str) -> Any:
    """The JSON value at the URL; FetchError for anything but a 200 with JSON in it. The caller sets the time limit."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchError(f"not a URL: {url}") from error
    if parts.hostname is None or not (is_loopback(url) or (parts.scheme == "https" and port is None)):
        raise FetchError(f"neither https without a port nor http on loopback: {url}")
    host = parts.hostname
    target = parts.path or "/"
    if parts.query:
        target += "?" + parts.query
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    is_secure = parts.scheme == "https"
    try:
        addresses = [host] if not is_secure else await _public_addresses(host)
        reader, writer = await asyncio.open_connection(
            addresses[0],
            443 if is_secure else port,
            ssl=ssl.create_default_context() if is_secure else None,
            server_hostname=host if is_secure else None,
        )
        try:
            writer.write(request.encode("ascii"))
            await writer.drain()
            raw = await _read_all(reader)
        finally:
            writer.close()
        return _parse(raw)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise FetchError(f"{type(error).__name__}: {error}") from error


async def _public_addresses(host: str) -> list[str]:
    """The host's addresses, all of them public: nobody reaches a private network through the sandbox."""
    found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=1)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not ipaddress.ip_address(address).is_global:
            raise FetchError(f"{host} is not a public address")
    return addresses


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    raw = bytearray()
    while chunk := await reader.read(65536):
        raw += chunk
        if len(raw) > MAX_DOCUMENT_BYTES:
            raise FetchError("the document is too large")
    return bytes(raw)


class _Received:
    """What http.client wants of a socket, over bytes that have already arrived."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def _parse(raw: bytes) -> Any:
    response = http.client.HTTPResponse(_Received(raw))  # type: ignore[arg-type]  # it only calls makefile()
    response.begin()
    if response.status != 200:
        raise FetchError(f"HTTP status {response.status}")
    return json.loads(response.read())
