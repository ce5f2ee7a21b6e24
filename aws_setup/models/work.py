"""Work that workers take up under a lease: applying an approved plan, step by step."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from aws_setup.models.agreements import Connection, Plan

Clock = Callable[[], datetime]
"""Tells what time it is, in UTC; the caller's, so that tests need not wait."""


class Claimable(models.Model):
    """Work that exactly one worker does at a time, under a lease; waiting is a date in the database."""

    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    # How often in a row a worker took it up and did not come back to say how it went.
    attempts = models.PositiveIntegerField(default=0)
    waiting_since = models.DateTimeField(null=True, blank=True)
    actor = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    doing = models.CharField(max_length=300, blank=True, help_text="What is happening now, or is waited for and why.")
    problem = models.JSONField(null=True, blank=True, help_text="A diagnosis.Problem, where it failed.")

    class Meta:
        abstract = True

    clock: Clock | None = None
    """Of the worker that holds the lease, so that whatever it writes renews it."""

    @classmethod
    def due(cls, now: datetime) -> "models.QuerySet[Self]":
        """What a worker should take up now: unfinished, its waiting over, and no live lease on it."""
        return cls._default_manager.filter(
            Q(lease_until__isnull=True) | Q(lease_until__lt=now),
            finished_at__isnull=True,
            next_attempt_at__lte=now,
        )

    def claim(self, *, clock: Clock) -> bool:
        """Take the lease, by one conditional UPDATE. False where another worker holds it or nothing is due."""
        now = clock()
        token, until = uuid.uuid4(), _lease_end(now)
        claimed = (
            type(self)
            .due(now)
            .filter(pk=self.pk)
            .update(
                lease_token=token,
                lease_until=until,
                attempts=F("attempts") + 1,
                started_at=models.functions.Coalesce("started_at", models.Value(now)),
            )
        )
        if claimed:
            # Another worker may have taken it further since it was read; related rows stay as they were read.
            self.refresh_from_db(fields=[field.name for field in self._meta.concrete_fields if not field.is_relation])
            self.clock = clock
        return claimed == 1

    def write(self, **changes: Any) -> bool:
        """Store `changes` and renew the lease where this worker still holds it; False where it was lost meanwhile."""
        if self.clock is not None:
            changes.setdefault("lease_until", _lease_end(self.clock()))
        written = type(self)._default_manager.filter(pk=self.pk, lease_token=self.lease_token).update(**changes)
        if written:
            for name, value in changes.items():
                setattr(self, name, value)
        return written == 1

    def wait_until(self, moment: datetime, *, doing: str, **changes: Any) -> bool:
        """Give the lease back and become due again at `moment`."""
        return self.write(**changes, doing=doing, next_attempt_at=moment, lease_until=None, attempts=0)

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.RUN_LEASE_SECONDS)


LIVE_RUN_STATES = ["applying", "handing_over", "verifying", "finishing"]


class Run(Claimable):
    """One application of one approved plan. A plan is used once; one live run per connection."""

    class State(models.TextChoices):
        APPLYING = "applying", "Applying"
        HANDING_OVER = "handing_over", "Telling Vertesia"
        VERIFYING = "verifying", "Verifying"
        FINISHING = "finishing", "Finishing"
        SUCCEEDED = "succeeded", "Succeeded"
        WAITING_FOR_VERTESIA = "waiting_for_vertesia", "Waiting for Vertesia"
        FAILED = "failed", "Failed"

    plan = models.OneToOneField(Plan, on_delete=models.RESTRICT, related_name="run")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=30, choices=State.choices, default=State.APPLYING)
    aws_calls = models.PositiveIntegerField(default=0)
    aws_seconds = models.FloatField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(state__in=LIVE_RUN_STATES),
                name="run_one_live_per_connection",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, state__in=LIVE_RUN_STATES)
                | Q(finished_at__isnull=False, state__in=["succeeded", "waiting_for_vertesia", "failed"]),
                name="run_finished_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} ({self.state})"


class Step(models.Model):
    """One action of a run."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    action = models.JSONField(help_text="A plans.actions.Action.")
    after_proof = models.BooleanField(default=False, help_text="Done only once the connection is proven.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    outcome = models.CharField(max_length=20, blank=True, help_text="created, updated, unchanged or removed")
    request_id = models.CharField(max_length=100, blank=True, help_text="AWS's request id, for CloudTrail.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "position"], name="step_position_unique"),
        ]

    def __str__(self) -> str:
        return f"step {self.position} of run {self.run_id}"


class ResourceLease(models.Model):
    """IAM has no compare-and-swap: whoever writes a shared resource holds this, per account and resource."""

    resource = models.CharField(max_length=2200, unique=True, help_text="The resource's ARN.")
    token = models.UUIDField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.resource
