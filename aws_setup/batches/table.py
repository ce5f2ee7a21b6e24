"""A table of environments as a person pastes it: rows that are understood, and a sentence for each that is not. Pure.

Comma, semicolon or tab (what Excel and Sheets put on the clipboard); the first line names the columns. Whatever was
typed stands in `TableRow.typed`, understood or not.
"""

import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aws_setup.diagnosis import Problem
from aws_setup.names import InvalidName, validate_policy_arn, validate_role_name
from aws_setup.regions import BEDROCK_REGIONS, validate_bedrock_region
from aws_setup.tags import InvalidTag, parse_tags
from environments.ids import InvalidVertesiaId, build_subject, validate_plain_id

REQUIRED = ("organization_id", "environment_id", "name", "region")
OPTIONAL = ("account_id", "issuer", "role_name", "permissions", "tags", "organization_name")
COLUMNS = REQUIRED + OPTIONAL
BEYOND = "beyond the last column"
"""The key of what a row holds more than the header names."""
MOST_ROWS = 500
LONGEST_NAME = 200

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
EMPTY = "is empty."
_DELIMITERS = ("\t", ";", ",")
_EXCEL_TEXT = re.compile(r'="([^"]*)"')
_EXCEL_NUMBER = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]+", re.IGNORECASE)
_DIRECTIONS = {direction for region in BEDROCK_REGIONS for direction in region.split("-")[1:-1]} | {
    "northwest",
    "southwest",
}
"""What AWS puts between a place and a number. A region of these words that is not on the list is new, not misspelt."""
_SEPARATOR_LINE = re.compile(r"sep=.", re.IGNORECASE)


@dataclass(frozen=True)
class Wish:
    """One environment as the table asks for it; empty where it says nothing."""

    organization_id: str
    environment_id: str
    name: str
    region: str
    account_id: str = ""
    issuer_url: str = ""
    role_name: str = ""
    permissions: str = ""
    policy_arn: str = ""
    tags: dict[str, str] | None = None
    organization_name: str = ""


@dataclass(frozen=True)
class TableRow:
    """One row: `position` from 1 without the header; a wish, or the problem that keeps it from being one."""

    position: int
    typed: dict[str, str]
    wish: Wish | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class Table:
    """What became of the text. `problem` where it is no table at all; `notes` on what was not used."""

    rows: tuple[TableRow, ...] = ()
    problem: Problem | None = None
    notes: tuple[str, ...] = field(default=())


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


def read_row(typed: Mapping[str, str], *, position: int) -> TableRow:
    """One row by itself: a wish, or one sentence for each thing that is wrong with it."""
    cells = {column: typed.get(column, "").strip() for column in COLUMNS}
    kept = dict(typed)
    faults = {column: EMPTY for column in REQUIRED if not cells[column]}
    if typed.get(BEYOND):
        faults[BEYOND] = f"It has more cells than the header has columns ({_short(typed[BEYOND])}); quote a comma."
    faults |= dict(_find_faults(cells))
    if faults:
        return TableRow(position, kept, problem=_not_understood(position, faults))
    permissions, policy_arn = _read_permissions(cells["permissions"])
    return TableRow(
        position,
        kept,
        wish=Wish(
            organization_id=cells["organization_id"],
            environment_id=cells["environment_id"],
            name=cells["name"],
            region=cells["region"].lower(),
            account_id=_read_account(cells["account_id"]),
            issuer_url=cells["issuer"].rstrip("/"),
            role_name=cells["role_name"],
            permissions=permissions,
            policy_arn=policy_arn,
            tags=parse_tags(_split_tags(cells["tags"])) if cells["tags"] else None,
            organization_name=cells["organization_name"],
        ),
    )


