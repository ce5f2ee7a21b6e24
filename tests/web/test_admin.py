"""Django's admin: things are looked up there, and nothing is changed but to verify."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from environments.history import Actor, record
from environments.models import Environment, Event, SigningKey
from tests.factories import EnvironmentFactory, UserFactory
from tests.web.wizard_rows import make_connected, text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/environments/environment/"
OURS = [model for model in admin.site._registry if model._meta.app_label in ("environments", "aws_setup")]


def test_environments_stand_with_organization_region_status_and_last_proof(client):
    connection = make_connected(client, name="Payroll")
    text = text_of(client.get(LIST))
    assert "Payroll" in text
    assert connection.environment.organization.name in text
    assert "us-east-1" in text
    assert "Connected" in text


def test_they_are_searched_and_filtered(client):
    EnvironmentFactory(name="Payroll", endpoint_url="eu-west-3")
    EnvironmentFactory(name="Other")
    for query in ({"q": "payr"}, {"region": "eu-west-3"}):
        text = text_of(client.get(LIST, query))
        assert "Payroll" in text
        assert "Other" not in text


def test_verify_now_asks_for_a_proof_of_those_that_have_a_role(client):
    connection = make_connected(client)
    without = EnvironmentFactory()
    answer = client.post(
        LIST, {"action": "verify_now", "_selected_action": [connection.environment_id, without.pk]}, follow=True
    )
    assert connection.verifications.filter(finished_at__isnull=True).count() == 1
    assert "Asked for 1 verification. 1 left out" in text_of(answer)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_opens_and_nothing_can_be_added_changed_or_deleted(client, model):
    make_connected(client)
    record("x.y", "Something.", actor=Actor("mona"), environment=Environment.objects.first())
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert client.get(reverse(f"{base}_changelist")).status_code == 200
    assert client.get(reverse(f"{base}_add")).status_code == 403
    row = model._default_manager.first()
    if row is not None:
        assert client.get(reverse(f"{base}_change", args=[row.pk])).status_code == 200
        assert client.post(reverse(f"{base}_change", args=[row.pk]), {"name": "x"}).status_code == 403
        assert client.post(reverse(f"{base}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_secrets_are_out_of_reach(client):
    registered = {model.__name__ for model in OURS}
    assert "SignInLink" not in registered
    key = SigningKey.objects.get()
    html = client.get(reverse("admin:environments_signingkey_change", args=[key.pk])).content.decode()
    assert "private_key" not in html
    assert bytes(key.private_key_encrypted).decode("latin-1") not in html


def test_the_models_a_person_asks_about_are_all_there():
    shown = {model for model in OURS if model._meta.app_label == "environments"}
    hidden = {"SignInLink"}
    everything = set(apps.get_app_config("environments").get_models())
    assert {model.__name__ for model in everything - shown} - {"SignInAttempts", "SignInAttempt"} == hidden


def test_it_obeys_the_same_content_security_policy(client):
    assert "script-src 'self'" in client.get("/admin/")["Content-Security-Policy"]


def test_nobody_without_rights_gets_in():
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    assert stranger.get(LIST).status_code in (302, 403)
    assert Client().get(LIST).status_code == 302
    assert Event.objects.count() == 0
