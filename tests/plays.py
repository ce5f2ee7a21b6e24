"""Playing rows in a program of their own, beside a running console: it prints a line for each as it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from tests.stack import CHECKOUT, Stack


def play_rows(stack: Stack, module: str, *arguments: str, word: str, deadline: float, **environ: str) -> list[bool]:
    """Run `python -m module SANDBOX_URL arguments…` in the console's environment; whether each row passed.

    It first prints `rows NUMBER`, then for each row `WORD ok|FAILED …`. A row that was not played by `deadline`, of
    time.monotonic, has failed. Where one failed, what the console itself said is printed as well.
    """
    inner = subprocess.Popen(
        [sys.executable, "-m", module, stack.sandbox_url, *arguments],
        cwd=CHECKOUT,
        env=stack.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    alarm = threading.Timer(max(0.0, deadline - time.monotonic()), inner.kill)
    alarm.start()
    results: list[bool] = []
    total = 0
    assert inner.stdout is not None
    for line in inner.stdout:
        if line.startswith("rows "):
            total = int(line.split()[1])
            continue
        sys.stdout.write(line)
        sys.stdout.flush()
        if line.startswith(f"{word} "):
            results.append(line.split()[1] == "ok")
    status = inner.wait()
    alarm.cancel()
    if missing := max(total - len(results), int(status not in (0, 1) and not total)):
        sys.stdout.write(f"{word} FAILED   0.0s {missing} rows were not played: it ended with {status}\n")
        results += [False] * missing
    if not all(results):
        own_words = [line for line in stack.output.splitlines() if "sandbox │" not in line]
        sys.stdout.write("\n".join([*own_words, ""]))
    return results
