"""What Vertesia has, and the history of what was done about it. Knows nothing of AWS's API."""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Length
from django.urls import reverse

from environments.ids import AUDIENCE_PATTERN, PLAIN_ID_PATTERN, Subject, build_subject, is_usual_id
from environments.issuer.address import LOOPBACK_URL_PATTERN
from environments.secrets import EncryptedField

models.CharField.register_lookup(Length)


class Installation(models.Model):
    """The one row that says what this database is for: written at first start, compared at every later one."""

    class World(models.TextChoices):
        SANDBOX = "sandbox", "Sandbox"
        AWS = "aws", "AWS"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    installation_id = models.UUIDField(default=uuid.uuid4, editable=False)
    world = models.CharField(max_length=10, choices=World.choices)
    issuer_url = models.CharField(
        max_length=255, blank=True, help_text="The built-in issuer's address as first started; empty: there is none."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="installation_is_one_row"),
            models.CheckConstraint(condition=Q(world__in=["sandbox", "aws"]), name="installation_world_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_world_display()} installation"


class Issuer(models.Model):
    """The OIDC identity provider whose tokens AWS will trust: an exact URL and an audience."""

    class Hosting(models.TextChoices):
        VERTESIA = "vertesia", "Vertesia"
        BUILTIN = "builtin", "Built in"

    url = models.CharField(max_length=255, unique=True, help_text="Byte for byte the token's iss claim.")
    audience = models.CharField(max_length=255, default="bedrock")
    hosting = models.CharField(max_length=10, choices=Hosting.choices)
    label = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(url__endswith="/"), name="issuer_url_no_trailing_slash"),
            models.CheckConstraint(
                condition=Q(url__startswith="https://") | Q(hosting="builtin") | Q(url__regex=LOOPBACK_URL_PATTERN),
                name="issuer_url_https_builtin_or_local",
            ),
            models.UniqueConstraint(fields=["hosting"], condition=Q(hosting="builtin"), name="issuer_builtin_is_one"),
            models.CheckConstraint(condition=Q(audience__regex=AUDIENCE_PATTERN), name="issuer_audience_is_plain"),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def is_builtin(self) -> bool:
        """Whether this console signs the tokens itself, so that the exchange can be proven from here."""
        return self.hosting == self.Hosting.BUILTIN


class Organization(models.Model):
    """A Vertesia organization (`account` in Vertesia's API)."""

    name = models.CharField(max_length=200)
    organization_id = models.CharField(max_length=64, unique=True)
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="organizations")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(organization_id__regex=PLAIN_ID_PATTERN), name="organization_id_is_plain"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_usual_id(self) -> bool:
        return is_usual_id(self.organization_id)


class Provider(models.TextChoices):
    """Vertesia's providers of execution environments; only `bedrock` is reached through AWS this way.

    Source: SupportedProviders of vertesia/llumiverse, August 2026.
    """

    BEDROCK = "bedrock", "Amazon Bedrock"
    BEDROCK_MANTLE = "bedrock_mantle", "Amazon Bedrock (Mantle)"
    OPENAI = "openai", "OpenAI"
    OPENAI_COMPATIBLE = "openai_compatible", "OpenAI compatible"
    AZURE_OPENAI = "azure_openai", "Azure OpenAI"
    AZURE_FOUNDRY = "azure_foundry", "Azure AI Foundry"
    HUGGINGFACE_IE = "huggingface_ie", "Hugging Face Inference Endpoint"
    REPLICATE = "replicate", "Replicate"
    VERTEXAI = "vertexai", "Google Vertex AI"
    TOGETHERAI = "togetherai", "Together AI"
    MISTRALAI = "mistralai", "Mistral AI"
    GROQ = "groq", "Groq"
    WATSONX = "watsonx", "IBM watsonx"
    XAI = "xai", "xAI"
    ANTHROPIC = "anthropic", "Anthropic"
    VIRTUAL_LB = "virtual_lb", "Virtual: load balancer"
    VIRTUAL_MEDIATOR = "virtual_mediator", "Virtual: mediator"
    TEST = "test", "Test"


