"""What was made is taken away again: after a failed run, and from the command line, as often as one likes."""

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Ids, connect, open_environment
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

DENY_POLICIES = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:PutRolePolicy", "Resource": "*"},
    ],
}


def let_console(stack: Stack, policy: dict[str, Any] | None) -> None:
    """Give the console's user exactly this policy; None makes it an administrator again."""
    request = urllib.request.Request(  # noqa: S310 - loopback only
        f"{stack.sandbox_url}/_sandbox/caller_policy",
        data=json.dumps({"policy": policy}).encode(),
        method="POST",
        headers={"X-Sandbox-Control": "1"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback only
        assert answer.status == 200


def test_what_a_failed_run_made_is_removed(stack: Stack, open_page: Callable[..., Page], ids: Ids) -> None:
    let_console(stack, DENY_POLICIES)
    try:
        assert connect(stack, ids)["problem"]["code"] == "worker_denied"
    finally:
        let_console(stack, None)
    page = open_page()
    open_environment(page, stack, ids)
    page.get_by_role("link", name="What the last run wrote, and what not").click()
    page.get_by_role("button", name="Remove what this run made").click()
    page.get_by_role("button", name=re.compile(r"^Remove .*1 role in 1111-2222-3333$")).click(timeout=30_000)
    expect(page.get_by_role("heading", name=f"{ids.name} is disconnected")).to_be_visible(timeout=60_000)
    open_environment(page, stack, ids)
    expect(page.get_by_text("Disconnected").first).to_be_visible()
    expect(page.get_by_text("Needs attention")).to_have_count(0)


def test_the_provider_stays_while_another_environment_uses_it_and_the_page_says_so(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    connect(stack, ids)
    sibling = Ids(ids.organization_id, ids.environment_id[::-1], f"{ids.name} sibling")
    connect(stack, sibling)
    page = open_page()
    open_environment(page, stack, ids)
    page.get_by_role("link", name="Disconnect").first.click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Plan the removal").click()
    expect(page.get_by_text("The identity provider stays: Other roles trust it", exact=False)).to_be_visible(
        timeout=30_000
    )
    page.get_by_role("button", name="Remove 1 role in 1111-2222-3333").click()
    expect(page.get_by_role("heading", name=f"{ids.name} is disconnected")).to_be_visible(timeout=60_000)
    assert json.loads(stack.manage("verify", sibling.environment_id, "--json").stdout)["status"] == "connected"


def test_the_command_disconnects_as_often_as_it_is_called(stack: Stack, ids: Ids) -> None:
    connect(stack, ids)
    first = stack.manage("disconnect", ids.environment_id, "--yes", "--json")
    again = stack.manage("disconnect", ids.environment_id, "--yes", "--json")
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert [json.loads(done.stdout)["status"] for done in (first, again)] == ["disconnected", "disconnected"]
    assert json.loads(again.stdout)["actions"] == []
