"""Somebody who is signed in, and environments to work on."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, StorageState

from tests.browser import Browsing
from tests.stack import PASSWORD, Stack


@pytest.fixture(scope="session")
def signed_in(stack: Stack, chromium: Browser) -> StorageState:
    """The cookies of a person who came in by a sign-in link, as a newcomer does."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(stack.signin())
    page.get_by_label("Name", exact=False).first.fill("ann")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url(f"{stack.url}/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def open_page(browsing: Browsing, signed_in: StorageState) -> Callable[..., Page]:
    """Opens a page as the person who is signed in; options as Playwright's new_context takes them."""

    def open_page(**options: Any) -> Page:
        return browsing.open(storage_state=signed_in, **options)

    return open_page


@dataclass(frozen=True)
class Ids:
    """An environment's ids, its own for each test."""

    organization_id: str
    environment_id: str
    name: str


@pytest.fixture
def ids() -> Ids:
    """Ids as Vertesia's look: 24 hexadecimal digits."""
    organization_id, environment_id = uuid.uuid4().hex[:24], uuid.uuid4().hex[:24]
    return Ids(organization_id, environment_id, f"Journey {environment_id[:6]}")


def connect(stack: Stack, ids: Ids, *options: str, region: str = "us-east-1") -> dict[str, Any]:
    """Connect an environment from the command line and return what was printed."""
    done = stack.manage(
        "connect",
        ids.organization_id,
        ids.environment_id,
        *("--region", region, "--name", ids.name, "--yes", "--json"),
        *options,
    )
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def open_environment(page: Page, stack: Stack, ids: Ids) -> None:
    """Find the environment by its name in the list, and open it."""
    page.goto(f"{stack.url}/environments/?q={ids.name}")
    page.get_by_role("main").get_by_role("link", name=ids.name, exact=True).first.click()
    page.get_by_role("heading", level=1, name=ids.name).wait_for()
