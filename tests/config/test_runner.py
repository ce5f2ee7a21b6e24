"""What programs say is relayed as text, never as orders to a terminal."""

import io
import sys

import pytest

from config.runner import Program, Relay, Runner, RunnerError, StopRequest


def test_escapes_and_directions_of_a_program_are_shown_and_not_obeyed() -> None:
    said = io.StringIO()
    line = "caf\u00e9\tlog\x1b[2J\x9b\u202e\u2028end"
    program = Program(
        name="web", command=(sys.executable, "-c", f"print({line!a})"), environ={"PYTHONIOENCODING": "utf-8"}
    )

    with pytest.raises(RunnerError, match="web ended by itself"):
        Runner([program], relay=Relay(said), request=StopRequest()).run(
            find_missing=lambda: "Nothing answers.", announce=lambda: None
        )

    assert "web \u2502 caf\u00e9\tlog\ufffd[2J\ufffd\ufffd\ufffdend\n" in said.getvalue()
