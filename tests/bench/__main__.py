"""Prints every figure, `bench NAME VALUE GOAL ok|short`, all measured now, on this machine, one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import connecting, running
from tests.stack import CHECKOUT, Stack


def measure_running() -> None:
    """A first start prepares what the second one, measured, finds."""
    with tempfile.TemporaryDirectory(prefix="console-bench-") as directory:
        stack = Stack(Path(directory) / "var", SWEEP_SECONDS="15")
        stack.start()
        stack.stop()
        try:
            running.measure_second_start(stack)
            running.measure_memory(stack)
        finally:
            stack.stop()


def measure_pages() -> None:
    with tempfile.TemporaryDirectory(prefix="console-bench-") as directory:
        subprocess.run(
            [sys.executable, "-m", "tests.bench.pages"],
            cwd=CHECKOUT,
            env={"PATH": os.environ["PATH"], "VAR_DIR": directory, "DJANGO_SETTINGS_MODULE": "config.settings"},
            check=True,
        )


if __name__ == "__main__":
    measure_running()
    measure_pages()
    connecting.measure_all()
