"""What was agreed for each environment, and how it came to that: answers, plan, approval."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from aws_setup.models.accounts import Account
from environments.models import Environment

PLAN_LIFETIME = timedelta(days=1)
VERIFICATION_INTERVALS = (0, 1, 3, 6, 12, 24)
"""The hours between scheduled verifications that can be chosen for a connection; 0: only on request."""


class Permissions(models.TextChoices):
    """What the role may do in Bedrock."""

    INVOKE = "invoke", "List and invoke, nothing more (recommended)"
    FULL = "full", "AmazonBedrockFullAccess (AWS managed)"
    POLICY = "policy", "An existing policy, by ARN"


class Connection(models.Model):
    """Environment × account × region × role: what was agreed, and what AWS holds of it as far as we wrote it."""

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, related_name="connection")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="connections")
    region = models.CharField(max_length=30)
    role_name = models.CharField(max_length=64)
    role_arn = models.CharField(max_length=2048, blank=True, help_text="Set when the role is known to exist.")
    role_id = models.CharField(
        max_length=128, blank=True, help_text="IAM's unique id of the role, once seen to be ours."
    )
    provider_arn = models.CharField(max_length=2048, blank=True)
    desired = models.JSONField(help_text="The agreed desired.DesiredState.")
    agreed_at = models.DateTimeField(null=True, blank=True)
    last_write_at = models.DateTimeField(null=True, blank=True, help_text="When we last changed anything in IAM.")
    chosen_models = models.JSONField(
        default=list, blank=True, help_text="Ids of the models whose availability counts, as Studio names them."
    )
    observed_at = models.DateTimeField(
        null=True, blank=True, help_text="When AWS was last compared with the agreement."
    )
    next_observation_at = models.DateTimeField(null=True, blank=True, db_index=True)
    verify_every_hours = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Empty: VERIFICATION_INTERVAL_HOURS of the settings. 0: only on request."
    )
    next_verification_at = models.DateTimeField(null=True, blank=True, db_index=True)
    failures_in_a_row = models.PositiveIntegerField(
        default=0, help_text="Verifications that failed since the last one that did not."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(verify_every_hours__isnull=True) | Q(verify_every_hours__in=VERIFICATION_INTERVALS),
                name="connection_verification_interval_known",
            ),
            models.UniqueConstraint(
                "account", models.functions.Lower("role_name"), name="connection_role_name_unique_any_case"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.environment} in {self.account}"

    @property
    def has_aws_resources(self) -> bool:
        """Whether AWS holds, as far as known, a role that we made for this connection; see holdings.held_role_arns."""
        return bool(self.role_arn)

    @property
    def spread_at(self) -> datetime | None:
        """By when AWS shows everywhere what was last changed from here; None where nothing was."""
        if self.last_write_at is None:
            return None
        return self.last_write_at + timedelta(seconds=settings.PROPAGATION_WINDOW_SECONDS)

    def is_spreading(self, *, now: datetime) -> bool:
        """Whether AWS may still be spreading a change of ours, whichever worker made it."""
        self.refresh_from_db(fields=["last_write_at"])
        return self.spread_at is not None and now < self.spread_at


class Draft(models.Model):
    """A person's answers on the way to a plan; kept at every step, so that leaving loses nothing."""

    class Purpose(models.TextChoices):
        CONNECT = "connect"
        CHANGE = "change"
        REPAIR = "repair"
        ACCEPT = "accept"
        MIGRATE = "migrate"
        UNDO = "undo"
        DISCONNECT = "disconnect"

    class State(models.TextChoices):
        EDITING = "editing"
        PLANNING = "planning"
        PLANNED = "planned"
        BLOCKED = "blocked"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="drafts"
    )
    actor = models.CharField(max_length=150)
    purpose = models.CharField(max_length=20, choices=Purpose.choices, default=Purpose.CONNECT)
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, null=True, blank=True, related_name="drafts")
    answers = models.JSONField(default=dict, help_text="A drafting.Answers; holds nothing secret.")
    state = models.CharField(max_length=20, choices=State.choices, default=State.EDITING)
    problem = models.JSONField(null=True, blank=True, help_text="A diagnosis.Problem, where no plan could be made.")
    found = models.JSONField(
        null=True, blank=True, help_text="An adoption to consent to: the role that AWS holds, and what is desired."
    )
    planning_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-updated_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["editing", "planning", "planned", "blocked"]), name="draft_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"draft {self.pk} ({self.purpose})"


class Plan(models.Model):
    """An immutable list of actions that a person saw, or will see, before anything is written."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="plans")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="plans")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=64)
    desired = models.JSONField()
    actions = models.JSONField()
    asked_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    approved_by = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True, approved_by="")
                | Q(approved_at__isnull=False) & ~Q(approved_by=""),
                name="plan_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True) | Q(approved_at__lt=F("expires_at")),
                name="plan_approved_in_time",
            ),
        ]

    def __str__(self) -> str:
        return f"plan {self.fingerprint[:12]}"

    def approve(self, *, fingerprint: str, actor: str, now: datetime) -> bool:
        """Approve this very plan.

        False where the fingerprint is another, it ran out, it was approved before, or something else was agreed for
        the environment since it was made.
        """
        return (
            Plan.objects.filter(pk=self.pk, fingerprint=fingerprint, approved_at__isnull=True, expires_at__gt=now)
            .exclude(environment__connection__agreed_at__gt=F("created_at"))
            .update(approved_by=actor, approved_at=now)
            == 1
        )
