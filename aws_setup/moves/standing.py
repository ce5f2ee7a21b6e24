"""How far an organization's move to another issuer is: each environment's stage, what is next there, what hinders.

The stage stands in what was agreed for the environment, so it can never say something else than the role's trust does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import OuterRef, Prefetch, Subquery

from aws_setup.desired import DesiredState
from aws_setup.drafting import unfinished_drafts
from aws_setup.models import Connection, Draft, Finding, IssuerMigration, Run, Step, Verification
from environments.models import Environment, Organization


class Stage(StrEnum):
    """Which of the two issuers a role trusts, as agreed."""

    NEITHER = "trusts_neither"
    OLD_ONLY = "trusts_old"
    BOTH = "trusts_both"
    NEW_ONLY = "trusts_new"


class MigrationStep(StrEnum):
    """What one plan of a move does to one role."""

    TRUST_BOTH = "trust_both"
    REMOVE_OLD = "remove_old"
    TRUST_OLD = "trust_old"


def open_migration(organization: Organization) -> IssuerMigration | None:
    """The move that the organization is in; None where there is none."""
    unfinished = organization.migrations.filter(finished_at__isnull=True)
    return unfinished.select_related("organization__issuer", "from_issuer", "to_issuer").first()


def stage_of(agreed: DesiredState, migration: IssuerMigration) -> Stage:
    """Where an environment with this agreement stands in the move."""
    trusted = dict(agreed.trusted_issuers)
    trusts_old, trusts_new = migration.from_issuer.url in trusted, migration.to_issuer.url in trusted
    if trusts_old and trusts_new:
        return Stage.BOTH
    if trusts_new:
        return Stage.NEW_ONLY
    return Stage.OLD_ONLY if trusts_old else Stage.NEITHER


def issuers_after(step: MigrationStep, migration: IssuerMigration) -> list[str]:
    """The URLs of the issuers that a role trusts once this step is done."""
    old, new = migration.from_issuer.url, migration.to_issuer.url
    return {MigrationStep.TRUST_BOTH: [old, new], MigrationStep.REMOVE_OLD: [new], MigrationStep.TRUST_OLD: [old]}[step]


@dataclass(frozen=True)
class Place:
    """Where one connected environment stands in a move.

    `is_written`: AWS holds what was agreed, as far as the last run got. `run` is one under way, `draft` an unfinished
    plan of this move, `is_proving`: a worker is asked for a proof. `trouble` is what is wrong with what AWS holds,
    `proof_trouble` what else is wrong.
    """

    migration: IssuerMigration
    connection: Connection
    stage: Stage
    is_written: bool = True
    run: Run | None = None
    draft: Draft | None = None
    is_proving: bool = False
    trouble: str = ""
    proof_trouble: str = ""

    @property
    def environment(self) -> Environment:
        return self.connection.environment

    @property
    def is_proven(self) -> bool:
        """Proven, or confirmed by a person, with the new issuer's tokens: since the switch, and nothing wrong since."""
        since = self.migration.switched_at
        shown = (self.environment.verified_at, self.environment.confirmed_at)
        is_shown = since is not None and any(moment is not None and moment >= since for moment in shown)
        return is_shown and not self.trouble and not self.proof_trouble

    @property
    def is_waiting_for_a_person(self) -> bool:
        """Whether only somebody who looks in Vertesia Studio can show that the new issuer's tokens get in."""
        is_due = self.migration.switched_at is not None and self.stage == Stage.BOTH and self.run is None
        is_wrong = self.trouble or self.proof_trouble
        return is_due and not self.is_proven and not is_wrong and not self.environment.organization.issuer.is_builtin

    @property
    def is_live(self) -> bool:
        """Whether a worker is at it, so that a page should look again soon."""
        is_planning = self.draft is not None and self.draft.state == Draft.State.PLANNING
        return self.run is not None or self.is_proving or is_planning

    @property
    def next_step(self) -> MigrationStep | None:
        """What brings this environment on; None where nothing can now, or it has arrived."""
        if self.run is not None:
            return None
        is_switched = self.migration.switched_at is not None
        if self.stage == Stage.NEW_ONLY and is_switched:
            return None if self.is_written else MigrationStep.REMOVE_OLD
        if self.stage != Stage.BOTH or not self.is_written:
            return MigrationStep.TRUST_BOTH
        return MigrationStep.REMOVE_OLD if is_switched and self.is_proven else None

    @property
    def step_back(self) -> MigrationStep | None:
        """What takes this environment back by one; None where nothing of the move stands in its role."""
        if self.run is not None:
            return None
        if self.migration.switched_at is None:
            is_touched = self.stage in (Stage.BOTH, Stage.NEW_ONLY) or not self.is_written
            return MigrationStep.TRUST_OLD if is_touched else None
        return MigrationStep.TRUST_BOTH if self.stage == Stage.NEW_ONLY else None

    def offers(self, step: MigrationStep) -> bool:
        """Whether a plan of this step can be asked for now."""
        return step in (self.next_step, self.step_back)

    @property
    def against_switching(self) -> str:
        """Why the organization cannot be switched to the other one of the two issuers yet; empty where it can."""
        name = self.environment.name
        if self.run is not None:
            return f"{name} is being changed at the moment."
        if self.stage != Stage.BOTH:
            trusted = {
                Stage.OLD_ONLY: f"only {self.migration.from_issuer}",
                Stage.NEW_ONLY: f"only {self.migration.to_issuer}",
                Stage.NEITHER: "neither of the two",
            }[self.stage]
            return f"{name} trusts {trusted}."
        if not self.is_written:
            return f"{name} is to trust both, but not everything was written to AWS."
        return f"{name}: {self.trouble}" if self.trouble else ""


