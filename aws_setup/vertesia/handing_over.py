"""Telling Vertesia which role an environment uses: the role's ARN as its API key, the region as its endpoint URL."""

from datetime import datetime

from django.db import IntegrityError, transaction

from aws_setup import hints
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.diagnosis.vertesia import explain_environment_gone, explain_vertesia
from aws_setup.models import Connection, Run
from aws_setup.status import lock_environment, refresh_status
from aws_setup.vertesia.access import access_of
from environments.history import Actor, record
from environments.models import Environment
from environments.vertesia.errors import NotFound, VertesiaError
from environments.vertesia.protocol import Vertesia
from environments.vertesia.requests import NotARoleArn, UpdateEnvironment

STILL_HELD = "Vertesia Studio still holds the role's ARN as this environment's API key; nobody can use it any more."


def write_api_key(environment: Environment, vertesia: Vertesia, *, role_arn: str, region: str) -> None:
    """Write these two fields and no other: safe to do twice. Takes environment:admin there.

    Raises VertesiaError where it may mend itself, and Blocked with the cause where it will not.
    """
    try:
        changes = UpdateEnvironment(api_key=role_arn, endpoint_url=region)
    except NotARoleArn as error:
        raise Blocked(_unusual_arn(role_arn, str(error))) from error
    try:
        vertesia.update_environment(environment.environment_id, changes)
    except NotFound as error:
        raise Blocked(explain_environment_gone(environment.name, environment.environment_id)) from error
    except VertesiaError as error:
        if error.is_transient:
            raise
        raise Blocked(explain_vertesia(error)) from error


def _unusual_arn(role_arn: str, sentence: str) -> Problem:
    return Problem(
        code="vertesia_api_key_refused_here",
        sentence=f"{role_arn} was not written to Vertesia.",
        why=sentence,
        remedy="Set it as the environment's API key in Vertesia Studio.",
    )


def record_written(environment: Environment, *, role_arn: str, region: str, actor: Actor) -> None:
    """The line of history that Vertesia took both."""
    record(
        "vertesia.api_key_written",
        f"Told Vertesia that {environment.name} uses {role_arn} in {region}.",
        actor=actor,
        environment=environment,
        data={"api_key": role_arn, "endpoint_url": region},
    )


def can_be_told_again(connection: Connection) -> bool:
    """Whether the last run left it to Vertesia, and there is a key to tell Vertesia with."""
    last = connection.runs.first()
    is_waiting = last is not None and last.state == Run.State.WAITING_FOR_VERTESIA
    return is_waiting and bool(connection.role_arn) and access_of(connection.environment.organization) is not None


@transaction.atomic
def tell_vertesia_again(connection: Connection, *, actor: Actor, now: datetime) -> Run | None:
    """Let the run that waits for Vertesia go on from telling it; None where none does, or there is no key."""
    environment = connection.environment
    lock_environment(environment)
    run = connection.runs.first()
    if run is None or not can_be_told_again(connection):
        return None
    try:
        with transaction.atomic():
            resumed = Run.objects.filter(pk=run.pk, state=Run.State.WAITING_FOR_VERTESIA).update(
                state=Run.State.HANDING_OVER,
                finished_at=None,
                waiting_since=None,
                problem=None,
                doing="Waiting for a worker",
                next_attempt_at=now,
                attempts=0,
                actor=actor,
            )
    except IntegrityError:  # run_one_live_per_connection
        return None
    if not resumed:
        return None
    refresh_status(environment, now=now)
    hints.send(hints.ADVANCE_RUN, run.pk)
    run.refresh_from_db()
    return run
