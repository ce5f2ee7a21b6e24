"""A run: what happens now and why, then the result, or what can be done."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.desired import DesiredState
from aws_setup.models import Check, Connection, Draft, Run, Step, Verification
from tests.web.wizard_rows import (
    finish_run,
    list_models,
    make_connected,
    make_draft,
    start_run,
    text_of,
)

pytestmark = pytest.mark.django_db
PROBLEM = {
    "code": "denied",
    "sentence": "The worker may not call iam:CreateRole.",
    "why": "AWS said: AccessDenied.",
    "remedy": "Give the worker the provisioning policy.",
    "command": "manage.py provisioning_policy",
    "link": "",
    "fix": "plan",
    "evidence": {},
}


def page_of(client: Client, run: Run, **headers: str):
    return client.get(reverse("run", args=[run.pk]), headers=headers or None)


def test_a_live_run_polls_and_says_what_happens_now(client):
    run = start_run(client)
    Run.objects.filter(pk=run.pk).update(doing="Creating role VertesiaMarketing", started_at=timezone.now())
    Step.objects.filter(run=run, position=0).update(state=Step.State.DONE, outcome="created")
    page = page_of(client, run)
    assert 'hx-trigger="every 1s"' in page.content.decode()
    assert '<noscript><meta http-equiv="refresh"' in page.content.decode()
    assert "Creating role VertesiaMarketing" in text_of(page)
    assert "1 of 3 done" in text_of(page)
    assert "You can leave this page; the work goes on." in text_of(page)


def test_what_is_waited_for_is_said_in_the_words_of_the_verification(client):
    run = start_run(client)
    Run.objects.filter(pk=run.pk).update(state=Run.State.VERIFYING, started_at=timezone.now(), doing="Verifying")
    waiting = "AWS does not let the new role be assumed yet. Next try in 3 seconds."
    proof = Verification.objects.create(connection=run.connection, run=run, actor="mona", doing=waiting)
    Check.objects.create(verification=proof, position=0, check_name="token", result="pass", detail="Signed for env:a:b")
    page = text_of(page_of(client, run))
    assert waiting in page
    assert "Signed for env:a:b" in page


def test_a_run_that_no_worker_takes_up_says_so_after_ten_seconds(client):
    run = start_run(client)
    assert page_of(client, run).context["worker_problem"] is None
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(seconds=11))
    page = page_of(client, run)
    assert page.context["worker_problem"].split(":")[0] in text_of(page)


@pytest.mark.parametrize("state", [Run.State.SUCCEEDED, Run.State.WAITING_FOR_VERTESIA, Run.State.FAILED])
def test_the_panel_of_a_run_that_is_over_has_no_trigger_so_polling_stops(client, state):
    run = start_run(client)
    finish_run(run, state)
    panel = page_of(client, run, **{"HX-Request": "true"}).content.decode()
    assert 'id="run"' in panel
    assert "hx-trigger" not in panel
    assert "<html" not in panel


def test_the_sentence_above_the_panel_becomes_true_when_the_run_is_over(client):
    connection = make_connected(client, name="Marketing")
    answer = page_of(client, connection.runs.get(), **{"HX-Request": "true"})
    assert 'id="sentence" hx-swap-oob="true"' in answer.content.decode()
    assert "Marketing lists Bedrock models in us-east-1" in text_of(answer)


def test_the_result_shows_models_and_what_the_proof_does_not_show(client):
    connection = make_connected(client)
    list_models(connection.verifications.get(), shown=["Claude", "Nova"], hidden=["Titan Embeddings"])
    page = page_of(client, connection.runs.get())
    text = text_of(page)
    assert "Studio will show 2 of 3" in text
    assert "Claude" in text
    assert "Titan Embeddings" not in text
    assert "Only Vertesia can show that these are your ids." in text
    assert connection.role_arn in page.content.decode()
    assert reverse("environment_models", args=[connection.environment_id]) in page.content.decode()


def test_where_only_vertesia_can_sign_the_run_ends_with_the_way_to_studio(client):
    run = start_run(client)
    desired = DesiredState.from_json(run.plan.desired)
    Connection.objects.filter(pk=run.connection_id).update(role_arn=desired.role_arn)
    finish_run(run, Run.State.WAITING_FOR_VERTESIA)
    page = page_of(client, run)
    assert reverse("environment_finish", args=[run.plan.environment_id]) in page.content.decode()
    assert "Waiting for Vertesia" in text_of(page)
    assert "Connected" not in text_of(page)


def test_a_failed_run_says_what_was_written_what_was_not_and_what_can_be_done(client):
    run = start_run(client)
    Step.objects.filter(run=run, position=0).update(state=Step.State.DONE, outcome="created")
    Step.objects.filter(run=run, position=1).update(state=Step.State.FAILED)
    finish_run(run, Run.State.FAILED, problem=PROBLEM)
    page = page_of(client, run)
    text = text_of(page)
    assert "The worker may not call iam:CreateRole." in text
    assert "Give the worker the provisioning policy." in text
    written = text[text.index("Was written") : text.index("Was not written")]
    assert "Create the identity provider" in written
    assert "Create role" not in written
    assert [step.position for step in page.context["not_written"]] == [1, 2]
    assert reverse("run_plan_again", args=[run.pk]) in page.content.decode()


def test_a_run_that_ended_before_its_proof_is_shown_without_one(client):
    run = start_run(client)
    finish_run(run, Run.State.SUCCEEDED)
    assert "no models were listed" in text_of(page_of(client, run))


def test_a_run_that_failed_at_its_first_call_wrote_nothing(client):
    run = start_run(client)
    finish_run(run, Run.State.FAILED, problem=PROBLEM)
    assert "Nothing. AWS is as it was." in text_of(page_of(client, run))


def test_where_only_the_proof_failed_verifying_again_is_offered(client):
    run = start_run(client)
    finish_run(run, Run.State.SUCCEEDED)
    Run.objects.filter(pk=run.pk).update(state=Run.State.FAILED, problem=PROBLEM)
    Verification.objects.create(
        connection=run.connection, run=run, actor="mona", state="failed", finished_at=timezone.now()
    )
    page = page_of(client, run)
    assert reverse("environment_verify", args=[run.plan.environment_id]) in page.content.decode()
    assert "Was not written" not in text_of(page)


def test_a_new_plan_after_a_failure_keeps_the_answers(client):
    run = start_run(client, role_name="MyVertesia", tags={"CostCenter": "4711"})
    finish_run(run, Run.State.FAILED, problem=PROBLEM)
    answer = client.post(reverse("run_plan_again", args=[run.pk]))
    draft = Draft.objects.exclude(pk=run.plan.draft_id).get()
    assert answer["Location"] == reverse("draft_review", args=[draft.pk])
    assert draft.state == Draft.State.PLANNING
    assert (draft.answers["role_name"], draft.answers["tags"]) == ("MyVertesia", {"CostCenter": "4711"})


def test_a_run_at_work_is_not_planned_again(client):
    run = start_run(client)
    answer = client.post(reverse("run_plan_again", args=[run.pk]))
    assert answer["Location"] == reverse("run", args=[run.pk])
    assert Draft.objects.count() == 1


def test_a_finished_disconnection_says_what_is_left(client):
    connection = make_connected(client)
    draft = make_draft(client, environment=connection.environment, purpose="disconnect")
    assert draft.answers["role_name"] == connection.role_name
    run = start_run(client, environment=connection.environment, purpose="disconnect")
    finish_run(run, Run.State.SUCCEEDED)
    text = text_of(page_of(client, run))
    assert f"{connection.environment.name} is disconnected" in text
    assert "the identity provider stays" in text
    assert "Studio will show" not in text
