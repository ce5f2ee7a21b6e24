"""Each breakage of the sandbox turns the environment red with its cause, and the remedy mends it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Ids, connect, open_environment
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

BREAKAGES = {
    "Delete the identity provider": "has no identity provider for",
    "Remove the audience": "does not list audience bedrock",
    "Change the case": "upper and lower case differ",
    "Take the role|Detach": "may not call bedrock:List",
}


def break_it(page: Page, stack: Stack, ids: Ids, breakage: str) -> None:
    open_environment(page, stack, ids)
    environment = page.url.rstrip("/").rsplit("/", 1)[-1]
    page.goto(f"{stack.url}/sandbox/?environment={environment}")
    page.locator("form").filter(has_text=re.compile(breakage, re.IGNORECASE)).get_by_role(
        "button", name=re.compile("Break|Start")
    ).first.click()


@pytest.mark.parametrize(("breakage", "cause"), BREAKAGES.items())
def test_a_breakage_turns_the_environment_red_and_a_new_plan_mends_it(
    stack: Stack, open_page: Callable[..., Page], ids: Ids, breakage: str, cause: str
) -> None:
    connect(stack, ids)
    page = open_page()
    break_it(page, stack, ids, breakage)
    expect(page.get_by_text(cause, exact=False).first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Needs attention").first).to_be_visible()
    page.get_by_role("button", name=re.compile("plan", re.IGNORECASE)).first.click()
    page.get_by_role("button", name=re.compile(r"in 1111-2222-3333$")).click(timeout=30_000)
    expect(page.get_by_text(re.compile(r"Studio will show \d+ of \d+")).first).to_be_visible(timeout=60_000)


def test_a_stopped_issuer_is_named_and_starting_it_again_mends_it(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    connect(stack, ids)
    page = open_page()
    break_it(page, stack, ids, "issuer unreachable|Stop the issuer")
    expect(page.get_by_text("could not read the signing keys", exact=False).first).to_be_visible(timeout=30_000)
    break_it(page, stack, ids, "Start the issuer|reachable again")
    expect(page.get_by_text("Connected").first).to_be_visible(timeout=30_000)