@dataclass(frozen=True)
class MigrationStanding:
    """A move with all its places. Environments that are not connected have none: they take the issuer as it then is."""

    migration: IssuerMigration
    places: Sequence[Place] = field(default_factory=tuple)

    @property
    def is_switched(self) -> bool:
        return self.migration.switched_at is not None

    @property
    def against_switching(self) -> list[str]:
        """Every reason why the organization's issuer cannot be switched, forth or back; empty where it can."""
        return [reason for place in self.places if (reason := place.against_switching)]

    @property
    def has_arrived(self) -> bool:
        """Whether every role trusts only the new issuer, and AWS holds that."""
        arrived = (place.stage == Stage.NEW_ONLY and place.is_written and place.run is None for place in self.places)
        return self.is_switched and all(arrived)

    @property
    def is_back(self) -> bool:
        """Whether nothing of the move is left: not switched, and no role trusts the new issuer."""
        return not self.is_switched and all(place.run is None and place.step_back is None for place in self.places)

    @property
    def is_live(self) -> bool:
        """Whether a worker is at any of it."""
        return any(place.is_live for place in self.places)

    @property
    def proven(self) -> list[Place]:
        """The places that trust the new issuer and are proven or confirmed with it."""
        return [place for place in self.places if place.stage in (Stage.BOTH, Stage.NEW_ONLY) and place.is_proven]

    def offering(self, step: MigrationStep) -> list[Place]:
        """The places where this step can be planned now."""
        return [place for place in self.places if place.offers(step)]

    def offering_next(self, step: MigrationStep) -> list[Place]:
        """The places that this step brings on, and not back."""
        return [place for place in self.places if place.next_step == step]

    def count(self, stage: Stage) -> int:
        return sum(place.stage == stage for place in self.places)


def read_migration_standing(migration: IssuerMigration) -> MigrationStanding:
    """Every connected environment of the organization with its place in the move, in a handful of queries."""
    last_run = Run.objects.filter(connection=OuterRef("pk")).order_by("-id")
    open_findings = Finding.objects.filter(closed_at__isnull=True)
    connections = list(
        Connection.objects.filter(environment__organization=migration.organization_id)
        .exclude(role_arn="")
        .select_related("environment__organization__issuer", "account")
        .prefetch_related(Prefetch("findings", open_findings, to_attr="open_findings"))
        .annotate(last_run_id=Subquery(last_run.values("pk")[:1]))
        .order_by("environment__name", "pk")
    )
    runs = Run.objects.in_bulk(connection.last_run_id for connection in connections)
    unwritten_steps = Step.objects.filter(run__in=runs, after_proof=False).exclude(state=Step.State.DONE)
    unwritten = set(unwritten_steps.values_list("run_id", flat=True))
    unfinished = Verification.objects.filter(connection__in=connections, finished_at__isnull=True)
    proving = set(unfinished.values_list("connection_id", flat=True))
    drafts = {draft.environment_id: draft for draft in _unfinished_plans(migration)}
    places = []
    for connection in connections:
        agreed = DesiredState.from_json(connection.desired)
        if agreed.is_absent:  # somebody agreed to remove it
            continue
        run = runs.get(connection.last_run_id)
        troubles = {_is_about_aws(finding): finding.problem["sentence"] for finding in connection.open_findings}
        places.append(
            Place(
                migration=migration,
                connection=connection,
                stage=stage_of(agreed, migration),
                is_written=run is None or run.pk not in unwritten,
                run=run if run is not None and not run.is_finished else None,
                draft=drafts.get(connection.environment_id),
                is_proving=connection.pk in proving,
                trouble=troubles.get(True, ""),
                proof_trouble=troubles.get(False, ""),
            )
        )
    return MigrationStanding(migration, tuple(places))


def _unfinished_plans(migration: IssuerMigration) -> list[Draft]:
    plans = Draft.objects.filter(
        purpose=Draft.Purpose.MIGRATE,
        environment__organization=migration.organization_id,
        answers__migration=migration.pk,
    )
    return list(unfinished_drafts(plans).order_by("updated_at"))


def _is_about_aws(finding: Finding) -> bool:
    """Whether the finding says that AWS does not hold the trust that was agreed; others hinder a proof only."""
    held_otherwise = ("drift", "role_missing", "provider_missing", "provider_not_seen", "audience_missing")
    is_of_trust = finding.code in held_otherwise or finding.code.startswith("trust_")
    return is_of_trust or finding.source == Finding.Source.OBSERVATION
