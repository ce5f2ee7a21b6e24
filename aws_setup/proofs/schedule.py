"""When each connection is proven anew: on a schedule of its own, sooner after a failure; and how its days went.

A scheduled proof needs no AWS secret where the built-in issuer signs: STS takes the token unsigned, and what is listed
is listed with what STS lends. What only the worker could read is then skipped. Where only Vertesia can sign, the look
needs the worker's reading rights, and it is never proof.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from aws_setup.drift.observing import observable
from aws_setup.models import Connection, Finding, ProofDay, Run, Verification
from aws_setup.pauses import back_off, spread_out
from aws_setup.proof_days import DayCount
from environments.history import CONSOLE, Actor, record

MOST_AT_A_TIME = 25
"""How many verifications outside of runs are under way at most when a scheduled one begins, so that what a person waits
for never queues behind thousands."""

SAYS_NOTHING = ("agreement_changed", "not_connected")
"""Codes of Problems that say nothing about whether the connection works."""


def interval_hours(connection: Connection) -> int:
    """The hours between scheduled verifications of this connection; 0: only when somebody asks."""
    every = connection.verify_every_hours
    return settings.VERIFICATION_INTERVAL_HOURS if every is None else every


def next_verification(connection: Connection, *, now: datetime, failures: int) -> datetime:
    """When to prove again: after the interval, give or take a tenth; after failures as `pauses.back_off` says.

    Due at once where the schedule is off: then it is the first thing after it is switched on.
    """
    if failures:
        return now + back_off(failures)
    return now + spread_out(timedelta(hours=interval_hours(connection)), key=connection.pk)


def request_due_verifications(*, now: datetime) -> None:
    """Ask for the scheduled verifications that are due, the longest due first; a few at a time, the rest later.

    A fixed number of queries, however many connections there are.
    """
    under_way = Verification.objects.filter(finished_at__isnull=True)
    room = MOST_AT_A_TIME - under_way.filter(run__isnull=True).count()
    if room <= 0:
        return
    lets_others_in = Finding.objects.filter(
        connection=OuterRef("pk"), source=Finding.Source.ISOLATION, closed_at__isnull=True
    )
    due = (
        observable()
        .filter(~Exists(under_way.filter(connection=OuterRef("pk"))), next_verification_at__lte=now)
        .exclude(verify_every_hours=0)
        .annotate(with_isolation=Exists(lets_others_in))
        .order_by("next_verification_at")
    )
    if not settings.VERIFICATION_INTERVAL_HOURS:
        due = due.filter(verify_every_hours__isnull=False)
    Verification.objects.bulk_create(
        (
            Verification(
                connection_id=pk,
                actor=CONSOLE,
                doing="Waiting for a worker",
                next_attempt_at=now,
                with_isolation=with_isolation,
            )
            for pk, with_isolation in due.values_list("pk", "with_isolation")[:room]
        ),
        ignore_conflicts=True,  # verification_one_live_per_connection: somebody asked for one between the two
    )


def note_end(proof: Verification, *, now: datetime) -> None:
    """Count a verification that is over on its day, and plan the next one; in the transaction that ends it."""
    if (proof.problem or {}).get("code") in SAYS_NOTHING:
        return
    connection = Connection.objects.get(pk=proof.connection_id)
    failures = 0
    if proof.state == Verification.State.FAILED:
        failures = 1 if proof.run_id else connection.failures_in_a_row + 1
    Connection.objects.filter(pk=connection.pk).update(
        failures_in_a_row=failures, next_verification_at=next_verification(connection, now=now, failures=failures)
    )
    ProofDay.objects.update_or_create(
        connection=connection,
        day=now.date(),
        defaults={proof.state: F(proof.state) + 1},
        create_defaults={proof.state: 1},
    )


def plan_after_run(run: Run, *, now: datetime) -> None:
    """What a run leaves to be proven: nothing where it disconnected; soon, where it came to no proof of its own."""
    connections = Connection.objects.filter(pk=run.connection_id)
    if run.plan.desired.get("is_absent") and run.state == Run.State.SUCCEEDED:
        connections.update(next_verification_at=None, failures_in_a_row=0)
    else:
        connections.filter(next_verification_at__isnull=True).update(next_verification_at=now + back_off(1))


@transaction.atomic
def change_interval(connection: Connection, *, every_hours: int | None, actor: Actor, now: datetime) -> bool:
    """Prove this connection every so many hours from now on; None: as the settings say, 0: only on request.

    The next proof is due that long after the last one. False where it is so already.
    """
    others = Connection.objects.filter(pk=connection.pk).exclude(verify_every_hours=every_hours)
    if not others.update(verify_every_hours=every_hours):
        return False
    connection.verify_every_hours = every_hours
    last = connection.verifications.filter(finished_at__isnull=False).first()
    if last is not None and not connection.failures_in_a_row:
        due = next_verification(connection, now=last.finished_at or now, failures=0)
        Connection.objects.filter(pk=connection.pk, failures_in_a_row=0).exclude(next_verification_at=None).update(
            next_verification_at=max(now, due)
        )
    record(
        "schedule.changed",
        f"To be proven {describe_interval(every_hours)}.",
        actor=actor,
        environment=connection.environment,
    )
    return True


def describe_interval(every_hours: int | None) -> str:
    """As it stands behind "to be proven": `every 6 hours`, `only on request`, `every 6 hours (default)`."""
    if every_hours is None:
        return f"{describe_interval(settings.VERIFICATION_INTERVAL_HOURS)} (default)"
    if every_hours == 0:
        return "only on request"
    return "every hour" if every_hours == 1 else f"every {every_hours} hours"


def read_days(connection: Connection, *, since: date) -> Mapping[date, DayCount]:
    """How the verifications of each day since then went; days without one are missing."""
    rows = connection.proof_days.filter(day__gte=since).values_list("day", "proven", "failed", "not_provable")
    return {day: DayCount(proven, failed, not_provable) for day, proven, failed, not_provable in rows}
