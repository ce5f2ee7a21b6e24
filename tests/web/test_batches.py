"""Many at once: the table that is pasted, the page of its rows, one approval, and who gets there."""

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.batches.batching import start_batch
from aws_setup.batches.standing import RowState, read_batch
from aws_setup.batches.table import EXAMPLE, parse_table
from aws_setup.diagnosis import Problem
from aws_setup.models import Account, Batch, Draft, Run, WorkerCaller
from environments.history import Actor
from environments.models import Environment, Event
from tests.aws_setup.tables import write_table
from tests.web.wizard_rows import finish_run, let_worker_plan, person_of, signed_in_client, text_of

pytestmark = pytest.mark.django_db

PAGES = ["batches", "batch_template", "batch", "batch_row"]
ORDERS = ["batch_approve", "batch_retry"]
READ_ONLY = ["batch_template", "batch"]
OF_A_BATCH = ["batch", "batch_row", *ORDERS]
ORGANIZATION = "65a1b2c3d4e5f60718293a4b"


def row(number: int, **cells: str) -> dict[str, str]:
    return {
        "organization_id": ORGANIZATION,
        "environment_id": f"65e1f2a3b4c5d607182{number:05x}",
        "name": f"Unit {number}",
        "region": "us-east-1",
    } | cells


def paste(client: Client, *rows: dict[str, str], title: str = "") -> Batch:
    answer = client.post(reverse("batches"), {"table": write_table(rows), "title": title})
    batch = Batch.objects.latest("pk")
    assert answer["Location"] == reverse("batch", args=[batch.pk])
    return batch


def let_worker_plan_all() -> None:
    for draft in Draft.objects.filter(state=Draft.State.PLANNING):
        let_worker_plan(draft)


def address(client: Client, name: str) -> str:
    if name not in OF_A_BATCH:
        return reverse(name)
    batch = paste(client, row(1), row(2, region="nowhere"))
    return reverse(name, args=[batch.pk, 2] if name == "batch_row" else [batch.pk])


def send(client: Client, name: str, url: str):
    return client.post(url) if name in ORDERS else client.get(url)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_works(client, name):
    assert client.get(address(client, name)).status_code == 200


@pytest.mark.parametrize("name", [*PAGES, *ORDERS])
def test_nobody_gets_in_without_signing_in(client, name):
    answer = send(Client(), name, address(client, name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign_in"))


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_page_that_only_shows_takes_no_post(client, name):
    assert client.post(address(client, name)).status_code == 405


@pytest.mark.parametrize("name", ORDERS)
def test_what_changes_something_takes_no_get(client, name):
    assert client.get(address(client, name)).status_code == 405


@pytest.mark.parametrize("name", OF_A_BATCH)
def test_what_does_not_exist_is_not_found(client, name):
    assert send(client, name, reverse(name, args=[987654, 1] if name == "batch_row" else [987654])).status_code == 404


@pytest.mark.parametrize("name", [*PAGES, *ORDERS])
def test_somebody_without_rights_gets_nowhere(client, name):
    url = address(client, name)
    stranger = signed_in_client()
    User.objects.filter(pk=person_of(stranger).pk).update(is_staff=False)
    before = Event.objects.count()
    assert stranger.get(url).status_code == 403
    assert stranger.post(url).status_code == 403
    assert Event.objects.count() == before


@pytest.mark.parametrize("name", ["batches", "batch_row", *ORDERS])
def test_a_form_without_its_token_changes_nothing(client, name):
    url = address(client, name)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    before = (Batch.objects.count(), Draft.objects.count())
    assert strict.post(url, {"table": EXAMPLE}).status_code == 403
    assert (Batch.objects.count(), Draft.objects.count()) == before


def test_an_administrator_sees_another_persons_batch(client):
    batch = paste(client, row(1))
    assert signed_in_client().get(reverse("batch", args=[batch.pk])).status_code == 200


def test_what_polls_is_never_kept_by_a_cache(client):
    answer = client.get(address(client, "batch"))
    assert "no-store" in answer["Cache-Control"]
    assert "HX-Request" in answer["Vary"]


# --- the table ----------------------------------------------------------------------------------------------------


def test_it_is_found_from_the_environments_and_from_connect(client):
    for name in ("environments", "connect", "connect_new"):
        assert f'href="{reverse("batches")}"' in client.get(reverse(name), follow=True).content.decode()


def test_the_template_opens_in_a_spreadsheet_and_is_understood(client):
    answer = client.get(reverse("batch_template"))
    assert answer["Content-Disposition"] == 'attachment; filename="environments.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert all(one.wish for one in parse_table(answer.content.decode()).rows)


def test_a_pasted_table_becomes_a_batch_that_is_planned(client):
    batch = paste(client, row(1), row(2), title="Spring")
    assert (batch.title, batch.owner) == ("Spring", person_of(client))
    page = client.get(reverse("batch", args=[batch.pk]))
    assert 'hx-trigger="every 2s"' in page.content.decode()
    assert "Rows: 2 being planned" in text_of(page)
    assert "Connect 2 environments" in paste(client, row(3), row(4)).title
    assert "Spring" in text_of(client.get(reverse("batches")))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_an_uploaded_file_is_read_as_spreadsheets_save_it(client, encoding):
    content = write_table([row(1, name="Café")]).encode(encoding)
    answer = client.post(reverse("batches"), {"file": SimpleUploadedFile("environments.csv", content)})
    assert answer.status_code == 302
    assert Environment.objects.filter(name="Café").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "There is nothing here yet."),
        ({"table": "what?"}, "The first line names no column"),
        ({"table": EXAMPLE, "file": SimpleUploadedFile("a.csv", EXAMPLE.encode())}, "it is not clear which counts"),
        ({"file": SimpleUploadedFile("a.csv", b"a" * 262_145)}, "larger than 256 KiB"),
        ({"table": "a" * 262_145}, "larger than 256 KiB"),
        ({"file": SimpleUploadedFile("a.png", b"\x89PNG\x00\xff\xfe" * 9)}, "The first line names no column"),
        ({"table": "\x00,;\t"}, "Null characters are not allowed."),
        ({"file": SimpleUploadedFile("a.csv", b"\x00,;\t\x00")}, "The first line names no column"),
    ],
)
def test_rubbish_is_answered_with_a_sentence_and_kept(client, data, words):
    answer = client.post(reverse("batches"), data)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert Batch.objects.count() == 0


