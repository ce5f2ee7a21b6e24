"""Starting, resting, and answering AWS's questions while others work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.bench.figures import percentile, report
from tests.stack import Stack

REST_SECONDS = 5
DOCUMENTS = ("/.well-known/openid-configuration", "/.well-known/jwks.json")


def measure_second_start(stack: Stack) -> None:
    """From the command to the printed link, with nothing left to prepare. Leaves `stack` running."""
    started = time.perf_counter()
    stack.start()
    report("second_start", time.perf_counter() - started, 5, unit="s")


def measure_memory(stack: Stack) -> None:
    """The proportional set size of everything that was started: shared pages count once."""
    time.sleep(REST_SECONDS)
    total = sum(process.memory_full_info().pss for process in stack.processes())
    report("memory_at_rest", total / 1_000_000, 500, unit="MB")


@contextmanager
def asking_the_issuer(stack: Stack) -> Iterator[None]:
    """Ask for discovery and keys all the while, one after the other, and report how long the slowest took."""
    seconds: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        client = requests.Session()
        while not is_over.is_set():
            for document in DOCUMENTS:
                started = time.perf_counter()
                client.get(stack.url + document, timeout=30).raise_for_status()
                seconds.append(time.perf_counter() - started)
            is_over.wait(0.02)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        is_over.set()
        asking.join()
    report("issuer_p99_during_set_ups", percentile(seconds, 99) * 1000, 200, unit="ms")
