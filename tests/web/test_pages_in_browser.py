"""The pages in a real browser: for everybody, at every width, in both themes, and live while something happens."""

from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from aws_setup.listing import LATER_PAGE
from aws_setup.models import Connection, Finding, ListedModel, Verification, WorkerCaller
from environments.models import Environment
from tests.browser import Browsing
from tests.web.page_rows import break_connection, model, problem, prove_isolation, store_listing, verify
from tests.web.wizard_rows import make_connected, make_draft

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDTHS = (390, 950, 1440)


@pytest.fixture
def connection(client: Client) -> Connection:
    """A connected environment with models, beside one that broke and one half-way."""
    made = make_connected(client, name="Payroll")
    hidden = model("Titan Embed", publisher="Amazon", reason="Studio lists no embedding models.")
    profile = model("US Claude", kind="profile", model_id="us.claude", destination_regions=("us-east-1", "us-west-2"))
    proof = verify(made)
    store_listing(proof, [model("Claude", model_id="claude"), profile, hidden])
    prove_isolation(proof)
    broken = make_connected(client, name="An environment with a name that is as long as somebody once made it")
    compared = {"statement": "1, Allow", "compared": "StringEquals localhost:8000:sub", "expected": "env:A:b"}
    break_connection(
        broken,
        evidence={"expected": "env:a:b", "actual": "env:A:b"},
        code="trust_subject_case",
        message="In AWS account 1111-2222-3333 …",
        table=[
            compared | {"actual": "env:a:b", "fits": "no", "note": "Upper and lower case differ."},
            compared | {"actual": "env:A:b", "fits": "yes", "note": ""},
            compared | {"actual": "", "fits": "not known", "note": ""},
        ],
    )
    hole = problem("isolation_sibling", sentence="The role lets in a stranger.", severity="security")
    Finding.objects.create(
        connection=broken, code="isolation_sibling", problem=hole, severity=Finding.Severity.SECURITY
    )
    odd = problem("unknown", fix="verify", evidence={"AWS says": "Something odd.", "request id": "0b7e-42"})
    Finding.objects.create(connection=broken, code="unknown", problem=odd)
    Finding.objects.create(connection=broken, code="old", problem=problem("old"), closed_at=timezone.now())
    prove_isolation(verify(broken, failed="trust"), let_in="isolation_sibling")
    make_draft(client)
    return made


def open_page(browsing: Browsing, client: Client, url: str, **options: object) -> Page:
    page = browsing.open(**options)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    host = urlsplit(url).hostname
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "domain": host, "path": "/"}])
    page.goto(url)
    return page


def pages_of(connection: Connection) -> list[str]:
    broken = Environment.objects.get(name__startswith="An environment")
    fresh = Environment.objects.get(name="Bedrock EU")
    of_one = (
        "environment",
        "environment_models",
        "environment_chosen_models",
        "environment_delete",
        "environment_history",
    )
    claude = ListedModel.objects.get(name="Claude").model_id
    return [
        *(
            reverse(name)
            for name in (
                "overview",
                "environments",
                "batches",
                "accounts",
                "explain",
                "issuers",
                "notifications",
                "sandbox",
                "real_aws",
            )
        ),
        *(reverse(name) for name in ("provisioning_policy", "account_add", "issuer_add")),
        *(reverse(name, args=[connection.environment_id]) for name in of_one),
        reverse("environment_models", args=[connection.environment_id]) + "?view=all",
        reverse("environment_one_token", args=[connection.environment_id]) + f"?model={claude}",
        broken.get_absolute_url(),
        fresh.get_absolute_url(),
        "/environments/?q=nothing-is-called-this",
    ]


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_every_page_can_be_used_by_everybody_at_every_width(live_server, browsing, client, connection, color_scheme):
    page = open_page(browsing, client, live_server.url, color_scheme=color_scheme, reduced_motion="reduce")
    faults = []
    for path in pages_of(connection):
        page.goto(live_server.url + path)
        page.evaluate("document.querySelectorAll('details:not(.side-fold)').forEach(fold => (fold.open = true))")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append(f"{path} is wider than {width} pixels")
        for violation in Axe().run(page).response["violations"]:
            faults.append(f"{path}: {violation['help']}: {violation['nodes'][0]['html'][:200]}")
    assert faults == []


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_a_models_page_that_warns_can_be_used_by_everybody_with_all_of_it_unfolded(
    live_server, browsing, client, connection, color_scheme
):
    gone = model("Claude", model_id="claude", lifecycle="LEGACY", end_of_life="2026-01-01")
    lost = model("US Claude", kind="profile", model_id="us.claude", reason=LATER_PAGE["profile"])
    store_listing(verify(connection, failed="custom_models"), [gone, lost])
    url = live_server.url + reverse("environment_models", args=[connection.environment_id]) + "?view=all"
    page = open_page(browsing, client, url, color_scheme=color_scheme, reduced_motion="reduce")
    for name in ("Which they are", "Access to models"):
        for summary in page.locator("main summary", has_text=name).all():
            summary.click()
    expect(page.locator("main details[open]")).to_have_count(3)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert [violation["help"] for violation in Axe().run(page).response["violations"]] == []


