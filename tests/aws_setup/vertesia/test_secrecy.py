"""The API key is nowhere in clear: not in the database, the history, the log, the admin or what a command prints."""

import logging
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from aws_setup.models import VertesiaAccess
from environments.secrets import decrypt
from tests.aws_setup.vertesia.scene import Scene
from tests.factories import UserFactory
from tests.sandbox.vertesia import ADMIN, REVOKED, VIRGINIA


def everything_stored() -> str:
    """Every row of every table, as text; bytes as they are, and as they would be read."""
    said = []
    for model in apps.get_models():
        for row in model._default_manager.values():
            said += [
                value.decode(errors="replace") if isinstance(value, bytes | memoryview) else repr(value)
                for value in (bytes(one) if isinstance(one, memoryview) else one for one in row.values())
            ]
    return "\n".join(said)


def test_the_key_is_nowhere(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    access = scene.connect()
    refused = scene.enter(REVOKED)
    scene.console.connect(scene.environment(VIRGINIA))
    scene.finish(scene.order(access))

    stored = everything_stored()
    assert "66f2a1c08d4b3e9f17c0ac3e" in stored  # what is looked through is what was stored
    for key in (ADMIN, REVOKED):
        assert key not in stored
        assert key not in caplog.text
    assert "eyJ" not in stored  # nor any token
    assert refused.problem is not None
    assert ADMIN not in repr(access) + str(access) + repr(scene.clients.open(access))
    assert decrypt(bytes(access.api_key_encrypted)).decode() == ADMIN


def test_the_admin_shows_no_key_not_even_encrypted(scene: Scene) -> None:
    access = scene.connect()
    client = Client()
    client.force_login(UserFactory())
    page = client.get(f"/admin/aws_setup/vertesiaaccess/{access.pk}/change/").content.decode()

    assert access.key_hint in page
    assert bytes(access.api_key_encrypted).decode() not in page
    assert access.key_sha256 not in page


def test_the_key_survives_a_change_of_encryption_keys(scene: Scene, settings: Settings) -> None:
    access = scene.connect()
    settings.ENCRYPTION_KEYS = ["a newer key", *settings.ENCRYPTION_KEYS]
    call_command("rotate_encryption_key", stdout=StringIO())
    settings.ENCRYPTION_KEYS = ["a newer key"]

    assert decrypt(bytes(VertesiaAccess.objects.get(pk=access.pk).api_key_encrypted)).decode() == ADMIN


def test_a_lost_encryption_key_is_said_plainly(scene: Scene, settings: Settings) -> None:
    access = scene.connect()
    scene.clients = type(scene.clients)(
        find_local_url=lambda: scene.sandbox.process.vertesia_url, now=scene.console.clock
    )
    settings.ENCRYPTION_KEYS = ["quite another key"]

    assert scene.import_again(access).problem["code"] == "vertesia_key_unreadable"
