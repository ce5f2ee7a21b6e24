"""One row of a table of environments: what is asked for, or a sentence for each cell that is not understood. Pure."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

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
LONGEST_NAME = 200
EMPTY = "is empty."
_EXCEL_NUMBER = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]+", re.IGNORECASE)
_DIRECTIONS = {direction for region in BEDROCK_REGIONS for direction in region.split("-")[1:-1]} | {
    "northwest",
    "southwest",
}
"""What AWS puts between a place and a number. A region of these words that is not on the list is new, not misspelt."""


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


def read_row(typed: Mapping[str, str], *, position: int) -> TableRow:
    """One row by itself: a wish, or one sentence for each thing that is wrong with it."""
    cells = {column: typed.get(column, "").strip() for column in COLUMNS}
    kept = dict(typed)
    faults = {column: EMPTY for column in REQUIRED if not cells[column]}
    if typed.get(BEYOND):
        faults[BEYOND] = f"It has more cells than the header has columns ({shorten(typed[BEYOND])}); quote a comma."
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


def refuse_cell(row: TableRow, column: str, sentence: str) -> TableRow:
    """The row, no longer understood: this is wrong with this cell, beside what was wrong before."""
    earlier = row.problem.evidence if row.problem is not None else {}
    return replace(row, wish=None, problem=_not_understood(row.position, {**earlier, column: sentence}))


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
        return f"{shorten(region)}: {error}"
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
        return f"An AWS account id has 12 digits; {shorten(cell)} has not."
    return ""


def _read_permissions(cell: str) -> tuple[str, str]:
    """(permissions, policy ARN); anything that is no known word is taken for an ARN, and judged as one."""
    word = cell.lower()
    if word in ("", "invoke", "full"):
        return word, ""
    return "policy", cell


def _split_tags(cell: str) -> list[str]:
    return re.split(r"[;|\n]", cell)


def shorten(text: str) -> str:
    """As much of what was typed as a sentence bears."""
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
