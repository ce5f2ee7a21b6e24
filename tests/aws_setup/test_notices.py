"""Telling of findings: one mail and one signed webhook for what happens together, and again where nobody takes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from aws_setup.diagnosis import Problem
from aws_setup.findings import close_findings, open_finding
from aws_setup.models import Connection, Delivery, Finding, Notice
from aws_setup.notices import sending, webhook
from aws_setup.notices.message import Change, sort_changes, summarize, write_mail, write_webhook
from aws_setup.notices.outbox import KEPT, close_window, request_test
from environments.models import Environment
from tests.aws_setup.journeys import MONA, Console
from tests.factories import EnvironmentFactory
from tests.fake_aws import NOON, Clock
from tests.receivers import MailServer, WebhookReceiver, mail_server, webhook_receiver

MINUTE = 60
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CANARIES = ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "mail-password", "path-token", "query-token")
BROKEN = Problem(
    code="provider_missing",
    sentence="AWS account 1111-2222-3333 has no identity provider.",
    why="STS looks for it in the role's own account.",
    remedy="Plan the connection again.",
)


@dataclass
class World:
    """A console with both channels set, and a worker that does what is due when it is told to."""

    console: Console
    mail: MailServer
    hook: WebhookReceiver

    @property
    def clock(self) -> Clock:
        return self.console.clock

    def connection(self, name: str) -> Connection:
        environment = self.console.environment(name=name)
        self.console.connect(environment)
        return self.console.connection(environment)

    def open(self, connection: Connection, problem: Problem = BROKEN) -> None:
        open_finding(connection, problem, now=self.clock(), actor=MONA)

    def close(self, connection: Connection) -> None:
        close_findings(connection, now=self.clock(), actor=MONA)

    def sweep(self, *, after: float = 0) -> None:
        """What the sweep and the tasks that it starts do, so many seconds later."""
        self.clock.forward(after)
        close_window(now=self.clock())
        for delivery in Delivery.due(self.clock()).order_by("pk"):
            sending.deliver(delivery.pk, clock=self.clock)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.hook.received]

    def text(self) -> str:
        (mail,) = self.mail.mails
        return str(mail.get_content())


@pytest.fixture
def world(console: Console, settings: Settings) -> Iterator[World]:
    with mail_server() as mail, webhook_receiver() as hook:
        settings.HAS_MAIL_SERVER = True
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail.port
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "console", "mail-password"
        settings.DEFAULT_FROM_EMAIL = "console@example.com"
        settings.NOTIFY_EMAILS = ["ops@example.com", "security@example.com"]
        settings.NOTIFY_WEBHOOK_URL = f"{hook.url}/path-token?key=query-token"
        settings.NOTIFY_WEBHOOK_SECRET = SECRET
        settings.PUBLIC_URL = "https://console.example.com"
        yield World(console, mail, hook)


def expected_signature(message_id: str, timestamp: str, body: bytes, secret: str = SECRET) -> str:
    """As the specification describes it, step by step."""
    key = base64.b64decode(secret[len("whsec_") :])
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


# --- What is told, and together with what -------------------------------------------------------------------------


def test_a_failed_proof_and_the_next_green_one_send_a_mail_and_a_webhook_each(world: World) -> None:
    connection = world.connection("Marketing")
    provider = world.console.aws.home.providers.popitem()
    world.console.verify(connection.environment)
    world.sweep(after=MINUTE)

    (mail,) = world.mail.mails
    assert mail["Subject"].startswith("1 new finding: Marketing: AWS account 1111-2222-3333 has no identity provider")
    assert (mail["From"], mail["To"]) == ("console@example.com", "ops@example.com, security@example.com")
    assert world.mail.recipients == [["ops@example.com", "security@example.com"]]
    finding = Finding.objects.get()
    for part in ("sentence", "why", "remedy"):
        assert finding.problem[part] in mail.get_content()
    assert f"https://console.example.com/environments/{connection.environment.pk}/" in mail.get_content()

    world.console.aws.home.providers.update([provider])
    world.console.verify(connection.environment)
    world.sweep(after=MINUTE)
    assert world.mail.mails[1]["Subject"].startswith("1 finding closed: Marketing: ")

    opened, closed = world.bodies()
    assert (opened["type"], opened["data"]["left_out"]) == ("findings.changed", 0)
    (told,) = opened["data"]["findings"]
    assert told == {
        "kind": "opened",
        "environment_id": connection.environment.environment_id,
        "organization_id": connection.environment.organization.organization_id,
        "name": "Marketing",
        "code": "provider_missing",
        "severity": "",
        "sentence": finding.problem["sentence"],
        "remedy": finding.problem["remedy"],
        "opened_at": finding.opened_at.isoformat(timespec="seconds"),
        "closed_at": None,
        "url": f"https://console.example.com/environments/{connection.environment.pk}/",
    }
    assert closed["data"]["findings"][0]["kind"] == "closed"
    assert closed["data"]["findings"][0]["closed_at"] is not None


def test_what_happens_within_a_minute_of_the_first_goes_into_one_message(world: World) -> None:
    first, second, third = (world.connection(name) for name in ("A", "B", "C"))
    world.open(third)
    world.sweep(after=MINUTE)
    world.open(first)
    world.sweep(after=59)
    world.open(second)
    world.close(third)
    assert len(world.mail.mails) == len(world.hook.received) == 1
    world.sweep(after=1)
    assert world.mail.mails[1]["Subject"] == "2 findings opened, 1 closed"
    assert [(one["name"], one["kind"]) for one in world.bodies()[1]["data"]["findings"]] == [
        ("A", "opened"),
        ("B", "opened"),
        ("C", "closed"),
    ]
    assert not Notice.objects.exists()
    world.sweep(after=10 * MINUTE)
    assert len(world.mail.mails) == len(world.hook.received) == 2


def test_a_finding_that_came_and_went_stands_once(world: World) -> None:
    connection = world.connection("Marketing")
    world.open(connection)
    world.close(connection)
    world.sweep(after=MINUTE)
    assert world.mail.mails[0]["Subject"] == f"1 finding opened and closed again: Marketing: {BROKEN.sentence}"
    (told,) = world.bodies()[0]["data"]["findings"]
    assert told["kind"] == "opened_and_closed"


def test_another_cause_in_its_place_is_told_as_one_opened_and_one_closed(world: World) -> None:
    connection = world.connection("Marketing")
    world.open(connection)
    world.sweep(after=MINUTE)
    world.open(connection, Problem(code="role_missing", sentence="There is no role."))
    world.sweep(after=MINUTE)
    assert world.mail.mails[1]["Subject"] == "1 finding opened, 1 closed"


def test_a_finding_that_is_only_seen_again_is_not_told_again(world: World) -> None:
    connection = world.connection("Marketing")
    world.open(connection)
    world.sweep(after=MINUTE)
    world.open(connection)
    world.sweep(after=MINUTE)
    assert len(world.mail.mails) == len(world.hook.received) == 1


def test_five_hundred_findings_are_one_mail_that_names_twenty(
    world: World, django_assert_max_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    model = world.connection("Marketing")
    environments = EnvironmentFactory.create_batch(500, organization=model.environment.organization)
    for environment in environments:
        values = {"account": model.account, "region": "us-east-1", "role_name": f"R{environment.pk}", "desired": {}}
        world.open(Connection.objects.create(environment=environment, **values))
    world.clock.forward(MINUTE)
    with django_assert_max_num_queries(20):
        close_window(now=world.clock())
    world.sweep()
    assert world.mail.mails[0]["Subject"] == "500 findings opened"
    assert world.text().count(BROKEN.sentence) == 20
    assert "And 480 more." in world.text()
    assert len(world.bodies()[0]["data"]["findings"]) == 500


def test_nothing_is_gathered_where_nobody_is_to_be_told(world: World, settings: Settings) -> None:
    settings.NOTIFY_EMAILS, settings.NOTIFY_WEBHOOK_URL = [], ""
    world.open(world.connection("Marketing"))
    assert not Notice.objects.exists()
    world.sweep(after=MINUTE)
    assert not Delivery.objects.exists()


def test_one_channel_alone_is_enough(world: World, settings: Settings) -> None:
    settings.NOTIFY_WEBHOOK_URL = ""
    world.open(world.connection("Marketing"))
    world.sweep(after=MINUTE)
    assert (len(world.mail.mails), len(world.hook.received)) == (1, 0)


def test_what_is_over_is_kept_for_a_while_only(world: World) -> None:
    connection = world.connection("Marketing")
    Delivery.objects.bulk_create(
        Delivery(channel="email", subject=str(n), state="sent", finished_at=NOON) for n in range(KEPT + 5)
    )
    world.open(connection)
    world.sweep(after=MINUTE)
    assert Delivery.objects.filter(state="sent").count() == KEPT + 2
    assert not Delivery.objects.filter(subject="4").exists()


# --- Words --------------------------------------------------------------------------------------------------------


def change(**values: Any) -> Change:
    return Change(
        **{
            "kind": "opened",
            "environment_name": "Marketing",
            "environment_id": "e",
            "organization_name": "Acme",
            "organization_id": "o",
            "code": "code",
            "severity": "",
            "sentence": "It is broken.",
            "why": "Because.",
            "remedy": "Mend it.",
            "opened_at": NOON,
            "closed_at": None,
            "url": "https://console.example.com/environments/1/",
        }
        | values
    )


def test_security_comes_first_and_stands_in_the_subject() -> None:
    ordered = sort_changes(
        [
            change(environment_name="A"),
            change(environment_name="B", kind="closed", severity="security"),
            change(environment_name="C", severity="security"),
        ]
    )
    assert [one.environment_name for one in ordered] == ["C", "B", "A"]
    mail = write_mail(ordered, public_url="https://console.example.com")
    assert mail.subject == "Security: 2 findings opened, 1 closed"
    assert mail.body.startswith(
        "Security: C · Acme, opened 2026-11-23 12:00 UTC\nIt is broken.\nBecause.\nWhat to do: "
    )
    assert summarize([ordered[0]]) == "Security: 1 new finding: C: It is broken."


def test_a_name_ends_neither_the_subject_nor_a_line_of_the_mail() -> None:
    nasty = change(environment_name="Ma\r\nBcc: all@example.com\x1b[31m\u2028rketing", sentence="x" * 500)
    mail = write_mail([nasty], public_url="https://console.example.com")
    assert mail.subject.startswith("1 new finding: Ma Bcc: all@example.com [31m rketing: xxx")
    assert len(mail.subject) == 200
    assert mail.body.splitlines()[0].startswith("Ma Bcc: all@example.com")


def test_a_webhook_says_how_much_it_left_out() -> None:
    data = json.loads(write_webhook([change()] * 501, now=NOON).body)["data"]
    assert (len(data["findings"]), data["left_out"]) == (500, 1)


# --- The signature ------------------------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_specification_s_test_vector() -> None:
    """The vector that Standard Webhooks' libraries are tested with."""
    headers = webhook.sign(
        webhook.read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_what_is_received_is_signed_with_the_moment_of_the_try(world: World) -> None:
    world.open(world.connection("Marketing"))
    world.sweep(after=MINUTE)
    (received,) = world.hook.received
    headers = received.headers
    assert headers["webhook-timestamp"] == str(int(world.clock().timestamp()))
    assert headers["webhook-signature"] == expected_signature(
        headers["webhook-id"], headers["webhook-timestamp"], received.body
    )
    assert headers["content-type"] == "application/json"
    assert received.path == "/path-token?key=query-token"


@pytest.mark.parametrize(
    "secret",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_äöü", "whsec_c2hvcnQ=", "whsec_" + "AAAA" * 22],
    ids=["none", "no prefix", "empty", "not base64", "too short", "too long"],
)
def test_a_secret_of_another_shape_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(webhook.UnusableSecret) as refusal:
        webhook.read_secret(secret)
    assert len(secret) < 7 or secret.removeprefix("whsec_") not in str(refusal.value)


# --- Again and again, for a day -----------------------------------------------------------------------------------


def test_what_nobody_takes_is_tried_again_under_the_same_id_until_somebody_does(world: World) -> None:
    world.hook.status, world.mail.refusal = 500, "451 busy"
    world.open(world.connection("Marketing"))
    world.sweep(after=MINUTE)
    for delivery in Delivery.objects.all():
        assert (delivery.state, delivery.tries) == ("waiting", 1)
    mail, hook = Delivery.objects.order_by("channel")
    assert mail.error == "The mail server takes no mail for these addresses: 451 busy"
    assert hook.error == "The receiver answered 500; only a 2xx counts as delivered."

    world.sweep(after=29)
    assert len(world.hook.received) == 1
    world.hook.status, world.mail.refusal = 200, ""
    world.sweep(after=1)
    assert set(Delivery.objects.values_list("state", "tries", "error")) == {("sent", 2, "")}
    assert len(world.mail.mails) == 1

    first, second = world.hook.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 30


def test_after_a_day_it_is_given_up_and_the_reason_stands(world: World) -> None:
    world.hook.status = 503
    world.open(world.connection("Marketing"))
    world.sweep(after=MINUTE)
    delivery = Delivery.objects.get(channel="webhook")
    pauses = []
    while delivery.state == "waiting":
        pause = (delivery.next_attempt_at - world.clock()).total_seconds()
        pauses.append(pause)
        world.sweep(after=pause)
        delivery.refresh_from_db()
    assert pauses[:6] == [30, 30, 60, 120, 240, 480]
    assert max(pauses) == timedelta(hours=2).total_seconds()
    assert timedelta(days=1) <= timedelta(seconds=sum(pauses)) < timedelta(days=1, hours=2)
    assert (delivery.state, delivery.error) == (
        "failed",
        "The receiver answered 503; only a 2xx counts as delivered.",
    )
    assert len(world.hook.received) == delivery.tries == len(pauses) + 1


def test_a_redirect_is_not_followed(world: World) -> None:
    world.hook.status, world.hook.headers = 302, {"Location": f"{world.hook.url}/elsewhere"}
    world.open(world.connection("Marketing"))
    world.sweep(after=MINUTE)
    assert len(world.hook.received) == 1
    assert Delivery.objects.get(channel="webhook").error == (
        "127.0.0.1 answers with a redirect (HTTP 302). None is followed: name the final address in NOTIFY_WEBHOOK_URL."
    )


def test_an_answer_that_drips_in_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "DEADLINE_SECONDS", 1.0)  # the rule is the same, and nobody waits for five
    world.hook.is_slow = True
    world.open(world.connection("Marketing"))
    started = datetime.now(UTC)
    world.sweep(after=MINUTE)
    assert datetime.now(UTC) - started < timedelta(seconds=4)
    assert Delivery.objects.get(channel="webhook").error == ("127.0.0.1 did not answer in full within 1 seconds.")


