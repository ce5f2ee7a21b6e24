"""Accounts: whose rights the worker has, and the policy it needs."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import Account, WorkerCaller
from tests.web.page_rows import problem
from tests.web.wizard_rows import ACCOUNT_ID, CALLER_ARN, text_of

pytestmark = pytest.mark.django_db
URL = "/accounts/"
POLICY = "/accounts/policy/"


def test_it_shows_the_caller_its_account_and_where_the_credentials_come_from(client):
    answer = client.get(URL)
    text = text_of(answer)
    assert f'data-copy-text="{CALLER_ARN}"' in answer.content.decode()
    assert "1111-2222-3333 acme-sandbox" in text
    assert "Credentials from sandbox" in text
    assert "no expiry told" in text


def test_it_never_shows_or_asks_for_a_key(client):
    for page in (URL, reverse("account_add")):
        html = client.get(page).content.decode().lower()
        assert 'name="access_key' not in html
        assert 'type="password"' not in html


def test_a_worker_that_was_never_asked_can_be_asked(client):
    WorkerCaller.objects.all().delete()
    Account.objects.all().delete()
    text = text_of(client.get(URL))
    assert "The worker has not been asked yet who it is." in text
    assert "Not checked" in text


def test_each_missing_state_has_its_sentence_and_command(client):
    missing = problem(
        "sso_expired", sentence="The sign-in of profile dev ran out.", command="aws sso login --profile dev"
    )
    WorkerCaller.objects.update(problem=missing)
    answer = client.get(URL)
    assert "The sign-in of profile dev ran out." in text_of(answer)
    assert 'data-copy-text="aws sso login --profile dev"' in answer.content.decode()


def test_an_account_that_cannot_be_reached_says_why(client):
    Account.objects.create(
        account_id="444455556666",
        role_arn="arn:aws:iam::444455556666:role/Console",
        checked_at=timezone.now(),
        problem=problem("assume_denied", sentence="The worker may not assume this role."),
    )
    assert "The worker may not assume this role." in text_of(client.get(URL))


def test_check_now_asks_and_the_page_polls_until_the_answer_is_there(client):
    assert client.post(reverse("accounts_check"))["Location"] == URL
    waiting = client.get(URL).content.decode()
    assert 'hx-trigger="every 2s"' in waiting
    WorkerCaller.objects.update(checked_at=timezone.now())
    answer = client.get(URL, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in answer
    assert "<html" not in answer


def test_an_account_is_added_by_a_role(client):
    role = "arn:aws:iam::444455556666:role/Console"
    answer = client.post(reverse("account_add"), {"role_arn": role, "external_id": "abc-1"}, follow=True)
    account = Account.objects.get(account_id="444455556666")
    assert (account.role_arn, account.external_id) == (role, "abc-1")
    assert "Took up account 4444-5555-6666." in text_of(answer)
    assert "abc-1" not in text_of(client.get(URL))


@pytest.mark.parametrize(
    ("role_arn", "external_id", "sentence"),
    [
        ("", "", "Type the ARN of the role"),
        ("AKIAIOSFODNN7EXAMPLE", "", "This is an access key. The console takes none"),
        ("arn:aws:iam::1234:role/x", "", "ARN"),
        ("arn:aws:iam::444455556666:user/x", "", "ARN"),
        ("arn:aws-cn:iam::444455556666:role/x", "", "aws-cn"),
        (f"arn:aws:iam::{ACCOUNT_ID}:role/x", "", "already lead to 1111-2222-3333"),
        ("arn:aws:iam::444455556666:role/x", "with space", "An external id has"),
    ],
)
def test_what_cannot_be_a_role_is_refused_beside_its_field_and_kept(client, role_arn, external_id, sentence):
    answer = client.post(reverse("account_add"), {"role_arn": role_arn, "external_id": external_id})
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert f'value="{role_arn}"' in answer.content.decode() or not role_arn
    assert 'aria-invalid="true"' in answer.content.decode()
    assert Account.objects.count() == 1


def test_the_policy_is_for_the_workers_account_and_warns_without_a_boundary(client):
    text = text_of(client.get(POLICY))
    assert f"arn:aws:iam::{ACCOUNT_ID}:role/*" in text
    assert "Without a permissions boundary the console is administrator-equivalent" in text
    assert '"iam:PassRole"' not in text


def test_a_boundary_path_and_prefix_narrow_it(client):
    boundary = f"arn:aws:iam::{ACCOUNT_ID}:policy/Boundary"
    query = {"account_id": ACCOUNT_ID, "path": "/vertesia/", "name_prefix": "Vx", "boundary_arn": boundary}
    text = text_of(client.get(POLICY, query))
    assert f"arn:aws:iam::{ACCOUNT_ID}:role/vertesia/Vx*" in text
    assert boundary in text
    assert "administrator-equivalent" not in text


def test_it_downloads_as_json_in_both_variants(client):
    whole = client.get(POLICY, {"account_id": ACCOUNT_ID, "path": "/", "download": "1"})
    read_only = client.get(POLICY, {"account_id": ACCOUNT_ID, "path": "/", "read_only": "on", "download": "1"})
    assert whole["Content-Disposition"] == 'attachment; filename="vertesia-aws-setup.json"'
    assert "iam:CreateRole" in json.dumps(whole.json())
    assert "iam:CreateRole" not in json.dumps(read_only.json())


@pytest.mark.parametrize(
    "query",
    [
        {"account_id": "12"},
        {"account_id": ACCOUNT_ID, "path": "no-slashes"},
        {"account_id": ACCOUNT_ID, "name_prefix": '"*'},
        {"account_id": ACCOUNT_ID, "boundary_arn": "arn:aws:iam::x:role/y"},
    ],
)
def test_rubbish_never_gets_into_a_policy(client, query):
    answer = client.get(POLICY, query | {"download": "1"})
    assert answer.status_code == 422
    assert answer["Content-Type"].startswith("text/html")
