"""What Vertesia has, in Django's admin: to look things up. Changes go through the console's own pages and plans."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from environments.access import may_administer
from environments.models import Event, Installation, Issuer, Organization, SigningKey

admin.site.site_header = admin.site.site_title = "Vertesia AWS Setup"
admin.site.index_title = "Administration"

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[models.Model]
else:
    ModelAdmin = admin.ModelAdmin  # generic only in the type stubs


class ReadOnlyAdmin(ModelAdmin):
    """Shows rows to whoever administers the console, and changes none."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_administer(request.user)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return may_administer(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Installation)
class InstallationAdmin(ReadOnlyAdmin):
    list_display = ("world", "issuer_url", "created_at")


@admin.register(Issuer)
class IssuerAdmin(ReadOnlyAdmin):
    list_display = ("url", "audience", "hosting", "label")
    list_filter = ("hosting",)


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    list_display = ("name", "organization_id", "issuer")
    list_select_related = ("issuer",)
    search_fields = ("name", "organization_id")


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    """The private key stays out of sight, encrypted or not."""

    list_display = ("kid", "algorithm", "is_signing", "created_at")
    fields: ClassVar = ("kid", "algorithm", "is_signing", "public_jwk", "created_at")


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "sentence")
    list_filter = ("action",)
    search_fields = ("sentence", "actor")
    list_select_related = ("environment",)
    show_full_result_count = False
