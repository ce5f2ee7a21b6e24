"""An administrator changes things in AWS: the console shows what differs, puts it back, or agrees to it."""

import json
import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Ids, connect, open_environment
from tests.sandbox.process import ACCOUNT, ADMINISTRATORS, ONE_ATTEMPT
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def administrator(stack: Stack) -> Any:
    """IAM as an administrator of the account uses it, beside the console."""
    access_key, secret = ADMINISTRATORS[ACCOUNT]
    return boto3.client(
        "iam",
        endpoint_url=stack.sandbox_url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=ONE_ATTEMPT,
    )


def connect_long_ago(stack: Stack, ids: Ids) -> str:
    """Connect, and let what was written be long spread; the role's name."""
    role_arn = str(connect(stack, ids)["role_arn"])
    written = f"Connection.objects.filter(environment__environment_id='{ids.environment_id}')"
    stack.manage(
        "shell", "-c", f"from aws_setup.models import Connection; {written}.update(last_write_at=None)", check=True
    )
    return role_arn.rsplit("/", 1)[-1]


def compare_now(page: Page, stack: Stack, ids: Ids) -> None:
    open_environment(page, stack, ids)
    page.get_by_role("button", name="Compare now").click()


def expect_as_agreed(page: Page, stack: Stack, ids: Ids) -> None:
    """The comparison that follows the run closes the finding by itself."""
    open_environment(page, stack, ids)
    comparison = page.get_by_role("region", name="Compared with AWS")
    expect(comparison.get_by_text("As agreed", exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_role("region", name="Status").get_by_text("Connected", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("AWS differs from what was agreed"))).to_have_count(0)


def test_what_an_administrator_broke_is_shown_and_put_back_by_one_plan(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    role, iam = connect_long_ago(stack, ids), administrator(stack)
    iam.attach_role_policy(RoleName=role, PolicyArn=READ_ONLY)
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    checked = trust["Statement"][0]["Condition"]["StringEquals"]
    [audience] = [key for key in checked if key.endswith(":aud")]
    del checked[audience]
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))

    page = open_page()
    compare_now(page, stack, ids)
    comparison = page.get_by_role("region", name="Compared with AWS")
    expect(comparison.get_by_text("Somebody attached ReadOnlyAccess", exact=False)).to_be_visible(timeout=30_000)
    expect(comparison.get_by_text("checks less than was agreed", exact=False)).to_be_visible()
    expect(comparison.get_by_text("Lets more in")).to_have_count(2)
    expect(page.get_by_role("heading", name=re.compile("differs from what was agreed .* in 2 points"))).to_be_visible()

    comparison.get_by_role("button", name="Plan the repair").click()
    page.get_by_role("button", name="Change 1 role in 1111-2222-3333").click(timeout=30_000)
    expect(page.get_by_text(re.compile(r"Studio will show \d+ of \d+")).first).to_be_visible(timeout=60_000)
    expect_as_agreed(page, stack, ids)
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    held = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    assert audience in held["Statement"][0]["Condition"]["StringEquals"]


def test_what_an_administrator_meant_is_accepted_and_nothing_is_written(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    role, iam = connect_long_ago(stack, ids), administrator(stack)
    iam.attach_role_policy(RoleName=role, PolicyArn=READ_ONLY)
    iam.update_role(RoleName=role, MaxSessionDuration=7200)

    page = open_page()
    compare_now(page, stack, ids)
    page.get_by_role("button", name="Accept as the new agreement").click(timeout=30_000)
    expect(page.get_by_text("Nothing is written to AWS.")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Accept 2 differences, change nothing in 1111-2222-3333").click()
    expect(page.get_by_text(re.compile(r"Studio will show \d+ of \d+")).first).to_be_visible(timeout=60_000)
    expect_as_agreed(page, stack, ids)
    assert iam.get_role(RoleName=role)["Role"]["MaxSessionDuration"] == 7200
    assert [policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]] == [
        READ_ONLY
    ]
