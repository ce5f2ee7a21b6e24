"""What an approval may not do while an organization moves to another issuer."""

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.models import Draft, IssuerMigration, Plan
from aws_setup.moves.standing import Stage, open_migration, read_migration_standing, stage_of
from environments.models import Organization


def require_current_issuer(plan: Plan) -> None:
    """Raise Blocked where agreeing to this plan would go against its organization's move to another issuer.

    Locks the organization until the transaction ends, so that it is not switched while an agreement is made.
    """
    desired = DesiredState.from_json(plan.desired)
    if desired.is_absent:
        return
    of_plan = Organization.objects.filter(organization_id=desired.organization_id)
    organization = of_plan.select_for_update().first()
    migration = open_migration(organization) if organization else None
    if plan.draft.purpose == Draft.Purpose.MIGRATE:
        _require_step(plan, desired, migration)
    if migration is not None and desired.issuer_url != migration.organization.issuer.url:
        raise Blocked(_signed_otherwise(migration, desired))


def _require_step(plan: Plan, desired: DesiredState, migration: IssuerMigration | None) -> None:
    if migration is None or migration.pk != plan.draft.answers.get("migration"):
        raise Blocked(move_is_over(migration))
    if stage_of(desired, migration) != Stage.NEW_ONLY:
        return
    places = read_migration_standing(migration).places
    place = next((place for place in places if place.environment.pk == plan.environment_id), None)
    if place is None or not (place.is_proven or place.stage == Stage.NEW_ONLY):
        raise Blocked(not_proven(migration, plan.environment.name))


def move_is_over(migration: IssuerMigration | None) -> Problem:
    return Problem(
        code="migration_over",
        sentence=f"The move of {migration.organization} is another one by now."
        if migration is not None and migration.finished_at is None
        else "The move to another issuer that this plan belongs to is over.",
        why="Nothing of this plan was written.",
        remedy="Look at Issuers → Move an organization for how it stands now.",
    )


def not_proven(migration: IssuerMigration, name: str) -> Problem:
    return Problem(
        code="new_issuer_not_proven",
        sentence=f"{name} is neither proven nor confirmed with tokens of {migration.to_issuer}.",
        why=f"If they do not get in, nothing would any more once {migration.from_issuer} is no longer trusted. "
        "Nothing was written.",
        remedy="Verify it, or let somebody look in Vertesia Studio; then plan again.",
    )


def _signed_otherwise(migration: IssuerMigration, desired: DesiredState) -> Problem:
    return Problem(
        code="issuer_switched",
        sentence=f"{migration.organization.issuer} signs the tokens of {migration.organization} now; this plan was "
        f"made for {desired.issuer_url}.",
        why="The organization is moving from one issuer to another. Nothing of this plan was written.",
        remedy="Make a new plan: it starts from the issuer that signs now.",
    )
