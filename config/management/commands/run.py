"""manage.py run"""

import fcntl
import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config.health import beat_problem, broker_problem, worker_problem
from config.programs import (
    broker_program,
    console_programs,
    is_port_answered,
    is_port_free,
    make_embedded_broker,
    sandbox_program,
)
from config.runner import Relay, Runner, RunnerError, StopRequest, stop_request
from environments.history import operating_system_actor
from environments.signin import LINK_LIFETIME, make_link, name_link_command

AFTER_A_CRASH_SECONDS = 10.0


class Command(BaseCommand):
    help = "Start the whole console on this machine: web, worker, beat, broker and, in the sandbox, a local AWS."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        relay = Relay(sys.stdout)
        with stop_request() as request:
            try:
                run_console(relay=relay, request=request)
            except KeyboardInterrupt:
                pass
            except RunnerError as error:
                raise CommandError(str(error)) from error
        relay.say("Stopped.")


def run_console(*, relay: Relay, request: StopRequest) -> None:
    """Prepare what is not prepared yet, run everything until a stop is asked for, and tidy up.

    Raises RunnerError or CommandError with a sentence where that cannot be done.
    """
    with ExitStack() as stack:
        stack.enter_context(hold_run_lock(settings.VAR_DIR / "run.lock"))
        if not is_port_free(settings.PORT):
            raise RunnerError(
                f"Port {settings.PORT} is in use by another program. Choose another one: PORT=8123 make run"
            )
        settings.STATE_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
        close_to_others()
        prepare(relay=relay)
        settings.PORT_FILE.write_text(str(settings.PORT))
        programs = console_programs()
        broker_url = settings.CELERY_BROKER_URL
        if not settings.HAS_OWN_BROKER:
            broker = make_embedded_broker()
            broker_config = settings.VAR_DIR / "valkey.conf"
            for path in (broker_config, settings.BROKER_URL_FILE):
                stack.callback(path.unlink, missing_ok=True)
            broker.write_files(config_file=broker_config, url_file=settings.BROKER_URL_FILE)
            programs.append(broker_program(broker_config))
            broker_url = broker.url
        if settings.AWS_SANDBOX and not settings.SANDBOX_URL:
            for path in (settings.SANDBOX_URL_FILE, settings.SANDBOX_VERTESIA_URL_FILE):
                path.unlink(missing_ok=True)
                stack.callback(path.unlink, missing_ok=True)
            programs.append(sandbox_program())
        connections.close_all()
        relay.say("Starting " + ", ".join(sorted(program.name for program in programs)) + "…")
        Runner(programs, relay=relay, request=request).run(
            find_missing=lambda: find_missing(broker_url=broker_url), announce=lambda: announce(relay)
        )


@contextmanager
def hold_run_lock(path: Path) -> Iterator[None]:
    """Be the only run of this VAR_DIR. The kernel frees the lock with the process, however that ends.

    Raises RunnerError where another one runs.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise RunnerError(
                f"This console is running already, at {file.read().strip() or 'an address it is about to print'}. "
                "Stop it there with Ctrl-C, or use another checkout, or another directory: "
                "VAR_DIR=/some/where PORT=8123 make run"
            ) from error
        file.seek(0)
        if file.read():
            wait_for_leftovers()
        file.truncate(0)
        file.write(settings.PUBLIC_URL)
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def close_to_others() -> None:
    """Take from other users what an earlier version, or a copy, left open to them.

    A VAR_DIR that was named is somebody's choice, perhaps shared: only its part that holds the state is closed.
    """
    directories = [settings.STATE_DIR]
    if settings.VAR_DIR == settings.BASE_DIR / "var":
        directories.append(settings.VAR_DIR)
    for directory in directories:
        directory.chmod(0o700)
    for file in settings.STATE_DIR.glob("*.sqlite3*"):
        file.chmod(0o600)


def wait_for_leftovers() -> None:
    """Give the programs of a killed run, which the kernel has asked to end, the time to give the port back."""
    deadline = time.monotonic() + AFTER_A_CRASH_SECONDS
    while not is_port_free(settings.PORT) and time.monotonic() < deadline:
        time.sleep(0.1)


def prepare(*, relay: Relay) -> None:
    """Migrate, record the world and collect static files, each only where there is something to do.

    Raises CommandError where the database belongs to the other world.
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        relay.say("Preparing the database…")
        call_command("migrate", verbosity=0, interactive=False)
    call_command("prepare", stdout=_Silence())
    stamp_file = settings.VAR_DIR / "static.stamp"
    stamp = static_files_stamp()
    is_collected = (settings.STATIC_ROOT / "staticfiles.json").exists() and stamp_file.exists()
    if not is_collected or stamp_file.read_text() != stamp:
        relay.say("Collecting static files…")
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp_file.write_text(stamp)


class _Silence:
    """Where a command writes what need not be said at every start."""

    def write(self, text: str) -> None:
        pass


def static_files_stamp() -> str:
    """A digest that changes when any static file does."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def find_missing(*, broker_url: str) -> str | None:
    """A sentence about the first thing that does not answer yet; None where all do."""
    if not is_port_answered(settings.PORT):
        return "The web server does not listen."
    if problem := broker_problem(broker_url=broker_url):
        return problem
    if settings.AWS_SANDBOX and not settings.SANDBOX_URL and not settings.SANDBOX_URL_FILE.exists():
        return "The sandbox does not answer."  # it writes its address as soon as it does
    return worker_problem(broker_url=broker_url) or beat_problem(broker_url=broker_url)


def announce(relay: Relay) -> None:
    """Say where the console is, and print a way in."""
    link = make_link(created_by=operating_system_actor(), now=timezone.now())
    connections.close_all()
    minutes = int(LINK_LIFETIME.total_seconds() // 60)
    relay.say()
    relay.say(f"  Console   {settings.PUBLIC_URL}")
    if settings.AWS_SANDBOX:
        sandbox = settings.SANDBOX_URL or settings.SANDBOX_URL_FILE.read_text().strip()
        relay.say(f"  Sandbox   {sandbox} (nothing here touches AWS)")
        if not settings.SANDBOX_URL:
            relay.say(f"  Vertesia  {settings.SANDBOX_VERTESIA_URL_FILE.read_text().strip()} (a local one)")
    relay.say(f"  Sign in   {link}")
    relay.say(f"            works once, within {minutes} minutes; another one: {name_link_command()}")
    relay.say()
    relay.say("  Ctrl-C stops everything.")
    relay.say()
