"""The status of an environment: the one function that computes it, and the one that stores it."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from aws_setup.models import Connection, Draft, Finding, Plan, Run
from environments.models import Environment, Status


@dataclass(frozen=True)
class StatusFacts:
    """What is known of an environment, as far as its status depends on it."""

    is_connectable: bool = True
    has_live_run: bool = False
    has_open_finding: bool = False
    has_pending_plan: bool = False
    is_agreed: bool = False
    """AWS holds a role of ours: a plan to connect was carried out, and not undone since."""
    was_disconnected: bool = False
    is_proven: bool = False
    is_confirmed: bool = False


def compute_status(facts: StatusFacts) -> Status:
    """The status that follows. Whether a proof has grown old is for `Environment.status_at`, who knows the time."""
    if not facts.is_connectable:
        return Status.NOT_CONNECTABLE
    if facts.has_live_run:
        return Status.SETTING_UP
    if facts.has_open_finding:
        return Status.NEEDS_ATTENTION
    if facts.is_agreed:
        if facts.is_proven:
            return Status.CONNECTED
        return Status.CONFIRMED if facts.is_confirmed else Status.WAITING_FOR_VERTESIA
    if facts.has_pending_plan:
        return Status.WAITING_FOR_APPROVAL
    return Status.DISCONNECTED if facts.was_disconnected else Status.NOT_CONNECTED


def lock_environment(environment: Environment) -> None:
    """Let nobody else agree, finish or compute anything about this environment until the transaction ends.

    Everything that changes how an environment stands takes this lock first. SQLite has one writer at a time anyway.
    """
    Environment.objects.select_for_update().filter(pk=environment.pk).values_list("pk").first()


def read_facts(environment: Environment, *, now: datetime) -> StatusFacts:
    """What the database knows of an environment."""
    connection = (
        Connection.objects.filter(environment=environment)
        .annotate(
            has_live_run=Exists(Run.objects.filter(connection=OuterRef("pk"), finished_at__isnull=True)),
            has_open_finding=Exists(Finding.objects.filter(connection=OuterRef("pk"), closed_at__isnull=True)),
        )
        .first()
    )
    newest_plan = Plan.objects.filter(environment=environment).select_related("draft").first()
    has_pending_plan = (
        newest_plan is not None
        and newest_plan.approved_at is None
        and newest_plan.expires_at > now
        and newest_plan.draft.state == Draft.State.PLANNED
    )
    if connection is None:
        return StatusFacts(is_connectable=environment.is_connectable, has_pending_plan=has_pending_plan)
    return StatusFacts(
        is_connectable=environment.is_connectable,
        has_live_run=connection.has_live_run,
        has_open_finding=connection.has_open_finding,
        has_pending_plan=has_pending_plan,
        is_agreed=bool(connection.role_arn),
        was_disconnected=bool(connection.desired.get("is_absent")),
        is_proven=environment.verified_at is not None,
        is_confirmed=environment.confirmed_at is not None,
    )


@transaction.atomic
def refresh_status(environment: Environment, *, now: datetime) -> Status:
    """Compute the status anew from the database and store it."""
    lock_environment(environment)
    environment.refresh_from_db()
    status = compute_status(read_facts(environment, now=now))
    environment.set_status(status)
    return status
