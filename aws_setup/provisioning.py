"""Applying an approved plan, action by action, then proving that it works. Resumable at every point.

Nothing here sleeps: waiting is `next_attempt_at` in the database. No call to AWS happens inside a transaction.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from aws_setup import verification
from aws_setup.accounts import OpenGateway, explain_caller_failure
from aws_setup.credentials import SandboxUnavailable
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.diagnosis.vertesia import explain_vertesia
from aws_setup.drift import observing
from aws_setup.explaining import explain_worker_error
from aws_setup.findings import close_findings, open_finding
from aws_setup.gateway.errors import AwsBusy, AwsError
from aws_setup.gateway.protocol import Gateway
from aws_setup.holdings import ids_of, note_held
from aws_setup.leases import LeaseLost, ResourceBusy, hold, work_under_lease
from aws_setup.models import Clock, Finding, Run, Step, Verification
from aws_setup.plans.actions import Action, find_unapproved, writes
from aws_setup.plans.plan import build_plan
from aws_setup.progress import come_back, tell, wait_out
from aws_setup.proofs.schedule import plan_after_run
from aws_setup.status import refresh_status
from aws_setup.steps import perform, reopen, resources_written
from aws_setup.vertesia.access import OpenVertesia, access_of
from aws_setup.vertesia.handing_over import STILL_HELD, record_written, write_api_key
from aws_setup.vertesia.waiting import find_pause
from environments.history import Actor, record
from environments.models import Environment
from environments.vertesia.errors import VertesiaError

A_MOMENT = timedelta(seconds=1)
TAKES_FROM_PROVIDER = ("DeleteOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider")


def advance_run(
    run_pk: int, *, open_gateway: OpenGateway, clock: Clock, open_vertesia: OpenVertesia | None = None
) -> datetime | None:
    """Take a run as far as it goes now. Returns when to come back, or None where it is over or not ours to take.

    Where the organization has a Vertesia API key, `open_vertesia` tells Vertesia the role and asks for the proof.
    Needs the actions of policies.provisioning_policy. May run twice: the lease lets one worker in at a time.
    """
    run = Run.objects.select_related("plan", "connection__account").filter(pk=run_pk).first()
    if run is None or not run.claim(clock=clock):
        return None
    return work_under_lease(
        run,
        advance=lambda: _open_and_advance(run, open_gateway, open_vertesia, clock),
        fail=lambda problem: _fail(run, problem, clock=clock),
    )


def _open_and_advance(
    run: Run, open_gateway: OpenGateway, open_vertesia: OpenVertesia | None, clock: Clock
) -> datetime | None:
    try:
        gateway = open_gateway(run.connection.account)
    except SandboxUnavailable as error:
        _fail(run, explain_caller_failure(error), clock=clock)
        return None
    try:
        return _advance(run, gateway, open_vertesia, clock)
    finally:
        _add_calls(run, gateway)


def _advance(run: Run, gateway: Gateway, open_vertesia: OpenVertesia | None, clock: Clock) -> datetime | None:
    if run.state == Run.State.APPLYING:
        if (pause := _apply(run, gateway, clock, after_proof=False)) or run.is_finished:
            return pause
        _leave_aws(run)
    if run.state == Run.State.HANDING_OVER and (pause := _hand_over(run, open_vertesia, clock)):
        return pause
    if run.state == Run.State.VERIFYING and (pause := _prove(run, gateway, open_vertesia, clock)):
        return pause
    if run.state == Run.State.FINISHING:
        if (pause := _apply(run, gateway, clock, after_proof=True)) or run.is_finished:
            return pause
        _succeed(run, clock=clock)
    return None


def _apply(run: Run, gateway: Gateway, clock: Clock, *, after_proof: bool) -> datetime | None:
    """Perform the pending steps of this phase. Returns when to come back, or None: all done, or the run has failed.

    What was done and is undone since is done again before the proof: it was approved. After it nothing is removed.
    """
    steps = list(run.steps.filter(after_proof=after_proof))
    if all(step.state == Step.State.DONE for step in steps):
        return None
    desired = DesiredState.from_json(run.plan.desired)
    try:
        with hold(resources_written(steps), now=clock()) as held:
            tell(run, f"Reading what account {run.connection.account.dashed_id} holds now")
            observed = gateway.observe(desired)
            planned = build_plan(desired, observed)
            current = writes(planned)
            approved = [Action.from_json(step.action) for step in run.steps.all()]
            if unapproved := find_unapproved(planned, approved=approved):
                _wait_while_settling(run, clock)
                raise Blocked(_plan_outdated(unapproved))
            if after_proof and (undone := [action for action in current if not action.after_proof]):
                _wait_while_settling(run, clock)
                raise Blocked(_undone_since_proof(undone))
            if not desired.is_absent:
                note_held(run, ids_of(observed, desired))
            elif observed.provider is None:
                note_held(run, {"provider_arn": ""})
            _let_others_finish(run, current)
            still_to_do = {action.key for action in current}
            for step in reopen(steps, still_to_do=still_to_do):
                held.renew(now=clock())
                perform(run, step, gateway, clock, is_still_to_do=Action.from_json(step.action).key in still_to_do)
    except ResourceBusy as error:
        doing = f"Another set-up is writing to {error.resource}; waiting for it"
        return come_back(run, clock() + A_MOMENT, doing)
    except Blocked as error:
        _fail(run, error.problem, clock=clock)
    except AwsError as error:
        may_pass = error.is_transient or error.is_already_there or (error.may_be_late and _is_settling(run, clock))
        if may_pass and (moment := wait_out(run, error, now=clock())):
            return moment
        _fail(run, explain_worker_error(error, caller_arn=run.connection.account.caller_arn), clock=clock)
    return None


def _is_settling(run: Run, clock: Clock) -> bool:
    """Whether this run wrote so lately that IAM may not show it everywhere yet: what it then lacks is not news."""
    has_written = (
        run.steps.filter(state__in=[Step.State.DONE, Step.State.RUNNING]).exclude(outcome="unchanged").exists()
    )
    return has_written and run.connection.is_spreading(now=clock())


def _wait_while_settling(run: Run, clock: Clock) -> None:
    """Raise AwsBusy where what AWS shows may be from before this run's own writes."""
    if _is_settling(run, clock):
        raise AwsBusy("AWS does not show yet what was written.", operation="iam:GetRole", code="NotYetVisible")


