"""Notifications: who is told, how to set it up, what became of the last messages, and a test of it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup import hints, tasks
from aws_setup.diagnosis import Problem
from aws_setup.findings import open_finding
from aws_setup.models import Delivery, Notice
from aws_setup.notices.sending import deliver
from environments.history import CONSOLE
from environments.models import Event
from tests.factories import UserFactory
from tests.receivers import WebhookReceiver, webhook_receiver
from tests.web.page_rows import break_connection
from tests.web.wizard_rows import make_connected, text_of

pytestmark = pytest.mark.django_db

URL = "/notifications/"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def set_up(settings) -> None:
    """Both channels; what mails hold is kept by Django's own backend for tests."""
    settings.HAS_MAIL_SERVER, settings.EMAIL_HOST = True, "mail.example.com"
    settings.EMAIL_HOST_PASSWORD = "mail-password"
    settings.NOTIFY_EMAILS = ["ops@example.com", "security@example.com"]
    settings.NOTIFY_WEBHOOK_URL = "https://hooks.example.com:8443/path-token?key=query-token"
    settings.NOTIFY_WEBHOOK_SECRET = SECRET


@pytest.fixture
def receiver(settings, set_up) -> Iterator[WebhookReceiver]:
    with webhook_receiver() as running:
        settings.NOTIFY_WEBHOOK_URL = f"{running.url}/path-token"
        yield running


def let_worker_send() -> None:
    for delivery in Delivery.due(timezone.now()):
        deliver(delivery.pk, clock=timezone.now)


def test_where_nothing_is_set_up_it_says_how_and_offers_no_test(client):
    answer = client.get(URL)
    text = text_of(answer)
    assert "Nobody is told" in text
    for variable in ("EMAIL_URL=smtp+tls://", "NOTIFY_EMAILS=", "NOTIFY_WEBHOOK_URL=", "NOTIFY_WEBHOOK_SECRET_FILE="):
        assert variable in text
    assert "python -c" in text
    assert reverse("notifications_test") not in answer.content.decode()


def test_it_shows_who_is_told_and_nothing_secret(client, set_up):
    answer = client.get(URL)
    text = text_of(answer)
    assert "To ops@example.com, security@example.com" in text
    assert "Mail server mail.example.com" in text
    assert "To hooks.example.com:8443 " in text
    assert "Nothing was sent yet" in text
    for secret in ("path-token", "query-token", "mail-password", SECRET):
        assert secret not in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"HAS_MAIL_SERVER": False}, "NOTIFY_EMAILS is set and EMAIL_URL is not: no mail is sent."),
        ({"NOTIFY_EMAILS": ["ops"]}, "NOTIFY_EMAILS holds what is no e-mail address: ops."),
        ({"NOTIFY_WEBHOOK_SECRET": ""}, "NOTIFY_WEBHOOK_URL is set and NOTIFY_WEBHOOK_SECRET is not"),
        ({"NOTIFY_WEBHOOK_SECRET": "whsec_rubbish?"}, "NOTIFY_WEBHOOK_SECRET cannot be used: no webhook is sent."),
        ({"NOTIFY_WEBHOOK_URL": "http://hooks.example.com"}, "NOTIFY_WEBHOOK_URL is no https address"),
        ({"NOTIFY_WEBHOOK_URL": "https://me:path-token@hooks.example.com"}, "NOTIFY_WEBHOOK_URL is no https address"),
        ({"NOTIFY_WEBHOOK_URL": "https://hooks.example.com:path-token"}, "NOTIFY_WEBHOOK_URL is no https address"),
    ],
)
def test_what_is_half_set_up_is_said_and_not_used(client, set_up, settings, changes, sentence):
    for name, value in changes.items():
        setattr(settings, name, value)
    answer = client.get(URL)
    assert sentence in text_of(answer)
    assert "Needs attention" in text_of(answer)
    assert "path-token" not in answer.content.decode()
    assert "rubbish" not in answer.content.decode()


