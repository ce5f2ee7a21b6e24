"""Vertesia moves to another issuer, and an organization with it: every role trusts both, then only the new one."""

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import Ids, connect
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

OLD, NEW = "https://sts.becomposable.com", "https://sts.vertesia.io"
WAIT = 60_000


def row(page: Page, ids: Ids) -> Locator:
    return page.get_by_role("row").filter(has_text=ids.name)


def approve_all(page: Page) -> None:
    """On the page of many plans: wait until they are made, approve them, wait until they are carried out."""
    page.wait_for_url(re.compile("/batches/"))
    approve = page.get_by_role("button", name=re.compile("^Approve"))
    expect(approve).to_be_visible(timeout=WAIT)
    approve.click()
    expect(page.get_by_role("cell", name="Waiting for Vertesia")).to_have_count(2, timeout=WAIT)
    page.get_by_role("link", name=re.compile("moves to another issuer")).click()


def confirm(page: Page, ids: Ids) -> None:
    row(page, ids).get_by_role("link", name="Look in Studio").click()
    page.get_by_role("button", name="I see models").click()
    page.get_by_role("link", name="See how far it is").click()


def test_an_organization_moves_to_the_new_issuer_step_by_step(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    other = Ids(ids.organization_id, uuid.uuid4().hex[:24], f"Sibling {ids.environment_id[:6]}")
    for each in (ids, other):
        assert connect(stack, each, "--issuer", OLD)["status"] == "waiting_for_vertesia"
    page = open_page()
    page.goto(f"{stack.url}/environments/?q={ids.name}")
    page.get_by_role("main").get_by_role("link", name=ids.name, exact=True).first.click()
    page.get_by_role("link", name="plan the move").click()
    expect(page.get_by_label("New issuer")).to_have_value(NEW)
    page.get_by_role("button", name="Begin the move").click()

    expect(page.get_by_text(f"{ids.name} trusts only {OLD}.")).to_be_visible()
    page.get_by_role("button", name="Plan it for all 2").click()
    approve_all(page)

    switch = page.get_by_role("button", name="sts.vertesia.io signs now")
    expect(switch).to_be_visible()
    switch.click()
    expect(page.get_by_role("link", name="Look in Studio")).to_have_count(2, timeout=WAIT)
    expect(page.get_by_role("button", name="sts.becomposable.com signs after all")).to_be_visible()
    for each in (ids, other):
        confirm(page, each)

    page.get_by_role("button", name="Plan it for all 2").click()
    approve_all(page)
    expect(page.get_by_text(re.compile("has moved: its roles trust only"))).to_be_visible(timeout=WAIT)
    expect(row(page, ids).get_by_text("New only")).to_be_visible()
    page.get_by_role("link", name=ids.name, exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("Waiting for Vertesia")
    expect(page.get_by_role("main")).not_to_contain_text("Needs attention")


def test_one_environment_is_taken_there_and_back_without_javascript(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    connect(stack, ids, "--issuer", OLD)
    page = open_page(java_script_enabled=False)
    page.goto(f"{stack.url}/issuers/moves/")
    option = page.get_by_label("Organization").locator("option", has_text=ids.organization_id)
    page.get_by_label("Organization").select_option(value=option.get_attribute("value"))
    page.get_by_label("New issuer").select_option(value=NEW)
    page.get_by_role("button", name="Begin the move").click()
    move = page.url
    for button, trusted in (("Plan: trust both", "Both"), ("Back: trust only the old", "Old only")):
        row(page, ids).get_by_role("button", name=button).click()
        page.get_by_role("button", name=re.compile(r"in 1111-2222-3333$")).click(timeout=WAIT)
        expect(page.get_by_role("link", name="Go on with the move")).to_be_visible(timeout=WAIT)
        page.goto(move)
        expect(row(page, ids).get_by_text(trusted, exact=True)).to_be_visible()
    page.get_by_role("button", name="Give up the move").click()
    expect(page.get_by_text("stays with").first).to_be_visible()
