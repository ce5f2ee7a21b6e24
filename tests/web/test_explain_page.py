"""The page that explains an error met elsewhere: it answers, and keeps nothing."""

import logging

import pytest
from django.apps import apps
from django.urls import reverse

from tests.web.wizard_rows import make_connected

pytestmark = pytest.mark.django_db

TEXT = (
    "An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: Incorrect token "
    "audience"
)
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJlbnY6YTpiIn0.c2lnbmF0dXJl"


def everything_stored() -> str:
    models = [model for model in apps.get_models() if model._meta.app_label in ("aws_setup", "environments")]
    return repr([list(model._default_manager.values()) for model in models])


def test_an_error_is_explained_without_javascript(client):
    answer = client.post(reverse("explain"), {"text": TEXT})
    page = answer.content.decode()
    assert "does not list audience bedrock" in page
    assert "add-client-id-to-open-id-connect-provider" in page
    assert "no-store" in answer["Cache-Control"]


def test_from_an_environment_its_own_names_and_its_button_stand_there(client):
    connection = make_connected(client, name="Payroll")
    url = reverse("explain") + f"?environment={connection.environment_id}"
    assert f'value="{connection.environment_id}"' in client.get(url).content.decode()
    page = client.post(reverse("explain"), {"text": TEXT, "environment": connection.environment_id}).content.decode()
    assert connection.account.account_id in page
    assert reverse("environment_plan", args=[connection.environment_id]) in page


def test_what_is_pasted_is_neither_stored_nor_logged_and_a_token_is_not_shown_again(client, caplog):
    caplog.set_level(logging.DEBUG)
    before = everything_stored()
    page = client.post(reverse("explain"), {"text": f"{TEXT} {TOKEN}"}).content.decode()
    assert "does not list audience bedrock" in page
    assert TOKEN not in page
    assert everything_stored() == before
    assert TOKEN not in caplog.text
    assert "Incorrect token audience" not in caplog.text


@pytest.mark.parametrize("text", ["", "  ", "x" * 10_001])
def test_nothing_and_too_much_are_not_explained(client, text):
    page = client.post(reverse("explain"), {"text": text}).content.decode()
    assert "What it says" not in page
    assert "field-error" in page


@pytest.mark.parametrize("environment", ["", "x", "9" * 30])
def test_an_odd_environment_is_none(client, environment):
    assert client.get(reverse("explain"), {"environment": environment}).status_code == 200


def test_an_environment_that_is_not_there_is_not_found(client):
    assert client.get(reverse("explain"), {"environment": "987654"}).status_code == 404


def test_markup_in_the_text_stays_text(client):
    page = client.post(reverse("explain"), {"text": "<script>alert(1)</script> broke"}).content.decode()
    assert "<script>alert(1)" not in page
    assert "Not known here" in page