def test_the_page_follows_a_verification_and_stops_when_it_is_over(live_server, browsing, client, connection):
    proof = Verification.objects.create(connection=connection, actor="mona", doing="Exchanging a token at STS")
    page = open_page(browsing, client, live_server.url + connection.environment.get_absolute_url())
    expect(page.get_by_text("Exchanging a token at STS")).to_be_visible()
    proof.state, proof.finished_at = Verification.State.FAILED, timezone.now()
    proof.save()
    break_connection(connection, sentence="The identity provider is gone.")
    expect(page.get_by_text("The identity provider is gone.")).to_be_visible()
    expect(page.locator("[hx-trigger]")).to_have_count(0)


def test_a_console_that_does_not_answer_is_told_and_tried_again(live_server, browsing, client, connection):
    Verification.objects.create(connection=connection, actor="mona", doing="Exchanging a token at STS")
    page = open_page(browsing, client, live_server.url + connection.environment.get_absolute_url())
    browsing.guard.allow("ERR_FAILED", "htmx:sendError", "htmx:afterRequest")
    note = page.get_by_text("The console does not answer at the moment.")
    expect(note).to_be_hidden()

    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/verification/**", refuse)
    expect(note).to_be_visible()
    page.unroute("**/verification/**", refuse)
    expect(note).to_be_hidden()


def test_the_other_ways_to_verify_open_without_javascript(live_server, browsing, client, connection):
    page = open_page(
        browsing, client, live_server.url + connection.environment.get_absolute_url(), java_script_enabled=False
    )
    page.locator("summary", has_text="Other ways to verify").click()
    page.get_by_role("button", name="Verify with isolation").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    assert connection.verifications.get(finished_at=None).with_isolation


def test_the_message_to_the_administrator_is_copied_with_its_lines(live_server, browsing, client, connection):
    text = "In AWS account 1111-2222-3333\n\nPlease: create the identity provider."
    Finding.objects.filter(code="trust_subject_case").update(problem=problem(message=text))
    broken = Environment.objects.get(name__startswith="An environment")
    url = live_server.url + broken.get_absolute_url()
    page = open_page(browsing, client, url, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_text("Message to the AWS administrator", exact=True).click()
    page.get_by_role("button", name="Copy the message").click()
    expect(page.locator("#announcements")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == text


def test_a_role_arn_is_copied_with_one_click(live_server, browsing, client, connection):
    page = open_page(
        browsing,
        client,
        live_server.url + connection.environment.get_absolute_url(),
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.get_by_role("button", name="Copy the role ARN").click()
    expect(page.locator("#announcements")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == connection.role_arn


def test_typing_narrows_the_list_and_leaves_an_address_to_share(live_server, browsing, client, connection):
    page = open_page(browsing, client, live_server.url + reverse("environments"))
    page.get_by_label("Search").press_sequentially("payr")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url(f"{live_server.url}/environments/?q=payr")
    page.get_by_role("link", name="“payr”").click()
    expect(page.get_by_role("link", name="Bedrock EU")).to_be_visible()


def test_choosing_a_filter_applies_it(live_server, browsing, client, connection):
    page = open_page(browsing, client, live_server.url + reverse("environments"))
    page.get_by_label("Status").select_option("needs_attention")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page).to_have_url(f"{live_server.url}/environments/?status=needs_attention")


def test_everything_can_be_reached_on_a_phone_without_javascript(live_server, browsing, client, connection):
    page = open_page(
        browsing, client, live_server.url, viewport={"width": 390, "height": 800}, java_script_enabled=False
    )
    page.get_by_text("Menu").click()
    page.get_by_role("link", name="Environments", exact=True).click()
    page.get_by_label("Search").fill("payroll")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Payroll", exact=True).click()
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()


def test_times_go_on_counting(live_server, browsing, client, connection):
    page = open_page(browsing, client, live_server.url + reverse("issuers"))
    page.clock.install()
    page.goto(live_server.url + connection.environment.get_absolute_url())
    page.clock.fast_forward("07:00")
    expect(page.get_by_text("7 minutes ago").first).to_be_visible()


def test_what_the_worker_lacks_is_drawn_for_everybody(live_server, browsing, client):
    lacking = problem("no_credentials", sentence="The worker has no credentials.", fix="check_caller")
    WorkerCaller.objects.update(problem=lacking)
    page = open_page(browsing, client, live_server.url + reverse("accounts"))
    expect(page.get_by_text("The worker has no credentials.")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
