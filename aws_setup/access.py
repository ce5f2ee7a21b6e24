"""The only way a view of the set-up fetches an object for a person."""

from django.db import models
from django.shortcuts import get_object_or_404

from aws_setup.models import Account, Batch, Connection, Draft, IssuerMigration, Run, Verification
from environments.access import Person, environments_for, may_administer, organizations_for


def drafts_for(person: Person) -> models.QuerySet[Draft]:
    """The drafts this person may go on with: their own, and everybody's for an administrator."""
    if may_administer(person):
        return Draft.objects.all()
    return Draft.objects.filter(owner_id=person.pk) if person.is_authenticated else Draft.objects.none()


def get_draft(person: Person, pk: int) -> Draft:
    """One draft with its environment and issuer; Http404 where there is none for this person."""
    drafts = drafts_for(person).filter(environment__in=environments_for(person))
    return get_object_or_404(drafts.select_related("environment__organization__issuer"), pk=pk)


def get_account(person: Person, pk: int) -> Account:
    """One AWS account; Http404 where there is none, or the person administers nothing."""
    return get_object_or_404(Account.objects.all() if may_administer(person) else Account.objects.none(), pk=pk)


def connections_for(person: Person) -> models.QuerySet[Connection]:
    """The connections of the environments this person may see."""
    return Connection.objects.filter(environment__in=environments_for(person))


def get_connection(person: Person, *, environment_pk: int) -> Connection:
    """The connection of one environment; Http404 where there is none for this person."""
    connections = connections_for(person).select_related("environment__organization__issuer", "account")
    return get_object_or_404(connections, environment_id=environment_pk)


def get_run(person: Person, pk: int) -> Run:
    """One run with its plan, draft, connection and environment; Http404 where there is none for this person."""
    runs = Run.objects.filter(connection__in=connections_for(person)).select_related(
        "plan__draft", "connection__account", "connection__environment__organization__issuer"
    )
    return get_object_or_404(runs, pk=pk)


def get_verification(person: Person, pk: int, *, environment_pk: int) -> Verification:
    """One finished verification of this environment; Http404 where there is none for this person."""
    finished = Verification.objects.filter(
        connection__in=connections_for(person), connection__environment_id=environment_pk, finished_at__isnull=False
    )
    related = ("connection__environment__organization__issuer", "connection__account", "listing", "run__plan")
    return get_object_or_404(finished.select_related(*related), pk=pk)


def migrations_for(person: Person) -> models.QuerySet[IssuerMigration]:
    """The moves of the organizations this person may see, with their issuers."""
    moves = IssuerMigration.objects.filter(organization__in=organizations_for(person))
    return moves.select_related("organization__issuer", "from_issuer", "to_issuer")


def get_migration(person: Person, pk: int) -> IssuerMigration:
    """One move with its organization and issuers; Http404 where there is none for this person."""
    return get_object_or_404(migrations_for(person), pk=pk)


def batches_for(person: Person) -> models.QuerySet[Batch]:
    """The batches this person may go on with: their own, and everybody's for an administrator."""
    if may_administer(person):
        return Batch.objects.all()
    return Batch.objects.filter(owner_id=person.pk) if person.is_authenticated else Batch.objects.none()


def get_batch(person: Person, pk: int) -> Batch:
    """One batch; Http404 where there is none for this person."""
    return get_object_or_404(batches_for(person).select_related("migration"), pk=pk)
