"""Comparing what AWS holds with what was agreed: on a schedule, after each run, and when somebody asks.

Reads only. A difference is a finding until it is repaired or accepted; that AWS could not be asked is none.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef

from aws_setup import hints
from aws_setup.accounts import OpenGateway, explain_caller_failure
from aws_setup.agreements import read_agreement
from aws_setup.credentials import SandboxUnavailable
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Problem
from aws_setup.drift.differences import DRIFT, Difference, explain_differences
from aws_setup.drift.state_differences import find_differences
from aws_setup.explaining import explain_worker_error
from aws_setup.findings import close_findings, open_finding
from aws_setup.gateway.errors import AwsError
from aws_setup.leases import LeaseLost, work_under_lease
from aws_setup.models import Clock, Connection, Draft, Finding, Observation, Run
from aws_setup.names import dashed
from aws_setup.observed import ObservedState
from aws_setup.pauses import spread_out
from aws_setup.progress import tell, wait_for, wait_out
from aws_setup.status import lock_environment, refresh_status
from environments.history import CONSOLE, Actor, record

MOST_AT_A_TIME = 25
"""How many scheduled observations are under way at most, so that what a person waits for never queues behind them."""
KEPT = 3
"""How many finished observations of a connection are kept; what they found stands in findings and history."""


def request_observation(
    connection: Connection, *, actor: Actor, now: datetime, not_before: datetime | None = None
) -> Observation | None:
    """Ask a worker to compare the connection with AWS, at `not_before` at the earliest.

    None where that is under way already, a run is changing AWS, or there is nothing in AWS to compare.
    """
    if not observable().filter(pk=connection.pk).exists():
        return None
    try:
        with transaction.atomic():
            observation = Observation.objects.create(
                connection=connection, actor=actor, doing="Waiting for a worker", next_attempt_at=not_before or now
            )
    except IntegrityError:  # observation_one_live_per_connection
        return None
    if not_before is None:
        hints.send(hints.ADVANCE_OBSERVATION, observation.pk)
    return observation


def observable() -> models.QuerySet[Connection]:
    """The connections that AWS holds something for and that no run is changing."""
    live = Run.objects.filter(connection=OuterRef("pk"), finished_at__isnull=True)
    return Connection.objects.filter(~Exists(live), desired__is_absent=False).exclude(role_arn="")


def request_due_observations(*, now: datetime) -> None:
    """Ask for the scheduled observations that are due, the longest due first; a few at a time, the rest later.

    A fixed number of queries, however many connections there are. Nothing where OBSERVATION_INTERVAL_HOURS is 0.
    """
    if not settings.OBSERVATION_INTERVAL_HOURS:
        return
    room = MOST_AT_A_TIME - Observation.objects.filter(finished_at__isnull=True).count()
    if room <= 0:
        return
    under_way = Observation.objects.filter(connection=OuterRef("pk"), finished_at__isnull=True)
    due = observable().filter(~Exists(under_way), next_observation_at__lte=now).order_by("next_observation_at")
    Observation.objects.bulk_create(
        (
            Observation(connection_id=pk, actor=CONSOLE, doing="Waiting for a worker", next_attempt_at=now)
            for pk in due.values_list("pk", flat=True)[:room]
        ),
        ignore_conflicts=True,  # observation_one_live_per_connection: somebody asked for one between the two
    )


def observe_after_run(run: Run, *, now: datetime) -> None:
    """Plan the comparison that follows a run: at once where it answered differences, else when AWS has spread it."""
    connection = run.connection
    desired = DesiredState.from_json(run.plan.desired)
    if desired.is_absent:
        Connection.objects.filter(pk=connection.pk).update(next_observation_at=None)
        return
    spread_at = now + timedelta(seconds=settings.PROPAGATION_WINDOW_SECONDS)
    Connection.objects.filter(pk=connection.pk).update(next_observation_at=spread_at)
    answers_differences = run.plan.draft.purpose in (Draft.Purpose.REPAIR, Draft.Purpose.ACCEPT)
    if answers_differences or Finding.objects.filter(connection=connection, closed_at=None, code=DRIFT).exists():
        request_observation(connection, actor=Actor(run.actor), now=now)


def next_observation(connection_pk: int, *, now: datetime) -> datetime:
    """When to compare again: after the interval, give or take a tenth.

    Due at once where the schedule is off: then it is the first thing after it is switched on.
    """
    return now + spread_out(timedelta(hours=settings.OBSERVATION_INTERVAL_HOURS), key=connection_pk)


def advance_observation(pk: int, *, open_gateway: OpenGateway, clock: Clock) -> datetime | None:
    """Take an observation as far as it goes now; when to come back, or None: it is over, or another worker has it.

    Needs the reading actions of policies.provisioning_policy.
    """
    observation = (
        Observation.objects.select_related("connection__account", "connection__environment")
        .filter(pk=pk, finished_at__isnull=True)
        .first()
    )
    if observation is None or not observation.claim(clock=clock):
        return None
    return work_under_lease(
        observation,
        advance=lambda: _advance(observation, open_gateway, clock),
        fail=lambda problem: _finish_failed(observation, problem, clock),
    )


def _advance(observation: Observation, open_gateway: OpenGateway, clock: Clock) -> datetime | None:
    connection = observation.connection
    connection.refresh_from_db()
    agreed_at, agreed = connection.agreed_at, read_agreement(connection)
    if not observable().filter(pk=connection.pk).exists():
        _forget(observation)
        return None
    tell(observation, f"Comparing what account {dashed(agreed.account_id)} holds with what was agreed")
    try:
        # Roles that this one replaced are no part of what is compared.
        observed = open_gateway(connection.account).observe(replace(agreed, retire_role_names=()))
    except SandboxUnavailable as error:
        _finish_failed(observation, explain_caller_failure(error), clock)
        return None
    except AwsError as error:
        if error.is_transient and (moment := wait_out(observation, error, now=clock())):
            return moment
        _finish_failed(observation, explain_worker_error(error, caller_arn=connection.account.caller_arn), clock)
        return None
    if observed.account_id != agreed.account_id:
        _finish_failed(observation, _wrong_account(agreed, observed.account_id), clock)
        return None
    differences = find_differences(agreed, observed)
    if differences and (moment := _wait_while_spreading(observation, clock)):
        return moment
    _finish(observation, agreed, observed, differences, clock, agreed_at=agreed_at)
    return None


def _wrong_account(agreed: DesiredState, caller_account_id: str) -> Problem:
    return Problem(
        code="wrong_account",
        sentence=f"The worker now acts in account {dashed(caller_account_id)}, but the role is in "
        f"{dashed(agreed.account_id)}.",
        why="Nothing was compared: the caller's account is looked at first, every time.",
        remedy="Give the worker credentials for the role's account, then compare again.",
        command="aws sts get-caller-identity",
        fix="check_caller",
    )


def _wait_while_spreading(observation: Observation, clock: Clock) -> datetime | None:
    """When to look again, where what differs may be our own last write that AWS does not show everywhere yet."""
    now, connection = clock(), observation.connection
    if not connection.is_spreading(now=now) or connection.spread_at is None:
        return None
    what = "Something differs, and AWS may still be spreading what was written from here"
    return wait_for(observation, what, now=now, until=connection.spread_at)


@transaction.atomic
def _finish(
    observation: Observation,
    agreed: DesiredState,
    observed: ObservedState,
    differences: list[Difference],
    clock: Clock,
    *,
    agreed_at: datetime | None,
) -> None:
    """Store what was found, unless something else was agreed meanwhile: then it says nothing any more."""
    connection, now = observation.connection, clock()
    lock_environment(connection.environment)
    if not observable().filter(pk=connection.pk, agreed_at=agreed_at).exists():
        _forget(observation)
        return
    found = [difference.to_json() for difference in differences]
    state = Observation.State.DIFFERENT if differences else Observation.State.SAME
    before = _compared(connection).first()
    _end(observation, state, now, differences=found)
    role = observed.role
    if role is not None and role.role_id and not connection.role_id and role.belongs_to(agreed):
        Connection.objects.filter(pk=connection.pk, role_id="").update(role_id=role.role_id)
    Connection.objects.filter(pk=connection.pk).update(observed_at=now)
    if differences:
        _tell(observation, differences, before, now=now)
    else:
        close_findings(connection, now=now, actor=Actor(observation.actor), source=Finding.Source.OBSERVATION)
    refresh_status(connection.environment, now=now)


def _compared(connection: Connection) -> models.QuerySet[Observation]:
    """The observations that compared something, the last one first."""
    return connection.observations.filter(state__in=[Observation.State.SAME, Observation.State.DIFFERENT])


def _tell(
    observation: Observation, differences: list[Difference], before: Observation | None, *, now: datetime
) -> None:
    """Open the finding or bring it up to date. History has a line where something else differs than before."""
    connection, actor = observation.connection, Actor(observation.actor)
    problem = explain_differences(differences, name=connection.environment.name)
    was_open = Finding.objects.filter(connection=connection, code=problem.code, closed_at__isnull=True).exists()
    open_finding(connection, problem, now=now, actor=actor, source=Finding.Source.OBSERVATION)
    if was_open and before is not None and before.differences != observation.differences:
        record("finding.changed", problem.sentence, actor=actor, environment=connection.environment)


@transaction.atomic
def _finish_failed(observation: Observation, problem: Problem, clock: Clock) -> None:
    """Nothing was compared: what was found before stands, and the page says why there is nothing newer."""
    _end(observation, Observation.State.FAILED, clock(), problem=problem.to_json())


def _end(
    observation: Observation,
    state: Observation.State,
    now: datetime,
    *,
    differences: list[dict[str, object]] | None = None,
    problem: dict[str, object] | None = None,
) -> None:
    ended = observation.write(
        state=state, finished_at=now, lease_until=None, doing="", differences=differences or [], problem=problem
    )
    if not ended:
        raise LeaseLost
    connection = observation.connection
    Connection.objects.filter(pk=connection.pk).update(next_observation_at=next_observation(connection.pk, now=now))
    over = connection.observations.filter(finished_at__isnull=False)
    last = list(_compared(connection).values_list("pk", flat=True)[:1])
    over.exclude(pk__in=[*over.values_list("pk", flat=True)[:KEPT], *last]).delete()


def _forget(observation: Observation) -> None:
    """There is nothing to compare any more, or a run is changing it; the run's end asks anew."""
    Observation.objects.filter(pk=observation.pk, lease_token=observation.lease_token).delete()