def test_a_table_without_one_good_row_is_shown_row_by_row_and_kept(client):
    text = write_table([row(1, region="nowhere"), row(2, account_id="12")])
    file = SimpleUploadedFile("table.csv", text.encode())
    answer = client.post(reverse("batches"), {"file": file})
    assert answer.status_code == 422
    words = text_of(answer)
    assert "Row 1: region: nowhere" in words
    assert "Row 2: account_id: An AWS account id has 12 digits; 12 has not." in words
    assert "65e1f2a3b4c5d60718200002" in answer.context["form"]["table"].value()
    assert (Batch.objects.count(), Environment.objects.filter(name="Unit 1").count()) == (0, 0)


def test_before_the_worker_was_heard_of_the_table_is_kept_and_asked_for_once_more(client):
    WorkerCaller.objects.all().delete()
    answer = client.post(reverse("batches"), {"table": EXAMPLE})
    assert answer.status_code == 422
    assert "Send the table once more in a few seconds" in text_of(answer)
    assert answer.context["form"]["table"].value() == EXAMPLE
    assert WorkerCaller.objects.get().check_requested_at is not None
    assert paste(client, row(1, account_id="111122223333")).rows.get().draft is not None


# --- the rows -----------------------------------------------------------------------------------------------------


def test_all_plans_are_approved_together_as_they_were_shown(client):
    batch = paste(client, row(1), row(2), row(3, region="nowhere"))
    let_worker_plan_all()
    url = reverse("batch", args=[batch.pk])
    page = client.get(url)
    words = text_of(page)
    assert "Approve 2 plans: create 1 identity provider and 2 roles in 1111-2222-3333" in words
    assert "Nothing has been written yet. Deletes nothing. Changes nothing of others." in words
    assert "region : nowhere: A region looks like us-east-1" in words
    assert "hx-trigger" not in page.content.decode().split('id="batch"')[1].split(">")[0]

    client.post(reverse("batch_approve", args=[batch.pk]), {"digest": page.context["standing"].digest})
    assert Run.objects.count() == 2
    assert "Rows: 2 being carried out" in text_of(client.get(url))
    failed, succeeded = Run.objects.order_by("pk")
    finish_run(succeeded, Run.State.SUCCEEDED)
    problem = Problem(code="x", sentence="AWS said no.", remedy="Allow it.")
    finish_run(failed, Run.State.FAILED, problem=problem.to_json())
    words = text_of(client.get(url))
    assert "AWS said no. Allow it." in words
    assert "Run the failed row again" in words
    assert "Failed 1 Not understood 1 Succeeded 1" in words
    assert "Unit 2" not in text_of(client.get(url + "?show=failed")).split("Which rows")[-1].split("Succeeded")[-1]

    client.post(reverse("batch_retry", args=[batch.pk]))
    standing = read_batch(batch, now=timezone.now())
    assert [one.state for one in standing.rows] == [RowState.PLANNING, RowState.SUCCEEDED, RowState.INVALID]


