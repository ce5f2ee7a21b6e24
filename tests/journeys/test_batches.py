"""Many at once, on the real stack: a table with a bad row, one in the way of somebody else and one that fails."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from playwright.sync_api import Locator, Page, expect

from aws_setup.credentials import SANDBOX_ACCESS_KEY, SANDBOX_SECRET_KEY
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},\
"Action":"sts:AssumeRole"}]}'


def iam_of(stack: Stack) -> Any:
    """Somebody else at work in the same account."""
    return boto3.client(
        "iam",
        endpoint_url=stack.sandbox_url,
        region_name="us-east-1",
        aws_access_key_id=SANDBOX_ACCESS_KEY,
        aws_secret_access_key=SANDBOX_SECRET_KEY,
    )


def meet_worker(page: Page, stack: Stack) -> None:
    """The worker says who it is; rows without an account mean its own."""
    page.goto(f"{stack.url}/accounts/")
    page.get_by_role("button", name="Check now").first.click()
    expect(page.get_by_text("arn:aws:iam::111122223333:user/vertesia-console").first).to_be_visible(timeout=30_000)


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def test_a_table_is_connected_row_by_row_and_only_what_failed_runs_again(
    stack: Stack, open_page: Callable[..., Page]
) -> None:
    organization, mark = uuid.uuid4().hex[:24], uuid.uuid4().hex[:6]
    names = [f"{word} {mark}" for word in ("Marketing", "Research", "Payroll", "Support")]
    regions = ["us-east-1", "us-esat-1", "eu-west-1", "us-west-2"]
    roles = [f"{name.replace(' ', '')}" for name in names]
    lines = ["Organization ID\tEnvironment ID\tName\tRegion\tRole name"]
    lines += [
        "\t".join([organization, uuid.uuid4().hex[:24], name, region, role])
        for name, region, role in zip(names, regions, roles, strict=True)
    ]
    iam = iam_of(stack)
    iam.create_role(RoleName=roles[2], AssumeRolePolicyDocument=TRUST)

    page = open_page()
    meet_worker(page, stack)
    page.goto(f"{stack.url}/environments/")
    page.get_by_role("link", name="Connect many").click()
    page.get_by_label("Paste it here").fill("\n".join(lines))
    page.get_by_label("Name of this table").fill(f"Table {mark}")
    page.get_by_role("button", name="Read the table and plan").click()

    expect(page.get_by_role("heading", level=1, name=f"Table {mark}")).to_be_visible()
    approve = page.get_by_role("button", name=re.compile("^Approve 2 plans: create .*2 roles in 1111-2222-3333$"))
    expect(approve).to_be_visible(timeout=30_000)
    expect(row_of(page, names[1])).to_contain_text("Is us-east-1 meant?")
    expect(row_of(page, names[2])).to_contain_text("Cannot be planned")
    expect(page.get_by_text("Nothing has been written yet. Deletes nothing.", exact=False)).to_be_visible()

    iam.create_role(RoleName=roles[3], AssumeRolePolicyDocument=TRUST)
    approve.click()
    expect(row_of(page, names[0])).to_contain_text("Succeeded", timeout=60_000)
    expect(row_of(page, names[3])).to_contain_text("Failed", timeout=60_000)

    page.get_by_role("link", name=f"Correct row 2, {names[1]}").click()
    expect(page.get_by_label("Region")).to_have_value("us-esat-1")
    page.get_by_label("Region").fill("us-east-1")
    page.get_by_role("button", name="Plan this row").click()
    page.get_by_role("link", name=f"Correct row 3, {names[2]}").click()
    page.get_by_label("Role name").fill(f"{roles[2]}Vertesia")
    page.get_by_role("button", name="Plan this row").click()
    iam.delete_role(RoleName=roles[3])
    again = page.get_by_role("button", name="Run the failed row again")
    expect(again).to_be_visible(timeout=30_000)
    again.click()

    approve = page.get_by_role("button", name=re.compile("^Approve 3 plans: create 3 roles in 1111-2222-3333$"))
    expect(approve).to_be_visible(timeout=30_000)
    approve.click()
    for name in names:
        expect(row_of(page, name)).to_contain_text("Succeeded", timeout=60_000)
    assert page.locator("#batch[hx-trigger]").count() == 0
    page.goto(f"{stack.url}/batches/")
    expect(row_of(page, f"Table {mark}")).to_contain_text("4 rows · 4 succeeded")


def test_a_table_works_without_javascript_too(stack: Stack, open_page: Callable[..., Page]) -> None:
    mark = uuid.uuid4().hex[:6]
    page = open_page(java_script_enabled=False)
    meet_worker(page, stack)
    page.goto(f"{stack.url}/batches/")
    header = "organization_id;environment_id;name;region"
    body = f"{uuid.uuid4().hex[:24]};{uuid.uuid4().hex[:24]};Plain {mark};eu-central-1"
    page.get_by_label("Or a CSV file").set_input_files(
        {"name": "environments.csv", "mimeType": "text/csv", "buffer": f"{header}\n{body}\n".encode()}
    )
    page.get_by_role("button", name="Read the table and plan").click()
    page.get_by_role("button", name=re.compile("^Approve 1 plan: ")).click(timeout=30_000)
    expect(row_of(page, f"Plain {mark}")).to_contain_text("Succeeded", timeout=60_000)