class Status(models.TextChoices):
    """How an environment stands. Stored by `Environment.set_status`, read through `Environment.status_at`."""

    NEEDS_ATTENTION = "needs_attention", "Needs attention"
    WAITING_FOR_APPROVAL = "waiting_for_approval", "Waiting for approval"
    WAITING_FOR_VERTESIA = "waiting_for_vertesia", "Waiting for Vertesia"
    SETTING_UP = "setting_up", "Setting up"
    PROOF_IS_OLD = "proof_is_old", "Proof is old"
    NOT_CONNECTED = "not_connected", "Not connected"
    DISCONNECTED = "disconnected", "Disconnected"
    CONFIRMED = "confirmed", "Confirmed"
    CONNECTED = "connected", "Connected"
    NOT_CONNECTABLE = "not_connectable", "Not connectable"


STATUS_RANK = {status: rank for rank, status in enumerate(Status.values)}
"""Problems first: the order in which lists of environments stand."""


def proof_cutoff(now: datetime) -> datetime:
    """A proof made before this is old: green by assumption is not green."""
    return now - timedelta(hours=settings.PROOF_MAX_AGE_HOURS)


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    def having_status(self, status: str, *, now: datetime) -> "EnvironmentQuerySet":
        """Those whose status *at this moment* is `status`: an old proof is no longer `connected`."""
        proven = Q(status=Status.CONNECTED)
        if status == Status.PROOF_IS_OLD:
            return self.filter(Q(status=status) | proven & Q(verified_at__lt=proof_cutoff(now)))
        if status == Status.CONNECTED:
            return self.filter(proven, verified_at__gte=proof_cutoff(now))
        return self.filter(status=status)

    def note_old_proofs(self, *, now: datetime) -> int:
        """Store of those whose proof grew old that it did, so that lists put them among the problems; how many."""
        grown_old = self.filter(status=Status.CONNECTED, verified_at__lt=proof_cutoff(now))
        return grown_old.update(status=Status.PROOF_IS_OLD, status_rank=STATUS_RANK[Status.PROOF_IS_OLD])

    def count_by_status(self, *, now: datetime) -> dict[str, int]:
        """Number of environments per status at this moment; statuses that nobody has are missing."""
        at_this_moment = Case(
            When(
                status=Status.CONNECTED,
                verified_at__lt=proof_cutoff(now),
                then=Value(Status.PROOF_IS_OLD.value),
            ),
            default="status",
        )
        rows = self.order_by().values_list(at_this_moment).annotate(number=models.Count("id"))
        return {str(status): int(number) for status, number in rows}


