"""What a person says they saw in Vertesia Studio, where only Vertesia can sign and nothing can be proven from here."""

from datetime import datetime

from django.db import transaction

from aws_setup.models import Connection, Verification
from aws_setup.status import lock_environment, refresh_status
from aws_setup.verification import request_verification
from aws_setup.waiting_runs import finish_waiting_run
from environments.history import Actor, record
from environments.models import Environment, Issuer, Status


@transaction.atomic
def confirm_connection(connection: Connection, *, actor: Actor, now: datetime) -> bool:
    """A person saw the models in Studio: recorded, and what was to be removed only after that may go now.

    False where there is nothing to confirm; see confirm_models.
    """
    if not confirm_models(connection, actor=actor, now=now):
        return False
    finish_waiting_run(connection, actor=actor, now=now)
    return True


@transaction.atomic
def confirm_models(connection: Connection, *, actor: Actor, now: datetime) -> bool:
    """A person saw the models in Vertesia Studio. Recorded as confirmed by them, never as proven.

    False where there is nothing to confirm: no role of ours, a set-up under way, or tokens that are signed here, so
    that the console can prove it itself.
    """
    environment = connection.environment
    lock_environment(environment)
    confirmable = Environment.objects.filter(
        pk=environment.pk, organization__issuer__hosting=Issuer.Hosting.VERTESIA, connection__agreed_at__isnull=False
    ).exclude(connection__role_arn="")
    if connection.runs.filter(finished_at__isnull=True).exists():
        return False
    if not confirmable.update(confirmed_at=now, confirmed_by=actor):
        return False
    record("models.confirmed", f"{actor} saw the models in Vertesia Studio.", actor=actor, environment=environment)
    refresh_status(environment, now=now)
    return True


@transaction.atomic
def deny_models(connection: Connection, *, actor: Actor, now: datetime) -> Verification | None:
    """A person saw no models in Studio: forget an earlier confirmation and check what can be checked from here."""
    environment = connection.environment
    record("models.denied", f"{actor} saw no models in Vertesia Studio.", actor=actor, environment=environment)
    environment.refresh_from_db()
    if environment.confirmed_at:
        environment.set_status(Status.WAITING_FOR_VERTESIA, confirmed_at=None, confirmed_by="")
    refresh_status(environment, now=now)
    return request_verification(connection, actor=actor, now=now)
