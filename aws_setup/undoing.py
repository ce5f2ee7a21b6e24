"""What a run that failed leaves to be undone: whether it may be, and what was agreed before it."""

from django.db.models import Q, QuerySet

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Problem
from aws_setup.models import Connection, Run, Step


def can_be_undone(run: Run) -> bool:
    """Whether this run failed, wrote something, and nothing was agreed or done since."""
    if run.state != Run.State.FAILED or run.connection.runs.first() != run:
        return False
    return run.steps.exclude(outcome__in=["", "unchanged"]).exists()


def find_agreed_before(run: Run) -> DesiredState | None:
    """What this run's agreement took the place of: the last one that was carried out; None where that was nothing."""
    last = _carried_out(run.connection).filter(pk__lt=run.pk).order_by("-pk").first()
    before = DesiredState.from_json(last.plan.desired) if last else None
    return None if before is None or before.is_absent else before


def _carried_out(connection: Connection) -> QuerySet[Run]:
    states = [Run.State.SUCCEEDED, Run.State.WAITING_FOR_VERTESIA]
    return connection.runs.filter(state__in=states).select_related("plan")


def made_provider(connection: Connection) -> bool:
    """Whether a run of this set-up, which never came to an end, made the identity provider or put the audience on it.

    Each try at it counts: the first may have made it, and the last one stopped later.
    """
    last = _carried_out(connection).order_by("-pk").first()
    tries = connection.runs.filter(pk__gt=last.pk) if last else connection.runs.all()
    made = Step.objects.filter(run__in=tries).filter(
        Q(action__action="CreateOpenIDConnectProvider", outcome="created")
        | Q(action__action="AddClientIDToOpenIDConnectProvider", outcome="updated")
    )
    return made.exists()


def nothing_to_undo() -> Problem:
    return Problem(
        code="nothing_to_undo",
        sentence="There is nothing of that run to undo any more.",
        why="It wrote nothing, did not fail, or another run of this environment came after it.",
        remedy="Look at the environment: it shows how it stands now, and what can be done.",
    )
