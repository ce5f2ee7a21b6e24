"""The verifications of an environment and the report of each."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import Verification
from tests.web.page_rows import problem, verify
from tests.web.wizard_rows import make_connected, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(client):
    return make_connected(client)


def address(proof: Verification, name: str = "environment_report") -> str:
    return reverse(name, args=[proof.connection.environment_id, proof.pk])


def test_the_list_says_what_each_found_and_who_asked(client, connection):
    verify(connection)
    failed = verify(connection, failed="exchange")
    Verification.objects.filter(pk=failed.pk).update(problem=problem())
    page = client.get(reverse("environment_verifications", args=[connection.environment_id]))
    assert "Proven" in text_of(page)
    assert "AWS account 1111-2222-3333 has no identity provider." in text_of(page)
    assert address(failed) in page.content.decode()


def test_an_environment_that_was_never_verified_says_what_will_stand_there(client, connection):
    connection.verifications.all().delete()
    page = client.get(reverse("environment_verifications", args=[connection.environment_id]))
    assert "Nothing was verified yet" in text_of(page)


def test_a_page_that_does_not_exist_is_the_last_one(client, connection):
    verify(connection)
    url = reverse("environment_verifications", args=[connection.environment_id])
    assert client.get(f"{url}?page=rubbish").status_code == 200
    assert client.get(f"{url}?page=99999").status_code == 200


def test_page_and_file_are_the_same_report(client, connection):
    proof = verify(connection)
    page, file = client.get(address(proof)), client.get(address(proof, "environment_report_json"))
    report = json.loads(file.content)
    assert report["sha256"] in page.content.decode().replace("<wbr>", "")
    assert file["Content-Type"] == "application/json"
    assert file["Content-Disposition"].startswith("attachment; filename=")
    assert "no-store" in file["Cache-Control"]


def test_a_verification_under_way_has_no_report(client, connection):
    running = Verification.objects.create(connection=connection, actor="mona", started_at=timezone.now())
    assert client.get(address(running)).status_code == 404


def test_a_verification_of_another_environment_is_not_found(client, connection):
    other = verify(make_connected(client, name="Other"))
    url = reverse("environment_report", args=[connection.environment_id, other.pk])
    assert client.get(url).status_code == 404
