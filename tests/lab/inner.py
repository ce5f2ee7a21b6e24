"""Plays rows in the console's environment: `python -m tests.lab.inner SANDBOX_URL [--sample] [ROW…]`.

Prints one line per row, `lab ok|FAILED SECONDS NUMBER NAME …`, and of a failed one why.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()

from django.db import connection  # noqa: E402 - models can be imported only once Django is set up

from tests.lab.bench import Bench  # noqa: E402
from tests.lab.catalogue import ROWS  # noqa: E402
from tests.lab.issuer import PublicIssuer  # noqa: E402
from tests.lab.rows import Outcome, Row  # noqa: E402
from tests.live_account import ACCOUNTS, RunningSandbox, take_up_accounts  # noqa: E402

_printing = threading.Lock()


def say(line: str) -> None:
    with _printing:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def play(row: Row, bench: Bench) -> bool:
    started, outcome, problem = time.monotonic(), Outcome(), ""
    try:
        row.play(bench, outcome)
        outcome.is_green = True
    except AssertionError as error:
        problem = str(error) or traceback.format_exc(limit=-2)
    except Exception:  # whatever goes wrong in a row is that row's result
        problem = traceback.format_exc(limit=-3)
    if not problem and (outcome.rung, outcome.cause) != (row.rung, row.cause):
        problem = "it was found elsewhere, or for another cause"
    if not problem and not outcome.remedy:
        problem = "no remedy is offered that can be followed"
    say(describe(row, outcome, problem, seconds=time.monotonic() - started))
    if problem:
        bench.renew()
    bench.tidy()
    return not problem


def describe(row: Row, outcome: Outcome, problem: str, *, seconds: float) -> str:
    """What was expected and found, offered and done: one line, and of what failed the reason below it."""
    remedy = outcome.remedy.partition(". ")[0].rstrip(".")
    columns = (
        f"lab {'FAILED' if problem else 'ok':6} {seconds:5.1f}s {row.number:>4} {row.name}",
        f"rung {row.rung}, found {outcome.rung or 'nothing'}",
        f"cause {row.cause}, found {outcome.cause or 'nothing'}",
        f"remedy: {remedy or 'none'}",
        f"mended by {outcome.mended_by or 'nobody'}",
        "green" if outcome.is_green else "NOT green",
    )
    return " | ".join(columns) + (f"\n    {problem}" if problem else "")


def play_lane(rows: list[Row], bench: Bench) -> list[bool]:
    if not rows:
        return []
    try:
        bench.renew()
        return [play(row, bench) for row in rows]
    finally:
        connection.close()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("sandbox_url")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("rows", nargs="*")
    chosen = parser.parse_args()
    rows = [
        row
        for row in ROWS
        if (row.is_sample or not chosen.sample)
        and (not chosen.rows or any(row.is_meant_by(words) for words in chosen.rows))
    ]
    sys.stdout.write(f"rows {len(rows)}\n")
    sys.stdout.flush()
    if not rows:
        return 0
    issuer = PublicIssuer(int(os.environ["LAB_ISSUER_PORT"]), os.environ["LAB_CONSOLE_URL"])
    sandbox = RunningSandbox(chosen.sandbox_url)
    take_up_accounts(ACCOUNTS)
    together = [row for row in rows if not row.is_alone]
    lanes = [[row for row in together if row.account_id == account_id] for account_id in ACCOUNTS]
    benches = [Bench(sandbox, account_id, issuer) for account_id in ACCOUNTS]
    with ThreadPoolExecutor(len(lanes)) as pool:
        results = list(pool.map(play_lane, lanes, benches))
    # The whole installation has one issuer and AWS one clock: what concerns those is played when all else is over.
    results.append(play_lane([row for row in rows if row.is_alone], benches[0]))
    issuer.close()
    return 0 if all(all(lane) for lane in results) else 1


if __name__ == "__main__":
    sys.exit(main())
