"""AWS beside what was agreed, on the environment's page; and the plan that accepts what somebody changed."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.desired import DesiredState
from aws_setup.drift.differences import Difference, explain_differences
from aws_setup.models import Connection, Draft, Finding, Observation, Run
from aws_setup.policies import INLINE_POLICY_NAME
from environments.models import Status
from tests.aws_setup.desires import provider_of, role_of
from tests.factories import EnvironmentFactory, UserFactory
from tests.web.page_rows import long_ago, problem
from tests.web.wizard_rows import let_worker_plan, make_connected, text_of

pytestmark = pytest.mark.django_db

ATTACHED = Difference(
    "policy_added",
    "Role Payroll → attached policies",
    "Somebody attached ReadOnlyAccess.",
    "widens",
    actual="arn:aws:iam::aws:policy/ReadOnlyAccess",
    can_accept=True,
)
DETACHED = Difference(
    "policy_detached",
    "Role Payroll → policy VertesiaBedrock",
    "Vertesia finds none.",
    "breaks",
    expected={"Statement": []},
)
BOUNDED = Difference(
    "boundary_added",
    "Role Payroll → permissions boundary",
    "The role may now do at most what this boundary allows.",
    "differs",
    actual="arn:aws:iam::111122223333:policy/Boundary",
    can_accept=True,
    can_repair=False,
    todo="This console never takes a boundary off a role.",
)  # fmt: skip


@pytest.fixture
def connection(client: Client) -> Connection:
    return make_connected(client, name="Payroll")


def compare(connection: Connection, *differences: Difference, **changes: Any) -> Observation:
    """A comparison as a worker leaves it, with its finding."""
    now = timezone.now()
    if differences:
        cause = explain_differences(differences, name="Payroll")
        Finding.objects.create(
            connection=connection, code=cause.code, problem=cause.to_json(), source=Finding.Source.OBSERVATION
        )
        connection.environment.set_status(Status.NEEDS_ATTENTION)
    values = {
        "state": Observation.State.DIFFERENT if differences else Observation.State.SAME,
        "differences": [difference.to_json() for difference in differences],
        "finished_at": now,
    }
    return Observation.objects.create(connection=connection, actor="console", **(values | changes))


def section(client: Client, connection: Connection) -> tuple[str, str]:
    """The section “Compared with AWS”: as HTML, and as a person reads it."""
    answer = client.get(connection.environment.get_absolute_url())
    html = answer.content.decode().partition('id="comparison"')[2].partition("</section>")[0]
    answer.content = f"<section {html}".encode()
    return html, text_of(answer)


def orders(html: str, connection: Connection) -> set[str]:
    """Which orders the section offers."""
    names = ("environment_plan", "environment_accept", "environment_compare")
    return {name for name in names if reverse(name, args=[connection.environment_id]) in html}


def test_one_that_was_never_compared_says_what_comparing_does(client, connection):
    html, text = section(client, connection)
    assert "Not compared yet" in text
    assert "It writes nothing." in text
    assert orders(html, connection) == {"environment_compare"}


def test_one_that_is_as_agreed_says_so_and_when(client, connection):
    compare(connection)
    html, text = section(client, connection)
    assert "As agreed Last compared just now" in text
    assert orders(html, connection) == {"environment_compare"}


def test_each_difference_has_its_field_meaning_severity_and_both_sides(client, connection):
    compare(connection, DETACHED, ATTACHED, BOUNDED)
    html, text = section(client, connection)
    for difference, word in ((DETACHED, "Breaks the connection"), (ATTACHED, "Lets more in"), (BOUNDED, "Differs")):
        assert f"{difference.field} {difference.meaning}" in text
        assert word in text
    assert "Agreed Nothing In AWS &quot;arn:aws:iam::aws:policy/ReadOnlyAccess&quot;" in text
    assert "This console never takes a boundary off a role." in text
    assert orders(html, connection) == {"environment_plan", "environment_accept", "environment_compare"}


def test_what_cannot_be_repaired_or_accepted_has_no_such_button(client, connection):
    compare(connection, BOUNDED)
    assert orders(section(client, connection)[0], connection) == {"environment_accept", "environment_compare"}
    Finding.objects.all().delete()
    compare(connection, DETACHED)
    assert orders(section(client, connection)[0], connection) == {"environment_plan", "environment_compare"}


def test_the_finding_stands_above_with_its_button(client, connection):
    compare(connection, DETACHED, ATTACHED)
    text = text_of(client.get(connection.environment.get_absolute_url()))
    assert "AWS differs from what was agreed for Payroll in 2 points, the worst: " in text
    assert "1 thing needs to be put right." in text


def test_a_comparison_under_way_polls_and_says_what_it_waits_for(client, connection):
    Observation.objects.create(connection=connection, actor="mona", doing="Looking again in 3 s")
    html, text = section(client, connection)
    assert 'hx-trigger="every 2s"' in html
    assert "Looking again in 3 s" in text
    assert orders(html, connection) == set()
    url = reverse("environment_comparison", args=[connection.environment_id])
    panel = client.get(url, headers={"HX-Request": "true"})
    assert panel.content.decode().count("<section") == 1
    assert "no-store" in panel["Cache-Control"]


def test_a_comparison_that_is_over_brings_the_whole_page_and_stops_polling(client, connection):
    compare(connection, ATTACHED)
    url = reverse("environment_comparison", args=[connection.environment_id])
    answer = client.get(url, headers={"HX-Request": "true"})
    assert answer["HX-Retarget"] == "#environment-body"
    assert "Compared with AWS: 1 point differs." in text_of(answer)
    assert "hx-trigger" not in answer.content.decode()
    assert client.get(url)["Location"] == connection.environment.get_absolute_url()


def test_one_that_failed_says_why_and_what_is_older(client, connection):
    compare(connection, ATTACHED)
    cause = problem("worker_denied", sentence="The console may not call iam:GetRole.")
    compare(connection, state=Observation.State.FAILED, problem=cause)
    text = section(client, connection)[1]
    assert "AWS could not be compared just now ; what is listed was seen before." in text
    assert "The console may not call iam:GetRole." in text
    assert ATTACHED.field in text


def test_what_was_found_about_an_earlier_agreement_is_not_shown_as_present(client, connection):
    compare(connection, ATTACHED, finished_at=long_ago())
    html, text = section(client, connection)
    assert "Something else was agreed since" in text
    assert ATTACHED.field not in text
    assert orders(html, connection) == {"environment_compare"}


def test_while_aws_is_changed_nothing_can_be_asked_for(client, connection):
    compare(connection, ATTACHED)
    Run.objects.update(state=Run.State.APPLYING, finished_at=None)
    assert orders(section(client, connection)[0], connection) == set()


def test_one_that_holds_nothing_in_aws_has_no_such_section(client):
    environment = EnvironmentFactory()
    assert "Compared with AWS" not in text_of(client.get(environment.get_absolute_url()))


# --- asking ------------------------------------------------------------------------------------------------------


def test_comparing_now_asks_a_worker_once(client, connection):
    url = reverse("environment_compare", args=[connection.environment_id])
    assert client.post(url)["Location"] == connection.environment.get_absolute_url()
    assert "A comparison or a set-up is under way already" in text_of(client.post(url, follow=True))
    assert Observation.objects.get().state == Observation.State.RUNNING


def test_where_aws_holds_nothing_there_is_nothing_to_compare(client, connection):
    Connection.objects.update(role_arn="")
    url = reverse("environment_compare", args=[connection.environment_id])
    assert "AWS holds nothing of this console's to compare." in text_of(client.post(url, follow=True))
    assert not Observation.objects.exists()


ORDERS = ["environment_compare", "environment_accept"]


@pytest.mark.parametrize("name", [*ORDERS, "environment_comparison"])
def test_nobody_gets_in_without_rights(client, connection, name):
    url = reverse(name, args=[connection.environment_id])
    send = Client.post if name in ORDERS else Client.get
    assert send(Client(), url)["Location"].startswith(reverse("sign_in"))
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    assert send(stranger, url).status_code == 403
    assert not Observation.objects.exists()


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_takes_no_get(client, connection, name):
    assert client.get(reverse(name, args=[connection.environment_id])).status_code == 405


def test_the_panel_takes_no_post(client, connection):
    assert client.post(reverse("environment_comparison", args=[connection.environment_id])).status_code == 405


@pytest.mark.parametrize("name", [*ORDERS, "environment_comparison"])
def test_what_does_not_exist_or_was_never_connected_is_not_found(client, name):
    send = client.post if name in ORDERS else client.get
    headers = {"HX-Request": "true"}
    assert send(reverse(name, args=[987654]), headers=headers).status_code == 404
    if name in ORDERS:
        assert send(reverse(name, args=[EnvironmentFactory().pk])).status_code == 404


# --- accepting ---------------------------------------------------------------------------------------------------


def plan_acceptance(client: Client, connection: Connection, *, purpose: str = "accept", **changes: Any) -> Draft:
    """The plan of somebody who accepts, of an account whose role was changed like this."""
    name = {"accept": "environment_accept", "repair": "environment_plan"}[purpose]
    answer = client.post(reverse(name, args=[connection.environment_id]))
    draft = Draft.objects.get(purpose=purpose)
    assert answer["Location"] == reverse("draft_review", args=[draft.pk])
    desired = DesiredState.from_json(connection.desired)
    role = role_of(desired, **changes)
    let_worker_plan(draft, provider=provider_of(desired), role=role)
    return draft


def test_an_acceptance_lists_what_is_accepted_and_says_that_nothing_is_written(client, connection):
    draft = plan_acceptance(
        client, connection, attached=("arn:aws:iam::aws:policy/ReadOnlyAccess",), max_session_seconds=7200
    )
    text = text_of(client.get(reverse("draft_review", args=[draft.pk])))
    assert "Accept what AWS holds for Payroll" in text
    assert "2 points, as AWS holds them now" in text
    assert "Nothing is written to AWS." in text
    assert "Maximum session 3600 seconds → 7200 seconds" in text
    assert "Policies of others none → ReadOnlyAccess" in text
    assert "and whatever its other policies allow: arn:aws:iam::aws:policy/ReadOnlyAccess" in text
    assert "Accept 2 differences, change nothing in 1111-2222-3333" in text


def test_an_acceptance_that_also_repairs_says_what_is_written(client, connection):
    draft = plan_acceptance(client, connection, max_session_seconds=7200, inline={})
    text = text_of(client.get(reverse("draft_review", args=[draft.pk])))
    assert "What cannot be accepted is put back; the plan below lists each write." in text
    assert "Accept 1 difference, change 1 role in 1111-2222-3333" in text


def test_an_acceptance_of_nothing_says_so(client, connection):
    draft = plan_acceptance(client, connection)
    text = text_of(client.get(reverse("draft_review", args=[draft.pk])))
    assert "AWS holds nothing that could be accepted any more. Approving changes nothing and verifies." in text
    assert "Change nothing in 1111-2222-3333, verify only" in text


def test_whom_an_accepted_statement_lets_in_is_not_hidden(client, connection):
    desired = DesiredState.from_json(connection.desired)
    partner = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999900001111:root"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [*desired.own_statements, partner]}
    draft = plan_acceptance(client, connection, trust=trust)
    text = text_of(client.get(reverse("draft_review", args=[draft.pk])))
    assert "Lets in arn:aws:iam::999900001111:root, which was not agreed." in text
    assert "Only a token" not in text
    assert "Beside it, whoever 1 statement of others in the role’s trust policy lets in." in text


def test_an_accepted_policy_of_ours_is_not_called_list_and_invoke_alone(client, connection):
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]}
    draft = plan_acceptance(client, connection, inline={INLINE_POLICY_NAME: policy})
    text = text_of(client.get(reverse("draft_review", args=[draft.pk])))
    assert "List and invoke → A policy as somebody changed it: bedrock:*" in text
    assert "Bedrock models, nothing else" not in text


def test_an_acceptance_counts_once_it_is_approved(client, connection):
    draft = plan_acceptance(client, connection, max_session_seconds=7200)
    fingerprint = draft.plans.get().fingerprint
    client.post(reverse("draft_approve", args=[draft.pk]), {"fingerprint": fingerprint})
    connection.refresh_from_db()
    assert connection.desired["max_session_seconds"] == 7200


def test_a_repair_says_what_it_leaves(client, connection):
    compare(connection, DETACHED, BOUNDED)
    draft = plan_acceptance(client, connection, purpose="repair", inline={})
    text = text_of(client.get(reverse("draft_review", args=[draft.pk])))
    assert "Repair Payroll" in text
    assert "What this plan leaves" in text
    assert BOUNDED.field in text
    assert DETACHED.meaning not in text
