"""Environments and what was done for them in AWS, in Django's admin.

Environments are registered here and not in `environments`, because "Verify now" is an act of the set-up.
"""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from aws_setup.environment_list import list_regions
from aws_setup.models import (
    Account,
    Connection,
    Draft,
    Finding,
    Plan,
    Run,
    Verification,
    VertesiaAccess,
    VertesiaJob,
    WorkerCaller,
)
from aws_setup.verification import request_verification
from config.templatetags.console import relative
from environments.admin import ReadOnlyAdmin
from environments.history import Actor
from environments.models import Environment

VERIFIED_AT_ONCE = 200
"""A hundred thousand proofs asked for by one click would keep every worker busy for hours."""


class RegionFilter(admin.SimpleListFilter):
    """The regions that environments have, found without reading every row."""

    title = "region"
    parameter_name = "region"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(region, region) for region in list_regions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Environment]) -> QuerySet[Environment]:
        return queryset.filter(endpoint_url=self.value()) if self.value() else queryset


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    list_display = ("name", "organization", "endpoint_url", "status_now", "last_proven")
    list_filter = ("status", "provider", RegionFilter, ("organization", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("organization",)
    search_fields = ("name", "environment_id", "organization__name", "organization__organization_id", "api_key")
    search_help_text = "Name, id, organization or role ARN"
    show_full_result_count = False
    list_per_page = 50
    actions = ("verify_now",)

    @admin.display(description="status", ordering="status_rank")
    def status_now(self, environment: Environment) -> str:
        """A proof may have grown old since the status was stored."""
        return str(environment.status_at(timezone.now()).label)

    @admin.display(description="last proven", ordering="verified_at", empty_value="never")
    def last_proven(self, environment: Environment) -> str | None:
        """`3 hours ago`."""
        return relative(environment.verified_at, now=timezone.now()) if environment.verified_at else None

    @admin.action(description="Verify now", permissions=["view"])
    def verify_now(self, request: HttpRequest, environments: QuerySet[Environment]) -> None:
        """Ask for a proof of each environment that AWS holds a role for."""
        connections = Connection.objects.filter(environment__in=environments).exclude(role_arn="")
        chosen = list(connections.select_related("environment")[: VERIFIED_AT_ONCE + 1])
        actor, now = Actor(request.user.get_username()), timezone.now()
        asked = [one for one in chosen[:VERIFIED_AT_ONCE] if request_verification(one, actor=actor, now=now)]
        left_out = environments.count() - len(asked)
        sentence = f"Asked for {len(asked)} verification{'' if len(asked) == 1 else 's'}."
        if left_out:
            sentence += f" {left_out} left out: not connected, under way already, or beyond {VERIFIED_AT_ONCE} at once."
        self.message_user(request, sentence, messages.SUCCESS if asked else messages.WARNING)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("account_id", "alias", "partition", "role_arn", "checked_at")
    search_fields = ("account_id", "alias")
    exclude = ("external_id",)


@admin.register(WorkerCaller)
class WorkerCallerAdmin(ReadOnlyAdmin):
    list_display = ("caller_arn", "account_id", "source", "checked_at")


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ("environment", "account", "region", "role_name", "last_proven", "next_verification_at")
    list_select_related = ("environment", "account")
    search_fields = ("environment__name", "role_name", "role_arn")

    @admin.display(description="last proven", ordering="environment__verified_at", empty_value="never")
    def last_proven(self, connection: Connection) -> str | None:
        """`3 hours ago`."""
        moment = connection.environment.verified_at
        return relative(moment, now=timezone.now()) if moment else None


@admin.register(Draft)
class DraftAdmin(ReadOnlyAdmin):
    list_display = ("environment", "purpose", "state", "actor", "updated_at")
    list_filter = ("purpose", "state")
    list_select_related = ("environment",)


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin):
    list_display = ("fingerprint", "environment", "account", "asked_by", "created_at", "approved_by", "approved_at")
    list_select_related = ("environment", "account")
    search_fields = ("fingerprint", "environment__name")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("id", "connection", "state", "actor", "started_at", "finished_at", "aws_calls")
    list_filter = ("state",)
    list_select_related = ("connection__environment", "connection__account")
    exclude = ("lease_token",)


@admin.register(Verification)
class VerificationAdmin(ReadOnlyAdmin):
    list_display = ("id", "connection", "state", "actor", "started_at", "finished_at", "aws_calls")
    list_filter = ("state",)
    list_select_related = ("connection__environment", "connection__account")
    exclude = ("lease_token",)


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ("code", "connection", "opened_at", "seen_at", "closed_at")
    list_filter = ("code",)
    list_select_related = ("connection__environment", "connection__account")


@admin.register(VertesiaAccess)
class VertesiaAccessAdmin(ReadOnlyAdmin):
    """The key itself is shown to nobody, encrypted or not."""

    list_display = ("organization", "site", "key_hint", "project_name", "issuer_seen", "checked_at")
    list_select_related = ("organization",)
    fields = (
        "organization",
        "site",
        "key_hint",
        "project_name",
        "issuer_seen",
        "may_administer",
        "issues_tokens",
        "checked_at",
        "created_by",
        "created_at",
    )


@admin.register(VertesiaJob)
class VertesiaJobAdmin(ReadOnlyAdmin):
    list_display = ("access", "kind", "state", "actor", "created_at", "finished_at")
    list_filter = ("kind", "state")
    list_select_related = ("access",)
