"""manage.py import_environments and connect --vertesia: the whole without a browser."""

import json
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from aws_setup import wiring
from aws_setup.models import VertesiaAccess
from tests.aws_setup.sandboxed import Sandbox
from tests.aws_setup.vertesia.scene import Scene
from tests.sandbox.vertesia import ADMIN, ADMIN_KEY_ID, ORGANIZATION, REVOKED, VIRGINIA

IDS = (ORGANIZATION, VIRGINIA, "--region", "us-east-1", "--yes")


@dataclass
class Answer:
    code: int
    said: str
    out: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture(autouse=True)
def _console(scene: Scene, sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SANDBOX_URL = sandbox.process.url
    settings.SANDBOX_VERTESIA_URL_FILE = sandbox.process.vertesia_url_file
    wiring.VERTESIA._kept.clear()  # a process of its own holds none
    monkeypatch.delenv("VERTESIA_API_KEY", raising=False)


def run(*arguments: str) -> Answer:
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except CommandError as error:
        return Answer(error.returncode, str(error), out.getvalue())
    return Answer(0, "", out.getvalue())


def test_a_key_from_the_environment_connects_and_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTESIA_API_KEY", ADMIN)
    answer = run("import_environments", ORGANIZATION, "--json")

    assert (answer.code, answer.json["state"], len(answer.json["created"])) == (0, "done", 4)
    assert ADMIN not in answer.out
    again = run("import_environments", ORGANIZATION)
    assert "Acme: 4 environments in Vertesia: 0 new here, 0 changed, 4 as before." in again.out


def test_a_key_from_a_file_does_too(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{ADMIN}\n")
    assert run("import_environments", ORGANIZATION, "--api-key-file", str(file)).code == 0


def test_without_a_key_it_says_where_to_put_it() -> None:
    answer = run("import_environments", ORGANIZATION)
    assert (answer.code, "VERTESIA_API_KEY" in answer.said) == (2, True)


def test_a_key_that_vertesia_refuses_is_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTESIA_API_KEY", REVOKED)
    answer = run("import_environments", ORGANIZATION, "--json")
    assert (answer.code, answer.json["problem"]["code"]) == (1, "vertesia_key_refused")
    assert REVOKED not in answer.out + answer.said


def test_what_is_no_key_is_exit_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTESIA_API_KEY", "password")
    answer = run("import_environments", ORGANIZATION)
    assert (answer.code, "password" in answer.said) == (2, False)
    assert not VertesiaAccess.objects.exists()


def test_connect_does_the_whole_and_exits_with_zero(scene: Scene) -> None:
    scene.connect()
    answer = run("connect", *IDS, "--vertesia", "--json")

    assert (answer.code, answer.json["status"]) == (0, "connected")
    assert scene.stored_api_key(VIRGINIA) == answer.json["role_arn"]
    [rung] = [check for check in answer.json["checks"] if check["check"] == "vertesia_models"]
    assert rung["result"] == "pass"
    assert run("verify", VIRGINIA).code == 0


def test_connect_without_a_key_is_bad_input_and_writes_nothing() -> None:
    answer = run("connect", *IDS, "--vertesia")
    assert (answer.code, "No Vertesia API key" in answer.said) == (2, True)


def test_connect_with_a_revoked_key_leaves_it_to_vertesia_and_shows_the_arn(scene: Scene) -> None:
    scene.connect()
    scene.change_key(ADMIN_KEY_ID, is_enabled=False, are_tokens_refused=True)
    answer = run("connect", *IDS, "--vertesia")

    assert answer.code == 3
    assert "AWS holds what was agreed. Vertesia does not accept this API key" in answer.said
    assert "set the environment's API Key to arn:aws:iam::" in answer.said
