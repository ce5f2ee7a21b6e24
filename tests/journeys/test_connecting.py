"""The main job: from nothing to the Bedrock models of an environment."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Browsing
from tests.journeys.conftest import Ids, connect, open_environment
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def fill_in_ids(page: Page, ids: Ids, *, region: str) -> None:
    page.get_by_label("Organization id").fill(ids.organization_id)
    page.get_by_label("Environment id").fill(ids.environment_id)
    page.get_by_label("Name", exact=False).first.fill(ids.name)
    page.get_by_label("Region", exact=False).first.fill(region)
    page.get_by_role("button", name="Continue").click()


def test_a_newcomer_walks_the_wizard_and_sees_the_models(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    page = open_page()
    page.goto(stack.url)
    page.get_by_role("main").get_by_role("link", name="Connect an environment").first.click()
    page.get_by_role("link", name="Enter my own ids").first.click()
    fill_in_ids(page, ids, region="eu-west-1")

    expect(page.get_by_text("arn:aws:iam::111122223333:user/vertesia-console").first).to_be_visible()
    page.get_by_role("button", name="Continue", exact=False).click()
    page.get_by_role("button", name="Continue", exact=False).click()

    approve = page.get_by_role("button", name=re.compile(r"^Create .* in 1111-2222-3333$"))
    expect(approve).to_be_visible()
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible()
    assert ids.environment_id not in stack.manage("verify", ids.environment_id).stdout
    approve.click()

    headline = page.get_by_text(re.compile(r"Studio will show \d+ of \d+"))
    expect(headline.first).to_be_visible(timeout=60_000)
    expect(page.get_by_text(f"AWS accepts tokens for env:{ids.organization_id}:{ids.environment_id}.")).to_be_visible()
    page.get_by_role("link", name="See all models").click()
    expect(page.get_by_role("main")).to_contain_text("amazon.nova-canvas-v1:0")

    proven = json.loads(stack.manage("verify", ids.environment_id, "--json").stdout)
    assert proven["status"] == "connected"
    results = {check["check"]: check["result"] for check in proven["checks"]}
    assert results.pop("availability") == "skipped", "nobody has chosen models that count"
    assert set(results) >= {"token", "exchange", "identity", "foundation_models", "invoke_permission"}
    assert set(results.values()) == {"pass"}


def test_it_works_without_javascript_too(stack: Stack, open_page: Callable[..., Page], ids: Ids) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{stack.url}/connect/new/")
    fill_in_ids(page, ids, region="us-west-2")
    page.get_by_role("button", name="Continue", exact=False).click()
    page.get_by_role("button", name="Continue", exact=False).click()
    approve = page.get_by_role("button", name=re.compile(r"^Create .* in 1111-2222-3333$"))
    expect(approve).to_be_visible(timeout=30_000)
    approve.click()
    expect(page.get_by_text(re.compile(r"Studio will show \d+ of \d+")).first).to_be_visible(timeout=60_000)


def test_a_draft_can_be_left_and_resumed(stack: Stack, open_page: Callable[..., Page], ids: Ids) -> None:
    page = open_page()
    page.goto(f"{stack.url}/connect/new/")
    fill_in_ids(page, ids, region="us-east-1")
    page.wait_for_url(re.compile("/account/"))

    page = open_page()
    page.goto(stack.url)
    page.get_by_role("main").get_by_role("link", name=f"Go on with {ids.name}").click()
    expect(page.get_by_role("heading", level=1, name=f"Connect {ids.name}")).to_be_visible()
    page.get_by_role("button", name="Continue", exact=False).click()
    expect(page).to_have_url(re.compile("/(permissions|review)/"))


def test_a_double_click_starts_one_run(stack: Stack, open_page: Callable[..., Page], ids: Ids) -> None:
    page = open_page()
    page.goto(f"{stack.url}/connect/new/")
    fill_in_ids(page, ids, region="us-east-1")
    page.get_by_role("button", name="Continue", exact=False).click()
    page.get_by_role("button", name="Continue", exact=False).click()
    page.get_by_role("button", name=re.compile(r"^Create .* in 1111-2222-3333$")).dblclick()
    expect(page.get_by_text(re.compile(r"Studio will show \d+ of \d+")).first).to_be_visible(timeout=60_000)
    counted = stack.manage(
        "shell",
        "-v0",
        "-c",
        "from aws_setup.models import Run; "
        f"print(Run.objects.filter(connection__environment__environment_id='{ids.environment_id}').count())",
    )
    assert counted.stdout.strip() == "1"


def test_bad_ids_get_a_sentence_and_lose_nothing(
    stack: Stack, browsing: Browsing, open_page: Callable[..., Page], ids: Ids
) -> None:
    browsing.guard.allow("status of 422")
    page = open_page()
    page.goto(f"{stack.url}/connect/new/")
    fill_in_ids(page, Ids(ids.organization_id, "env:*", ids.name), region="us-east-1")
    expect(page.get_by_text("only letters, digits, hyphens and underscores", exact=False).first).to_be_visible()
    expect(page.get_by_label("Organization id")).to_have_value(ids.organization_id)
    expect(page.get_by_label("Environment id")).to_have_value("env:*")


def test_a_changed_role_name_is_a_plan_that_replaces_the_role(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    before = connect(stack, ids)
    page = open_page()
    open_environment(page, stack, ids)
    page.get_by_role("link", name="Change", exact=True).first.click()
    page.get_by_label("Role name").fill("JourneyRenamed" + ids.environment_id[:6])
    page.get_by_role("button", name="Continue to the plan").click()
    expect(page.get_by_text("Delete role", exact=False).first).to_be_visible(timeout=30_000)
    page.get_by_role("button", name=re.compile(r"in 1111-2222-3333$")).click()
    expect(page.get_by_text(re.compile(r"Studio will show \d+ of \d+")).first).to_be_visible(timeout=60_000)
    open_environment(page, stack, ids)
    expect(page.get_by_text(f"JourneyRenamed{ids.environment_id[:6]}").first).to_be_visible()
    assert before["role_arn"] not in page.locator("main").inner_text().split("History")[0]


def test_disconnecting_removes_our_role_and_keeps_the_provider(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    connect(stack, ids)
    page = open_page()
    open_environment(page, stack, ids)
    page.get_by_role("link", name="Disconnect").first.click()
    page.get_by_role("button", name="Plan the removal").click()
    remove = page.get_by_role("button", name=re.compile(r"in 1111-2222-3333$"))
    expect(remove).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Keep the identity provider", exact=False).first).to_be_attached()
    remove.click()
    expect(page.get_by_text("Disconnected", exact=False).first).to_be_visible(timeout=60_000)
    open_environment(page, stack, ids)
    expect(page.get_by_text("Disconnected").first).to_be_visible()


def test_deleting_is_refused_while_aws_holds_our_role(stack: Stack, open_page: Callable[..., Page], ids: Ids) -> None:
    role_arn = connect(stack, ids)["role_arn"]
    page = open_page()
    open_environment(page, stack, ids)
    page.get_by_role("link", name="Delete").first.click()
    expect(page.get_by_text(role_arn).first).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Disconnect")).first).to_be_visible()
    page.get_by_role("button", name=re.compile("Forget here")).click()
    page.goto(f"{stack.url}/environments/?q={ids.name}")
    expect(page.get_by_role("main").get_by_role("link", name=ids.name, exact=True)).to_have_count(0)


def test_with_vertesias_issuer_it_waits_for_vertesia_and_a_person_confirms(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    report = connect(stack, ids, "--issuer", "https://sts.vertesia.io")
    assert report["status"] == "waiting_for_vertesia"
    page = open_page()
    open_environment(page, stack, ids)
    expect(page.get_by_text("Waiting for Vertesia").first).to_be_visible()
    page.get_by_role("link", name=re.compile("Finish")).first.click()
    expect(page.get_by_text(report["role_arn"]).first).to_be_visible()
    expect(page.get_by_text("not proof", exact=False).first).to_be_visible()
    page.get_by_role("button", name="I see models").click()
    expect(page.get_by_text("Confirmed").first).to_be_visible()
    expect(page.get_by_text("ann", exact=False).first).to_be_visible()
