"""The page Vertesia: API keys and what they opened; an environment created there, whose request is seen first."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import VertesiaAccess, VertesiaJob
from aws_setup.vertesia.access import connect_organization
from tests.aws_setup.journeys import MONA
from tests.factories import OrganizationFactory
from tests.web.wizard_rows import prepare, signed_in_client, text_of

pytestmark = pytest.mark.django_db
KEY = "sk-a-canary-that-no-page-shows"
PROJECTS = [
    {"id": "66f2a1c08d4b3e9f17c0b001", "name": "Marketing", "is_restricted": False},
    {"id": "66f2a1c08d4b3e9f17c0b002", "name": "Secret", "is_restricted": True},
]
RESULT = {
    "created": ["Bedrock Virginia"],
    "updated": [],
    "unchanged": 3,
    "missing": ["Gone"],
    "refused": [{"name": "Odd", "sentence": "This console does not know the provider odd."}],
    "issuer": {"expected": "https://sts.vertesia.io", "actual": "https://sts.us1.vertesia.io"},
    "sentence": "5 environments in Vertesia: 1 new here, 0 changed, 3 as before.",
    "projects": PROJECTS,
}


@pytest.fixture
def client() -> Client:
    prepare()
    return signed_in_client()


def imported(state: str = "done", **values: object) -> VertesiaJob:
    job = connect_organization(site="sandbox", api_key=KEY, actor=MONA, now=timezone.now())
    over = {} if state == "running" else {"finished_at": timezone.now(), "started_at": timezone.now()}
    VertesiaJob.objects.filter(pk=job.pk).update(state=state, **over, **values)
    if state == "done":
        VertesiaAccess.objects.update(organization=OrganizationFactory(name="Acme"), checked_at=timezone.now())
    job.refresh_from_db()
    return job


def test_nobody_connected_yet_sees_what_a_key_is_for(client):
    page = client.get(reverse("vertesia"))
    assert "Connect your organization" in text_of(page)
    assert "sk-sandbox-admin-not-a-secret" in text_of(page)


def test_a_key_is_taken_up_and_an_import_asked_for_and_the_key_is_shown_nowhere(client):
    answer = client.post(reverse("vertesia"), {"site": "sandbox", "api_key": KEY}, follow=True)
    assert answer.redirect_chain == [(reverse("vertesia"), 302)]
    assert "key …hows" in text_of(answer)
    assert KEY not in answer.content.decode()
    assert VertesiaJob.objects.get().access == VertesiaAccess.objects.get()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"site": "sandbox", "api_key": ""}, "Paste the API key."),
        ({"site": "mars", "api_key": KEY}, "Choose one of Vertesia's sites."),
        ({"site": "sandbox", "api_key": "AKIAIOSFODNN7EXAMPLE"}, "begins with sk-"),
    ],
)
def test_bad_input_gets_a_sentence_and_the_key_is_not_given_back(client, values, words):
    answer = client.post(reverse("vertesia"), values)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not values["api_key"] or values["api_key"] not in answer.content.decode()
    assert not VertesiaAccess.objects.exists()


def test_what_came_of_an_import_is_told_whole(client):
    imported(result=RESULT)
    text = text_of(client.get(reverse("vertesia")))
    assert "1 new here, 0 changed, 3 as before" in text
    assert "Known here and no longer there: Gone. Nothing was deleted here." in text
    assert "Odd: This console does not know the provider odd." in text
    assert "move the organization" in text


def test_an_import_under_way_is_watched_and_stops_being_asked_for_when_it_is_over(client):
    running = imported("running", doing="Asking Vertesia whose key this is")
    panel = client.get(reverse("vertesia"), headers={"HX-Request": "true"})
    assert "hx-trigger" in panel.content.decode()
    assert "Asking Vertesia" in text_of(panel)
    VertesiaJob.objects.filter(pk=running.pk).update(state="done", finished_at=timezone.now(), result=RESULT)
    panel = client.get(reverse("vertesia"), headers={"HX-Request": "true"})
    assert "hx-trigger" not in panel.content.decode()


def test_a_failed_import_says_why_and_can_be_tried_again(client):
    problem = {"code": "vertesia_key_refused", "sentence": "Vertesia does not accept this API key."}
    failed = imported("failed", problem=problem)
    assert "Vertesia does not accept this API key." in text_of(client.get(reverse("vertesia")))
    client.post(reverse("vertesia_import", args=[failed.access_id]))
    assert VertesiaJob.objects.filter(finished_at__isnull=True).count() == 1


def test_a_key_is_forgotten_where_somebody_wants_it(client):
    access = imported(result=RESULT).access
    answer = client.post(reverse("vertesia_forget", args=[access.pk]), follow=True)
    assert "was forgotten here" in text_of(answer)
    assert not VertesiaAccess.objects.exists()


# --- creating an environment there -------------------------------------------------------------------------------

WANTED = {"name": "Support", "region": "eu-west-1", "project_ids": [PROJECTS[0]["id"]]}


def test_the_very_request_is_seen_before_anything_is_ordered(client):
    url = reverse("vertesia_create", args=[imported(result=RESULT).access_id])
    page = client.get(url)
    assert "Marketing" in text_of(page)
    assert "Secret" not in text_of(page)
    page = client.post(url, WANTED)
    assert "Nothing was sent yet" in text_of(page)
    assert "&quot;endpoint_url&quot;: &quot;eu-west-1&quot;" in page.content.decode()
    assert not VertesiaJob.objects.filter(kind="create").exists()

    assert client.post(url, WANTED | {"order": "yes"})["Location"] == reverse("vertesia")
    order = VertesiaJob.objects.get(kind="create").order
    assert {name: order[name] for name in ("name", "endpoint_url", "allowed_projects")} == {
        "name": "Support",
        "endpoint_url": "eu-west-1",
        "allowed_projects": [PROJECTS[0]["id"]],
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "Give the environment a name."),
        ({"name": "x" * 201}, "A name has at most 200 characters."),
        ({"region": "moon-1"}, "Choose one of the regions listed."),
        ({"project_ids": []}, "Choose at least one project."),
        ({"project_ids": [PROJECTS[1]["id"]]}, "Choose projects of those listed."),
    ],
)
def test_what_cannot_be_ordered_is_said_and_nothing_is_lost(client, changes, words):
    url = reverse("vertesia_create", args=[imported(result=RESULT).access_id])
    answer = client.post(url, WANTED | changes | {"order": "yes"})
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not VertesiaJob.objects.filter(kind="create").exists()


def test_a_key_that_may_not_administer_orders_nothing(client):
    access = imported(result=RESULT).access
    VertesiaAccess.objects.update(may_administer=False)
    answer = client.post(reverse("vertesia_create", args=[access.pk]), WANTED | {"order": "yes"})
    assert "lacks the permission environment:admin" in text_of(answer)
    assert not VertesiaJob.objects.filter(kind="create").exists()
