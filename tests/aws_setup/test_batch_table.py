"""Tables as people paste them: whatever the text, there are rows or sentences, and never an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_setup.batches.rows import BEYOND, COLUMNS, TableRow, Wish, read_row
from aws_setup.batches.table import EXAMPLE, MOST_ROWS, Table, parse_table
from tests.aws_setup.tables import write_table

ORGANIZATION = "65a1b2c3d4e5f60718293a4b"
ENVIRONMENT = "65e1f2a3b4c5d60718293a01"
GOOD = {"organization_id": ORGANIZATION, "environment_id": ENVIRONMENT, "name": "Marketing", "region": "us-east-1"}


def only_row(text: str) -> TableRow:
    table = parse_table(text)
    assert table.problem is None
    [row] = table.rows
    return row


def sentence(**cells: str) -> str:
    """What is said of a good row with these cells; empty where it stays good."""
    row = only_row(write_table([GOOD | cells]))
    assert (row.wish is None) != (row.problem is None)
    return row.problem.sentence if row.problem else ""


def test_the_example_and_the_template_are_understood() -> None:
    table = parse_table(EXAMPLE)
    assert all(row.wish for row in table.rows)
    assert table.rows[1].wish == Wish(
        organization_id=ORGANIZATION,
        environment_id="65e1f2a3b4c5d60718293a02",
        name="Research",
        region="eu-west-1",
        role_name="VertesiaResearch",
        permissions="invoke",
        tags={"CostCenter": "4711", "Team": "Research"},
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_are_told_apart_by_the_header(delimiter: str) -> None:
    text = "\n".join([delimiter.join(GOOD), delimiter.join(GOOD.values())])
    assert only_row(text).wish == Wish(**GOOD)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff{header}\r\n{body}\r\n",
        "\n\n  \n{header}\n\n{body}\n,,,\n\n",
        "sep=,\n{header}\n{body}",
        "{header}\r{body}",
        "{spaced}\n{body}",
        "{header}\n{quoted}",
        "{header}\n{excel}",
        "{header}\n  {padded}  ",
    ],
)
def test_what_spreadsheets_do_to_a_table_is_forgiven(text: str) -> None:
    filled = text.format(
        header=",".join(GOOD),
        spaced=" Organization ID , Environment-Id,NAME , AWS Region ",
        body=",".join(GOOD.values()),
        quoted=",".join(f'"{value}"' for value in GOOD.values()),
        excel=",".join(f'"=""{value}"""' for value in GOOD.values()),
        padded=" ,  ".join(GOOD.values()),
    )
    assert only_row(filled).wish == Wish(**GOOD)


def test_a_cell_may_hold_the_separator_in_quotes() -> None:
    assert only_row(write_table([GOOD | {"name": 'Sales, "EMEA"; DACH'}])).typed["name"] == 'Sales, "EMEA"; DACH'


def test_region_and_account_are_read_as_people_write_them() -> None:
    row = only_row(write_table([GOOD | {"region": "US-East-1", "account_id": "1111-2222-3333"}]))
    assert row.wish is not None
    assert (row.wish.region, row.wish.account_id) == ("us-east-1", "111122223333")
    assert row.typed["account_id"] == "1111-2222-3333"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"name": ""}, "name is empty."),
        ({"organization_id": "env:*"}, "organization_id: A Vertesia id holds only letters"),
        ({"environment_id": ORGANIZATION}, "environment_id: Organization id and environment id are the same."),
        ({"region": "Frankfurt"}, "region: frankfurt: A region looks like us-east-1"),
        ({"region": "us-esat-1"}, "Is us-east-1 meant?"),
        ({"region": "cn-north-1"}, "does not exist in AWS China"),
        ({"account_id": "12345"}, "An AWS account id has 12 digits"),
        ({"account_id": "1.11122E+11"}, "Format the column as text"),
        ({"role_name": "a role"}, "role_name: A role name has 1 to 64 letters"),
        ({"permissions": "everything"}, "permissions: Write invoke, full, or the ARN of a policy."),
        (
            {"permissions": "arn:aws:iam::444455556666:policy/Theirs", "account_id": "111122223333"},
            "belongs to account 4444-5555-6666",
        ),
        ({"tags": "CostCenter"}, "tags: “CostCenter” is not a tag"),
        ({"tags": "a=1|A=2"}, "stands there twice"),
        ({"name": "n" * 201}, "A name has at most 200 characters"),
    ],
)
def test_each_bad_cell_has_its_own_sentence(cells: dict[str, str], words: str) -> None:
    assert sentence(**cells).startswith("Row 1: ")
    assert words in sentence(**cells)


def test_a_row_with_several_faults_names_each() -> None:
    said = sentence(name="", region="nowhere", tags="x")
    assert all(column in said for column in ("name is empty", "region:", "tags:"))


