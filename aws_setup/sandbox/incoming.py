"""Requests as they come in: read whole, and only where they are meant for this machine."""

from __future__ import annotations

from urllib.parse import parse_qs

from aws_setup.sandbox.connections import Receive, Scope
from aws_setup.sandbox.wire import AwsRequest

MAX_BODY_BYTES = 4 * 1024 * 1024
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def is_addressed_here(request: AwsRequest, scope: Scope) -> bool:
    """Whether Host names this machine and port: a web page whose name was made to lead here has another one."""
    port = (scope.get("server") or ("", None))[1]
    return request.headers.get("host", "").lower() in {f"{host}:{port}" for host in LOOPBACK_HOSTS}


async def read_request(scope: Scope, receive: Receive) -> AwsRequest | None:
    """The whole request; None when the client went away."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        headers[key] = f"{headers[key]},{value.decode('latin-1')}" if key in headers else value.decode("latin-1")
    body = bytearray()
    is_more = True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        is_more = message.get("more_body", False)
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return AwsRequest(
        method=scope["method"],
        raw_path=raw_path.decode("latin-1").partition("?")[0],
        query=parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True),
        headers=headers,
        body=bytes(body),
    )
