"""A role that somebody else made, on the review page: what it is, what would become of it, and the consent."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from aws_setup.models import Draft, Run
from aws_setup.observed import ObservedRole
from environments.models import Event
from tests.web.wizard_rows import (
    finish_run,
    let_worker_plan,
    make_connected,
    make_draft,
    person_of,
    start_run,
    text_of,
)

pytestmark = pytest.mark.django_db

PROVIDER = "arn:aws:iam::111122223333:oidc-provider/localhost:8000"
EVERYBODY = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithWebIdentity"}


def role_of_others(*statements: dict[str, object], **changes: object) -> ObservedRole:
    trust = {"Version": "2012-10-17", "Statement": list(statements)}
    return ObservedRole(arn="arn:aws:iam::111122223333:role/Theirs", trust=trust, role_id="AROATHEIRS", **changes)


def met(client: Client, role: ObservedRole) -> Draft:
    """A draft whose plan met this role."""
    draft = make_draft(client, role_name="Theirs")
    assert let_worker_plan(draft, role=role) is None
    return draft


def review(client: Client, draft: Draft) -> str:
    return text_of(client.get(reverse("draft_review", args=[draft.pk])))


def consent(client: Client, draft: Draft, **form: str):
    return client.post(reverse("draft_adopt", args=[draft.pk]), form, follow=True)


def test_the_page_shows_theirs_ours_and_the_result_and_names_the_holes(client):
    page = review(client, met(client, role_of_others(EVERYBODY)))
    assert "Role Theirs exists, and somebody else made it" in page
    assert "Security hole." in page
    assert "It checks no subject" in page
    assert "It checks no audience" in page
    assert "It stays open" in page
    assert page.count("Theirs") >= 5
    assert "The role is given back, never deleted" in page
    assert "Choose another role name" in page


def test_a_role_that_cannot_be_adopted_offers_no_consent_and_says_why(client):
    tags = {"vertesia-aws-setup:installation": "another", "vertesia-aws-setup:environment": "another"}
    draft = met(client, role_of_others(tags=tags))
    page = client.get(reverse("draft_review", args=[draft.pk]))
    assert "two would undo each other" in text_of(page)
    assert "Consent and plan" not in text_of(page)
    answer = consent(client, draft, consent="yes", digest=ObservedRole.from_json(draft.found["role"]).digest)
    assert "Nothing was agreed to" in text_of(answer)


def test_consent_asks_for_the_plan_anew_and_the_plan_names_what_stays(client):
    role = role_of_others(EVERYBODY)
    draft = met(client, role)
    consent(client, draft, consent="yes", digest=role.digest)
    draft.refresh_from_db()
    assert (draft.state, draft.answers["adopts"]) == (Draft.State.PLANNING, role.digest)
    assert Event.objects.get(action="role.adoption_consented").actor == person_of(client).get_username()
    let_worker_plan(draft, role=role)
    page = review(client, draft)
    assert "1 statement of theirs stays" in page
    assert "Security holes that stay open: It checks no subject" in page
    assert "Changes nothing of others." not in page
    assert "as was consented to" in page


@pytest.mark.parametrize("form", [{}, {"consent": "no"}, {"consent": "yes"}, {"consent": "yes", "digest": "x" * 5000}])
def test_without_the_tick_or_with_another_digest_nothing_is_agreed_to(client, form):
    draft = met(client, role_of_others(EVERYBODY))
    assert "Nothing was agreed to" in text_of(consent(client, draft, **form))
    draft.refresh_from_db()
    assert (draft.state, "adopts" in draft.answers) == (Draft.State.BLOCKED, False)
    assert not Event.objects.filter(action="role.adoption_consented").exists()


def test_a_role_that_changed_since_is_shown_anew(client):
    before = role_of_others(EVERYBODY)
    draft = met(client, before)
    consent(client, draft, consent="yes", digest=before.digest)
    draft.refresh_from_db()
    assert let_worker_plan(draft, role=role_of_others(EVERYBODY, attached=("arn:aws:iam::aws:policy/X",))) is None
    page = review(client, draft)
    assert "Role Theirs was changed since you consented." in page
    assert "policy/X" in page


def test_another_role_name_takes_the_consent_back(client):
    role = role_of_others(EVERYBODY)
    draft = met(client, role)
    consent(client, draft, consent="yes", digest=role.digest)
    typed = {"permissions": "invoke", "role_name": "Mine", "policy_arn": "", "tags": ""}
    client.post(reverse("draft_permissions", args=[draft.pk]), typed)
    draft.refresh_from_db()
    assert draft.answers["adopts"] == ""


def test_a_draft_that_met_no_role_takes_no_consent(client):
    draft = make_draft(client)
    let_worker_plan(draft)
    assert "Nothing was agreed to" in text_of(consent(client, draft, consent="yes", digest="0" * 64))


def test_the_page_of_an_environment_names_the_holes_of_an_adopted_role(client):
    connection = make_connected(client)
    kept = json.dumps({"Version": "2012-10-17", "Statement": [EVERYBODY]})
    connection.desired |= {"is_adopted": True, "kept_trust": kept}
    connection.save()
    page = text_of(client.get(connection.environment.get_absolute_url()))
    assert f"Security holes in role {connection.role_name}." in page
    assert "It checks no audience" in page
    assert "at disconnect it is given back" in page
    page = text_of(client.get(reverse("environment_disconnect", args=[connection.environment_id])))
    assert "Is given back" in page
    assert "the role stays, with everything of theirs" in page


def failed_run(client: Client) -> Run:
    run = start_run(client)
    finish_run(run, Run.State.FAILED)
    step = run.steps.first()
    step.state, step.outcome = "done", "created"
    step.save()
    return run


def test_a_failed_first_run_that_wrote_something_can_be_removed(client):
    run = failed_run(client)
    page = text_of(client.get(reverse("run", args=[run.pk])))
    assert "Remove what this run made" in page
    answer = client.post(reverse("run_undo", args=[run.pk]))
    draft = Draft.objects.get(purpose="undo")
    assert answer["Location"] == reverse("draft_review", args=[draft.pk])
    assert (draft.answers["run"], draft.state) == (run.pk, Draft.State.PLANNING)
    let_worker_plan(draft)
    assert "Change nothing in 1111-2222-3333, disconnect here only" in review(client, draft)


def test_a_failed_change_can_be_put_back(client):
    connection = make_connected(client)
    run = start_run(client, environment=connection.environment, purpose="change", role_name=connection.role_name)
    finish_run(run, Run.State.FAILED)
    run.steps.filter(position=0).update(state="done", outcome="updated")
    assert "Put back what was agreed before" in text_of(client.get(reverse("run", args=[run.pk])))
    client.post(reverse("run_undo", args=[run.pk]))
    draft = Draft.objects.get(purpose="undo")
    let_worker_plan(draft)
    assert "AWS holds again what was agreed before the run that stopped" in review(client, draft)


def test_a_run_that_wrote_nothing_has_nothing_to_undo(client):
    run = start_run(client)
    finish_run(run, Run.State.FAILED)
    assert "Remove what this run made" not in text_of(client.get(reverse("run", args=[run.pk])))
    answer = client.post(reverse("run_undo", args=[run.pk]), follow=True)
    assert "There is nothing of this run to undo any more." in text_of(answer)
    assert not Draft.objects.filter(purpose="undo").exists()


def test_the_checkbox_asks_for_the_provider_to_go_too(client):
    connection = make_connected(client)
    url = reverse("environment_disconnect", args=[connection.environment_id])
    client.post(url, {"removes_provider": "yes"})
    assert Draft.objects.get(purpose="disconnect").answers["removes_provider"] is True
    client.post(url)
    assert Draft.objects.get(purpose="disconnect").answers["removes_provider"] is False
