"""The other end of one request: whether it is still there, and how to hang up on it without an answer."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

TRANSPORT = "sandbox.transport"
"""Where `scope["state"]` holds the connection's transport; ASGI itself knows no way to hang up."""
GRACE_SECONDS = 0.05
"""What a hang-up may take from the kernel to us, so that one from just before counts."""


class Connection:
    """Of a request whose body was read; `close()` at its end."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.port: int = scope["client"][1]
        self._transport: asyncio.WriteTransport = scope["state"][TRANSPORT]
        self._receive = receive
        self._leaving: asyncio.Task[None] | None = None

    async def is_kept_until(self, release: asyncio.Event, *, seconds: float) -> bool:
        """Wait for the release, at most so long; False as soon as the client has gone away."""
        leaving = self._watch()
        released = asyncio.create_task(release.wait())
        try:
            await asyncio.wait({leaving, released}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not leaving.done():
                await asyncio.wait({leaving}, timeout=GRACE_SECONDS)
            return not leaving.done()
        finally:
            released.cancel()

    async def reset(self) -> None:
        """Abort the connection: the client gets a TCP reset, and never an answer."""
        if not self._transport.is_closing():
            found: socket.socket = self._transport.get_extra_info("socket")
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        # Only then has the server understood that there is nobody to send its own error page to.
        await self._watch()

    def close(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()

    def _watch(self) -> asyncio.Task[None]:
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._left())
        return self._leaving

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