@pytest.mark.parametrize("digest", ["", "0" * 64, "rubbish"])
def test_another_digest_approves_nothing_and_says_so(client, digest):
    batch = paste(client, row(1))
    let_worker_plan_all()
    answer = client.post(reverse("batch_approve", args=[batch.pk]), {"digest": digest}, follow=True)
    assert "The plans are no longer those you saw." in text_of(answer)
    assert Run.objects.count() == 0


def test_a_shortage_of_room_stands_where_the_button_would_be(client):
    batch = paste(client, row(1), row(2))
    let_worker_plan_all()
    Account.objects.update(quotas={"roles": 999, "roles_quota": 1000}, quotas_read_at=timezone.now())
    words = text_of(client.get(reverse("batch", args=[batch.pk])))
    assert "Account 1111-2222-3333 has room for 1 more role, and this table needs 2." in words
    assert "Approve 2 plans" not in words
    assert "Plan the 2 rows again" in words


def test_a_row_is_corrected_with_what_was_typed_before_it(client):
    batch = paste(client, row(1), row(2, region="nowhere", tags="Team=Red"))
    url = reverse("batch_row", args=[batch.pk, 2])
    page = client.get(url)
    assert 'value="nowhere"' in page.content.decode()
    assert 'value="Team=Red"' in page.content.decode()
    assert page.context["form"].errors["region"] == [
        "nowhere: A region looks like us-east-1: lower case, with a number at the end."
    ]

    answer = client.post(url, row(2, region="still nowhere"))
    assert answer.status_code == 422
    assert 'value="still nowhere"' in answer.content.decode()
    assert batch.rows.get(position=2).typed["region"] == "still nowhere"

    answer = client.post(url, row(2, region="eu-west-1"))
    assert answer["Location"] == reverse("batch", args=[batch.pk])
    draft = batch.rows.get(position=2).draft
    assert draft is not None
    assert draft.answers["region"] == "eu-west-1"


def test_a_row_that_is_under_way_is_not_corrected(client):
    batch = paste(client, row(1))
    let_worker_plan_all()
    digest = read_batch(batch, now=timezone.now()).digest
    client.post(reverse("batch_approve", args=[batch.pk]), {"digest": digest})
    before = batch.rows.get().draft_id
    answer = client.post(reverse("batch_row", args=[batch.pk, 1]), row(1, region="eu-west-1"), follow=True)
    assert "under way or done" in text_of(answer)
    assert batch.rows.get().draft_id == before


def test_nothing_to_run_again_is_said(client):
    batch = paste(client, row(1))
    answer = client.post(reverse("batch_retry", args=[batch.pk]), follow=True)
    assert "No row is left that could be planned again." in text_of(answer)


def test_a_batch_of_another_purpose_has_its_own_words_and_no_cells_to_correct(client):
    problem = Problem(code="no_connection", sentence="Payroll has no connection.")
    batch = start_batch(
        owner=person_of(client),
        actor=Actor("mona"),
        title="Repair two",
        purpose=Draft.Purpose.REPAIR,
        rows=[({"name": "Payroll"}, problem)],
        now=timezone.now(),
    )
    page = client.get(reverse("batch", args=[batch.pk]))
    assert "Each role is brought back to what was agreed" in text_of(page)
    assert "Correct" not in text_of(page)
    assert client.get(reverse("batch_row", args=[batch.pk, 1])).status_code == 404


def test_many_rows_are_shown_fifty_at_a_time(client):
    batch = paste(client, *(row(number) for number in range(1, 61)))
    url = reverse("batch", args=[batch.pk])
    first, second = client.get(url), client.get(url + "?page=2")
    assert "1–50 of 60" in text_of(first)
    assert "51–60 of 60" in text_of(second)
    for rubbish in ("?page=x", "?page=-1", "?page=999", "?show=rubbish", "?show=failed"):
        assert client.get(url + rubbish).status_code == 200


def test_a_page_of_many_rows_takes_a_handful_of_queries(client, django_assert_max_num_queries):
    batch = paste(client, *(row(number) for number in range(1, 51)))
    let_worker_plan_all()
    with django_assert_max_num_queries(20):
        client.get(reverse("batch", args=[batch.pk]))