def test_a_delivery_that_another_worker_has_is_left_to_it(world: World) -> None:
    world.open(world.connection("Marketing"))
    world.clock.forward(MINUTE)
    (mail, _) = close_window(now=world.clock())
    assert mail.claim(clock=world.clock)
    sending.deliver(mail.pk, clock=world.clock)
    assert world.mail.mails == []


def test_a_message_that_a_worker_sent_before_it_died_is_sent_again_under_the_same_id(
    world: World, settings: Settings
) -> None:
    world.open(world.connection("Marketing"))
    world.sweep(after=MINUTE)
    # As the database was when the worker died between the answer and its own note of it.
    lease_end = world.clock() + timedelta(seconds=settings.RUN_LEASE_SECONDS)
    Delivery.objects.update(state="waiting", finished_at=None, lease_until=lease_end)
    world.sweep(after=1)
    assert len(world.mail.mails) == len(world.hook.received) == 1
    world.sweep(after=settings.RUN_LEASE_SECONDS)
    assert len({mail["Message-ID"] for mail in world.mail.mails}) == 1
    assert len({one.headers["webhook-id"] for one in world.hook.received}) == 1
    assert len(world.mail.mails) == len(world.hook.received) == 2


def test_a_message_that_was_sent_is_not_sent_by_a_late_hint(world: World) -> None:
    world.open(world.connection("Marketing"))
    world.sweep(after=MINUTE)
    for delivery in Delivery.objects.all():
        sending.deliver(delivery.pk, clock=world.clock)
    assert len(world.mail.mails) == len(world.hook.received) == 1