@pytest.mark.parametrize("region", ["us-east-9", "ap-southeast-8", "mx-north-1", "th-central-1", "us-gov-west-1"])
def test_a_region_that_aws_may_have_added_is_no_fault(region: str) -> None:
    assert sentence(region=region) == ""


def test_one_bad_row_does_not_lose_the_others() -> None:
    rows = [GOOD | {"environment_id": f"{number:024x}"} for number in range(1, 4)]
    rows[1]["region"] = "nowhere"
    table = parse_table(write_table(rows))
    assert [row.wish is not None for row in table.rows] == [True, False, True]
    assert [row.position for row in table.rows] == [1, 2, 3]


def test_rows_are_compared_with_those_before() -> None:
    others = {"environment_id": "65e1f2a3b4c5d60718293a02"}
    cases: list[tuple[dict[str, str], dict[str, str], str]] = [
        ({}, {}, "Row 1 has this id already"),
        ({"role_name": "One"}, others | {"role_name": "ONE"}, "Row 1 has this name already"),
        ({"issuer": "https://a.example"}, others | {"issuer": "https://b.example"}, "Row 1 says https://a.example"),
    ]
    for first, second, words in cases:
        table = parse_table(write_table([GOOD | first, GOOD | second]))
        assert table.rows[0].wish is not None
        assert table.rows[1].problem is not None
        assert words in table.rows[1].problem.sentence


def test_one_role_name_in_two_accounts_is_fine() -> None:
    second = {"environment_id": "65e1f2a3b4c5d60718293a02", "role_name": "One", "account_id": "444455556666"}
    table = parse_table(write_table([GOOD | {"role_name": "One", "account_id": "111122223333"}, GOOD | second]))
    assert all(row.wish for row in table.rows)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is nothing here yet."),
        ("  \n\n", "There is nothing here yet."),
        ("hello", "The first line names no column"),
        (",".join(list(GOOD)[:3]) + "\na,b,c", "The header lacks region."),
        (",".join(GOOD), "The table has a header and no rows."),
        (",".join([*GOOD, "name"]) + "\na,b,c,d,e", "The header names name twice."),
        (",".join(GOOD) + "\na,b,c,d" * (MOST_ROWS + 1), "The table has 501 rows; at most 500 are taken at once."),
    ],
)
def test_what_is_no_table_says_why(text: str, words: str) -> None:
    table = parse_table(text)
    assert table.rows == ()
    assert table.problem is not None
    assert words in table.problem.sentence


def test_five_hundred_rows_are_taken() -> None:
    rows = [GOOD | {"environment_id": f"{number:024x}"} for number in range(MOST_ROWS)]
    assert len(parse_table(write_table(rows)).rows) == MOST_ROWS


def test_columns_that_are_not_read_are_kept_and_named() -> None:
    table = parse_table(write_table([GOOD | {"comment": "ours"}]))
    assert table.notes[0].startswith("Not used: comment.")
    assert table.rows[0].wish is not None
    assert table.rows[0].typed["comment"] == "ours"


def test_cells_beyond_the_header_are_kept_and_said() -> None:
    row = only_row(",".join(GOOD) + "\n" + ",".join([*GOOD.values(), "more", "still"]))
    assert row.typed[BEYOND] == "more,still"
    assert row.problem is not None
    assert "more cells than the header has columns" in row.problem.sentence


CELLS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


def check(table: Table) -> None:
    assert (table.problem is None) == bool(table.rows)
    for row in table.rows:
        assert (row.wish is None) != (row.problem is None)
        assert row.problem is None or row.problem.sentence.startswith(f"Row {row.position}: ")


@given(st.text(max_size=400))
def test_any_text_gives_rows_or_a_sentence(text: str) -> None:
    check(parse_table(text))


@given(st.text(alphabet=',;\t\n\r"\x00 ax=-1', max_size=200))
def test_any_cells_below_a_header_give_rows_or_sentences(text: str) -> None:
    check(parse_table(",".join(GOOD) + "\n" + text))


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), CELLS, min_size=1), min_size=1, max_size=5))
def test_nothing_that_was_typed_is_lost(rows: list[dict[str, str]]) -> None:
    table = parse_table(write_table(rows))
    check(table)
    held = [{name: cell for name, cell in row.typed.items() if cell} for row in table.rows]
    again = parse_table(write_table(row.typed for row in table.rows)) if table.rows else table
    assert [{name: cell for name, cell in row.typed.items() if cell} for row in again.rows] == held


@given(st.dictionaries(st.sampled_from((*COLUMNS, BEYOND, "other")), CELLS))
def test_any_cells_of_one_row_are_judged(typed: dict[str, str]) -> None:
    row = read_row(typed, position=3)
    assert row.typed == typed
    check(Table(rows=(row,)))