def test_a_test_is_sent_by_a_worker_and_the_page_follows_it(client, receiver, mailoutbox):
    assert client.post(reverse("notifications_test"))["Location"] == URL
    waiting = client.get(URL)
    assert 'hx-trigger="every 2s"' in waiting.content.decode()
    assert 'http-equiv="refresh"' in waiting.content.decode()
    assert "Sending a test" in text_of(waiting)
    assert (len(mailoutbox), len(receiver.received)) == (0, 0)

    let_worker_send()
    answer = client.get(URL, headers={"HX-Request": "true"})
    assert "hx-trigger" not in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert text_of(answer).count("Sent 1 try") == 2
    assert (len(mailoutbox), len(receiver.received)) == (1, 1)
    assert Event.objects.get(action="notifications.tested").actor.startswith("administrator")


def test_a_finding_reaches_the_page_by_the_sweep_and_a_worker(client, receiver, settings, mailoutbox):
    settings.NOTICE_GROUP_SECONDS = 0
    connection = make_connected(client, name="Payroll")
    cause = Problem(code="provider_missing", sentence="There is no identity provider.")
    open_finding(connection, cause, now=timezone.now(), actor=CONSOLE)
    assert "1 change being gathered" in text_of(client.get(URL))
    with hints.suppressed():
        tasks.sweep()
        for delivery in Delivery.objects.all():
            tasks.deliver(delivery.pk)
    assert text_of(client.get(URL)).count("1 new finding: Payroll: There is no identity provider.") == 2
    assert [mail.subject for mail in mailoutbox] == ["1 new finding: Payroll: There is no identity provider."]
    assert len(receiver.received) == 1


def test_a_click_too_many_sends_no_second_test(client, receiver):
    for _ in range(3):
        client.post(reverse("notifications_test"))
    let_worker_send()
    assert len(receiver.received) == 1


def test_a_test_that_nobody_takes_says_why(client, receiver):
    receiver.status = 403
    client.post(reverse("notifications_test"))
    let_worker_send()
    text = text_of(client.get(URL))
    assert "The receiver answered 403; only a 2xx counts as delivered." in text
    assert "Failed 1 try" in text


def test_without_a_worker_it_says_so_after_ten_seconds(client, set_up, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    with hints.suppressed():
        client.post(reverse("notifications_test"))
    assert client.get(URL).context["worker_problem"] is None
    Delivery.objects.update(created_at=timezone.now() - timedelta(seconds=11))
    page = client.get(URL)
    assert page.context["worker_problem"]
    assert page.context["worker_problem"].split(":")[0] in text_of(page)


def test_where_nothing_is_set_up_a_test_is_refused(client):
    assert "Nothing was sent: neither mail nor a webhook is set up." in text_of(
        client.post(reverse("notifications_test"), follow=True)
    )
    assert not Delivery.objects.exists()
    assert not Event.objects.filter(action="notifications.tested").exists()


def test_somebody_without_rights_sends_no_test(client, set_up):
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    assert stranger.post(reverse("notifications_test")).status_code == 403
    assert not Delivery.objects.exists()


def test_what_waits_says_when_it_is_tried_again_and_only_twenty_are_shown(client, set_up):
    Delivery.objects.bulk_create(
        Delivery(channel="email", subject=f"Message {n:02}", state="sent", finished_at=timezone.now())
        for n in range(25)
    )
    Delivery.objects.create(
        channel="webhook",
        subject="3 findings opened",
        tries=2,
        error="The receiver answered 500; only a 2xx counts as delivered.",
        next_attempt_at=timezone.now() + timedelta(minutes=4, seconds=30),
    )
    finding = break_connection(make_connected(client))
    Notice.objects.create(finding=finding, kind="opened", created_at=timezone.now())
    answer = client.get(URL)
    text = text_of(answer)
    assert (
        "3 findings opened The receiver answered 500; only a 2xx counts as delivered. Webhook Waiting 2 tries" in text
    )
    assert "next try in 4 minutes" in text
    assert "1 change being gathered for the next message" in text
    assert "hx-trigger" not in answer.content.decode()
    assert "Message 24" in text
    assert "Message 05" not in text


def test_names_of_others_are_no_markup(client, set_up):
    Delivery.objects.create(channel="email", subject="<script>x</script>")
    assert "<script>x" not in client.get(URL).content.decode()