def test_what_is_told_stays_told_where_the_environment_is_deleted_meanwhile(world: World) -> None:
    world.hook.status = 500
    world.open(world.connection("Marketing"))
    world.sweep(after=MINUTE)
    Finding.objects.all().delete()
    world.hook.status = 200
    world.sweep(after=MINUTE)
    assert [body["data"]["findings"][0]["name"] for body in world.bodies()] == ["Marketing", "Marketing"]


# --- A test -------------------------------------------------------------------------------------------------------


def test_a_test_reaches_both_channels_and_is_no_finding(world: World) -> None:
    assert request_test(actor=MONA, now=world.clock()) == ["email", "webhook"]
    world.sweep()
    assert world.mail.mails[0]["Subject"] == "Test: notifications of Vertesia AWS Setup"
    assert world.bodies()[0]["type"] == "notifications.test"
    assert set(Delivery.objects.values_list("state", "is_test", "actor")) == {("sent", True, "mona")}


def test_a_test_that_fails_says_so_at_once(world: World) -> None:
    world.hook.status, world.mail.sign_in_refusal = 404, "535 no: mail-password"
    request_test(actor=MONA, now=world.clock())
    request_test(actor=MONA, now=world.clock())
    world.sweep()
    assert set(Delivery.objects.values_list("channel", "state", "error")) == {
        ("email", "failed", "The mail server refused the sign-in in EMAIL_URL (535)."),
        ("webhook", "failed", "The receiver answered 404; only a 2xx counts as delivered."),
    }


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("email", "cannot be reached: nothing listens"),
        ("webhook", "127.0.0.1 (127.0.0.1) takes no connection: connection refused."),
    ],
)
def test_nobody_listening_is_said(world: World, settings: Settings, channel: str, words: str) -> None:
    with mail_server() as gone:
        """Its port is free again after this block."""
    settings.EMAIL_PORT, settings.NOTIFY_WEBHOOK_URL = gone.port, f"http://127.0.0.1:{gone.port}/"
    request_test(actor=MONA, now=world.clock())
    world.sweep()
    assert words in Delivery.objects.get(channel=channel).error