class Environment(models.Model):
    """A Vertesia execution environment. `endpoint_url` and `api_key` are Vertesia's own names: region and role ARN."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="environments")
    environment_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    provider = models.CharField(max_length=30, choices=Provider.choices, default=Provider.BEDROCK)
    endpoint_url = models.CharField("endpoint URL (AWS region)", max_length=100, blank=True)
    api_key = models.CharField("API key (role ARN)", max_length=2048, blank=True)
    status = models.CharField(max_length=30, choices=Status.choices, default=Status.NOT_CONNECTED)
    status_rank = models.PositiveSmallIntegerField(default=STATUS_RANK[Status.NOT_CONNECTED], editable=False)
    verified_at = models.DateTimeField("last verified", null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["status_rank", "name", "id"]
        indexes: ClassVar = [
            models.Index(fields=["status_rank", "name", "id"], name="environment_problems_first"),
            models.Index(fields=["status", "verified_at"], name="environment_status"),
            models.Index(fields=["organization", "status_rank", "name", "id"], name="environment_by_organization"),
            models.Index(fields=["endpoint_url", "status_rank", "name", "id"], name="environment_by_region"),
            models.Index(fields=["name", "id"], name="environment_by_name"),
            models.Index(fields=["verified_at", "id"], name="environment_by_proof"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(environment_id__regex=PLAIN_ID_PATTERN), name="environment_id_is_plain"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="environment_status_known"),
            models.CheckConstraint(
                condition=~Q(status=Status.CONNECTED) | Q(verified_at__isnull=False),
                name="environment_connected_is_proven",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.CONFIRMED) | Q(confirmed_at__isnull=False) & ~Q(confirmed_by=""),
                name="environment_confirmed_by_a_person",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("environment", args=[self.pk])

    @property
    def subject(self) -> Subject:
        """The token's `sub`: `env:ORGANIZATION_ID:ENVIRONMENT_ID`."""
        return build_subject(self.organization.organization_id, self.environment_id)

    @property
    def is_connectable(self) -> bool:
        """Whether this console can connect it: only provider `bedrock` takes a role ARN and a region."""
        return self.provider == Provider.BEDROCK

    @property
    def has_usual_id(self) -> bool:
        return is_usual_id(self.environment_id)

    def status_at(self, now: datetime) -> Status:
        """The status at this moment: the stored one, but for a proof that has grown old."""
        if self.status == Status.CONNECTED and self.verified_at and self.verified_at < proof_cutoff(now):
            return Status.PROOF_IS_OLD
        return Status(self.status)

    def set_status(self, status: Status, **changes: Any) -> None:
        """Store a status, with its rank and any other `changes`, in one UPDATE."""
        changes |= {"status": status, "status_rank": STATUS_RANK[status]}
        Environment.objects.filter(pk=self.pk).update(**changes)
        for name, value in changes.items():
            setattr(self, name, value)


class SigningKey(models.Model):
    """A private key of the built-in issuer, encrypted at rest. `kid` is the RFC 7638 thumbprint."""

    class Algorithm(models.TextChoices):
        RS256 = "RS256"
        ES256 = "ES256"

    kid = models.CharField(max_length=64, unique=True)
    algorithm = models.CharField(max_length=10, choices=Algorithm.choices)
    private_key_encrypted = EncryptedField()
    public_jwk = models.JSONField()
    is_signing = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-is_signing", "-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_signing"], condition=Q(is_signing=True), name="signing_key_signs_alone"
            ),
        ]

    def __str__(self) -> str:
        return self.kid


class SignInLink(models.Model):
    """A single-use way in, printed on the machine that runs the console. Only the token's SHA-256 is kept."""

    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return f"sign-in link of {self.created_by}"

    def use(self, *, now: datetime) -> bool:
        """Use the link up, by one conditional UPDATE. False where it was used before or has run out."""
        unused = SignInLink.objects.filter(pk=self.pk, used_at__isnull=True, expires_at__gt=now)
        return unused.update(used_at=now) == 1


class SignInAttempt(models.Model):
    """A recent try to sign in, kept for as long as it slows the next one down. Shared by all web processes."""

    source_sha256 = models.CharField(max_length=64, help_text="Of the name tried, the address it came from, or both.")
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["source_sha256", "at"], name="sign_in_attempt_recent"),
            models.Index(fields=["at"], name="sign_in_attempt_at"),
        ]

    def __str__(self) -> str:
        return f"sign-in attempt at {self.at}"


class Event(models.Model):
    """One line of history with its actor. Written by `environments.history.record`, never edited."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=150, help_text="A user name, `os:NAME` for the command line, or `console`.")
    action = models.CharField(max_length=60, help_text="noun.verb, as in `plan.approved`.")
    sentence = models.CharField(max_length=500)
    organization = models.ForeignKey(Organization, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    environment = models.ForeignKey(
        Environment, on_delete=models.SET_NULL, null=True, blank=True, related_name="events"
    )
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["environment", "-id"], name="event_by_environment")]

    def __str__(self) -> str:
        return self.sentence