def _let_others_finish(run: Run, current: list[Action]) -> None:
    """Raise ResourceBusy where a provider is to go that another run is about to use: its role does not count yet."""
    going = [action.resource for action in current if action.action in TAKES_FROM_PROVIDER]
    others = Run.objects.filter(finished_at__isnull=True, plan__account=run.plan.account).exclude(pk=run.pk)
    for other in others.select_related("plan") if going else ():
        desired = DesiredState.from_json(other.plan.desired)
        if not desired.is_absent and {desired.provider_arn, *desired.other_provider_arns} & set(going):
            raise ResourceBusy(going[0])


@transaction.atomic
def _leave_aws(run: Run) -> None:
    """AWS holds what was agreed: the environment gets its region, and Vertesia is told."""
    desired = DesiredState.from_json(run.plan.desired)
    if desired.is_absent:
        note_held(run, {"role_arn": "", "role_id": ""})
        if not run.write(state=Run.State.FINISHING):
            raise LeaseLost
        return
    Environment.objects.filter(pk=run.plan.environment_id).update(endpoint_url=desired.region)
    if not run.write(state=Run.State.HANDING_OVER, doing="Telling Vertesia", waiting_since=None):
        raise LeaseLost


def _hand_over(run: Run, open_vertesia: OpenVertesia | None, clock: Clock) -> datetime | None:
    """Tell Vertesia the role's ARN and the region, where it can be told; then the proof begins.

    Where it cannot be, the run waits for Vertesia: AWS is right, and the ARN is known.
    """
    environment = Environment.objects.select_related("organization").get(pk=run.plan.environment_id)
    access = access_of(environment.organization) if open_vertesia else None
    if open_vertesia is None or access is None:
        _start_proving(run, clock=clock)
        return None
    role_arn, region = run.connection.role_arn, DesiredState.from_json(run.plan.desired).region
    tell(run, f"Telling Vertesia that {environment.name} uses {role_arn}")
    try:
        write_api_key(environment, open_vertesia(access), role_arn=role_arn, region=region)
    except Blocked as blocked:
        _leave_to_vertesia(run, blocked.problem, clock)
    except VertesiaError as error:
        pause = find_pause(error, since=run.waiting_since, now=clock())
        if pause is None:
            _leave_to_vertesia(run, explain_vertesia(error), clock)
            return None
        if not run.wait_until(pause.until, doing=pause.doing, waiting_since=pause.since):
            raise LeaseLost from error
        return pause.until
    else:
        with transaction.atomic():
            record_written(environment, role_arn=role_arn, region=region, actor=Actor(run.actor))
            _start_proving(run, clock=clock)
    return None


@transaction.atomic
def _leave_to_vertesia(run: Run, problem: Problem, clock: Clock) -> None:
    """AWS holds what was agreed, and Vertesia could not be told: for this reason, not for ever."""
    if not run.write(problem=problem.to_json()):
        raise LeaseLost
    said = f"AWS holds what was agreed, and Vertesia was not told. {problem.sentence}"
    _end(run, Run.State.WAITING_FOR_VERTESIA, said, clock)


@transaction.atomic
def _start_proving(run: Run, *, clock: Clock) -> None:
    if not run.write(state=Run.State.VERIFYING, doing="Proving that the role works", waiting_since=None):
        raise LeaseLost
    _make_proof(run, now=clock())


