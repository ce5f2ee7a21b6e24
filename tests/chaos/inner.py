"""Plays rows in the console's environment: `python -m tests.chaos.inner SANDBOX_URL GROUP [--sample] [--only WORDS]`.

Prints one line per row, `chaos ok|FAILED SECONDS NAME`, and of a failed one why.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()

from django.db import connection  # noqa: E402 - models can be imported only once Django is set up

from tests.chaos import groups  # noqa: E402
from tests.chaos.lab import Lab, prepare_labs  # noqa: E402
from tests.chaos.rows import Row  # noqa: E402
from tests.live_account import RunningSandbox  # noqa: E402

_printing = threading.Lock()


def say(line: str) -> None:
    with _printing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def play(row: Row, lab: Lab) -> bool:
    started = time.monotonic()
    problem = ""
    try:
        row.play(lab)
        lab.require_others_untouched()
    except AssertionError as error:
        problem = str(error) or "".join(traceback.format_exception_only(error)).strip()
    except Exception:  # whatever goes wrong in a row is that row's result
        problem = traceback.format_exc(limit=-3)
    words = "FAILED" if problem else "ok"
    say(f"chaos {words:6} {time.monotonic() - started:5.1f}s {row.name}" + (f"\n    {problem}" if problem else ""))
    return not problem


def play_lane(rows: list[Row], lab: Lab) -> list[bool]:
    try:
        return [play(row, lab) for row in rows]
    finally:
        connection.close()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("sandbox_url")
    parser.add_argument("group", choices=groups.GROUPS)
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    rows = [
        row for row in groups.GROUPS[chosen.group] if chosen.only in row.name and (row.is_sample or not chosen.sample)
    ]
    sys.stdout.write(f"rows {len(rows)}\n")
    sys.stdout.flush()
    if not rows:
        return 0
    labs = prepare_labs(RunningSandbox(chosen.sandbox_url))
    lanes = [([row for row in rows if row.account_id == account_id], lab) for account_id, lab in labs.items()]
    with ThreadPoolExecutor(len(lanes)) as pool:
        results = list(pool.map(lambda lane: play_lane(*lane), lanes))
    return 0 if all(all(lane) for lane in results) else 1


if __name__ == "__main__":
    sys.exit(main())
