"""Every address of the pages: who gets in, by which method, and to what."""

import re
from collections.abc import Sequence

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from aws_setup.models import Account
from environments.models import Event
from tests.factories import UserFactory
from tests.web.page_rows import model, store_listing, verify
from tests.web.wizard_rows import make_connected

pytestmark = pytest.mark.django_db

PAGES = [
    "overview",
    "environments",
    "accounts",
    "provisioning_policy",
    "issuers",
    "notifications",
    "vertesia",
    "sandbox",
    "real_aws",
]
FORMS = ["account_add", "account_defaults", "explain", "issuer_add"]
ENVIRONMENT_PAGES = [
    "environment",
    "environment_models",
    "environment_history",
    "environment_verification",
    "environment_comparison",
    "environment_verifications",
    "environment_report",
]
PANELS = ["environment_verification", "environment_comparison"]
ENVIRONMENT_FORMS = ["environment_delete", "environment_chosen_models", "environment_one_token"]
ENVIRONMENT_DOWNLOADS = ["environment_studio_models", "environment_report_json"]
REPORTS = ["environment_report", "environment_report_json"]
ENVIRONMENT_ORDERS = [
    "environment_verify",
    "environment_compare",
    "environment_accept",
    "environment_plan",
    "environment_rename",
    "environment_schedule",
]
OF_AN_ENVIRONMENT = [*ENVIRONMENT_PAGES, *ENVIRONMENT_DOWNLOADS, *ENVIRONMENT_FORMS, *ENVIRONMENT_ORDERS]
ORDERS = ["accounts_check", "issuer_move", "notifications_test", *ENVIRONMENT_ORDERS]
EVERYTHING = [*PAGES, *FORMS, "accounts_check", "issuer_move", "notifications_test", *OF_AN_ENVIRONMENT]


PUBLIC = {
    "healthz",
    ".well-known/openid-configuration",
    ".well-known/jwks.json",
    "sign-in/",
    "sign-in/link/",
}
"""What needs nobody signed in; signing out takes no GET."""


def routes(patterns: Sequence[URLPattern | URLResolver] | None = None, *, before: str = "") -> list[str]:
    """Every address of the console as it stands in the URL configuration."""
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        found += routes(pattern.url_patterns, before=route) if isinstance(pattern, URLResolver) else [route]
    return found


def fill(route: str) -> str:
    """An address of this route: every part that varies is 1."""
    return re.sub(r"<\w+:\w+>|<\w+>|\(\?P<\w+>.*\)", "1", route).replace("^", "").replace("$", "")


def address(client: Client, name: str) -> str:
    if name == "account_defaults":
        return reverse(name, args=[Account.objects.get().pk])
    if name in REPORTS:
        proof = verify(make_connected(client))
        return reverse(name, args=[proof.connection.environment_id, proof.pk])
    if name in OF_AN_ENVIRONMENT:
        connection = make_connected(client)
        url = reverse(name, args=[connection.environment_id])
        if name != "environment_one_token":
            return url
        claude = model("Claude")
        store_listing(verify(connection), [claude])
        return f"{url}?model={claude.model_id}"
    return reverse(name)


def send(client: Client, name: str, url: str):
    return client.post(url) if name in ORDERS else client.get(url)


@pytest.mark.parametrize("name", [*PAGES, *FORMS, *ENVIRONMENT_PAGES, *ENVIRONMENT_FORMS])
def test_a_page_works(client, name):
    answer = client.get(address(client, name), follow=True)
    assert answer.status_code == 200
    assert b"<h1>" in answer.content
    assert b"Sandbox: nothing here touches AWS" in answer.content


@pytest.mark.parametrize("name", EVERYTHING)
def test_nobody_gets_in_without_signing_in(client, name):
    answer = send(Client(), name, address(client, name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign_in"))


@pytest.mark.parametrize(
    "name",
    [page for page in [*PAGES, *ENVIRONMENT_PAGES, *ENVIRONMENT_DOWNLOADS] if page not in ("sandbox", "vertesia")],
)
def test_a_page_that_only_shows_takes_no_post(client, name):
    assert client.post(address(client, name)).status_code == 405


@pytest.mark.parametrize("name", ORDERS)
def test_what_changes_something_takes_no_get(client, name):
    assert client.get(address(client, name)).status_code == 405


@pytest.mark.parametrize("name", OF_AN_ENVIRONMENT)
def test_what_does_not_exist_is_not_found(client, name):
    url = reverse(name, args=[987654, 1] if name in REPORTS else [987654])
    answer = client.get(url, headers={"HX-Request": "true"}) if name in PANELS else None
    assert (answer or send(client, name, url)).status_code == 404


@pytest.mark.parametrize("is_panel", [False, True], ids=["page", "panel"])
@pytest.mark.parametrize("name", EVERYTHING)
def test_somebody_without_rights_sees_and_changes_nothing(client, name, is_panel):
    url = address(client, name)
    connection = make_connected(client, name="Payroll")
    stranger = Client(headers={"HX-Request": "true"} if is_panel else {})
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    before = Event.objects.count()
    for answer in (stranger.get(url), stranger.post(url)):
        assert answer.status_code == 403
        for secret in ("Payroll", connection.role_arn, connection.account.account_id):
            assert secret not in answer.content.decode()
    assert Event.objects.count() == before


def test_every_address_but_the_public_ones_is_closed_to_somebody_without_rights():
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    entered = {route for route in routes() if stranger.get(f"/{fill(route)}").status_code not in (403, 405)}
    assert entered == PUBLIC


def test_somebody_without_rights_is_offered_to_sign_out_and_can(client):
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    assert 'action="/sign-out/"' in stranger.get("/").content.decode()
    assert stranger.post("/sign-out/")["Location"] == "/sign-in/"
    assert "_auth_user_id" not in stranger.session


@pytest.mark.parametrize("name", ["environment", "environment_verification", "accounts", "notifications"])
def test_what_polls_is_never_kept_by_a_cache(client, name):
    assert "no-store" in client.get(address(client, name), headers={"HX-Request": "true"})["Cache-Control"]