def _make_proof(run: Run, *, now: datetime) -> None:
    """The run's proof, of isolation too. One that somebody asked for and that is not over becomes it, out of its
    worker's hands.
    """
    asked = Verification.objects.filter(connection=run.connection, finished_at__isnull=True)
    ours = {
        "run": run,
        "lease_token": None,
        "lease_until": None,
        "next_attempt_at": now,
        "waiting_since": None,
        "with_isolation": True,
    }
    if asked.update(**ours):
        return
    try:
        with transaction.atomic():
            Verification.objects.create(
                connection=run.connection,
                run=run,
                actor=run.actor,
                doing="Waiting for a worker",
                next_attempt_at=now,
                with_isolation=True,
            )
    except IntegrityError:  # verification_one_live_per_connection: somebody asked for one between the two
        asked.update(**ours)


def _prove(run: Run, gateway: Gateway, open_vertesia: OpenVertesia | None, clock: Clock) -> datetime | None:
    """Advance the run's verification. None: it is over, and the run's state says how it goes on."""
    proof = run.verifications.all()[0]  # the last one: a run that waited for Vertesia may have an earlier one
    if not proof.is_finished:
        pause = verification.advance(proof, gateway=gateway, clock=clock, open_vertesia=open_vertesia)
        if pause:
            return come_back(run, pause, proof.doing)
        proof.refresh_from_db()
    if not proof.is_finished:  # its lease is another worker's, lost or not: it ends by itself
        return come_back(run, clock() + A_MOMENT, proof.doing)
    if proof.state == Verification.State.PROVEN:
        if not run.write(state=Run.State.FINISHING):
            raise LeaseLost
    elif proof.state == Verification.State.NOT_PROVABLE:
        _end(run, Run.State.WAITING_FOR_VERTESIA, "AWS holds what was agreed. Vertesia has to show the rest.", clock)
    else:
        _fail(run, Problem.from_json(proof.problem or {}), clock=clock)
    return None


def _plan_outdated(unapproved: list[Action]) -> Problem:
    return Problem(
        code="plan_outdated",
        sentence="AWS has changed since this plan was approved.",
        why="Not part of what was approved: " + "; ".join(action.summary for action in unapproved),
        remedy="Make a new plan and look at it: nothing is written that nobody agreed to.",
        fix="plan",
    )


def _undone_since_proof(undone: list[Action]) -> Problem:
    return Problem(
        code="plan_outdated",
        sentence="AWS no longer holds what was proven, so nothing was removed.",
        why="Changed by somebody else since: to put it back, the console would "
        + "; ".join(action.summary[0].lower() + action.summary[1:] for action in undone),
        remedy="Make a new plan: it puts back what was agreed, proves it, and then removes what it replaces.",
        fix="plan",
    )


@transaction.atomic
def _succeed(run: Run, *, clock: Clock) -> None:
    desired = DesiredState.from_json(run.plan.desired)
    close_findings(run.connection, now=clock(), actor=Actor(run.actor))
    if desired.is_absent:
        for source in (Finding.Source.OBSERVATION, Finding.Source.ISOLATION):
            close_findings(run.connection, now=clock(), actor=Actor(run.actor), source=source)
        done = "Disconnected: the role is gone."
        if desired.is_adopted:
            done = f"Disconnected: role {desired.role_name} was given back to whoever made it."
        if access_of(run.plan.environment.organization) is not None:
            done = f"{done} {STILL_HELD}"
    elif Environment.objects.filter(pk=run.plan.environment_id, verified_at__isnull=False).exists():
        done = "Connected and proven."
    else:
        done = "Connected, as a person confirmed; what it replaces is gone."
    _end(run, Run.State.SUCCEEDED, done, clock)


@transaction.atomic
def _fail(run: Run, problem: Problem, *, clock: Clock) -> None:
    now = clock()
    run.steps.filter(state=Step.State.RUNNING).update(state=Step.State.FAILED, finished_at=now)
    if not run.write(problem=problem.to_json()):
        raise LeaseLost
    run.verifications.filter(finished_at__isnull=True).update(
        state=Verification.State.FAILED, finished_at=now, lease_token=None, lease_until=None, problem=problem.to_json()
    )
    open_finding(run.connection, problem, now=now, actor=Actor(run.actor))
    _end(run, Run.State.FAILED, problem.sentence, clock)


@transaction.atomic
def _end(run: Run, state: Run.State, sentence: str, clock: Clock) -> None:
    now = clock()
    if not run.write(state=state, finished_at=now, lease_until=None, doing=sentence[:300]):
        raise LeaseLost
    record(
        f"run.{state}",
        sentence,
        actor=Actor(run.actor),
        environment=run.plan.environment,
        data={"fingerprint": run.plan.fingerprint},
    )
    observing.observe_after_run(run, now=now)
    plan_after_run(run, now=now)
    refresh_status(run.plan.environment, now=now)


def _add_calls(run: Run, gateway: Gateway) -> None:
    Run.objects.filter(pk=run.pk).update(
        aws_calls=run.aws_calls + gateway.calls, aws_seconds=run.aws_seconds + gateway.seconds
    )
