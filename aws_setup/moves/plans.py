"""Plans of a move to another issuer: one step for one environment, or for every one where it may be taken now."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from aws_setup.batches.batching import start_batch
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, restart_draft
from aws_setup.models import Batch, Draft, IssuerMigration
from aws_setup.moves.guard import move_is_over, not_proven
from aws_setup.moves.standing import MigrationStanding, MigrationStep, Place, Stage, issuers_after
from aws_setup.names import strip_scheme
from environments.history import Actor


def draft_step(place: Place, *, step: MigrationStep, owner: User | None, actor: Actor) -> Draft:
    """A draft of this step for one environment; no plan of it is asked for yet. Raises Blocked where it may not be."""
    if place.migration.finished_at is not None:
        raise Blocked(move_is_over(place.migration))
    if not place.offers(step):
        raise Blocked(_not_now(place, step))
    return restart_draft(
        owner=owner,
        environment=place.environment,
        purpose=Draft.Purpose.MIGRATE,
        actor=actor,
        trusts=issuers_after(step, place.migration),
        migration=place.migration.pk,
    )


def plan_step(place: Place, *, step: MigrationStep, owner: User | None, actor: Actor, now: datetime) -> Draft:
    """Ask for a plan of this step for one environment. Raises Blocked where the step may not be taken now."""
    draft = draft_step(place, step=step, owner=owner, actor=actor)
    request_plan(draft, actor=actor, now=now)
    return draft


def start_step_batch(
    standing: MigrationStanding, *, step: MigrationStep, owner: User | None, actor: Actor, now: datetime
) -> Batch:
    """Ask for a plan of this step for every environment where it may be taken now, to be approved together.

    Raises Blocked where there is none.
    """
    migration = standing.migration
    places = standing.offering(step)
    if not places:
        raise Blocked(_nothing_to_plan(migration))
    with transaction.atomic():
        rows = [
            (
                {"name": place.environment.name, "environment_id": place.environment.environment_id},
                draft_step(place, step=step, owner=owner, actor=actor),
            )
            for place in places
        ]
        return start_batch(
            owner=owner,
            actor=actor,
            title=f"{migration.organization}: {describe_step(step, migration)}",
            purpose=Draft.Purpose.MIGRATE,
            rows=rows,
            migration=migration,
            now=now,
        )


def describe_step(step: MigrationStep, migration: IssuerMigration) -> str:
    """What a step does to a role, in a few words."""
    old, new = strip_scheme(migration.from_issuer.url), strip_scheme(migration.to_issuer.url)
    return {
        MigrationStep.TRUST_BOTH: f"trust {old} and {new}",
        MigrationStep.REMOVE_OLD: f"trust only {new}",
        MigrationStep.TRUST_OLD: f"trust only {old} again",
    }[step]


def _not_now(place: Place, step: MigrationStep) -> Problem:
    migration, name = place.migration, place.environment.name
    if place.run is not None:
        return Problem(
            code="run_is_live",
            sentence=f"{name} is being changed at the moment.",
            remedy="Wait for that run to finish; then plan again.",
        )
    if step == MigrationStep.REMOVE_OLD and place.stage == Stage.BOTH and migration.switched_at is not None:
        return not_proven(migration, name)
    if step == MigrationStep.REMOVE_OLD and migration.switched_at is None:
        return Problem(
            code="issuer_not_switched",
            sentence=f"{migration.from_issuer} still signs the tokens of {migration.organization}.",
            why="Vertesia would be locked out at once.",
            remedy=f"Switch the organization to {migration.to_issuer} first and prove it.",
        )
    return Problem(
        code="step_not_due",
        sentence=f"There is nothing of this step to do for {name}.",
        why="It is past it, or not there yet.",
        remedy="Look at the table for what is next.",
    )


def _nothing_to_plan(migration: IssuerMigration) -> Problem:
    return Problem(
        code="step_not_due",
        sentence=f"There is nothing of this step to do for any environment of {migration.organization} now.",
        remedy="Look at the table for what is next.",
    )
