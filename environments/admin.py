"""What Vertesia has, in Django's admin: to look things up. Changes go through the console's own pages and plans."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.models import Group, User
from django.db import models
from django.http import HttpRequest, HttpResponse

from environments.access import may_administer
from environments.history import Actor
from environments.models import Event, Installation, Issuer, Organization, SigningKey
from environments.people import LastAdministrator, deactivate_person
from environments.signin import name_link_command

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


# Django's own admin of people and groups changes them without a line in the history, and groups mean nothing here.
admin.site.unregister((User, Group))


@admin.register(User)
class PersonAdmin(ReadOnlyAdmin):
    """People are added, and let in again, by sign-in links; here they can be deactivated."""

    list_display = ("username", "is_active", "is_staff", "last_login", "date_joined")
    list_filter = ("is_active",)
    search_fields = ("username",)
    fields: ClassVar = ("username", "is_active", "is_staff", "last_login", "date_joined")
    actions = ("deactivate",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        sentence = f"People are added, and given a new password, by a sign-in link: {name_link_command()}"
        return super().changelist_view(request, {**(extra_context or {}), "subtitle": sentence})

    @admin.action(description="Deactivate: may sign in no more", permissions=["view"])
    def deactivate(self, request: HttpRequest, people: models.QuerySet[User]) -> None:
        """Deactivate each, but for the last active administrator."""
        actor, number = Actor(request.user.get_username()), 0
        for person in people:
            try:
                number += deactivate_person(person, actor=actor)
            except LastAdministrator as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
        who = "1 person" if number == 1 else f"{number} people"
        self.message_user(request, f"{who} may sign in no more.", messages.SUCCESS if number else messages.WARNING)


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
