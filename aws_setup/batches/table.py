"""A table of environments as a person pastes it: its rows in order, or why it is no table. Pure.

Comma, semicolon or tab (what Excel and Sheets put on the clipboard); the first line names the columns. Whatever was
typed stands in `TableRow.typed`, understood or not.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aws_setup.batches.rows import BEYOND, COLUMNS, OPTIONAL, REQUIRED, TableRow, read_row, refuse_cell, shorten
from aws_setup.diagnosis import Problem

MOST_ROWS = 500

EXAMPLE = """\
organization_id,environment_id,name,region,account_id,issuer,role_name,permissions,tags,organization_name
65a1b2c3d4e5f60718293a4b,65e1f2a3b4c5d60718293a01,Marketing,us-east-1,,,,,,Acme
65a1b2c3d4e5f60718293a4b,65e1f2a3b4c5d60718293a02,Research,eu-west-1,,,VertesiaResearch,invoke,CostCenter=4711;Team=Research,
"""

_OTHER_NAMES = {
    "organization": "organization_id",
    "org_id": "organization_id",
    "environment": "environment_id",
    "env_id": "environment_id",
    "environment_name": "name",
    "aws_region": "region",
    "endpoint_url": "region",
    "account": "account_id",
    "aws_account": "account_id",
    "aws_account_id": "account_id",
    "issuer_url": "issuer",
    "role": "role_name",
    "permission": "permissions",
    "tag": "tags",
    "org_name": "organization_name",
}
_DELIMITERS = ("\t", ";", ",")
_EXCEL_TEXT = re.compile(r'="([^"]*)"')
_SEPARATOR_LINE = re.compile(r"sep=.", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """What became of the text. `problem` where it is no table at all; `notes` on what was not used."""

    rows: tuple[TableRow, ...] = ()
    problem: Problem | None = None
    notes: tuple[str, ...] = ()


def parse_table(text: str) -> Table:
    """Rows of the pasted text, in their order. Never raises: a bad row says what is wrong, and the others stay."""
    lines = _without_preamble(text)
    if not lines.strip():
        return Table(problem=_no_table("There is nothing here yet."))
    delimiter = _find_delimiter(lines)
    try:
        records = [[_clean(cell) for cell in record] for record in csv.reader(io.StringIO(lines), delimiter=delimiter)]
    except csv.Error as error:
        return Table(problem=_no_table(f"This cannot be read as a table: {error}."))
    records = [record for record in records if any(record)]
    header, *bodies = records or [[]]
    columns = [_name_column(cell) for cell in header]
    if problem := _explain_header(columns):
        return Table(problem=problem)
    if not bodies:
        return Table(problem=_no_table("The table has a header and no rows."))
    if len(bodies) > MOST_ROWS:
        return Table(problem=_too_many(len(bodies)))
    rows = [
        read_row(_name_cells(body, columns, delimiter=delimiter), position=position)
        for position, body in enumerate(bodies, start=1)
    ]
    unused = [name for name in columns if name and name not in COLUMNS]
    notes = (f"Not used: {', '.join(unused)}. The columns read are {', '.join(COLUMNS)}.",) if unused else ()
    return Table(rows=tuple(_compare_rows(rows)), notes=notes)


def _without_preamble(text: str) -> str:
    """Without a byte order mark, what no database keeps and Excel's line `sep=;`; every line ended alike."""
    plain = text.replace("\ufeff", "").replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").lstrip("\n ")
    plain = plain.encode("utf-8", "replace").decode()
    first, newline, rest = plain.partition("\n")
    return rest if newline and _SEPARATOR_LINE.fullmatch(first.strip()) else plain


def _find_delimiter(lines: str) -> str:
    """The one that makes most known columns of the header; a tab before a semicolon before a comma."""
    header = next(line for line in lines.split("\n") if line.strip())

    def count_known(delimiter: str) -> int:
        return sum(_name_column(cell) in COLUMNS for cell in _split(header, delimiter))

    return max(_DELIMITERS, key=lambda delimiter: (count_known(delimiter), header.count(delimiter)))


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _clean(cell: str) -> str:
    """Without white space around it, and as Excel meant it where it was kept as text by `="…"`."""
    cell = cell.strip()
    wrapped = _EXCEL_TEXT.fullmatch(cell)
    return wrapped[1].strip() if wrapped else cell


def _name_column(cell: str) -> str:
    name = re.sub(r"[\s\-]+", "_", _clean(cell).strip('"').lower())
    return _OTHER_NAMES.get(name, name)


def _name_cells(record: Sequence[str], columns: Sequence[str], *, delimiter: str) -> dict[str, str]:
    named = {name: cell for name, cell in zip(columns, record, strict=False) if name}
    more = [cell for cell in record[len(columns) :] if cell]
    return {**named, BEYOND: delimiter.join(more)} if more else named


def _compare_rows(rows: Sequence[TableRow]) -> Iterable[TableRow]:
    """Each row beside those before it: one environment, one role name and one issuer of an organization stand once."""
    environments: dict[str, int] = {}
    roles: dict[tuple[str, str], int] = {}
    issuers: dict[str, tuple[str, int]] = {}
    for row in rows:
        environment_id = row.typed.get("environment_id", "")
        first = environments.setdefault(environment_id, row.position) if environment_id else row.position
        if first != row.position:
            row = refuse_cell(row, "environment_id", f"Row {first} has this id already; one environment has one row.")
        if row.wish is None:
            yield row
            continue
        wish = row.wish
        if wish.role_name:
            first = roles.setdefault((wish.account_id, wish.role_name.lower()), row.position)
            if first != row.position:
                row = refuse_cell(
                    row,
                    "role_name",
                    f"Row {first} has this name already; IAM compares names regardless of case, and each "
                    "environment has a role of its own.",
                )
        if wish.issuer_url:
            issuer, first = issuers.setdefault(wish.organization_id, (wish.issuer_url, row.position))
            if issuer != wish.issuer_url:
                row = refuse_cell(
                    row, "issuer", f"Row {first} says {shorten(issuer)} for this organization; it has one issuer."
                )
        yield row


def _explain_header(columns: Sequence[str]) -> Problem | None:
    missing = [column for column in REQUIRED if column not in columns]
    twice = sorted({column for column in columns if column in COLUMNS and columns.count(column) > 1})
    if len(missing) == len(REQUIRED):
        return _no_table("The first line names no column that is known here.")
    if missing:
        return _no_table(f"The header lacks {' and '.join(missing)}.")
    if twice:
        return _no_table(f"The header names {' and '.join(twice)} twice.")
    return None


def _no_table(sentence: str) -> Problem:
    return Problem(
        code="no_table",
        sentence=sentence,
        why=f"The first line names the columns. {', '.join(REQUIRED)} are needed; {', '.join(OPTIONAL)} may be there.",
        remedy="Paste the table with its header, or start from the template.",
    )


def _too_many(rows: int) -> Problem:
    return Problem(
        code="too_many_rows",
        sentence=f"The table has {rows} rows; at most {MOST_ROWS} are taken at once.",
        remedy="Split it. Nothing was taken up yet.",
    )
