"""A run that stopped half-way goes on at one click: what was written is kept, and only the rest is done."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Ids, connect, open_environment
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def control(stack: Stack, method: str, path: str, body: dict[str, object] | None = None) -> None:
    """Tell the sandbox, by the same switch that its page uses."""
    request = urllib.request.Request(  # noqa: S310 - loopback only
        f"{stack.sandbox_url}/_sandbox/{path}",
        data=json.dumps(body or {}).encode(),
        method=method,
        headers={"X-Sandbox-Control": "1"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback only
        assert answer.status == 200


@pytest.fixture
def out_of_rights(stack: Stack) -> Iterator[None]:
    """A permissions boundary that somebody put on the worker keeps it from giving roles their policy."""
    fault = {"kind": "denied", "account_id": "111122223333", "action": "PutRolePolicy", "times": None}
    control(stack, "POST", "faults", fault | {"layer": "boundary"})
    yield
    control(stack, "DELETE", "faults")


def test_a_run_that_stopped_is_planned_again_and_only_the_rest_is_done(
    stack: Stack, open_page: Callable[..., Page], ids: Ids, out_of_rights: None
) -> None:
    assert connect(stack, ids)["problem"]["code"] == "worker_denied"
    page = open_page()
    open_environment(page, stack, ids)
    page.get_by_role("link", name="What the last run wrote, and what not").click()
    expect(page.get_by_role("heading", name="This run stopped")).to_be_visible()
    expect(page.get_by_text("A permissions boundary does not allow it.").first).to_be_visible()
    main = page.get_by_role("main")
    expect(main).to_contain_text(re.compile(r"Was written.*Create role", re.DOTALL))
    expect(main).to_contain_text(re.compile(r"Was not written.*Allow role", re.DOTALL))

    control(stack, "DELETE", "faults")
    page.get_by_role("button", name="Make a new plan").click()
    approve = page.get_by_role("button", name=re.compile(r"^Change 1 role in 1111-2222-3333$"))
    expect(approve).to_be_visible(timeout=30_000)
    approve.click()
    expect(page.get_by_text(re.compile(r"Studio will show \d+ of \d+")).first).to_be_visible(timeout=60_000)
    assert json.loads(stack.manage("verify", ids.environment_id, "--json").stdout)["status"] == "connected"
