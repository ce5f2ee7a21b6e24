"""The sandbox's process: state in, serve, state out."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from hypercorn.config import Config

from aws_setup.sandbox import accounts
from aws_setup.sandbox.app import Application
from aws_setup.sandbox.control import reset
from aws_setup.sandbox.serving import serve
from aws_setup.sandbox.settings import Settings, read_settings
from aws_setup.sandbox.state import State, write_atomically
from aws_setup.sandbox.vertesia.app import Application as VertesiaApplication
from aws_setup.sandbox.vertesia.calls import Addresses

SAVE_SECONDS = 0.5
"""A write is on disk at most about this long after it was answered."""

logger = logging.getLogger("sandbox")


def main() -> int:
    settings = read_settings(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    settings.url_file.parent.mkdir(parents=True, exist_ok=True)
    with (settings.state_dir / "lock").open("w") as lock:
        if not _is_locked(lock):
            logger.error("another sandbox is running on %s", settings.state_dir)
            return 1
        for url_file in (settings.url_file, settings.vertesia_url_file):
            url_file.unlink(missing_ok=True)
        asyncio.run(run(settings))
    return 0


def _is_locked(lock: TextIO) -> bool:
    """Whether this process now holds the state directory; the lock ends with the process."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def run(settings: Settings) -> None:
    """Serve AWS and Vertesia on 127.0.0.1 until SIGTERM or SIGINT, then save and take the URL files away."""
    state_file = settings.state_dir / "state.json"
    state = State(settings.propagation_seconds)
    if state.load(state_file):
        accounts.publish_managed_policies()
    else:
        if state_file.exists():
            logger.warning("%s cannot be read; starting with the first state", state_file)
        reset(state)
    doors = [
        bind(settings.port, remembered=settings.state_dir / "port"),
        bind(0, remembered=settings.state_dir / "vertesia_port"),
    ]
    aws_url, vertesia_url = (f"http://127.0.0.1:{door.getsockname()[1]}" for door in doors)
    config = Config()
    config.graceful_timeout = 1
    config.keep_alive_timeout = 75
    config.include_server_header = False
    config.include_date_header = False  # The application sends it, by AWS's clock.
    config.errorlog = _quiet_logger()
    stopping = asyncio.Event()

    def stop() -> None:
        state.faults.clear()  # What they hold is answered yet.
        state.vertesia.faults.clear()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    helpers = [
        asyncio.create_task(_save_regularly(state, state_file)),
        asyncio.create_task(_announce(settings, aws_url=aws_url, vertesia_url=vertesia_url)),
    ]
    applications = [Application(state), VertesiaApplication(state, Addresses(own=vertesia_url, aws=aws_url))]
    try:
        async with asyncio.TaskGroup() as serving:
            for application, door in zip(applications, doors, strict=True):
                serving.create_task(serve(application, config=config, listener=door, stopping=stopping))
    finally:
        for helper in helpers:
            helper.cancel()
        write_atomically(state_file, state.serialize())
        for url_file in (settings.url_file, settings.vertesia_url_file):
            url_file.unlink(missing_ok=True)


def _quiet_logger() -> logging.Logger:
    """The server's own log: its warnings, not its greeting."""
    quiet = logging.getLogger("sandbox.server")
    quiet.setLevel(logging.WARNING)
    return quiet


def bind(port: int, *, remembered: Path) -> socket.socket:
    """A listening socket on loopback. Port 0: the one of the last start if it is free, else any free one."""
    wanted = [port] if port else [_read_port(remembered), 0]
    for number in wanted:
        # asyncio sends at once only where the protocol is named; else each answer waits 40 ms for an acknowledgement.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
            listener.listen(256)
        except OSError:
            listener.close()
            if number == wanted[-1]:
                raise
        else:
            write_atomically(remembered, str(listener.getsockname()[1]))
            return listener
    raise AssertionError("unreachable: the last port either binds or raises")


def _read_port(path: Path) -> int:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0


async def _announce(settings: Settings, *, aws_url: str, vertesia_url: str) -> None:
    """Write the addresses as soon as something answers there: the AWS's last, which stands for both."""
    parts = urlsplit(aws_url)
    while True:
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(f"GET /_sandbox/health HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
            await reader.readline()
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.02)
    write_atomically(settings.vertesia_url_file, vertesia_url)
    write_atomically(settings.url_file, aws_url)
    logger.info("sandbox AWS answers at %s, Vertesia at %s", aws_url, vertesia_url)


async def _save_regularly(state: State, state_file: Path) -> None:
    while True:
        await asyncio.sleep(SAVE_SECONDS)
        if state.is_dirty:
            write_atomically(state_file, state.serialize())


if __name__ == "__main__":
    sys.exit(main())
