"""Connecting an environment, through the pages a person walks."""

import re

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import Account, Connection, Draft, Run, WorkerCaller
from environments.models import Environment, Issuer, Organization, Status
from tests.factories import EnvironmentFactory
from tests.web.wizard_rows import (
    A_WHILE_AGO,
    ACCOUNT_ID,
    finish_run,
    let_worker_plan,
    make_connected,
    make_draft,
    signed_in_client,
    start_run,
    text_of,
)

pytestmark = pytest.mark.django_db
IDS = {"organization_id": "66b0c0ffee5a4db0c4b0a0aa", "environment_id": "66b0c0ffee5a4db0c4b0f001"}


def typed(**changes: str) -> dict[str, str]:
    return {
        **IDS,
        "name": "Marketing",
        "region": "us-east-1",
        "issuer": Issuer.objects.get(hosting="builtin").url,
        "provider": "bedrock",
    } | changes


def test_the_first_set_up_is_pick_continue_continue_approve(client):
    acme = Environment.objects.get(name="Bedrock US")
    assert "Bedrock US" in text_of(client.get(reverse("connect")))

    answer = client.post(reverse("connect"), {"environment": acme.pk}, follow=True)
    draft = Draft.objects.get()
    assert answer.redirect_chain[-1][0] == reverse("draft_account", args=[draft.pk])
    assert "Bedrock US will list Bedrock models in us-east-1 through a new role in 1111-2222-3333 ." in text_of(answer)

    answer = client.post(reverse("draft_account", args=[draft.pk]), {"account": ACCOUNT_ID}, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("draft_permissions", args=[draft.pk])
    offered = answer.context["form"].initial

    answer = client.post(reverse("draft_permissions", args=[draft.pk]), offered, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("draft_review", args=[draft.pk])
    assert "Looking at what 1111-2222-3333 already holds" in text_of(answer)
    draft.refresh_from_db()
    assert draft.answers["role_name"] == "VertesiaEnvironmentBedrockUS"

    plan = let_worker_plan(draft)
    page = client.get(reverse("draft_review", args=[draft.pk]))
    assert "Nothing has been written yet. Deletes nothing. Changes nothing of others." in text_of(page)
    assert "Create 1 identity provider and 1 role in 1111-2222-3333" in text_of(page)
    assert plan.fingerprint in page.content.decode()

    answer = client.post(reverse("draft_approve", args=[draft.pk]), {"fingerprint": plan.fingerprint}, follow=True)
    run = Run.objects.get()
    assert answer.redirect_chain[-1][0] == reverse("run", args=[run.pk])
    assert run.plan.approved_by == client.get("/").wsgi_request.user.username
    assert "You can leave this page; the work goes on." in text_of(answer)
    acme.refresh_from_db()
    assert acme.status == Status.SETTING_UP


def test_at_most_four_fields_are_asked_on_the_default_path(client):
    page = client.get(reverse("connect_new")).content.decode()
    before_options = page[page.index('<form class="form"') : page.index("Options")]
    asked = re.findall(r'<(?:input|select|textarea)[^>]*name="([^"]+)"', before_options)
    assert [name for name in asked if name != "csrfmiddlewaretoken"] == [
        "organization_id",
        "environment_id",
        "name",
        "region",
    ]


def test_each_field_says_where_studio_shows_its_value(client):
    page = text_of(client.get(reverse("connect_new")))
    assert "In Studio first: Environments → Create, provider bedrock , region in Endpoint URL" in page
    assert "the user icon, top right" in page
    assert "the environment's Endpoint URL" in page


@override_settings(AWS_SANDBOX=False, WORLD="aws")
def test_with_real_aws_the_issuer_is_a_visible_choice(client):
    page = client.get(reverse("connect_new"))
    before_options = page.content.decode().split("Options")[0]
    assert '<option value="https://sts.becomposable.com" selected>' in before_options
    assert (
        "Older organizations use becomposable.com, newer ones vertesia.io. Not sure? Ask Vertesia; an "
        "organization can move later." in text_of(page)
    )


def test_ones_own_ids_lead_to_the_account_step(client):
    answer = client.post(reverse("connect_new"), typed(), follow=True)
    environment = Environment.objects.get(environment_id=IDS["environment_id"])
    assert environment.subject == "env:{organization_id}:{environment_id}".format(**IDS)
    assert environment.endpoint_url == "us-east-1"
    assert answer.redirect_chain[-1][0] == reverse("draft_account", args=[environment.drafts.get().pk])


@pytest.mark.parametrize(
    ("field", "rubbish", "sentence"),
    [
        ("organization_id", "*", "only letters, digits, hyphens and underscores"),
        ("organization_id", "", "Copy the organization id from Studio"),
        ("environment_id", "${aws:userid}", "only letters, digits, hyphens and underscores"),
        ("environment_id", "a:b", "only letters, digits, hyphens and underscores"),
        ("environment_id", "a\x00b", "Null characters are not allowed."),
        ("environment_id", IDS["organization_id"], "are the same"),
        ("environment_id", "66a0c0ffee5a4db0c4b0e001", "known here as Bedrock US of the organization Acme"),
        ("organization_id", "66a0c0ffee5a4db0c4b0e001", "the id of the environment Bedrock US, not of an organization"),
        ("environment_id", "66a0c0ffee5a4db0c4b0a001", "the id of the organization Acme (sandbox), not of an env"),
        ("name", " ", "Give the name under which Studio lists the environment"),
        ("region", "Virginia", "A region looks like us-east-1"),
        ("region", "cn-north-1", "does not exist in AWS China"),
        ("issuer", "https://evil.example", "Choose one of the issuers listed here"),
        ("provider", "openai", "Only environments with provider bedrock are connected here"),
        ("provider", "abacus", "Choose one of Vertesia's providers"),
    ],
)
def test_what_cannot_be_right_is_said_beside_its_field_and_kept(client, field, rubbish, sentence):
    known = Organization.objects.count()
    answer = client.post(reverse("connect_new"), typed(**{field: rubbish}))
    assert answer.status_code == 422
    assert sentence in " ".join(answer.context["form"].errors[field])
    assert sentence.split(",")[0] in text_of(answer)
    assert answer.context["form"]["name"].value() == (rubbish if field == "name" else "Marketing")
    assert Organization.objects.count() == known
    assert not Draft.objects.exists()


def test_white_space_around_a_copied_id_does_no_harm(client):
    client.post(reverse("connect_new"), typed(environment_id=f"  {IDS['environment_id']}\n", region=" US-East-1 "))
    assert Environment.objects.get(environment_id=IDS["environment_id"]).endpoint_url == "us-east-1"


def test_an_unusual_id_and_an_unknown_region_are_noted_and_not_refused(client):
    answer = client.post(reverse("connect_new"), typed(environment_id="my-env", region="eu-north-9"), follow=True)
    page = text_of(answer)
    assert "The environment id my-env is not the usual 24 hexadecimal digits" in page
    assert "eu-north-9 is not in this console's list of regions" in page
    assert "organization id" not in page.split("The environment id my-env")[0][-80:]


@pytest.mark.parametrize("rubbish", ["", "x", "-1", "1 OR 1=1", "²", "9" * 30])
def test_picking_nothing_that_is_an_environment_says_so(client, rubbish):
    answer = client.post(reverse("connect"), {"environment": rubbish}, follow=True)
    assert "Choose an environment first." in text_of(answer)
    assert not Draft.objects.exists()


def test_a_connected_environment_is_not_connected_again(client):
    connection = make_connected(client)
    drafts = Draft.objects.count()
    answer = client.post(reverse("connect"), {"environment": connection.environment_id})
    assert answer["Location"] == connection.environment.get_absolute_url()
    assert Draft.objects.count() == drafts


def test_an_environment_that_is_being_set_up_leads_to_its_run(client):
    run = start_run(client)
    answer = client.post(reverse("connect"), {"environment": run.plan.environment_id})
    assert answer["Location"] == reverse("run", args=[run.pk])


def test_an_environment_of_another_provider_says_why_it_cannot_be_connected(client):
    environment = EnvironmentFactory(provider="openai", status=Status.NOT_CONNECTABLE)
    answer = client.post(reverse("connect"), {"environment": environment.pk}, follow=True)
    assert f"{environment.name} has provider OpenAI" in text_of(answer)


def test_leaving_and_coming_back_goes_on_with_the_same_draft(client):
    draft = make_draft(client, role_name="Mine")
    again = client.post(reverse("connect"), {"environment": draft.environment_id})
    assert again["Location"] == reverse("draft_account", args=[draft.pk])
    draft.refresh_from_db()
    assert draft.answers["role_name"] == "Mine"
    assert "Go on" in text_of(client.get(reverse("connect")))


def test_a_draft_that_a_later_agreement_has_overtaken_is_not_gone_on_with(client):
    draft = make_draft(client)
    other = signed_in_client()
    run = start_run(other, environment=draft.environment)
    finish_run(run, Run.State.FAILED)
    page = client.get(reverse("connect"))
    assert draft not in page.context["drafts"]
    client.post(reverse("connect"), {"environment": draft.environment_id})
    assert Draft.objects.filter(owner=draft.owner).count() == 2


def test_without_anything_known_the_wizard_begins_with_the_ids(client):
    Environment.objects.all().delete()
    assert client.get(reverse("connect"))["Location"] == reverse("connect_new")


def test_a_mistyped_id_is_put_right_on_the_way_back(client):
    client.post(reverse("connect_new"), typed())
    draft = Draft.objects.get()
    url = reverse("draft_environment", args=[draft.pk])
    assert client.get(url).context["form"].initial["environment_id"] == IDS["environment_id"]
    answer = client.post(url, typed(environment_id="66b0c0ffee5a4db0c4b0f002", region="eu-west-1"))
    assert answer["Location"] == reverse("draft_account", args=[draft.pk])
    draft.refresh_from_db()
    assert draft.answers["environment_id"] == "66b0c0ffee5a4db0c4b0f002"
    assert draft.answers["region"] == draft.environment.endpoint_url == "eu-west-1"
    assert Environment.objects.filter(environment_id__startswith="66b0c0ffee").count() == 1


def test_once_aws_holds_a_role_the_ids_change_by_a_plan(client):
    draft = make_draft(client)
    run = start_run(client, environment=draft.environment)
    Connection.objects.filter(pk=run.connection_id).update(role_arn="arn:aws:iam::111122223333:role/A")
    Run.objects.filter(pk=run.pk).update(state=Run.State.FAILED, finished_at=timezone.now())
    later = make_draft(client, environment=draft.environment)
    url = reverse("draft_environment", args=[later.pk])
    assert reverse("environment_change", args=[draft.environment_id]) in client.get(url).content.decode()
    client.post(url, typed(environment_id="66b0c0ffee5a4db0c4b0f009"))
    assert not Environment.objects.filter(environment_id="66b0c0ffee5a4db0c4b0f009").exists()


def test_while_a_first_set_up_runs_nothing_typed_is_put_right(client):
    draft = make_draft(client)
    run = start_run(client, environment=draft.environment)
    answer = client.post(
        reverse("draft_environment", args=[draft.pk]), typed(environment_id="66b0c0ffee5a4db0c4b0f009")
    )
    assert answer["Location"] == reverse("run", args=[run.pk])
    assert not Environment.objects.filter(environment_id="66b0c0ffee5a4db0c4b0f009").exists()


def test_the_worker_is_asked_who_it_is_when_nobody_has_asked_for_ten_minutes(client):
    draft = make_draft(client)
    url = reverse("draft_account", args=[draft.pk])
    long_ago = timezone.now() - 3 * A_WHILE_AGO
    WorkerCaller.objects.update(checked_at=long_ago, check_requested_at=long_ago - A_WHILE_AGO)
    page = client.get(url)
    assert page.context["is_checking"]
    assert 'hx-trigger="every 1s"' in page.content.decode()
    assert '<noscript><meta http-equiv="refresh"' in page.content.decode()
    asked_at = WorkerCaller.objects.get().check_requested_at
    client.get(url)
    assert WorkerCaller.objects.get().check_requested_at == asked_at

    WorkerCaller.objects.update(checked_at=timezone.now())
    partial = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in partial
    assert 'id="account-choice" hx-swap-oob="true"' in partial


def test_a_worker_without_credentials_says_what_to_do_and_blocks_the_way_on(client):
    draft = make_draft(client)
    problem = {
        "code": "no_credentials",
        "sentence": "The worker has no AWS credentials.",
        "why": "",
        "remedy": "Sign in, then check again.",
        "command": "aws sso login --profile work",
        "link": "",
        "fix": "check_caller",
        "evidence": {},
    }
    WorkerCaller.objects.update(problem=problem, caller_arn="")
    Account.objects.update(problem=problem)
    page = client.get(reverse("draft_account", args=[draft.pk]))
    assert "The worker has no AWS credentials." in text_of(page)
    assert "aws sso login --profile work" in text_of(page)
    assert ">Continue<" not in page.content.decode()
    answer = client.post(reverse("draft_account", args=[draft.pk]), {"account": ACCOUNT_ID})
    assert "could not act in 1111-2222-3333" in text_of(answer)


def test_checking_again_asks_the_worker(client):
    draft = make_draft(client)
    answer = client.post(reverse("draft_account", args=[draft.pk]), {"check": "yes"})
    assert answer["Location"] == reverse("draft_account", args=[draft.pk])
    assert WorkerCaller.objects.get().check_requested_at is not None


@pytest.mark.parametrize("rubbish", ["", "999988887777", "x' --"])
def test_an_account_that_is_not_known_is_not_chosen(client, rubbish):
    draft = make_draft(client)
    answer = client.post(reverse("draft_account", args=[draft.pk]), {"account": rubbish})
    assert answer.status_code == 422
    assert answer.context["form"].errors["account"]


def test_an_account_in_another_partition_than_the_region_is_refused(client):
    draft = make_draft(client, environment=EnvironmentFactory(endpoint_url="us-gov-west-1"))
    answer = client.post(reverse("draft_account", args=[draft.pk]), {"account": ACCOUNT_ID})
    assert "us-gov-west-1 is in partition aws-us-gov" in text_of(answer)


def test_permissions_come_after_the_account(client):
    draft = make_draft(client, account_id="")
    answer = client.get(reverse("draft_permissions", args=[draft.pk]))
    assert answer["Location"] == reverse("draft_account", args=[draft.pk])


def permissions(**changes: str) -> dict[str, str]:
    return {"permissions": "invoke", "role_name": "VertesiaMarketing", "policy_arn": "", "tags": ""} | changes


def test_the_recommended_permissions_show_their_exact_actions(client):
    page = text_of(client.get(reverse("draft_permissions", args=[make_draft(client).pk])))
    for action in ("bedrock:ListFoundationModels", "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"):
        assert action in page
    assert "It is bedrock:* and more" in page


def test_answers_about_permissions_are_kept_and_a_plan_is_asked_for(client):
    draft = make_draft(client)
    arn = "arn:aws:iam::111122223333:policy/OurBedrock"
    url = reverse("draft_permissions", args=[draft.pk])
    answer = client.post(url, permissions(permissions="policy", policy_arn=arn, tags="CostCenter=4711\n\nTeam = AI=1"))
    assert answer["Location"] == reverse("draft_review", args=[draft.pk])
    draft.refresh_from_db()
    assert draft.state == Draft.State.PLANNING
    assert draft.answers["policy_arn"] == arn
    assert draft.answers["tags"] == {"CostCenter": "4711", "Team": "AI=1"}


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"permissions": "everything"}, "permissions", "Choose one of the three."),
        ({"permissions": ""}, "permissions", "Choose what the role may do."),
        ({"role_name": ""}, "role_name", "The role needs a name."),
        ({"role_name": "a b"}, "role_name", "1 to 64 letters"),
        ({"role_name": "x" * 65}, "role_name", "1 to 64 letters"),
        ({"permissions": "policy"}, "policy_arn", "A policy ARN looks like"),
        (
            {"permissions": "policy", "policy_arn": "arn:aws:iam::999988887777:policy/A"},
            "policy_arn",
            "belongs to account 9999-8888-7777",
        ),
        ({"tags": "CostCenter"}, "tags", "is not a tag"),
        ({"tags": "aws:x=1"}, "tags", "prefix that is kept"),
        ({"tags": "a=1\nA=2"}, "tags", "stands there twice"),
        ({"tags": "a=<script>"}, "tags", "a character AWS refuses"),
        ({"tags": "\n".join(f"k{n}=v" for n in range(49))}, "tags", "At most 48 tags"),
    ],
)
def test_permissions_that_aws_would_refuse_are_refused_beside_their_field(client, changes, field, sentence):
    draft = make_draft(client)
    answer = client.post(reverse("draft_permissions", args=[draft.pk]), permissions(**changes))
    assert answer.status_code == 422
    assert sentence in " ".join(answer.context["form"].errors[field])
    draft.refresh_from_db()
    assert draft.state == Draft.State.EDITING


def test_a_role_name_of_another_environment_is_refused_regardless_of_case(client):
    taken = make_connected(client).role_name
    draft = make_draft(client)
    answer = client.post(reverse("draft_permissions", args=[draft.pk]), permissions(role_name=taken.swapcase()))
    assert "Another environment here has this role" in text_of(answer)


def test_two_environments_of_one_name_are_offered_two_role_names(client):
    first = EnvironmentFactory(name="Marketing AI")
    start_run(client, environment=first, role_name="VertesiaEnvironmentMarketingAI")
    second = EnvironmentFactory(name="Marketing AI")
    client.post(reverse("connect"), {"environment": second.pk})
    page = client.get(reverse("draft_permissions", args=[second.drafts.get().pk]))
    offered = page.context["form"].initial["role_name"]
    assert offered == f"VertesiaEnvironmentMarketingAI-{second.environment_id[-8:]}"
