"""Moving an organization to another issuer: trust both, switch, remove the old one. Each is agreed to by itself.

While a role trusts both, nothing can break whichever of the two signs, so each step can be taken back. Nothing is
written to AWS here: plans are, once somebody approved them. The identity providers stay in the accounts throughout.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.models import Connection, IssuerMigration, Verification
from aws_setup.moves.standing import read_migration_standing
from aws_setup.status import refresh_status
from aws_setup.verification import request_verification
from environments.history import CONSOLE, Actor, record
from environments.models import Environment, Issuer, Organization, Status


def start_migration(organization: Organization, *, to_issuer: Issuer, actor: Actor, now: datetime) -> IssuerMigration:
    """Begin the move. Nothing changes by that, neither here nor in AWS. Raises Blocked where it cannot be."""
    if organization.issuer_id == to_issuer.pk:
        raise Blocked(
            Problem(
                code="migration_leads_nowhere",
                sentence=f"{organization} has the issuer {to_issuer} already.",
                remedy="Choose the issuer it is to move to.",
            )
        )
    if not Connection.objects.filter(environment__organization=organization).exclude(role_arn="").exists():
        raise Blocked(
            Problem(
                code="migration_of_nothing",
                sentence=f"No environment of {organization} is connected, so no role trusts its issuer yet.",
                remedy="Choose the new issuer when you connect the first one.",
            )
        )
    try:
        with transaction.atomic():
            migration = IssuerMigration.objects.create(
                organization=organization,
                from_issuer=organization.issuer,
                to_issuer=to_issuer,
                started_by=actor,
                started_at=now,
            )
    except IntegrityError as error:  # migration_one_open_per_organization
        raise Blocked(
            Problem(
                code="migration_under_way",
                sentence=f"{organization} is moving to another issuer already.",
                remedy="Finish that move or take it back first.",
            )
        ) from error
    record(
        "migration.started",
        f"{organization} is to move from {migration.from_issuer} to {migration.to_issuer}.",
        actor=actor,
        organization=organization,
    )
    return migration


def switch_issuer(migration: IssuerMigration, *, actor: Actor, now: datetime) -> bool:
    """Vertesia now signs as the new issuer: a person says so. Every environment is to be proven anew.

    Raises Blocked where a connected environment does not trust both. False where somebody else was quicker.
    """
    return _sign_as(migration, is_forth=True, actor=actor, now=now)


def switch_back(migration: IssuerMigration, *, actor: Actor, now: datetime) -> bool:
    """Vertesia signs as the old issuer again, or still; as `switch_issuer`."""
    return _sign_as(migration, is_forth=False, actor=actor, now=now)


@transaction.atomic
def _sign_as(migration: IssuerMigration, *, is_forth: bool, actor: Actor, now: datetime) -> bool:
    """No agreement is made meanwhile: approving takes the environment's lock, then the organization's, as this does."""
    organization = migration.organization
    locked = Environment.objects.select_for_update().filter(organization=organization).order_by("pk")
    list(locked.values_list("pk"))
    Organization.objects.select_for_update().filter(pk=organization.pk).values_list("pk").first()
    standing = read_migration_standing(migration)
    if reasons := standing.against_switching:
        raise Blocked(_too_early(migration, reasons))
    open_move = IssuerMigration.objects.filter(pk=migration.pk, finished_at__isnull=True, switched_at__isnull=is_forth)
    if not open_move.update(switched_at=now if is_forth else None, switched_by=actor if is_forth else ""):
        return False
    issuer = migration.to_issuer if is_forth else migration.from_issuer
    Organization.objects.filter(pk=organization.pk).update(issuer=issuer)
    sentence = f"Vertesia signs the tokens of {organization} as {issuer}, {actor} says."
    record("issuer.switched", sentence, actor=actor, organization=organization)
    for place in standing.places:
        _meet_issuer(place.connection, issuer, sentence=sentence, actor=actor, now=now)
    migration.refresh_from_db()
    return True


def _meet_issuer(connection: Connection, issuer: Issuer, *, sentence: str, actor: Actor, now: datetime) -> None:
    """The agreement stays what it was, seen from the other issuer; plans and proofs from before no longer count."""
    agreed = DesiredState.from_json(connection.desired).for_issuer(issuer.url)
    assert agreed is not None  # noqa: S101  against_switching named no place that does not trust it
    Connection.objects.filter(pk=connection.pk).update(
        desired=agreed.to_json(), provider_arn=agreed.provider_arn, agreed_at=now
    )
    environment = connection.environment
    environment.set_status(Status.WAITING_FOR_VERTESIA, verified_at=None, confirmed_at=None, confirmed_by="")
    record("issuer.switched", sentence, actor=actor, environment=environment)
    under_way = Verification.objects.filter(connection=connection, finished_at__isnull=True)
    # Out of the hands of a worker that still asks about the other issuer.
    if not under_way.update(lease_token=None, lease_until=None, next_attempt_at=now, waiting_since=None):
        request_verification(connection, actor=actor, now=now)
    refresh_status(environment, now=now)


@transaction.atomic
def give_up_migration(migration: IssuerMigration, *, actor: Actor, now: datetime) -> bool:
    """End a move of which nothing is left: not switched, and every role trusts only the old issuer.

    Raises Blocked where something is left. False where it is over already.
    """
    if not read_migration_standing(migration).is_back:
        raise Blocked(
            Problem(
                code="migration_not_back",
                sentence=f"Something of the move of {migration.organization} still stands.",
                remedy=f"Let every role trust only {migration.from_issuer} again first.",
            )
        )
    return _end(
        migration,
        "migration.given_up",
        f"{migration.organization} stays with {migration.from_issuer}: the move is given up.",
        actor=actor,
        now=now,
    )


def finish_migrations(*, now: datetime) -> int:
    """End the moves that have arrived, or of whose organization nothing is connected any more; how many."""
    unfinished = IssuerMigration.objects.filter(finished_at__isnull=True)
    finished = 0
    for migration in unfinished.select_related("organization", "from_issuer", "to_issuer"):
        standing = read_migration_standing(migration)
        if standing.places and not standing.has_arrived:
            continue
        sentence = (
            f"{migration.organization} has moved to {migration.to_issuer}."
            if standing.is_switched
            else f"Nothing of {migration.organization} is connected any more: there is nothing to move."
        )
        finished += _end(migration, "migration.finished", sentence, actor=CONSOLE, now=now)
    return finished


def _end(migration: IssuerMigration, action: str, sentence: str, *, actor: Actor, now: datetime) -> bool:
    if not IssuerMigration.objects.filter(pk=migration.pk, finished_at__isnull=True).update(finished_at=now):
        return False
    record(action, sentence, actor=actor, organization=migration.organization)
    migration.refresh_from_db()
    return True


def _too_early(migration: IssuerMigration, reasons: list[str]) -> Problem:
    more = f" And {len(reasons) - 5} more." if len(reasons) > 5 else ""
    return Problem(
        code="switch_too_early",
        sentence=f"Not every connected environment of {migration.organization} trusts both issuers.",
        why=" ".join(reasons[:5]) + more,
        remedy="Let these trust both first, or disconnect them. Nothing was changed.",
    )
