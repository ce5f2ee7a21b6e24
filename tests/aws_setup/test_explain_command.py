"""manage.py explain: an error on standard input, its cause and remedy on standard output."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.aws_setup.journeys import Console

pytestmark = pytest.mark.django_db
AUDIENCE = "InvalidIdentityToken: Incorrect token audience"


def explain(monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str) -> tuple[int, str]:
    """The exit status and what was printed."""
    monkeypatch.setattr("sys.stdin", StringIO(text))
    out = StringIO()
    try:
        call_command("explain", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def test_cause_remedy_and_command_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = explain(monkeypatch, AUDIENCE)
    assert code == 0
    assert "does not list audience bedrock" in out
    assert "aws iam add-client-id-to-open-id-connect-provider" in out


def test_an_environment_lends_its_names(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    environment = console.environment()
    console.connect(environment)
    code, out = explain(monkeypatch, AUDIENCE, "--environment", environment.environment_id, "--json")
    assert code == 0
    problem = json.loads(out)
    assert problem["code"] == "audience_missing"
    assert console.account.account_id in problem["command"]


def test_the_unknown_is_printed_and_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = explain(monkeypatch, "Novelty: It broke.")
    assert code == 1
    assert "does not know" in out


@pytest.mark.parametrize("text", ["", " \n", "x" * 10_001])
def test_nothing_and_too_much_are_bad_input(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    assert explain(monkeypatch, text) == (2, "")


def test_an_environment_that_is_not_connected_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    assert explain(monkeypatch, AUDIENCE, "--environment", "66a0c0ffee5a4db0c4b0eeee") == (2, "")


def test_no_sign_that_a_terminal_obeys_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    _, out = explain(monkeypatch, "Novelty: \x1b[2J\x1b]0;owned\x07 It broke.")
    assert "It broke." in out
    assert out.replace("\n", "").isprintable()
