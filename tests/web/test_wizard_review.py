"""The plan before anything is written: shown in each state, approved by its fingerprint, once."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import Draft, Plan, Run
from aws_setup.observed import ObservedProvider, ObservedRole
from tests.web.wizard_rows import (
    A_WHILE_AGO,
    let_worker_plan,
    make_connected,
    make_draft,
    person_of,
    signed_in_client,
    start_run,
    text_of,
)

pytestmark = pytest.mark.django_db


def review(draft: Draft) -> str:
    return reverse("draft_review", args=[draft.pk])


def approve(client: Client, draft: Draft, fingerprint: str, **extra):
    return client.post(reverse("draft_approve", args=[draft.pk]), {"fingerprint": fingerprint}, **extra)


def test_while_the_worker_looks_the_page_polls_and_says_what_it_waits_for(client):
    draft = make_draft(client)
    client.post(reverse("draft_plan", args=[draft.pk]))
    page = client.get(review(draft))
    assert 'hx-trigger="every 1s"' in page.content.decode()
    assert '<noscript><meta http-equiv="refresh"' in page.content.decode()
    assert "Looking at what 1111-2222-3333 already holds" in text_of(page)
    assert "No worker answers" not in text_of(page)


def test_polling_brings_the_panel_alone_and_stops_when_the_plan_is_there(client):
    draft = make_draft(client)
    client.post(reverse("draft_plan", args=[draft.pk]))
    draft.refresh_from_db()
    let_worker_plan(draft)
    panel = client.get(review(draft), headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in panel
    assert "<html" not in panel
    assert "The plan" in panel


def test_after_ten_seconds_without_a_worker_the_page_says_so(client):
    draft = make_draft(client)
    client.post(reverse("draft_plan", args=[draft.pk]))
    Draft.objects.filter(pk=draft.pk).update(planning_requested_at=timezone.now() - timedelta(seconds=11))
    page = client.get(review(draft))
    assert page.context["worker_problem"]
    assert page.context["worker_problem"].split(":")[0] in text_of(page)


def test_the_plan_says_who_can_afterwards_assume_what(client):
    draft = make_draft(client, role_name="VertesiaMarketing")
    let_worker_plan(draft)
    page = text_of(client.get(review(draft)))
    assert draft.environment.subject in page
    assert "Role VertesiaMarketing in 1111-2222-3333" in page
    assert "List and invoke Bedrock models, nothing else" in page


def test_a_plan_that_touches_what_others_share_says_so(client):
    draft = make_draft(client)
    arn = "arn:aws:iam::111122223333:oidc-provider/localhost:8000"
    let_worker_plan(draft, provider=ObservedProvider(arn=arn, audiences=("blobs",)))
    page = text_of(client.get(review(draft)))
    assert "Create 1 role, change 1 identity provider in 1111-2222-3333" in page
    assert "Adds an audience to an identity provider that others may use; takes nothing from it." in page
    assert "Changes nothing of others." not in page


def test_a_plan_that_cannot_be_made_says_why_and_what_to_do(client):
    draft = make_draft(client, role_name="Theirs")
    role = ObservedRole(arn="arn:aws:iam::111122223333:role/Theirs", trust={})
    assert let_worker_plan(draft, role=role) is None
    page = text_of(client.get(review(draft)))
    assert "Role Theirs exists, and somebody else made it" in page
    assert "Choose another role name" in page
    assert "Nothing has been written." in page
    client.post(reverse("draft_plan", args=[draft.pk]))
    draft.refresh_from_db()
    assert draft.state == Draft.State.PLANNING


def test_edited_answers_need_a_plan_of_their_own(client):
    draft = make_draft(client)
    plan = let_worker_plan(draft)
    client.post(
        reverse("draft_permissions", args=[draft.pk]),
        {"permissions": "full", "role_name": "Another", "policy_arn": "", "tags": ""},
    )
    answer = approve(client, draft, plan.fingerprint, follow=True)
    assert "The plan is no longer the one you saw." in text_of(answer)
    assert not Run.objects.exists()


def test_a_plan_of_which_no_answer_was_given_leads_back_to_the_step_that_asks(client):
    draft = make_draft(client, role_name="")
    assert client.get(review(draft))["Location"] == reverse("draft_permissions", args=[draft.pk])
    draft = make_draft(client, role_name="", account_id="", environment=None)
    assert client.get(review(draft))["Location"] == reverse("draft_account", args=[draft.pk])


def test_a_double_click_starts_one_run(client):
    draft = make_draft(client)
    plan = let_worker_plan(draft)
    first = approve(client, draft, plan.fingerprint, follow=True)
    second = approve(client, draft, plan.fingerprint, follow=True)
    run = Run.objects.get()
    assert first.redirect_chain[-1][0] == second.redirect_chain[-1][0] == reverse("run", args=[run.pk])
    assert not list(second.context["messages"])


def test_the_review_of_an_approved_plan_leads_to_its_run(client):
    run = start_run(client)
    assert client.get(review(run.plan.draft))["Location"] == reverse("run", args=[run.pk])


@pytest.mark.parametrize("rubbish", ["", "0" * 64, "'; --", "x" * 5000])
def test_another_fingerprint_approves_nothing(client, rubbish):
    draft = make_draft(client)
    let_worker_plan(draft)
    answer = approve(client, draft, rubbish, follow=True)
    assert "Nothing was written; look at it again." in text_of(answer)
    assert not Run.objects.exists()
    assert Plan.objects.get().approved_at is None


def test_a_plan_that_ran_out_says_so_and_a_new_one_is_one_click_away(client):
    draft = make_draft(client)
    plan = let_worker_plan(draft)
    Plan.objects.filter(pk=plan.pk).update(expires_at=timezone.now() - A_WHILE_AGO)
    page = client.get(review(draft))
    assert "This plan ran out" in text_of(page)
    assert reverse("draft_approve", args=[draft.pk]) not in page.content.decode()
    answer = approve(client, draft, plan.fingerprint, follow=True)
    assert "This plan ran out before it was approved." in text_of(answer)
    assert not Run.objects.exists()
    client.post(reverse("draft_plan", args=[draft.pk]))
    draft.refresh_from_db()
    again = let_worker_plan(draft)
    assert approve(client, draft, again.fingerprint)["Location"] == review(draft)
    assert Run.objects.get().plan == again


def test_while_a_run_is_at_work_no_second_one_starts(client):
    run = start_run(client)
    other = signed_in_client()
    draft = make_draft(other, environment=run.plan.environment)
    plan = let_worker_plan(draft)
    answer = approve(other, draft, plan.fingerprint, follow=True)
    page = text_of(answer)
    assert "mona approved another plan for this environment a moment ago" in page
    assert "Both ask for the same." in page
    assert Run.objects.count() == 1


def test_a_plan_with_nothing_to_do_verifies_only(client):
    connection = make_connected(client)
    from_desired = connection.runs.get().plan.desired
    draft = make_draft(client, environment=connection.environment, purpose="change", role_name=connection.role_name)
    provider = ObservedProvider(arn=connection.provider_arn, audiences=("bedrock",))
    plan = let_worker_plan(draft, provider=provider)
    assert plan.desired["role_name"] == from_desired["role_name"]
    page = text_of(client.get(review(draft)))
    assert "Create 1 role in 1111-2222-3333" in page
    assert "1 thing stays as it is" in page


def test_the_plan_names_who_asked_for_it_not_who_began_the_draft(client):
    draft = make_draft(client)
    let_worker_plan(draft)
    other = signed_in_client()
    other.post(reverse("draft_plan", args=[draft.pk]))
    draft.refresh_from_db()
    assert draft.actor == person_of(other).get_username()


def test_a_policy_that_others_put_on_the_role_is_not_folded_away(client):
    draft = make_draft(client)
    plan = let_worker_plan(draft)
    foreign = {
        **plan.actions[0],
        "verb": "keep",
        "summary": "Leave policy Own",
        "request": {},
        "before": "x",
        "after": "x",
    }
    plan.actions = [*plan.actions, foreign]
    plan.save()
    html = client.get(reverse("draft_review", args=[draft.pk])).content.decode()
    assert "Leave policy Own" in html
    assert "stays as it is" not in html
