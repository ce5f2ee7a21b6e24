"""The strip of days in a real browser: read by eye, keyboard and screen reader, at every width."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from aws_setup.models import Connection, ProofDay
from tests.browser import Browsing
from tests.web.page_rows import verify
from tests.web.test_pages_in_browser import open_page
from tests.web.wizard_rows import make_connected

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DAYS = {3: (0, 4), 4: (2, 2), 9: (0, 0), 15: (3, 1), 16: (0, 3)}
"""How many were proven and how many failed, by days ago; on all others four were proven."""


@pytest.fixture
def connection(client: Client) -> Connection:
    """Connected for four weeks, with good and bad days; it fails at the moment."""
    made = make_connected(client, name="Payroll")
    verify(made)
    today = timezone.now().date()
    for days_ago in range(26):
        proven, failed = DAYS.get(days_ago, (4, 0))
        looks = 4 if days_ago > 22 else 0
        ProofDay.objects.create(
            connection=made,
            day=today - timedelta(days=days_ago),
            proven=0 if looks else proven,
            failed=failed,
            not_provable=looks,
        )
    due = timezone.now() + timedelta(hours=2, minutes=1)
    Connection.objects.filter(pk=made.pk).update(failures_in_a_row=3, next_verification_at=due)
    return made


@pytest.fixture
def page(live_server, browsing: Browsing, client: Client, connection: Connection) -> Page:
    url = live_server.url + connection.environment.get_absolute_url()
    return open_page(browsing, client, url, reduced_motion="reduce")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 950, 1440])
def test_each_day_tells_what_it_was_to_whoever_comes_by_keyboard(page: Page, width: int, color_scheme: str) -> None:
    page.emulate_media(color_scheme=color_scheme)
    page.set_viewport_size({"width": width, "height": 900})
    marks = page.locator(".days > li")
    expect(marks).to_have_count(30)
    for index in (0, 14, 15, 29):
        marks.nth(index).focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        told = marks.nth(index).evaluate("mark => getComputedStyle(mark, '::after').content")
        assert told == f'"{marks.nth(index).get_attribute("title")}"'
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert [violation["help"] for violation in Axe().run(page).response["violations"]] == []


def test_how_often_it_is_proven_is_chosen_on_the_page(page: Page) -> None:
    page.get_by_label("To be proven").select_option("Every 3 hours")
    page.locator("#schedule").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Payroll is to be proven every 3 hours.")).to_be_visible()
    expect(page.get_by_label("To be proven")).to_have_value("3")
