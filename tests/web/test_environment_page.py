"""The page of one environment, in each of its states."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import Connection, Draft, Run, Verification
from aws_setup.plans.actions import Action
from environments.history import Actor, record
from environments.models import Event, Issuer, Provider, Status
from tests.factories import EnvironmentFactory
from tests.web.page_rows import break_connection, long_ago, model, problem, store_listing, verify
from tests.web.wizard_rows import finish_run, make_connected, make_draft, start_run, text_of

pytestmark = pytest.mark.django_db


def page(client: Client, environment, query: str = "") -> str:
    answer = client.get(environment.get_absolute_url() + query)
    assert answer.status_code == 200
    return text_of(answer)


def test_one_that_is_not_connected_offers_to_connect_it(client):
    environment = EnvironmentFactory()
    answer = client.get(environment.get_absolute_url())
    assert "Vertesia cannot reach Amazon Bedrock through this environment yet." in text_of(answer)
    assert f'<input type="hidden" name="environment" value="{environment.pk}">' in answer.content.decode()


def test_one_that_was_begun_can_be_gone_on_with(client):
    draft = make_draft(client)
    answer = client.get(draft.environment.get_absolute_url())
    assert reverse("draft_review", args=[draft.pk]) in answer.content.decode()
    assert "Nothing has been written to AWS" in text_of(answer)


def test_one_of_another_provider_says_which_and_why_it_cannot_be_connected(client):
    environment = EnvironmentFactory(provider=Provider.MISTRALAI, endpoint_url="")
    environment.set_status(Status.NOT_CONNECTABLE)
    text = page(client, environment)
    assert "This environment's provider at Vertesia is Mistral AI." in text
    assert "Connect Connect" not in text


def test_a_plan_that_waits_leads_to_its_review(client):
    draft = make_draft(client)
    draft.environment.set_status(Status.WAITING_FOR_APPROVAL)
    answer = client.get(draft.environment.get_absolute_url())
    assert "Review the plan" in text_of(answer)
    assert reverse("draft_review", args=[draft.pk]) in answer.content.decode()


def test_one_that_is_being_set_up_leads_to_its_progress_and_polls(client):
    run = start_run(client)
    Run.objects.update(doing="Waiting for AWS to spread the new role")
    answer = client.get(run.connection.environment.get_absolute_url())
    html = answer.content.decode()
    assert reverse("run", args=[run.pk]) in html
    assert 'hx-trigger="every 2s"' in html
    assert "Waiting for AWS to spread the new role" in html
    assert '<meta http-equiv="refresh"' in html


def test_one_that_is_connected_shows_everything_about_it(client):
    connection = make_connected(client)
    proof = verify(connection)
    store_listing(proof, [model("Claude"), model("Titan Embed", reason="Studio lists no embedding models.")])
    record("x.y", "Approved the plan.", actor=Actor("mona"), environment=connection.environment)
    answer = client.get(connection.environment.get_absolute_url())
    text, html = text_of(answer), answer.content.decode()
    assert "Connected" in text
    assert f'data-copy-text="{connection.role_arn}"' in html
    assert f'data-copy-text="{connection.environment.subject}"' in html
    assert "1 of 2 models will stand in Studio" in text
    assert "Approved the plan." in text
    assert "sts:AssumeRoleWithWebIdentity" in text
    assert "bedrock:ListFoundationModels" in text
    assert 'hx-trigger="every' not in html


def test_a_proof_with_our_own_token_names_its_limit(client):
    connection = make_connected(client)
    Verification.objects.update(limit="Only Vertesia can show that these are your ids.")
    verify(connection)
    Verification.objects.update(limit="Only Vertesia can show that these are your ids.")
    assert "Only Vertesia can show that these are your ids." in page(client, connection.environment)


def test_one_that_waits_for_vertesia_leads_to_the_page_that_finishes_it(client):
    issuer = Issuer.objects.get(url="https://sts.vertesia.io")
    connection = make_connected(client, issuer=issuer)
    answer = client.get(connection.environment.get_absolute_url())
    assert reverse("environment_finish", args=[connection.environment_id]) in answer.content.decode()
    assert "Only Vertesia can sign a token of sts.vertesia.io" in text_of(answer)


def test_what_a_person_confirmed_is_told_as_a_persons_word(client):
    connection = make_connected(client)
    connection.environment.set_status(Status.CONFIRMED, confirmed_at=timezone.now(), confirmed_by="ruth")
    text = page(client, connection.environment)
    assert "ruth saw models in Vertesia Studio" in text
    assert "a person's word, not a proof" in text


def test_one_that_needs_attention_names_the_cause_the_remedy_and_the_button(client):
    connection = make_connected(client)
    break_connection(
        connection,
        code="trust_subject_case",
        sentence="The case of the subject differs.",
        evidence={"expected": "env:a:b", "actual": "env:A:b"},
    )
    answer = client.get(connection.environment.get_absolute_url())
    text = text_of(answer)
    assert "The case of the subject differs." in text
    assert "Plan the connection again." in text
    assert "Identity provider → Role does not hold Expected env:a:b Found env:A:b" in text
    assert reverse("environment_plan", args=[connection.environment_id]) in answer.content.decode()


def test_a_run_that_failed_says_why_and_where_to_read_what_it_wrote(client):
    run = start_run(client)
    finish_run(run, Run.State.FAILED, problem=problem("denied", sentence="The worker may not create roles."))
    run.connection.environment.set_status(Status.NEEDS_ATTENTION)
    answer = client.get(run.connection.environment.get_absolute_url())
    assert "The worker may not create roles." in text_of(answer)
    assert reverse("run", args=[run.pk]) in answer.content.decode()


def test_a_proof_that_grew_old_is_no_longer_green(client):
    connection = make_connected(client)
    connection.environment.set_status(Status.CONNECTED, verified_at=long_ago())
    text = page(client, connection.environment)
    assert "Proof is old" in text
    assert "Nothing is green by assumption" in text


def test_one_that_was_disconnected_can_be_connected_again(client):
    connection = make_connected(client)
    Connection.objects.update(role_arn="", provider_arn="")
    connection.environment.set_status(Status.DISCONNECTED, api_key="")
    text = page(client, connection.environment)
    assert "Connect again" in text
    assert "Chain of trust" not in text


def test_unusual_ids_are_pointed_out(client):
    environment = EnvironmentFactory(environment_id="my-environment")
    assert "usually 24 hexadecimal digits" in page(client, environment)


def test_verify_now_begins_a_verification_that_the_page_then_follows(client):
    connection = make_connected(client)
    answer = client.post(reverse("environment_verify", args=[connection.environment_id]))
    assert answer["Location"] == connection.environment.get_absolute_url()
    assert connection.verifications.filter(finished_at__isnull=True).count() == 1
    html = client.get(connection.environment.get_absolute_url()).content.decode()
    assert reverse("environment_verification", args=[connection.environment_id]) in html


def test_verify_now_twice_runs_one_verification(client):
    connection = make_connected(client)
    url = reverse("environment_verify", args=[connection.environment_id])
    client.post(url)
    answer = client.post(url, follow=True)
    assert connection.verifications.filter(finished_at__isnull=True).count() == 1
    assert "A verification is under way already" in text_of(answer)


def test_an_environment_that_was_never_connected_cannot_be_verified(client):
    assert client.post(reverse("environment_verify", args=[EnvironmentFactory().pk])).status_code == 404


def test_while_a_verification_runs_only_its_progress_is_drawn_anew(client):
    connection = make_connected(client)
    Verification.objects.create(connection=connection, actor="mona", doing="Listing inference profiles, page 2")
    answer = client.get(
        reverse("environment_verification", args=[connection.environment_id]), headers={"HX-Request": "true"}
    )
    html = answer.content.decode()
    assert "Listing inference profiles, page 2" in html
    assert 'hx-trigger="every 2s"' in html
    assert "<html" not in html


def test_once_it_is_over_the_whole_page_takes_its_place_and_polling_ends(client):
    connection = make_connected(client)
    break_connection(connection, sentence="No provider here.")
    answer = client.get(
        reverse("environment_verification", args=[connection.environment_id]), headers={"HX-Request": "true"}
    )
    assert answer["HX-Retarget"] == "#environment-body"
    assert "No provider here." in text_of(answer)
    assert "hx-trigger" not in answer.content.decode()


def test_a_page_that_was_promised_a_verification_looks_out_for_it(client):
    connection = make_connected(client)
    Verification.objects.update(created_at=long_ago())
    since = f"?since={int(timezone.now().timestamp())}"
    answer = client.get(connection.environment.get_absolute_url() + since)
    assert "A worker was asked to look again" in text_of(answer)
    url = reverse("environment_verification", args=[connection.environment_id])
    assert f'hx-get="{url}{since}"' in answer.content.decode()
    break_connection(connection, sentence="No provider here.")
    assert "No provider here." in text_of(client.get(url + since, headers={"HX-Request": "true"}))


@pytest.mark.parametrize("since", ["", "x", "-1", "1", "99999999999999", "999999999999"])
def test_a_promise_that_is_odd_or_long_past_is_left_out(client, since):
    connection = make_connected(client)
    html = client.get(f"{connection.environment.get_absolute_url()}?since={since}").content.decode()
    assert "hx-trigger" not in html


def test_a_repair_is_planned_from_what_was_agreed_and_not_from_half_made_changes(client):
    connection = make_connected(client)
    make_draft(client, environment=connection.environment, purpose="change", region="eu-west-3")
    answer = client.post(reverse("environment_plan", args=[connection.environment_id]))
    draft = Draft.objects.get(environment=connection.environment, purpose="repair")
    assert answer["Location"] == reverse("draft_review", args=[draft.pk])
    assert draft.answers["region"] == connection.region
    assert draft.state == Draft.State.PLANNING


def test_the_display_name_is_edited_in_place(client):
    environment = EnvironmentFactory(name="Old")
    answer = client.post(reverse("environment_rename", args=[environment.pk]), {"name": " New "}, follow=True)
    environment.refresh_from_db()
    assert environment.name == "New"
    assert "Renamed to New." in text_of(answer)
    assert Event.objects.filter(environment=environment, action="environment.renamed").count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_name_that_cannot_be_is_refused_in_a_sentence(client, name):
    environment = EnvironmentFactory(name="Old")
    answer = client.post(reverse("environment_rename", args=[environment.pk]), {"name": name}, follow=True)
    environment.refresh_from_db()
    assert environment.name == "Old"
    assert "name" in text_of(answer)


def test_names_cannot_smuggle_in_markup(client):
    environment = EnvironmentFactory(name="<script>alert(1)</script>")
    html = client.get(environment.get_absolute_url()).content.decode()
    assert "<script>alert(1)" not in html


def test_history_stands_in_pages_newest_first(client):
    environment = EnvironmentFactory()
    for number in range(60):
        record("x.y", f"Event number {number}.", actor=Actor("mona"), environment=environment)
    first = text_of(client.get(reverse("environment_history", args=[environment.pk])))
    second = text_of(client.get(reverse("environment_history", args=[environment.pk]) + "?page=2"))
    assert first.index("Event number 59.") < first.index("Event number 58.")
    assert "1–50 of 60" in first
    assert "Event number 3." in second
    assert client.get(reverse("environment_history", args=[environment.pk]) + "?page=zzz").status_code == 200


def test_one_that_holds_nothing_in_aws_is_deleted_after_asking(client):
    environment = EnvironmentFactory(name="Gone")
    url = reverse("environment_delete", args=[environment.pk])
    assert "AWS holds nothing that this console made for it." in text_of(client.get(url))
    answer = client.post(url, follow=True)
    assert "Gone was deleted here." in text_of(answer)
    assert client.get(environment.get_absolute_url()).status_code == 404


def test_one_that_holds_a_role_is_not_deleted_but_shown_two_ways(client):
    connection = make_connected(client)
    url = reverse("environment_delete", args=[connection.environment_id])
    answer = client.get(url)
    assert reverse("environment_disconnect", args=[connection.environment_id]) in answer.content.decode()
    assert "Forget here, leave 2 resources in AWS" in text_of(answer)
    assert f'data-copy-text="{connection.role_arn}"' in answer.content.decode()
    refused = client.post(url, follow=True)
    assert "Disconnect first, or say it shall stay." in text_of(refused)
    assert Connection.objects.filter(pk=connection.pk).exists()


def test_after_a_failed_rename_deleting_names_the_old_role_as_well(client):
    connection = make_connected(client)
    run = connection.runs.get()
    old = "arn:aws:iam::111122223333:role/Old"
    action = Action(action="DeleteRole", verb="remove", resource=old, summary="", why="", after_proof=True)
    run.steps.create(position=99, action=action.to_json(), after_proof=True)
    url = reverse("environment_delete", args=[connection.environment_id])
    assert f'data-copy-text="{old}"' in client.get(url).content.decode()
    client.post(url, {"leave_in_aws": "yes"})
    assert old in Event.objects.get(action="environment.forgotten").sentence


def test_one_that_was_disconnected_is_deleted_and_the_provider_that_stays_is_named(client):
    connection = make_connected(client)
    Connection.objects.update(role_arn="")
    connection.environment.set_status(Status.DISCONNECTED, api_key="")
    url = reverse("environment_delete", args=[connection.environment_id])
    page = client.get(url)
    assert f'data-copy-text="{connection.provider_arn}"' in page.content.decode()
    assert "AWS holds no role that this console made for it." in text_of(page)
    client.post(url)
    assert not Connection.objects.filter(pk=connection.pk).exists()
    assert f"AWS still holds {connection.provider_arn}." in Event.objects.get(action="environment.forgotten").sentence


def test_forgetting_leaves_the_role_in_aws_and_its_arn_in_the_history(client):
    connection = make_connected(client)
    client.post(reverse("environment_delete", args=[connection.environment_id]), {"leave_in_aws": "yes"})
    assert not Connection.objects.filter(pk=connection.pk).exists()
    event = Event.objects.get(action="environment.forgotten")
    assert connection.role_arn in event.sentence
    assert connection.role_arn in json.dumps(event.data)
    (agreement,) = event.data["agreements"]
    assert agreement["approved_by"]
    assert agreement["desired"]["role_name"] == connection.role_name


def test_one_that_is_being_changed_cannot_be_deleted(client):
    run = start_run(client)
    url = reverse("environment_delete", args=[run.connection.environment_id])
    assert "A run is changing AWS" in text_of(client.get(url))
    answer = client.post(url, {"leave_in_aws": "yes"})
    assert answer["Location"] == reverse("run", args=[run.pk])
    assert Run.objects.filter(pk=run.pk).exists()
