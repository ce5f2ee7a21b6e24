"""An organization's way into Vertesia's API, and what was asked of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from aws_setup.models.work import Claimable
from environments.models import Environment, Organization
from environments.secrets import EncryptedField


class VertesiaAccess(models.Model):
    """A Vertesia API key, kept encrypted, and what it opens. One per organization; the organization is read with it."""

    class Site(models.TextChoices):
        GLOBAL = "global", "Global (api.vertesia.io)"
        US1 = "us1", "United States (us1)"
        EU1 = "eu1", "Europe (eu1)"
        JP1 = "jp1", "Japan (jp1)"
        SANDBOX = "sandbox", "The sandbox's own Vertesia"

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="vertesia_access"
    )
    site = models.CharField(max_length=20, choices=Site.choices)
    api_key_encrypted = EncryptedField()
    key_hint = models.CharField(max_length=12, help_text="The key's last characters, to tell it from others.")
    key_sha256 = models.CharField(max_length=64, unique=True, help_text="So that one key is taken up once.")
    issuer_seen = models.CharField(max_length=255, blank=True, help_text="The iss of the token that Vertesia gave.")
    project_name = models.CharField(max_length=200, blank=True, help_text="The key's own project.")
    may_administer = models.BooleanField(
        null=True, blank=True, help_text="Whether its token says environment:admin; empty where it says nothing."
    )
    issues_tokens = models.BooleanField(
        null=True, blank=True, help_text="Whether tokens of environments were handed out, when last asked."
    )
    checked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["organization__name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(organization__isnull=True) | Q(checked_at__isnull=False),
                name="vertesia_access_of_an_organization_is_checked",
            ),
        ]

    def __str__(self) -> str:
        return f"Vertesia access …{self.key_hint}"


class VertesiaJob(Claimable):
    """One thing that a worker asks of Vertesia's API: to import what is there, or to create an environment."""

    class Kind(models.TextChoices):
        IMPORT = "import", "Import"
        CREATE = "create", "Create an environment"

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    access = models.ForeignKey(VertesiaAccess, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    order = models.JSONField(default=dict, help_text="What was approved: the exact body of the request.")
    result = models.JSONField(default=dict, help_text="What came of it: names and counts, nothing secret.")
    environment = models.ForeignKey(
        Environment, on_delete=models.SET_NULL, null=True, blank=True, related_name="vertesia_jobs"
    )

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["access"],
                condition=Q(state="running", kind="import"),
                name="vertesia_job_one_live_import",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, state="running")
                | Q(finished_at__isnull=False) & ~Q(state="running"),
                name="vertesia_job_finished_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} job {self.pk} ({self.state})"
