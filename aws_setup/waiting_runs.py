"""Runs that ended as waiting for Vertesia, once it is known that Vertesia can use the role."""

from datetime import datetime

from aws_setup import hints
from aws_setup.models import Connection, Run, Step
from environments.history import Actor


def finish_waiting_run(connection: Connection, *, actor: Actor, now: datetime) -> None:
    """What was to be removed only after a proof may go now: the last run goes on where it has such steps left."""
    run = connection.runs.first()
    if (
        run is None
        or run.state != Run.State.WAITING_FOR_VERTESIA
        or not run.steps.filter(after_proof=True).exclude(state=Step.State.DONE).exists()
    ):
        return
    resumed = Run.objects.filter(pk=run.pk, state=Run.State.WAITING_FOR_VERTESIA).update(
        state=Run.State.FINISHING, finished_at=None, next_attempt_at=now, problem=None, actor=actor
    )
    if resumed:
        hints.send(hints.ADVANCE_RUN, run.pk)
