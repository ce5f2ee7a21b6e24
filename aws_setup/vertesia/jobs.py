"""What a worker asks of Vertesia for an organization, under a lease, so that it can stop and resume at every point."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from aws_setup.diagnosis import Blocked, Problem
from aws_setup.diagnosis.vertesia import explain_vertesia
from aws_setup.leases import LeaseLost, work_under_lease
from aws_setup.models import VertesiaJob
from aws_setup.vertesia.access import OpenVertesia
from aws_setup.vertesia.creating import create_environment
from aws_setup.vertesia.importing import import_organization
from aws_setup.vertesia.waiting import find_pause
from environments.history import Actor, record
from environments.vertesia.errors import VertesiaError
from environments.vertesia.protocol import Vertesia

Clock = Callable[[], datetime]
Perform = Callable[[VertesiaJob, Vertesia, Clock], None]

_PERFORM: dict[str, Perform] = {
    VertesiaJob.Kind.IMPORT: import_organization,
    VertesiaJob.Kind.CREATE: create_environment,
}


def advance_job(pk: int, *, open_vertesia: OpenVertesia, clock: Clock) -> datetime | None:
    """Take a job as far as it goes now; when to come back, or None: it is over, or another worker has it."""
    job = (
        VertesiaJob.objects.select_related("access__organization__issuer")
        .filter(pk=pk, finished_at__isnull=True)
        .first()
    )
    if job is None or not job.claim(clock=clock):
        return None
    return work_under_lease(
        job,
        advance=lambda: _advance(job, open_vertesia, clock),
        fail=lambda problem: _fail(job, problem, clock),
    )


def _advance(job: VertesiaJob, open_vertesia: OpenVertesia, clock: Clock) -> datetime | None:
    try:
        _PERFORM[job.kind](job, open_vertesia(job.access), clock)
    except Blocked as blocked:
        _fail(job, blocked.problem, clock)
    except VertesiaError as error:
        pause = find_pause(error, since=job.waiting_since, now=clock())
        if pause is None:
            _fail(job, explain_vertesia(error), clock)
            return None
        if not job.wait_until(pause.until, doing=pause.doing, waiting_since=pause.since):
            raise LeaseLost from error
        return pause.until
    return None


@transaction.atomic
def _fail(job: VertesiaJob, problem: Problem, clock: Clock) -> None:
    ended = job.write(
        state=VertesiaJob.State.FAILED, finished_at=clock(), lease_until=None, doing="", problem=problem.to_json()
    )
    if not ended:
        raise LeaseLost
    record(
        f"vertesia.{job.kind}_failed",
        problem.sentence,
        actor=Actor(job.actor),
        organization=job.access.organization,
        data={"code": problem.code},
    )
