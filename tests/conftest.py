"""What every test may ask for: the running console, a browser, and no way off this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from xdist.remote import Producer

from tests.browser import FLAGS, Browsing, find_chromium
from tests.lanes import Lanes, find_lane, how_long
from tests.offline import stay_offline
from tests.stack import Stack, running_stack

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

stay_offline()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what can be left out with `-m`. Long lanes begin first; otherwise the order is random."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "chromium" in fixtures:
            item.add_marker(pytest.mark.browser)
        if "stack" in fixtures:
            item.add_marker(pytest.mark.stack)
        if item.get_closest_marker("stack") and find_lane(item.nodeid) not in ("journeys", "consoles"):
            raise pytest.UsageError(f"{item.nodeid} starts a console: its file belongs in tests.lanes.WITH_CONSOLES.")
    yield
    items.sort(key=lambda item: how_long(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Which process runs what, where there are several."""
    return Lanes(config, log)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running console. One for all tests that ask for it, so each makes its own rows and leaves others' alone."""
    with running_stack(tmp_path_factory.mktemp("stack") / "var") as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """An installed Chromium, headless."""
    executable = find_chromium()
    if executable is None:
        sentence = "No Chromium or Chrome is installed; `make test` installs one where it may."
        if IN_CI:
            pytest.fail(sentence)
        pytest.skip(sentence)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def browsing(chromium: Browser) -> Iterator[Browsing]:
    """Opens pages; fails the test on script errors, policy violations and requests to other machines."""
    browsing = Browsing(chromium)
    yield browsing
    browsing.close()


@pytest.fixture
def page(browsing: Browsing) -> Page:
    """One page, 1440 pixels wide."""
    return browsing.open()


@pytest.fixture
def var_dir(tmp_path: Path) -> Path:
    """A directory for a console of this test's own."""
    return tmp_path / "var"
