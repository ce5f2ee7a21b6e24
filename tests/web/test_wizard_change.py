"""Changing what was agreed, disconnecting, and finishing in Vertesia Studio."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import Connection, Draft, Verification
from aws_setup.observed import ObservedProvider, ObservedRole
from environments.models import Environment, Event, Issuer, Status
from tests.factories import EnvironmentFactory
from tests.web.wizard_rows import let_worker_plan, list_models, make_connected, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def vertesias(client) -> Connection:
    """A connection whose tokens only Vertesia can sign."""
    return make_connected(client, issuer=Issuer.objects.get(url="https://sts.becomposable.com"), name="Marketing")


def change_url(connection: Connection) -> str:
    return reverse("environment_change", args=[connection.environment_id])


def agreed(client: Client, connection: Connection, **changes: str) -> dict[str, str]:
    """What the form offers: everything as it was agreed."""
    form = client.get(change_url(connection)).context["form"]
    return {name: form.initial.get(name) or "" for name in form.fields} | changes


def test_looking_at_the_change_page_starts_nothing(client):
    connection = make_connected(client)
    drafts = Draft.objects.count()
    page = text_of(client.get(change_url(connection)))
    assert "a new role, verify it, then remove" in page
    assert Draft.objects.count() == drafts


def test_another_role_name_becomes_a_plan_new_role_verify_remove_the_old(client):
    connection = make_connected(client)
    old = connection.role_name
    answer = client.post(change_url(connection), agreed(client, connection, role_name="Renamed"))
    draft = Draft.objects.get(purpose="change")
    assert answer["Location"] == reverse("draft_review", args=[draft.pk])
    tags = connection.runs.get().plan.actions[1]["request"]["Tags"]
    role = ObservedRole(connection.role_arn, trust={}, tags={tag["Key"]: tag["Value"] for tag in tags})
    provider = ObservedProvider(arn=connection.provider_arn, audiences=("bedrock",))
    plan = let_worker_plan(draft, provider=provider, retired_roles=(role,))
    assert [(action["action"], action["after_proof"]) for action in plan.actions if action["verb"] != "keep"] == [
        ("CreateRole", False),
        ("PutRolePolicy", False),
        ("DeleteRole", True),
    ]
    page = text_of(client.get(reverse("draft_review", args=[draft.pk])))
    assert f"Delete role {old}" in page
    assert "Only after the new access is proven." in page
    assert "Create 1 role, remove 1 role in 1111-2222-3333" in page


@pytest.mark.parametrize(
    ("changes", "answer", "kept"),
    [
        ({"region": "eu-west-1"}, "region", "eu-west-1"),
        ({"permissions": "full"}, "permissions", "full"),
        ({"environment_id": "66b0c0ffee5a4db0c4b0f00f"}, "environment_id", "66b0c0ffee5a4db0c4b0f00f"),
        ({"issuer": "https://sts.vertesia.io"}, "issuer_url", "https://sts.vertesia.io"),
        ({"tags": "CostCenter=4711"}, "tags", {"CostCenter": "4711"}),
    ],
)
def test_everything_else_that_was_agreed_can_become_a_plan(client, changes, answer, kept):
    connection = make_connected(client)
    client.post(change_url(connection), agreed(client, connection, **changes))
    draft = Draft.objects.get(purpose="change")
    assert draft.answers[answer] == kept
    assert draft.state == Draft.State.PLANNING
    assert Environment.objects.get(pk=connection.environment_id).environment_id == connection.environment.environment_id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"region": "nowhere"}, "region"),
        ({"region": "us-gov-west-1"}, "region"),
        ({"role_name": "a b"}, "role_name"),
        ({"environment_id": "*"}, "environment_id"),
        ({"environment_id": "66a0c0ffee5a4db0c4b0e001"}, "environment_id"),
        ({"issuer": "https://evil.example"}, "issuer"),
        ({"permissions": "x"}, "permissions"),
    ],
)
def test_a_change_that_cannot_be_right_is_said_beside_its_field(client, changes, field):
    connection = make_connected(client)
    answer = client.post(change_url(connection), agreed(client, connection, **changes))
    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert not Draft.objects.filter(purpose="change", state=Draft.State.PLANNING).exists()


def test_disconnecting_shows_what_goes_and_what_stays_before_it_plans(client):
    connection = make_connected(client)
    url = reverse("environment_disconnect", args=[connection.environment_id])
    page = client.get(url)
    assert connection.role_arn in page.content.decode()
    assert connection.provider_arn in page.content.decode()
    assert not Draft.objects.filter(purpose="disconnect").exists()
    answer = client.post(url)
    draft = Draft.objects.get(purpose="disconnect")
    assert answer["Location"] == reverse("draft_review", args=[draft.pk])
    role = ObservedRole(connection.role_arn, trust={}, tags=_ours(connection))
    let_worker_plan(draft, role=role, provider=ObservedProvider(connection.provider_arn, ("bedrock",)))
    review = client.get(answer["Location"])
    assert "Remove 1 role in 1111-2222-3333" in text_of(review)
    assert "Deletes 1 role that this console made, and nothing else." in text_of(review)
    assert "button-danger" in review.content.decode()


def _ours(connection: Connection) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in connection.runs.get().plan.actions[1]["request"]["Tags"]}


@pytest.mark.parametrize("name", ["environment_disconnect", "environment_finish"])
def test_without_a_role_in_aws_there_is_nothing_to_disconnect_or_finish(client, name):
    environment = EnvironmentFactory()
    answer = client.get(reverse(name, args=[environment.pk]), follow=True)
    assert answer.redirect_chain[-1][0] == environment.get_absolute_url()
    assert list(answer.context["messages"])


def test_the_finish_page_says_what_to_do_in_studio_and_what_is_no_proof(client, vertesias):
    list_models(vertesias.verifications.get(), shown=["Claude"], hidden=[])
    page = client.get(reverse("environment_finish", args=[vertesias.environment_id]))
    text = text_of(page)
    assert "Environments → Marketing" in text
    assert f'data-copy-text="{vertesias.role_arn}"' in page.content.decode()
    assert f'data-copy-text="{vertesias.environment.subject}"' in page.content.decode()
    assert "Not proof" in text
    assert "Claude" in text
    assert "IAM reports no use yet." in text


def test_seeing_models_is_recorded_with_the_person_and_the_time(client, vertesias):
    answer = client.post(reverse("environment_confirm", args=[vertesias.environment_id]))
    environment = Environment.objects.get(pk=vertesias.environment_id)
    assert answer["Location"] == environment.get_absolute_url()
    assert environment.status == Status.CONFIRMED
    assert environment.confirmed_by == answer.wsgi_request.user.username
    assert environment.confirmed_at is not None
    assert Event.objects.filter(actor=environment.confirmed_by, environment=environment).exists()


def test_seeing_none_checks_what_can_be_checked_from_here(client, vertesias):
    client.post(reverse("environment_deny", args=[vertesias.environment_id]))
    assert vertesias.verifications.filter(state=Verification.State.RUNNING).count() == 1
    assert Environment.objects.get(pk=vertesias.environment_id).status != Status.CONFIRMED
    page = client.get(reverse("environment_finish", args=[vertesias.environment_id]))
    assert "A check is at work" in text_of(page)


def test_where_this_console_signs_nothing_is_left_to_do_in_studio(client):
    connection = make_connected(client)
    answer = client.get(reverse("environment_finish", args=[connection.environment_id]))
    assert answer["Location"] == connection.environment.get_absolute_url()


def test_a_last_use_is_shown_as_iam_reports_it(client, vertesias):
    Verification.objects.filter(connection=vertesias).update(last_used_at=timezone.now())
    page = client.get(reverse("environment_finish", args=[vertesias.environment_id]))
    assert "as IAM reports it" in text_of(page)
