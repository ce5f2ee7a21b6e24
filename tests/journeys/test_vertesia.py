"""An organization by its API key: nothing is copied, in either direction, and Vertesia itself is the proof."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Ids
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

API_KEY = "sk-sandbox-admin-not-a-secret"


def test_from_an_api_key_to_models_that_vertesia_itself_lists(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    page = open_page()
    page.goto(f"{stack.url}/vertesia/")
    page.get_by_label("API key").fill(API_KEY)
    page.get_by_role("button", name="Read from Vertesia").click()
    expect(page.get_by_text(re.compile(r"\d+ environments in Vertesia: \d+ new here"))).to_be_visible(timeout=30_000)
    assert API_KEY not in page.get_by_role("main").locator("section").first.inner_text()

    page.get_by_role("link", name="Create an environment").click()
    page.get_by_label("Name", exact=False).first.fill(ids.name)
    page.get_by_label("AWS region").select_option("eu-west-1")
    page.get_by_label("Marketing").check()
    page.get_by_role("button", name="See the request").click()
    expect(page.get_by_text("Nothing was sent yet")).to_be_visible()
    page.get_by_role("button", name=f"Create {ids.name} in Vertesia").click()
    page.get_by_role("main").get_by_role("link", name=ids.name).click(timeout=30_000)

    page.get_by_role("main").get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("button", name="Continue", exact=False).click()
    page.get_by_role("button", name="Continue", exact=False).click()
    page.get_by_role("button", name=re.compile(r"^Create .* in 1111-2222-3333$")).click(timeout=30_000)
    expect(page.get_by_text(re.compile(r"Vertesia itself listed \d+ models through this role"))).to_be_visible(
        timeout=60_000
    )

    page.get_by_role("link", name=f"Open {ids.name}").click()
    expect(page.get_by_text(f"Told Vertesia that {ids.name} uses", exact=False)).to_be_visible()
    subject = page.get_by_text(re.compile("^env:[0-9a-f]{24}:[0-9a-f]{24}$")).first.inner_text()
    proven = json.loads(stack.manage("verify", subject.rpartition(":")[2], "--json").stdout)
    assert proven["status"] == "connected"
    results = {check["check"]: check["result"] for check in proven["checks"]}
    assert results["vertesia_models"] == "pass"
