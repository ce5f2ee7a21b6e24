"""Every address of the pages: who gets in, by which method, and to what."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import UserFactory
from tests.web.wizard_rows import make_connected, prepare, signed_in_client

pytestmark = pytest.mark.django_db

PAGES = ["overview", "environments", "accounts", "provisioning_policy", "issuers", "sandbox", "real_aws"]
FORMS = ["account_add", "issuer_add"]
ENVIRONMENT_PAGES = ["environment", "environment_models", "environment_history", "environment_verification"]
ENVIRONMENT_FORMS = ["environment_delete"]
ENVIRONMENT_ORDERS = ["environment_verify", "environment_plan", "environment_rename"]
ORDERS = ["accounts_check", "issuer_move", *ENVIRONMENT_ORDERS]
OF_AN_ENVIRONMENT = [*ENVIRONMENT_PAGES, *ENVIRONMENT_FORMS, *ENVIRONMENT_ORDERS]
EVERYTHING = [*PAGES, *FORMS, "accounts_check", "issuer_move", *OF_AN_ENVIRONMENT]


@pytest.fixture
def client() -> Client:
    prepare()
    return signed_in_client()


def address(client: Client, name: str) -> str:
    if name in OF_AN_ENVIRONMENT:
        return reverse(name, args=[make_connected(client).environment_id])
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


@pytest.mark.parametrize("name", [page for page in [*PAGES, *ENVIRONMENT_PAGES] if page != "sandbox"])
def test_a_page_that_only_shows_takes_no_post(client, name):
    assert client.post(address(client, name)).status_code == 405


@pytest.mark.parametrize("name", ORDERS)
def test_what_changes_something_takes_no_get(client, name):
    assert client.get(address(client, name)).status_code == 405


@pytest.mark.parametrize("name", OF_AN_ENVIRONMENT)
def test_what_does_not_exist_is_not_found(client, name):
    url = reverse(name, args=[987654])
    answer = client.get(url, headers={"HX-Request": "true"}) if name == "environment_verification" else None
    assert (answer or send(client, name, url)).status_code == 404


@pytest.mark.parametrize("name", OF_AN_ENVIRONMENT)
def test_somebody_without_rights_finds_no_environment(client, name):
    url = address(client, name)
    stranger = Client(headers={"HX-Request": "true"})
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    assert send(stranger, name, url).status_code == 404


@pytest.mark.parametrize("name", ["overview", "environments", "accounts", "issuers", "sandbox"])
def test_somebody_without_rights_sees_nothing_of_others_in_lists(client, name):
    connection = make_connected(client, name="Payroll")
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    page = stranger.get(reverse(name)).content.decode()
    assert "Payroll" not in page
    assert connection.role_arn not in page
    assert "111122223333" not in page
    assert "sts.vertesia.io<" not in page


@pytest.mark.parametrize("name", ["environment", "environment_verification", "accounts"])
def test_what_polls_is_never_kept_by_a_cache(client, name):
    assert "no-store" in client.get(address(client, name), headers={"HX-Request": "true"})["Cache-Control"]
