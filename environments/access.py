"""The only way a view fetches an object for a person.

Everybody who signs in is an administrator of the installation so far; a person without that right sees nothing.
"""

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import models
from django.shortcuts import get_object_or_404

from environments.models import Environment, EnvironmentQuerySet, Organization

Person = User | AnonymousUser


class MayNotAdminister(PermissionDenied):
    """Somebody signed in who may see nothing here."""


def may_administer(person: Person) -> bool:
    """Whether the person may see and change everything of this installation."""
    return person.is_active and person.is_staff


def organizations_for(person: Person) -> models.QuerySet[Organization]:
    """The organizations this person may see."""
    return Organization.objects.all() if may_administer(person) else Organization.objects.none()


def environments_for(person: Person) -> EnvironmentQuerySet:
    """The environments this person may see."""
    return Environment.objects.all() if may_administer(person) else Environment.objects.none()


def get_environment(person: Person, pk: int) -> Environment:
    """One environment with its organization and issuer; Http404 where there is none for this person."""
    return get_object_or_404(environments_for(person).select_related("organization__issuer"), pk=pk)
