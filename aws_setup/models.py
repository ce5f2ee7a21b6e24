"""What was agreed for each environment, what was done about it, and whether it holds."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from environments.models import Environment

ACCOUNT_ID_PATTERN = r"^[0-9]{12}\Z"
PLAN_LIFETIME = timedelta(days=1)


class CallerFields(models.Model):
    """Who AWS says the worker is: the answer of GetCallerIdentity and where the credentials came from. Never a key."""

    caller_arn = models.CharField(max_length=2048, blank=True)
    source = models.CharField(
        max_length=200, blank=True, help_text="Where the credentials come from, as botocore names it."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True, help_text="A diagnosis.Problem, where the check failed.")

    class Meta:
        abstract = True

    @property
    def is_ready(self) -> bool:
        """Whether the last check found working credentials."""
        return self.checked_at is not None and self.problem is None


class WorkerCaller(CallerFields):
    """The worker's own credential chain, as last checked: one row, even where there are no credentials at all."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    account_id = models.CharField(max_length=12, blank=True)
    check_requested_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="worker_caller_is_one_row")]

    def __str__(self) -> str:
        return self.caller_arn or "not checked"


class Account(CallerFields):
    """An AWS account, and how the worker may act in it: its own chain, or a role assumed from it."""

    account_id = models.CharField(max_length=12, unique=True)
    partition = models.CharField(max_length=20, default="aws")
    alias = models.CharField(max_length=63, blank=True, help_text="The account alias, as IAM reports it.")
    role_arn = models.CharField(
        max_length=2048, blank=True, help_text="The role to assume; empty: the worker's own credentials."
    )
    external_id = models.CharField(max_length=1224, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["account_id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(account_id__regex=ACCOUNT_ID_PATTERN), name="account_id_12_digits"),
        ]

    def __str__(self) -> str:
        return f"{self.alias} ({self.dashed_id})" if self.alias else self.dashed_id

    @property
    def dashed_id(self) -> str:
        """The id as AWS's console shows it: 1234-5678-9012."""
        return "-".join((self.account_id[:4], self.account_id[4:8], self.account_id[8:]))


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
    provider_arn = models.CharField(max_length=2048, blank=True)
    desired = models.JSONField(help_text="The agreed desired.DesiredState.")
    agreed_at = models.DateTimeField(null=True, blank=True)
    last_write_at = models.DateTimeField(null=True, blank=True, help_text="When we last changed anything in IAM.")

    class Meta:
        constraints: ClassVar = [
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


class Draft(models.Model):
    """A person's answers on the way to a plan; kept at every step, so that leaving loses nothing."""

    class Purpose(models.TextChoices):
        CONNECT = "connect"
        CHANGE = "change"
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

    clock: Callable[[], datetime] | None = None
    """Of the worker that holds the lease, so that whatever it writes renews it."""

    @classmethod
    def due(cls, now: datetime) -> "models.QuerySet[Self]":
        """What a worker should take up now: unfinished, its waiting over, and no live lease on it."""
        return cls._default_manager.filter(
            Q(lease_until__isnull=True) | Q(lease_until__lt=now),
            finished_at__isnull=True,
            next_attempt_at__lte=now,
        )

    def claim(self, *, clock: Callable[[], datetime]) -> bool:
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


class Run(Claimable):
    """One application of one approved plan. A plan is used once; one live run per connection."""

    class State(models.TextChoices):
        APPLYING = "applying", "Applying"
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
                condition=Q(state__in=["applying", "verifying", "finishing"]),
                name="run_one_live_per_connection",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, state__in=["applying", "verifying", "finishing"])
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
    action = models.JSONField(help_text="A plan.Action.")
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


class Listing(models.Model):
    """What Bedrock listed, stored once however many verifications find the same: catalogues change rarely."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of its models, in their order.")
    shown = models.PositiveIntegerField(help_text="How many of them Studio shows.")
    total = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.shown} of {self.total} models"


class Verification(Claimable):
    """One proof: a token exchanged at STS, the identity compared, the models listed."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        PROVEN = "proven", "Proven"
        NOT_PROVABLE = "not_provable", "Not provable from here"
        FAILED = "failed", "Failed"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="verifications")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, blank=True, related_name="verifications")
    state = models.CharField(max_length=20, choices=State.choices, default=State.RUNNING)
    limit = models.CharField(max_length=300, blank=True, help_text="What this proof does not show.")
    last_used_at = models.DateTimeField(
        null=True, blank=True, help_text="The role's last use as IAM reports it; hours late."
    )
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, null=True, blank=True, related_name="verifications")
    aws_calls = models.PositiveIntegerField(default=0)
    aws_seconds = models.FloatField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(state="running"),
                name="verification_one_live_per_connection",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, state="running")
                | Q(finished_at__isnull=False) & ~Q(state="running"),
                name="verification_finished_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"verification {self.pk} ({self.state})"


class Check(models.Model):
    """One rung of a verification."""

    class Result(models.TextChoices):
        PASS = "pass", "Pass"
        FAIL = "fail", "Fail"
        SKIPPED = "skipped", "Skipped"
        NOT_RUN = "not_run", "Not run"

    verification = models.ForeignKey(Verification, on_delete=models.CASCADE, related_name="checks")
    position = models.PositiveSmallIntegerField()
    check_name = models.CharField(max_length=40)
    result = models.CharField(max_length=10, choices=Result.choices)
    detail = models.CharField(max_length=1000)
    remedy = models.CharField(max_length=1000, blank=True)
    evidence = models.JSONField(default=dict, blank=True, help_text="Claims, request ids, figures. Never a token.")
    milliseconds = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["verification", "position"], name="check_position_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.check_name}: {self.result}"


class ListedModel(models.Model):
    """A Bedrock model or inference profile of a listing."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="models")
    position = models.PositiveIntegerField(help_text="AWS's order, which is Studio's.")
    model_id = models.CharField(max_length=2048, help_text="As Studio names it: an ARN, or the id where AWS gave none.")
    name = models.CharField(max_length=300)
    publisher = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, help_text="foundation, custom or profile")
    shown_in_studio = models.BooleanField()
    reason = models.CharField(max_length=300, blank=True, help_text="The rule that hides it.")
    facts = models.JSONField(default=dict, help_text="A listing.Facts: modalities, lifecycle, destination regions.")

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["listing", "position"], name="listed_model_position_unique"),
        ]

    def __str__(self) -> str:
        return self.model_id


class Finding(models.Model):
    """What is wrong, in one sentence, and what to do about it. Closed by itself at the next proof."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="findings")
    code = models.CharField(max_length=60)
    problem = models.JSONField(help_text="A diagnosis.Problem.")
    opened_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(auto_now=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-opened_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "code"], condition=Q(closed_at__isnull=True), name="finding_open_once"
            ),
        ]

    def __str__(self) -> str:
        return self.code


class ResourceLease(models.Model):
    """IAM has no compare-and-swap: whoever writes a shared resource holds this, per account and resource."""

    resource = models.CharField(max_length=2200, unique=True, help_text="The resource's ARN.")
    token = models.UUIDField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.resource
