"""Tables of environments, as a spreadsheet writes them."""

import csv
import io
from collections.abc import Iterable, Mapping

from aws_setup.batches.rows import BEYOND, COLUMNS


def write_table(rows: Iterable[Mapping[str, str]]) -> str:
    """The rows as a table that `parse_table` reads, with every column that they use."""
    rows = list(rows)
    others = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS and name != BEYOND)
    out = io.StringIO()
    writer = csv.DictWriter(out, [*COLUMNS, *others], restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
