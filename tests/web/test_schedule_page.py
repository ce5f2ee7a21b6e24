"""How often an environment is proven, and how its days went, as its page shows and changes it."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import Connection, ProofDay
from environments.models import Environment, Event, Issuer, Status
from tests.factories import EnvironmentFactory, UserFactory
from tests.web.page_rows import long_ago, model, store_listing, verify
from tests.web.wizard_rows import make_connected, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(client: Client) -> Connection:
    return make_connected(client, name="Payroll")


def address(connection: Connection) -> str:
    return reverse("environment_schedule", args=[connection.environment_id])


def page(client: Client, connection: Connection) -> str:
    return text_of(client.get(connection.environment.get_absolute_url()))


def set_up(connection: Connection, **values: object) -> None:
    Connection.objects.filter(pk=connection.pk).update(**values)


def make_day(connection: Connection, *, days_ago: int, **counts: int) -> None:
    day = timezone.now().date() - timedelta(days=days_ago)
    ProofDay.objects.create(connection=connection, day=day, **counts)


# --- how often ----------------------------------------------------------------------------------------------------


def test_a_person_says_how_often_it_is_proven(client, connection):
    answer = client.post(address(connection), {"every": "12"}, follow=True)
    assert "Payroll is to be proven every 12 hours." in text_of(answer)
    assert '<option value="12" selected>' in answer.content.decode()
    connection.refresh_from_db()
    assert connection.verify_every_hours == 12
    told = Event.objects.get(action="schedule.changed")
    assert (told.sentence, told.environment) == ("To be proven every 12 hours.", connection.environment)


@pytest.mark.parametrize(
    ("every", "stored", "words"),
    [("0", 0, "Proven only when somebody asks."), ("default", None, "Every 6 hours (default)"), ("1", 1, "Every hour")],
)
def test_it_can_be_proven_on_request_only_or_as_the_settings_say(client, connection, every, stored, words):
    set_up(connection, verify_every_hours=3)
    answer = client.post(address(connection), {"every": every}, follow=True)
    connection.refresh_from_db()
    assert connection.verify_every_hours == stored
    assert words in text_of(answer)


def test_saving_what_is_so_already_is_no_event(client, connection):
    client.post(address(connection), {"every": "default"})
    assert not Event.objects.filter(action="schedule.changed").exists()


@pytest.mark.parametrize("every", ["", "5", "-1", "999999999999999999999", "rubbish", "1\x00", "None"])
def test_rubbish_changes_nothing_and_says_so(client, connection, every):
    set_up(connection, verify_every_hours=3)
    answer = client.post(address(connection), {"every": every}, follow=True)
    assert "That is none of the intervals: nothing was changed." in text_of(answer)
    connection.refresh_from_db()
    assert connection.verify_every_hours == 3


def test_it_takes_no_get_and_needs_somebody_signed_in(client, connection):
    assert client.get(address(connection)).status_code == 405
    assert Client().post(address(connection), {"every": "1"})["Location"].startswith(reverse("sign_in"))


def test_others_do_not_change_it(client, connection):
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    assert stranger.post(address(connection), {"every": "1"}).status_code == 403
    connection.refresh_from_db()
    assert connection.verify_every_hours is None


def test_one_that_was_never_connected_has_no_schedule(client):
    environment = EnvironmentFactory()
    assert client.post(reverse("environment_schedule", args=[environment.pk]), {"every": "1"}).status_code == 404
    assert "To be proven" not in text_of(client.get(environment.get_absolute_url()))


# --- when next ----------------------------------------------------------------------------------------------------


def test_the_page_says_when_the_next_proof_is_due(client, connection):
    set_up(connection, next_verification_at=timezone.now() + timedelta(hours=2, minutes=5))
    assert "The next proof is due in 2 hours ." in page(client, connection)
    set_up(connection, next_verification_at=timezone.now())
    assert "The next proof is due now." in page(client, connection)


def test_where_it_fails_the_page_says_how_often_and_when_it_is_looked_at_again(client, connection):
    set_up(connection, next_verification_at=timezone.now() + timedelta(hours=2, minutes=5), failures_in_a_row=3)
    assert "Failed 3 times in a row. The next look is in 2 hours" in page(client, connection)
    set_up(connection, failures_in_a_row=1)
    assert "Failed 1 time. The next look is in 2 hours" in page(client, connection)


def test_an_interval_that_outlasts_a_proof_says_so(client, connection, settings):
    set_up(connection, verify_every_hours=12)
    assert "turns grey before the next one" not in page(client, connection)
    set_up(connection, verify_every_hours=24)
    assert "at this interval it turns grey before the next one" in page(client, connection)


def test_where_only_vertesia_can_sign_the_page_promises_no_proof(client):
    connection = make_connected(client, issuer=Issuer.objects.get(url="https://sts.vertesia.io"))
    assert "Only Vertesia can sign tokens of sts.vertesia.io" in page(client, connection)
    assert "That is never proof." in page(client, connection)


# --- how its days went --------------------------------------------------------------------------------------------


def test_the_last_days_stand_as_marks_with_a_text_each(client, connection):
    make_day(connection, days_ago=0, proven=3)
    make_day(connection, days_ago=1, proven=2, failed=2)
    make_day(connection, days_ago=2, failed=4)
    make_day(connection, days_ago=31, failed=40)
    answer = client.get(connection.environment.get_absolute_url())
    html, text = answer.content.decode(), text_of(answer)
    assert html.count('<li class="day_') == 30
    assert html.count('<li class="day_nothing"') == 27
    assert "45 % of 11 proofs in 30 days" in text
    today = timezone.now().date()
    words = f"{today.day} {today:%B %Y}: proven 3 times"
    assert f'title="{words}" tabindex="0"><span class="visually-hidden">{words}</span>' in html
    for word in ("Proven all day", "Failed part of the day", "Failed all day", "Nothing proven"):
        assert word in text
    assert "Looked at, not provable" not in text
    assert "style=" not in html


def test_a_full_strip_costs_no_more_queries_than_an_empty_one(client, connection):
    url = connection.environment.get_absolute_url()
    with CaptureQueriesContext(database) as empty:
        client.get(url)
    for day in range(30):
        make_day(connection, days_ago=day, proven=1)
    with CaptureQueriesContext(database) as full:
        client.get(url)
    assert len(full) == len(empty)


# --- the time of the last proof, and a green that is stale --------------------------------------------------------


def make_stale(connection: Connection) -> None:
    proof = verify(connection, at=long_ago())
    connection.verifications.exclude(pk=proof.pk).delete()
    store_listing(proof, [model("Claude")])
    connection.environment.set_status(Status.CONNECTED, verified_at=long_ago())


def test_a_stale_green_is_grey_on_the_environments_page(client, connection):
    make_stale(connection)
    html = client.get(connection.environment.get_absolute_url()).content.decode()
    assert "status tone-good" not in html
    assert html.count('class="status tone-quiet') == 2  # of the environment, and of the checks
    assert '<section class="panel stale" aria-labelledby="checks-title">' in html
    assert html.count("chain-item-proof_is_old tone-quiet") == 4
    assert "chain-proven" not in html
    assert "Last proven" in html


def test_a_fresh_green_is_green(client, connection):
    verify(connection)
    html = client.get(connection.environment.get_absolute_url()).content.decode()
    assert html.count("chain-item-proven tone-good") == 4
    assert "stale" not in html
    assert "status tone-good status-pill" in html


def test_a_stale_green_is_grey_in_the_list_and_among_the_counts(client, connection):
    make_stale(connection)
    for name in ("environments", "overview"):
        html = client.get(reverse(name)).content.decode()
        assert 'class="status tone-quiet"' in html
        assert "Proof is old" in html
    assert "Last proven" in client.get(reverse("environments")).content.decode()


def test_the_head_of_the_models_says_that_the_proof_is_old(client, connection):
    url = reverse("environment_models", args=[connection.environment_id])
    store_listing(verify(connection), [model("Claude")])
    assert "· proven just now" in text_of(client.get(url))
    make_stale(connection)
    assert "proof is old, of 9 days ago" in text_of(client.get(url))


def test_the_overview_tells_of_the_last_proof_and_the_oldest(client, connection):
    now = timezone.now()
    other = make_connected(client, name="Other")
    Environment.objects.filter(pk=connection.environment_id).update(verified_at=now - timedelta(hours=5, minutes=1))
    Environment.objects.filter(pk=other.environment_id).update(verified_at=now - timedelta(minutes=4, seconds=5))
    text = text_of(client.get(reverse("overview")))
    assert "Last proof 4 minutes ago ; of what is connected, the oldest 5 hours ago ." in text


def test_the_sandboxs_page_tells_of_the_last_proof(client, connection):
    assert "Connected Last proven just now" in text_of(client.get(reverse("sandbox")))


def test_the_admin_tells_of_the_last_proof_in_words(client, connection):
    EnvironmentFactory(name="Unproven")
    now = timezone.now()
    Environment.objects.filter(pk=connection.environment_id).update(verified_at=now - timedelta(hours=3, minutes=1))
    for model_name in ("environments_environment", "aws_setup_connection"):
        text = text_of(client.get(reverse(f"admin:{model_name}_changelist")))
        assert "Last proven" in text
        assert "3 hours ago" in text
    assert "never" in text_of(client.get(reverse("admin:environments_environment_changelist")))
    make_stale(connection)
    assert "Proof is old" in text_of(client.get(reverse("admin:environments_environment_changelist")))