def write_table(rows: Iterable[Mapping[str, str]]) -> str:
    """The rows as a table that `parse_table` reads, with every column that they use."""
    rows = list(rows)
    others = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS and name != BEYOND)
    out = io.StringIO()
    writer = csv.DictWriter(out, [*COLUMNS, *others], restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# --- reading ------------------------------------------------------------------------------------------------------


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


# --- judging ------------------------------------------------------------------------------------------------------


def _find_faults(cells: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """What is wrong with the cells that hold something, by column."""
    yield from _find_id_faults(cells)
    for column in ("name", "organization_name"):
        if len(cells[column]) > LONGEST_NAME:
            yield column, f"A name has at most {LONGEST_NAME} characters; this one has {len(cells[column])}."
    if cells["region"] and (sentence := _region_fault(cells["region"].lower())):
        yield "region", sentence
    account_id = _read_account(cells["account_id"])
    account_fault = _account_fault(cells["account_id"], account_id)
    if account_fault:
        yield "account_id", account_fault
    if cells["role_name"]:
        try:
            validate_role_name(cells["role_name"])
        except InvalidName as error:
            yield "role_name", str(error)
    permissions, policy_arn = _read_permissions(cells["permissions"])
    if permissions == "policy":
        try:
            validate_policy_arn(policy_arn, account_id="" if account_fault else account_id)
        except InvalidName as error:
            yield "permissions", f"Write invoke, full, or the ARN of a policy. {error}"
    try:
        parse_tags(_split_tags(cells["tags"]))
    except InvalidTag as error:
        yield "tags", f"{error} Several are separated by ; or |."


def _find_id_faults(cells: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    is_plain = True
    for column in ("organization_id", "environment_id"):
        if not cells[column]:
            is_plain = False
            continue
        try:
            validate_plain_id(cells[column])
        except InvalidVertesiaId as error:
            is_plain = False
            yield column, str(error)
    if is_plain:
        try:
            build_subject(cells["organization_id"], cells["environment_id"])
        except InvalidVertesiaId as error:
            yield "environment_id", str(error)


def _region_fault(region: str) -> str:
    """AWS adds regions faster than a list is kept: refused is what has no region's form, or is a slip of the pen."""
    try:
        validate_bedrock_region(region)
    except InvalidName as error:
        return f"{_short(region)}: {error}"
    place, _, number = region.rpartition("-")
    places = list(dict.fromkeys(known.rpartition("-")[0] for known in BEDROCK_REGIONS))
    if all(word in _DIRECTIONS for word in place.split("-")[1:]):
        return ""
    swapped = [known for known in places if sorted(known) == sorted(place)]
    meant = (swapped or difflib.get_close_matches(place, places, n=1, cutoff=0.75))[:1]
    candidates = [known for known in BEDROCK_REGIONS for start in meant if known.startswith(f"{start}-")]
    if not candidates:
        return ""
    best = f"{meant[0]}-{number}"
    return f"{region} is no region known here. Is {best if best in candidates else candidates[0]} meant?"


def _read_account(cell: str) -> str:
    return re.sub(r"[\s-]", "", cell)


def _account_fault(cell: str, account_id: str) -> str:
    if _EXCEL_NUMBER.fullmatch(cell):
        return f"{cell} is a number as a spreadsheet shortens it. Format the column as text and copy the id again."
    if cell and not re.fullmatch(r"[0-9]{12}", account_id):
        return f"An AWS account id has 12 digits; {_short(cell)} has not."
    return ""


def _read_permissions(cell: str) -> tuple[str, str]:
    """(permissions, policy ARN); anything that is no known word is taken for an ARN, and judged as one."""
    word = cell.lower()
    if word in ("", "invoke", "full"):
        return word, ""
    return "policy", cell


def _split_tags(cell: str) -> list[str]:
    return re.split(r"[;|\n]", cell)


def _compare_rows(rows: Sequence[TableRow]) -> Iterable[TableRow]:
    """Each row beside those before it: one environment, one role name and one issuer of an organization stand once."""
    environments: dict[str, int] = {}
    roles: dict[tuple[str, str], int] = {}
    issuers: dict[str, tuple[str, int]] = {}
    for row in rows:
        environment_id = row.typed.get("environment_id", "")
        first = environments.setdefault(environment_id, row.position) if environment_id else row.position
        if first != row.position:
            row = _refuse(row, "environment_id", f"Row {first} has this id already; one environment has one row.")
        if row.wish is None:
            yield row
            continue
        wish = row.wish
        if wish.role_name:
            first = roles.setdefault((wish.account_id, wish.role_name.lower()), row.position)
            if first != row.position:
                row = _refuse(
                    row,
                    "role_name",
                    f"Row {first} has this name already; IAM compares names regardless of case, and each "
                    "environment has a role of its own.",
                )
        if wish.issuer_url:
            issuer, first = issuers.setdefault(wish.organization_id, (wish.issuer_url, row.position))
            if issuer != wish.issuer_url:
                row = _refuse(
                    row, "issuer", f"Row {first} says {_short(issuer)} for this organization; it has one issuer."
                )
        yield row


def _refuse(row: TableRow, column: str, sentence: str) -> TableRow:
    earlier = row.problem.evidence if row.problem is not None else {}
    return replace(row, wish=None, problem=_not_understood(row.position, {**earlier, column: sentence}))


# --- saying -------------------------------------------------------------------------------------------------------


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"


def _not_understood(position: int, faults: Mapping[str, str]) -> Problem:
    """`faults`: a sentence for each column at fault; they stand one by one in the evidence."""
    words = [f"{column} {fault}" if fault == EMPTY else f"{column}: {fault}" for column, fault in faults.items()]
    return Problem(
        code="row_not_understood",
        sentence=f"Row {position}: {' '.join(words)}",
        remedy="Correct the row; the others are not held up by it.",
        evidence=dict(faults),
    )


def _explain_header(columns: Sequence[str]) -> Problem | None:
    missing = [column for column in REQUIRED if column not in columns]
    numbers = Counter(columns)
    twice = [column for column in sorted(COLUMNS) if numbers[column] > 1]
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
