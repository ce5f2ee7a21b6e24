"""`make lab`: every failure of the catalogue, explained and mended. One line per row, last `lab: PASSED/TOTAL`.

`--sample` plays the rows that continuous integration runs; `ROW…` those with such a number, or with the words in their
name.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from config.programs import find_free_port
from tests.plays import play_rows
from tests.stack import running_stack

MINUTES = 15
"""For everything together; a row that was not played by then has failed."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    chosen = parser.parse_args()
    deadline = time.monotonic() + MINUTES * 60
    console_port, issuer_port = find_free_port(), find_free_port()
    with (
        tempfile.TemporaryDirectory(prefix="console-lab-") as directory,
        running_stack(
            Path(directory) / "var",
            port=console_port,
            ISSUER_URL=f"http://localhost:{issuer_port}",
            # What rows change is seen at once, and what the console writes as well: the row that wants it late says so.
            SANDBOX_PROPAGATION_SECONDS="0",
            # Only the rows' own verifications look at what they broke.
            OBSERVATION_INTERVAL_HOURS="0",
        ) as stack,
    ):
        arguments = [*(["--sample"] if chosen.sample else []), *chosen.rows]
        ports = {"LAB_ISSUER_PORT": str(issuer_port), "LAB_CONSOLE_URL": stack.url}
        results = play_rows(stack, "tests.lab.inner", *arguments, word="lab", deadline=deadline, **ports)
    sys.stdout.write(f"lab: {sum(results)}/{len(results)}\n")
    return 0 if all(results) and results else 1


if __name__ == "__main__":
    sys.exit(main())
