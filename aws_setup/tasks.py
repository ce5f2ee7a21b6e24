"""Celery: one id in, one service call. Each may run twice; what is due stands in the database.

But for the breakages and failures of the sandbox, which stand in their message alone.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps

from celery import shared_task
from django.db.models import F, Q
from django.utils import timezone

from aws_setup import accounts, hints, planning, provisioning, verification
from aws_setup.drift import observing
from aws_setup.interruptions import INTERRUPTIONS
from aws_setup.lab import breakages, faults
from aws_setup.models import Delivery, Draft, Observation, Plan, Run, Verification, VertesiaJob, WorkerCaller
from aws_setup.moves import migration
from aws_setup.notices import outbox, sending
from aws_setup.proofs.retention import forget_old_proofs
from aws_setup.proofs.schedule import request_due_verifications
from aws_setup.status import refresh_status
from aws_setup.vertesia import jobs
from aws_setup.wiring import SESSIONS, find_sandbox_url, open_gateway, open_vertesia
from environments.history import Actor
from environments.models import Environment, Status

PLAN_AGAIN_SECONDS = 2
"""How soon a plan is tried again where AWS was busy."""

logger = logging.getLogger(__name__)


def _left_to_the_sweep(task: Callable[[int], None]) -> Callable[[int], None]:
    """An interruption ends the message, not the work: what it was about is due again, and the next sweep finds it."""

    @wraps(task)
    def run(pk: int) -> None:
        try:
            task(pk)
        except INTERRUPTIONS as error:
            logger.warning("%s of %s was interrupted; the next sweep takes it up: %r", task.__name__, pk, error)

    return run


@shared_task(name=hints.ADVANCE_RUN)
@_left_to_the_sweep
def advance_run(run_pk: int) -> None:
    """Take a run as far as it goes now, and come back when it is due again."""
    due = provisioning.advance_run(run_pk, open_gateway=open_gateway, open_vertesia=open_vertesia, clock=timezone.now)
    _come_back(hints.ADVANCE_RUN, run_pk, due)


@shared_task(name=hints.ADVANCE_VERIFICATION)
@_left_to_the_sweep
def advance_verification(proof_pk: int) -> None:
    """Take a verification as far as it goes now, and come back when it is due again."""
    due = verification.advance_verification(
        proof_pk, open_gateway=open_gateway, open_vertesia=open_vertesia, clock=timezone.now
    )
    _come_back(hints.ADVANCE_VERIFICATION, proof_pk, due)


@shared_task(name=hints.ADVANCE_OBSERVATION)
@_left_to_the_sweep
def advance_observation(pk: int) -> None:
    """Compare a connection with AWS as far as that goes now, and come back when it is due again."""
    due = observing.advance_observation(pk, open_gateway=open_gateway, clock=timezone.now)
    _come_back(hints.ADVANCE_OBSERVATION, pk, due)


@shared_task(name=hints.ADVANCE_VERTESIA_JOB)
@_left_to_the_sweep
def advance_vertesia_job(pk: int) -> None:
    """Ask Vertesia what a job is about, as far as that goes now, and come back when it is due again."""
    due = jobs.advance_job(pk, open_vertesia=open_vertesia, clock=timezone.now)
    _come_back(hints.ADVANCE_VERTESIA_JOB, pk, due)


@shared_task(name=hints.MAKE_PLAN)
@_left_to_the_sweep
def make_plan(draft_pk: int) -> None:
    """Look at AWS and store the plan of a draft that waits for one."""
    planning.make_plan(draft_pk, open_gateway=open_gateway, now=timezone.now())
    if Draft.objects.filter(pk=draft_pk, state=Draft.State.PLANNING).exists():
        hints.send(hints.MAKE_PLAN, draft_pk, countdown=PLAN_AGAIN_SECONDS)


@shared_task(name=hints.CHECK_CALLERS)
def check_callers() -> None:
    """Ask AWS who the worker is, reading its credentials anew."""
    SESSIONS.forget()
    accounts.check_callers(open_gateway, now=timezone.now())


@shared_task(name=hints.BREAK_SANDBOX)
def break_sandbox(kind: str, connection_pk: int, actor: str) -> None:
    """Break the sandbox in one way and verify what it concerns."""
    breakages.break_sandbox(
        kind,
        connection_pk=connection_pk,
        actor=Actor(actor),
        sandbox_url=find_sandbox_url(),
        now=timezone.now(),
    )


@shared_task(name=hints.FAIL_SANDBOX)
def fail_sandbox(failure: str, call: str, account_id: str, times: int, actor: str) -> None:
    """Tell the sandbox to fail in one way, or to stop failing."""
    faults.tell_fault(
        failure,
        call=call,
        account_id=account_id,
        times=times,
        actor=Actor(actor),
        sandbox_url=find_sandbox_url(),
    )


@shared_task(name=hints.DELIVER)
@_left_to_the_sweep
def deliver(delivery_pk: int) -> None:
    """Try to deliver a message. A later try is the sweep's: an hour is no time for a message to wait in the broker."""
    sending.deliver(delivery_pk, clock=timezone.now)


@shared_task(name="aws_setup.tasks.sweep")
def sweep() -> None:
    """Take up whatever is due and nobody told a worker about: lost messages, dead workers, ended leases."""
    now = timezone.now()
    for run in Run.due(now):
        hints.send(hints.ADVANCE_RUN, run.pk)
    request_due_verifications(now=now)
    for proof in Verification.due(now).filter(run__isnull=True):
        hints.send(hints.ADVANCE_VERIFICATION, proof.pk)
    observing.request_due_observations(now=now)
    for observation_pk in Observation.due(now).values_list("pk", flat=True):
        hints.send(hints.ADVANCE_OBSERVATION, observation_pk)
    for job_pk in VertesiaJob.due(now).values_list("pk", flat=True):
        hints.send(hints.ADVANCE_VERTESIA_JOB, job_pk)
    for draft in Draft.objects.filter(state=Draft.State.PLANNING):
        hints.send(hints.MAKE_PLAN, draft.pk)
    unanswered = Q(checked_at__isnull=True) | Q(checked_at__lt=F("check_requested_at"))
    if WorkerCaller.objects.filter(unanswered, check_requested_at__isnull=False).exists():
        hints.send(hints.CHECK_CALLERS)
    outbox.close_window(now=now)
    for delivery_pk in Delivery.due(now).values_list("pk", flat=True):
        hints.send(hints.DELIVER, delivery_pk)
    migration.finish_migrations(now=now)
    Environment.objects.note_old_proofs(now=now)
    forget_old_proofs(now=now)
    for plan in Plan.objects.filter(
        approved_at__isnull=True, expires_at__lte=now, environment__status=Status.WAITING_FOR_APPROVAL
    ).select_related("environment"):
        refresh_status(plan.environment, now=now)


def _come_back(task: str, pk: int, due: datetime | None) -> None:
    if due is not None:
        hints.send(task, pk, countdown=max(0.0, (due - timezone.now()).total_seconds()))
