"""AWS accounts, who the worker is in them, and what the company wants of every role there."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

ACCOUNT_ID_PATTERN = r"^[0-9]{12}\Z"


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
    role_prefix = models.CharField(max_length=40, blank=True, help_text="What every role name begins with.")
    role_path = models.CharField(max_length=512, blank=True, help_text="Empty: ROLE_PATH of the settings.")
    boundary_arn = models.CharField(
        "permissions boundary",
        max_length=2048,
        blank=True,
        help_text="Empty: ROLE_PERMISSIONS_BOUNDARY of the settings.",
    )
    extra_tags = models.JSONField(default=dict, blank=True, help_text="Tags of every role, beside a person's own.")
    max_session_seconds = models.PositiveIntegerField(default=3600)
    quotas = models.JSONField(null=True, blank=True, help_text="observed.Quotas as planning last read them.")
    quotas_read_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["account_id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(account_id__regex=ACCOUNT_ID_PATTERN), name="account_id_12_digits"),
            models.CheckConstraint(
                condition=Q(max_session_seconds__gte=3600, max_session_seconds__lte=43200),
                name="account_session_1_to_12_hours",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alias} ({self.dashed_id})" if self.alias else self.dashed_id

    @property
    def dashed_id(self) -> str:
        """The id as AWS's console shows it: 1234-5678-9012."""
        return "-".join((self.account_id[:4], self.account_id[4:8], self.account_id[8:]))
