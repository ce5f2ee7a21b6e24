"""Every address of the wizard, of runs and of changes: who gets in, by which method, and to what."""

import pytest
from django.test import Client
from django.urls import reverse

from environments.models import Event
from tests.web.wizard_rows import (
    make_connected,
    make_draft,
    signed_in_client,
    start_run,
)

pytestmark = pytest.mark.django_db

PAGES = ["connect", "connect_new"]
DRAFT_PAGES = ["draft_environment", "draft_account", "draft_permissions", "draft_review"]
DRAFT_ORDERS = ["draft_plan", "draft_approve", "draft_adopt"]
ENVIRONMENT_PAGES = ["environment_finish", "environment_change", "environment_disconnect"]
ENVIRONMENT_ORDERS = ["environment_confirm", "environment_deny"]
READ_ONLY = ["draft_review", "run", "environment_finish"]
RUN_ORDERS = ["run_plan_again", "run_undo"]
ORDERS = [*DRAFT_ORDERS, *RUN_ORDERS, *ENVIRONMENT_ORDERS]
OF_AN_OBJECT = [*DRAFT_PAGES, *DRAFT_ORDERS, "run", *RUN_ORDERS, *ENVIRONMENT_PAGES, *ENVIRONMENT_ORDERS]


def address(client: Client, name: str) -> str:
    if name in PAGES:
        return reverse(name)
    if name.startswith("run"):
        return reverse(name, args=[start_run(client).pk])
    if name.startswith("environment"):
        return reverse(name, args=[make_connected(client).environment_id])
    return reverse(name, args=[make_draft(client).pk])


def send(client: Client, name: str, url: str):
    return client.post(url) if name in ORDERS else client.get(url)


@pytest.mark.parametrize("name", [*PAGES, *OF_AN_OBJECT])
def test_nobody_gets_in_without_signing_in(client, name):
    url = address(client, name)
    answer = send(Client(), name, url)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign_in"))


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_page_that_only_shows_takes_no_post(client, name):
    assert client.post(address(client, name)).status_code == 405


@pytest.mark.parametrize("name", ORDERS)
def test_what_changes_something_takes_no_get(client, name):
    assert client.get(address(client, name)).status_code == 405


@pytest.mark.parametrize("name", OF_AN_OBJECT)
def test_what_does_not_exist_is_not_found(client, name):
    assert send(client, name, reverse(name, args=[987654])).status_code == 404


@pytest.mark.parametrize("name", [*PAGES, *OF_AN_OBJECT])
def test_somebody_without_rights_gets_nowhere(client, name):
    url = address(client, name)
    stranger = signed_in_client()
    person = stranger.get(reverse("connect")).wsgi_request.user
    person.is_staff = False
    person.save()
    before = Event.objects.count()
    assert stranger.get(url).status_code == 403
    assert stranger.post(url).status_code == 403
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    "name", ["draft_environment", "draft_account", "draft_permissions", "draft_approve", "draft_adopt"]
)
def test_a_form_without_its_token_changes_nothing(client, name):
    draft = make_draft(client)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    answer = strict.post(reverse(name, args=[draft.pk]), {"account": "111122223333"})
    assert answer.status_code == 403
    before = draft.answers
    draft.refresh_from_db()
    assert draft.answers == before


def test_an_administrator_goes_on_with_another_persons_draft(client):
    draft = make_draft(client)
    assert signed_in_client().get(reverse("draft_permissions", args=[draft.pk])).status_code == 200


@pytest.mark.parametrize("name", ["draft_account", "draft_review", "run"])
def test_what_polls_is_never_kept_by_a_cache(client, name):
    answer = client.get(address(client, name), follow=True)
    assert "no-store" in answer["Cache-Control"]
    assert "HX-Request" in answer["Vary"]
