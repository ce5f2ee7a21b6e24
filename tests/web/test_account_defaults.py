"""What a company wants of every role in an account: typed, checked, in force in the wizard."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from aws_setup.models import Account, Draft
from environments.models import Event
from tests.factories import UserFactory
from tests.web.wizard_rows import let_worker_plan, make_connected, make_draft, text_of

pytestmark = pytest.mark.django_db

BOUNDARY = "arn:aws:iam::111122223333:policy/Bound"
EMPTY = {"role_prefix": "", "role_path": "", "boundary_arn": "", "extra_tags": "", "max_session_hours": "1"}
FULL = {
    "role_prefix": "acme-",
    "role_path": "/vertesia/",
    "boundary_arn": BOUNDARY,
    "extra_tags": "CostCenter=4711",
    "max_session_hours": "4",
}


def url() -> str:
    return reverse("account_defaults", args=[Account.objects.get().pk])


def store(client: Client, **changes: str):
    return client.post(url(), EMPTY | changes, follow=True)


def test_what_is_stored_is_shown_again_and_stands_in_the_history(client):
    answer = store(client, **FULL)
    assert answer.redirect_chain[-1][0] == url()
    account = Account.objects.get()
    assert (account.role_prefix, account.role_path, account.boundary_arn) == ("acme-", "/vertesia/", BOUNDARY)
    assert (account.extra_tags, account.max_session_seconds) == ({"CostCenter": "4711"}, 14400)
    assert {name: str(answer.context["form"].initial[name]) for name in FULL} == FULL
    event = Event.objects.get(action="account.defaults_changed")
    assert "name prefix, path, permissions boundary, tags, maximum session" in event.sentence
    assert event.data["before"]["role_prefix"] == ""


def test_storing_the_same_again_is_no_news(client):
    store(client, **FULL)
    store(client, **FULL)
    assert Event.objects.filter(action="account.defaults_changed").count() == 1


@pytest.mark.parametrize(
    ("field", "rubbish"),
    [
        ("role_prefix", "a b"),
        ("role_prefix", "x" * 41),
        ("role_path", "vertesia"),
        ("role_path", "/a b/"),
        ("boundary_arn", "Bound"),
        ("boundary_arn", "arn:aws:iam::999999999999:policy/Bound"),
        ("boundary_arn", "arn:aws-us-gov:iam::aws:policy/Bound"),
        ("extra_tags", "novalue"),
        ("extra_tags", "aws:x=1"),
        ("max_session_hours", "0"),
        ("max_session_hours", "13"),
        ("max_session_hours", "x"),
        ("max_session_hours", ""),
    ],
)
def test_what_aws_would_refuse_is_said_beside_its_field(client, field, rubbish):
    answer = store(client, **{field: rubbish})
    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert Account.objects.get().max_session_seconds == 3600
    assert not Event.objects.filter(action="account.defaults_changed").exists()


def test_an_empty_field_says_which_setting_stands_behind_it(client, settings: Settings):
    settings.ROLE_PATH, settings.ROLE_PERMISSIONS_BOUNDARY = "/from-settings/", BOUNDARY
    page = text_of(client.get(url()))
    assert "Empty: ROLE_PATH of the settings, now /from-settings/" in page
    assert f"Empty: ROLE_PERMISSIONS_BOUNDARY of the settings, now {BOUNDARY}" in page


def test_a_boundary_without_a_path_or_prefix_is_said_to_bind_nothing(client):
    assert "A boundary alone binds nothing" in text_of(store(client, boundary_arn=BOUNDARY))
    assert "A boundary alone binds nothing" not in text_of(store(client, boundary_arn=BOUNDARY, role_prefix="acme-"))


def test_the_page_leads_to_the_policy_that_fits(client):
    page = store(client, **FULL).content.decode()
    link = page.split('href="/accounts/policy/?')[1].split('"')[0].replace("&amp;", "&")
    policy = text_of(client.get(f"/accounts/policy/?{link}"))
    assert "role/vertesia/acme-*" in policy
    assert BOUNDARY in policy


def test_somebody_without_rights_reads_and_stores_nothing(client):
    address = url()
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    assert (stranger.get(address).status_code, stranger.post(address, FULL).status_code) == (403, 403)
    assert Account.objects.get().role_prefix == ""


def test_an_account_that_does_not_exist_is_not_found(client):
    assert client.get(reverse("account_defaults", args=[987654])).status_code == 404


def test_new_roles_are_made_by_them_and_the_wizard_says_so(client):
    store(client, **FULL)
    draft = make_draft(client, role_name="")
    page = client.get(reverse("draft_permissions", args=[draft.pk]))
    assert "name begins with acme-; path /vertesia/" in text_of(page)
    assert page.context["form"].initial["role_name"].startswith("acme-")
    assert "through a new role under /vertesia/" in text_of(page)
    draft.answers |= {"role_name": "acme-Mine"}
    draft.save()
    plan = let_worker_plan(draft)
    request = next(action["request"] for action in plan.actions if action["action"] == "CreateRole")
    assert (request["Path"], request["PermissionsBoundary"]) == ("/vertesia/", BOUNDARY)
    assert request["MaxSessionDuration"] == 14400
    assert {"Key": "CostCenter", "Value": "4711"} in request["Tags"]


def test_a_role_name_that_begins_otherwise_is_refused_in_a_sentence(client):
    store(client, role_prefix="acme-")
    draft = make_draft(client, role_name="")
    typed = {"permissions": "invoke", "role_name": "Mine", "policy_arn": "", "tags": ""}
    answer = client.post(reverse("draft_permissions", args=[draft.pk]), typed)
    assert answer.status_code == 422
    assert "Role names in account 1111-2222-3333 begin with acme-" in text_of(answer)
    draft.refresh_from_db()
    assert draft.state == Draft.State.EDITING


def test_a_role_that_is_older_than_the_prefix_keeps_its_name_and_its_other_values(client):
    connection = make_connected(client)
    store(client, **FULL)
    draft = make_draft(client, environment=connection.environment, purpose="change", role_name=connection.role_name)
    plan = let_worker_plan(draft)
    desired = plan.desired
    assert (desired["role_path"], desired["max_session_seconds"], desired["tags"]) == ("/", 3600, [])
    assert desired["boundary_arn"] == BOUNDARY
