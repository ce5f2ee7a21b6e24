"""What AWS holds otherwise than agreed, and what is wrong."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from aws_setup.models.agreements import Connection
from aws_setup.models.work import Claimable


class Observation(Claimable):
    """One comparison of what AWS holds with what was agreed. It needs no token and writes nothing."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        SAME = "same", "As agreed"
        DIFFERENT = "different", "Different"
        FAILED = "failed", "Failed"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="observations")
    state = models.CharField(max_length=20, choices=State.choices, default=State.RUNNING)
    differences = models.JSONField(default=list, help_text="drift.differences.Difference values, worst first.")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(state="running"), name="observation_one_live_per_connection"
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, state="running")
                | Q(finished_at__isnull=False) & ~Q(state="running"),
                name="observation_finished_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"observation {self.pk} ({self.state})"


class Finding(models.Model):
    """What is wrong, in one sentence, and what to do about it.

    Closed by itself when what found it finds it no more: a proof closes what proofs and runs found, an observation what
    observations found, a proof of isolation what those found.
    """

    class Source(models.TextChoices):
        PROOF = "proof"
        OBSERVATION = "observation"
        ISOLATION = "isolation"

    class Severity(models.IntegerChoices):
        SECURITY = 0
        BROKEN = 1

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="findings")
    source = models.CharField(max_length=20, choices=Source.choices, default=Source.PROOF)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.BROKEN)
    code = models.CharField(max_length=60)
    problem = models.JSONField(help_text="A diagnosis.Problem.")
    opened_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(auto_now=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["severity", "-opened_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "code"], condition=Q(closed_at__isnull=True), name="finding_open_once"
            ),
        ]

    def __str__(self) -> str:
        return self.code
