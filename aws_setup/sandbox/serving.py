"""The sandbox's server: hypercorn's connections, each with its transport within the application's reach."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.utils import wrap_app

from aws_setup.sandbox.connections import TRANSPORT


async def serve(application: Any, *, config: Config, listener: socket.socket, stopping: asyncio.Event) -> None:
    """Answer until `stopping`; then close, and give calls under way the configuration's grace.

    hypercorn's own `serve` hands no transport on: https://hypercorn.readthedocs.io/en/latest/how_to_guides/api_usage.html
    """
    loop = asyncio.get_running_loop()
    context = WorkerContext(None)
    wrapped = wrap_app(application, config.wsgi_max_body_size, "asgi")
    connections: set[asyncio.Task[None]] = set()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: asyncio.Task[None] | None = asyncio.current_task()
        if task is not None:
            connections.add(task)
            task.add_done_callback(connections.discard)
        await TCPServer(wrapped, loop, config, context, {TRANSPORT: writer.transport}, reader, writer)

    server = await asyncio.start_server(connect, sock=listener, backlog=config.backlog)
    try:
        await stopping.wait()
    finally:
        server.close()
        await context.terminated.set()
        if connections:
            await asyncio.wait(connections, timeout=config.graceful_timeout)