@pytest.mark.parametrize(
    ("is_sandbox", "words"),
    [
        (True, "TLS with 127.0.0.1 fails: "),
        (False, "127.0.0.1 leads to 127.0.0.1, which is not an address of the public internet or a private network."),
    ],
)
def test_a_receiver_on_this_machine_is_for_the_sandbox(
    world: World, settings: Settings, is_sandbox: bool, words: str
) -> None:
    settings.AWS_SANDBOX = is_sandbox
    settings.NOTIFY_WEBHOOK_URL = f"https://127.0.0.1:{world.hook.port}/path-token"  # it speaks no TLS
    request_test(actor=MONA, now=world.clock())
    world.sweep()
    assert Delivery.objects.get(channel="webhook").error.startswith(words)
    assert not world.hook.received


@pytest.mark.parametrize("address", ["169.254.169.254", "[fd00:ec2::254]", "100.100.100.200"])
def test_a_metadata_service_is_no_receiver(world: World, settings: Settings, address: str) -> None:
    settings.NOTIFY_WEBHOOK_URL = f"https://{address}/"
    request_test(actor=MONA, now=world.clock())
    world.sweep()
    assert f"leads to {address.strip('[]')}, which is not" in Delivery.objects.get(channel="webhook").error


# --- Secrets ------------------------------------------------------------------------------------------------------


def test_no_secret_is_logged_or_stored_whatever_goes_wrong(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    connection = world.connection("Marketing")
    for status, sign_in in ((200, ""), (500, "535 mail-password"), (302, "454 later")):
        world.hook.status, world.mail.sign_in_refusal = status, sign_in
        world.open(connection)
        world.close(connection)
        request_test(actor=MONA, now=world.clock())
        world.sweep(after=MINUTE)
    stored = [
        str(row)
        for model in apps.get_models()
        if model._meta.app_label in ("aws_setup", "environments")
        for row in model._default_manager.values_list()
    ]
    told = [*(one.body.decode() for one in world.hook.received), *(str(mail) for mail in world.mail.mails)]
    assert len(told) > 4
    for text in (caplog.text, *stored, *told):
        assert not [canary for canary in CANARIES if canary in text]


def test_an_environment_of_another_name_is_told_by_the_one_it_has_when_the_window_ends(world: World) -> None:
    connection = world.connection("Marketing")
    world.open(connection)
    Environment.objects.update(name="Sales")
    world.sweep(after=MINUTE)
    assert "Sales" in world.text()
