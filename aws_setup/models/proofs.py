"""Whether a connection works: one proof, its checks, and the models that were listed."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from aws_setup.models.agreements import Connection
from aws_setup.models.work import Claimable, Run
from aws_setup.proofs.rungs import BY_NAME, Need, Rung


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
    with_isolation = models.BooleanField(default=False, help_text="Whether tokens that must be refused are tried.")
    one_token_of = models.CharField(
        max_length=2048, blank=True, help_text="A model to ask for one token, which costs money."
    )
    one_token_asked = models.BooleanField(default=False, help_text="Asked for already, and not to be paid for twice.")
    limit = models.CharField(max_length=300, blank=True, help_text="What this proof does not show.")
    last_used_at = models.DateTimeField(
        null=True, blank=True, help_text="The role's last use as IAM reports it; hours late."
    )
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, null=True, blank=True, related_name="verifications")
    aws_calls = models.PositiveIntegerField(default=0)
    aws_seconds = models.FloatField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["run", "finished_at"], name="verification_by_end"),
        ]
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


class ProofDay(models.Model):
    """How the verifications of a connection that ended on one day went. A day is one of UTC."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="proof_days")
    day = models.DateField(db_index=True)
    proven = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    not_provable = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["day"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "day"], name="proof_day_once_per_connection"),
        ]

    def __str__(self) -> str:
        return f"{self.connection} on {self.day}"


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

    @property
    def rung(self) -> Rung | None:
        """Its place on the ladder; None for a check of a former release."""
        return BY_NAME.get(self.check_name)

    @property
    def title(self) -> str:
        """What it looked at, as a person says it."""
        rung = self.rung
        return rung.title if rung else self.check_name.replace("_", " ").capitalize()

    @property
    def needs(self) -> tuple[Need, ...]:
        """What it could not have been made without."""
        return self.rung.needs if self.rung else ()


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

    @property
    def answers_in_text(self) -> bool:
        """Whether it can be asked for a token, as far as AWS says what it gives; a custom model is not on demand."""
        gives = self.facts.get("output_modalities")
        return self.kind != "custom" and (not gives or "TEXT" in gives)
