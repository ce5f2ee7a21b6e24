"""What people and their systems are told of findings, and what became of telling them."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from aws_setup.models.findings import Finding
from aws_setup.models.work import Claimable


class Notice(models.Model):
    """A finding was opened or closed, and nobody has been told yet. Gone as soon as it stands in deliveries."""

    class Kind(models.TextChoices):
        OPENED = "opened"
        CLOSED = "closed"

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["finding", "kind"], name="notice_once_per_finding_and_kind"),
            models.CheckConstraint(condition=Q(kind__in=["opened", "closed"]), name="notice_kind_known"),
        ]

    def __str__(self) -> str:
        return f"finding {self.finding_id} {self.kind}"


class Delivery(Claimable):
    """One message on its way to one channel.

    Its words and its id are fixed when it is made: however often it is tried, a receiver can tell that it is the same.
    """

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    channel = models.CharField(max_length=10, choices=Channel.choices)
    is_test = models.BooleanField(default=False, help_text="Asked for by a person, and tried once only.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    message_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject = models.CharField(max_length=250)
    body = models.TextField(help_text="The text of the mail, or the JSON of the webhook, as it is signed and sent.")
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, help_text="Why the last try did not succeed.")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(channel__in=["email", "webhook"]), name="delivery_channel_known"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, state="waiting")
                | Q(finished_at__isnull=False, state__in=["sent", "failed"]),
                name="delivery_finished_when_over",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="delivery_failed_for_a_reason"),
            models.UniqueConstraint(
                fields=["channel"], condition=Q(state="waiting", is_test=True), name="delivery_one_test_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} ({self.channel}, {self.state})"
