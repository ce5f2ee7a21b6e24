"""Real processes that are started on a database which is not theirs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

WEB = ("-c", "import config.wsgi")
WORKER = ("-m", "celery", "--app", "config", "worker", "--pool", "solo")


SECRETS = {"SECRET_KEY": "x" * 50, "ENCRYPTION_KEYS": "x" * 50}


def start(*arguments: str, state: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python on a console whose files lie in `state`, with no setting but these."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env={**kept, "VAR_DIR": str(state), "DJANGO_SETTINGS_MODULE": "config.settings", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def sandbox_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database that was first started in the sandbox."""
    state = tmp_path_factory.mktemp("sandbox")
    url = f"sqlite:///{state / 'console.sqlite3'}"
    for command in ("migrate", "prepare"):
        start("manage.py", command, state=state, DATABASE_URL=url, **SECRETS).check_returncode()
    return url


@pytest.mark.parametrize("arguments", [WEB, WORKER])
def test_a_database_of_the_other_world_is_refused(
    tmp_path: Path, sandbox_database: str, arguments: tuple[str, ...]
) -> None:
    ended = start(*arguments, state=tmp_path, DATABASE_URL=sandbox_database, AWS_SANDBOX="0", **SECRETS)

    assert ended.returncode != 0
    assert "This database belongs to the sandbox, but the console was started for real AWS." in ended.stderr


@pytest.mark.parametrize("arguments", [WEB, WORKER])
def test_a_database_that_was_never_started_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = start(*arguments, state=tmp_path)

    assert ended.returncode != 0
    assert "Run: manage.py migrate, then manage.py prepare" in ended.stderr


def test_the_same_world_starts(tmp_path: Path, sandbox_database: str) -> None:
    assert start(*WEB, state=tmp_path, DATABASE_URL=sandbox_database, **SECRETS).returncode == 0
