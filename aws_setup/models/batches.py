"""Many at once: tables of environments, and an organization that moves to another issuer."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from aws_setup.models.agreements import Draft
from environments.models import Issuer, Organization


class IssuerMigration(models.Model):
    """An organization's move from one issuer to another: roles trust both, the new one is proven, the old one goes.

    How far each environment is stands in what was agreed for it; see moves.standing.stage_of.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="migrations")
    from_issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    to_issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    started_by = models.CharField(max_length=150)
    started_at = models.DateTimeField(default=timezone.now)
    switched_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the organization's tokens were said, or seen, to come from the new issuer.",
    )
    switched_by = models.CharField(max_length=150, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(finished_at__isnull=True),
                name="migration_one_open_per_organization",
            ),
            models.CheckConstraint(condition=~Q(from_issuer=F("to_issuer")), name="migration_leads_somewhere_else"),
        ]

    def __str__(self) -> str:
        return f"{self.organization}: {self.from_issuer} to {self.to_issuer}"


class Batch(models.Model):
    """Many plans that are looked at and approved together; each row has its own run and its own result."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="batches"
    )
    actor = models.CharField(max_length=150)
    title = models.CharField(max_length=200)
    purpose = models.CharField(max_length=20, choices=Draft.Purpose.choices)
    migration = models.ForeignKey(
        IssuerMigration, on_delete=models.CASCADE, null=True, blank=True, related_name="batches"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.title


class BatchRow(models.Model):
    """One line of a batch as it was typed, and the draft that came of it. What became of it is read from the draft."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField(help_text="The line of the table, from 1.")
    typed = models.JSONField(default=dict, help_text="Column and value, as typed.")
    problem = models.JSONField(null=True, blank=True, help_text="A diagnosis.Problem, where no draft could be made.")
    draft = models.ForeignKey(Draft, on_delete=models.SET_NULL, null=True, blank=True, related_name="batch_rows")

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "position"], name="batch_row_position_unique"),
        ]

    def __str__(self) -> str:
        return f"row {self.position} of {self.batch}"
