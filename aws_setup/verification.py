"""Proving that Vertesia can use the role: a token exchanged at STS, the identity compared, the models listed.

Nothing is green by assumption. What cannot be proven from here says so, and why.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from aws_setup import hints
from aws_setup.accounts import OpenGateway, explain_caller_failure
from aws_setup.agreements import read_agreement
from aws_setup.credentials import SandboxUnavailable
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.diagnosis.vertesia import explain_vertesia
from aws_setup.drift import observing
from aws_setup.drift.differences import DRIFT
from aws_setup.explaining import explain_worker_error
from aws_setup.findings import close_findings, open_finding
from aws_setup.gateway.protocol import Gateway
from aws_setup.leases import LeaseLost, work_under_lease
from aws_setup.listing import PredictedModel
from aws_setup.models import Clock, Connection, Finding, Verification, VertesiaAccess
from aws_setup.pauses import GIVE_UP_AFTER
from aws_setup.progress import tell, wait_for
from aws_setup.proofs.asking import RUNG, Asked, Asking, WaitForVertesia, look_only
from aws_setup.proofs.attempt import Attempt, WaitForAws, Wanted
from aws_setup.proofs.ladder import Ladder
from aws_setup.proofs.looking import Look, look
from aws_setup.proofs.schedule import note_end
from aws_setup.status import lock_environment, refresh_status
from aws_setup.stored_listings import find_or_store_listing
from aws_setup.vertesia.access import OpenVertesia, access_of
from aws_setup.waiting_runs import finish_waiting_run
from environments.history import CONSOLE, Actor, record
from environments.models import Environment, Status

AGREEMENT_CHANGED = Problem(
    code="agreement_changed",
    sentence="Something else was agreed while this was being proven.",
    why="What was found is about the earlier agreement.",
    remedy="The set-up that was approved meanwhile proves the new one.",
    fix="verify",
)


def request_verification(
    connection: Connection,
    *,
    actor: Actor,
    now: datetime,
    not_before: datetime | None = None,
    with_isolation: bool = False,
    one_token_of: str = "",
) -> Verification | None:
    """Ask a worker to prove the connection anew, at `not_before` at the earliest.

    `with_isolation` has it try tokens that must be refused, as it does while one is known to be let in; `one_token_of`
    names a model to ask for one token, which costs money. None where a proof or a set-up is under way already.
    """
    if connection.runs.filter(finished_at__isnull=True).exists():
        return None
    try:
        with transaction.atomic():
            proof = Verification.objects.create(
                connection=connection,
                actor=actor,
                doing="Waiting for a worker",
                next_attempt_at=not_before or now,
                with_isolation=with_isolation or _is_open(connection),
                one_token_of=one_token_of,
            )
    except IntegrityError:  # verification_one_live_per_connection
        return None
    if not_before is None:
        hints.send(hints.ADVANCE_VERIFICATION, proof.pk)
    return proof


def _is_open(connection: Connection) -> bool:
    """Whether the role is known to let in somebody it must not: until it is closed, each proof looks again."""
    return connection.findings.filter(source=Finding.Source.ISOLATION, closed_at__isnull=True).exists()


def hasten_verification(connection: Connection, *, now: datetime) -> bool:
    """Let a verification that waits on its own begin now; False where none does."""
    waiting = Verification.objects.filter(
        connection=connection, finished_at__isnull=True, run__isnull=True, next_attempt_at__gt=now
    )
    proof = waiting.first()
    if proof is None or not waiting.filter(pk=proof.pk).update(next_attempt_at=now):
        return False
    hints.send(hints.ADVANCE_VERIFICATION, proof.pk)
    return True


def advance_verification(
    proof_pk: int, *, open_gateway: OpenGateway, clock: Clock, open_vertesia: OpenVertesia | None = None
) -> datetime | None:
    """Take a verification that stands on its own as far as it goes now; when to come back, or None.

    Where only Vertesia can sign and the organization has an API key, Vertesia itself is asked by `open_vertesia`.
    Needs no right of the worker's where tokens can be signed here; iam reading rights name the cause of a failure.
    """
    proof = (
        Verification.objects.select_related("connection__account")
        .filter(pk=proof_pk, finished_at__isnull=True, run__isnull=True)
        .first()
    )
    if proof is None:
        return None
    try:
        gateway = open_gateway(proof.connection.account)
    except SandboxUnavailable as error:
        if proof.claim(clock=clock):
            ladder = Ladder()
            ladder.fail("token", explain_caller_failure(error))
            _finish_failed(proof, ladder, explain_caller_failure(error), clock)
        return None
    return advance(proof, gateway=gateway, clock=clock, open_vertesia=open_vertesia)


def advance(
    proof: Verification, *, gateway: Gateway, clock: Clock, open_vertesia: OpenVertesia | None = None
) -> datetime | None:
    """One attempt at the proof. Returns when to try again, or None: it is over, or another worker has it."""
    if not proof.claim(clock=clock):
        return None
    calls, seconds = gateway.calls, gateway.seconds
    try:
        return work_under_lease(
            proof,
            advance=lambda: _advance(proof, gateway, clock, open_vertesia),
            fail=lambda problem: _finish_failed(proof, Ladder(), problem, clock),
        )
    finally:
        Verification.objects.filter(pk=proof.pk).update(
            aws_calls=proof.aws_calls + gateway.calls - calls,
            aws_seconds=proof.aws_seconds + gateway.seconds - seconds,
        )


def _advance(
    proof: Verification, gateway: Gateway, clock: Clock, open_vertesia: OpenVertesia | None
) -> datetime | None:
    connection = proof.connection
    environment = Environment.objects.select_related("organization__issuer").get(pk=connection.environment_id)
    if not connection.role_arn:
        _finish_failed(proof, Ladder(), _nothing_to_prove(environment), clock)
        return None
    attempt = _begin_attempt(proof, environment, gateway, clock)
    agreed_at = connection.agreed_at
    try:
        if environment.organization.issuer.is_builtin:
            attempt.prove()
            _finish_proven(proof, attempt, clock, agreed_at=agreed_at)
        else:
            _settle(proof, attempt, _ask(proof, attempt, open_vertesia), clock, agreed_at=agreed_at)
    except (WaitForAws, WaitForVertesia) as wait:
        return _wait(proof, attempt, wait, clock, agreed_at=agreed_at)
    except Blocked as blocked:
        _finish_failed(proof, attempt.ladder, blocked.problem, clock, models=attempt.models or None)
    return None


def _ask(proof: Verification, attempt: Attempt, open_vertesia: OpenVertesia | None) -> Asked:
    """What Vertesia says where it can be asked, and what is seen without it. Raises as Asking.prove."""
    organization = attempt.environment.organization
    access = access_of(organization) if open_vertesia else None
    if open_vertesia is None or access is None:
        attempt.ladder.skip(RUNG, f"No Vertesia API key of {organization.name} is known here")
        seen = look(attempt)
        return Asked(seen.models, None, seen, issues_tokens=None)
    try:
        vertesia = open_vertesia(access)
    except Blocked as blocked:
        return look_only(attempt, blocked.problem)
    asking = Asking(attempt, vertesia, issuer_seen=access.issuer_seen)
    try:
        return asking.prove()
    finally:
        if asking.issues_tokens is not None:
            VertesiaAccess.objects.filter(pk=access.pk).update(issues_tokens=asking.issues_tokens)


def _settle(proof: Verification, attempt: Attempt, asked: Asked, clock: Clock, *, agreed_at: datetime | None) -> None:
    attempt.models = asked.models
    if asked.listed is not None:
        limit = f"Vertesia itself listed {asked.listed} models through this role."
        _finish_proven(proof, attempt, clock, agreed_at=agreed_at, limit=limit, seen=asked.seen)
    else:
        seen = asked.seen or Look(models=asked.models, last_used=None, differences=[])
        _finish_unprovable(proof, attempt, replace(seen, models=asked.models), clock, agreed_at=agreed_at)


def _begin_attempt(proof: Verification, environment: Environment, gateway: Gateway, clock: Clock) -> Attempt:
    connection = proof.connection
    agreed = read_agreement(connection)
    return Attempt(
        environment=environment,
        role_arn=connection.role_arn,
        desired=agreed.for_issuer(environment.organization.issuer.url) or agreed,
        gateway=gateway,
        actor=Actor(proof.actor),
        caller_arn=connection.account.caller_arn,
        clock=clock,
        say=partial(tell, proof),
        is_spreading=lambda: connection.is_spreading(now=clock()),
        wanted=Wanted(
            chosen_models=tuple(connection.chosen_models),
            one_token_of=proof.one_token_of,
            with_isolation=proof.with_isolation,
        ),
        spend=partial(_spend, proof),
    )


def _nothing_to_prove(environment: Environment) -> Problem:
    return Problem(
        code="not_connected",
        sentence=f"{environment.name} has no role in AWS yet.",
        remedy="Connect it first.",
        fix="plan",
    )


def _spend(proof: Verification) -> bool:
    """Note that a call that costs money is about to be made; False where it was noted before.

    A worker may be lost in it, and another take the proof up: what was paid for once is not asked again.
    """
    unspent = Verification.objects.filter(pk=proof.pk, lease_token=proof.lease_token, one_token_asked=False)
    return unspent.update(one_token_asked=True) == 1


def _wait(
    proof: Verification,
    attempt: Attempt,
    wait: WaitForAws | WaitForVertesia,
    clock: Clock,
    *,
    agreed_at: datetime | None,
) -> datetime | None:
    now, spread_at = clock(), proof.connection.spread_at
    if wait.is_propagation and spread_at is not None:
        return wait_for(proof, wait.what, now=now, until=spread_at)
    give_up_at = (proof.waiting_since or now) + GIVE_UP_AFTER
    advised = wait.advised if isinstance(wait, WaitForVertesia) else 0.0
    if now > give_up_at or advised > GIVE_UP_AFTER.total_seconds():
        return _give_up(proof, attempt, wait, clock, agreed_at=agreed_at)
    return wait_for(proof, wait.what, now=now, until=give_up_at, advised=advised)


def _give_up(
    proof: Verification,
    attempt: Attempt,
    wait: WaitForAws | WaitForVertesia,
    clock: Clock,
    *,
    agreed_at: datetime | None,
) -> datetime | None:
    """AWS could not be asked: the proof failed. Vertesia could not: what can be seen without it is looked at."""
    if isinstance(wait, WaitForAws):
        problem = explain_worker_error(wait.error)
        attempt.ladder.fail(wait.check, problem)
        _finish_failed(proof, attempt.ladder, problem, clock)
        return None
    assert wait.error is not None  # noqa: S101 - without an error it is propagation
    try:
        asked = look_only(attempt, explain_vertesia(wait.error))
        _settle(proof, attempt, asked, clock, agreed_at=agreed_at)
    except WaitForAws as other:
        return _wait(proof, attempt, other, clock, agreed_at=agreed_at)
    except Blocked as blocked:
        _finish_failed(proof, attempt.ladder, blocked.problem, clock, models=attempt.models or None)
    return None


def _require_same_agreement(proof: Verification, agreed_at: datetime | None) -> None:
    """What was found is about one agreement: where another was made meanwhile, it says nothing about the environment.

    Raises Blocked. Holds the environment's lock until the transaction ends.
    """
    lock_environment(proof.connection.environment)
    if not Connection.objects.filter(pk=proof.connection_id, agreed_at=agreed_at).exists():
        raise Blocked(AGREEMENT_CHANGED)


@transaction.atomic
def _finish_proven(
    proof: Verification,
    attempt: Attempt,
    clock: Clock,
    *,
    agreed_at: datetime | None,
    limit: str = "",
    seen: Look | None = None,
) -> None:
    _require_same_agreement(proof, agreed_at)
    now, environment, models = clock(), attempt.environment, attempt.models
    _store(proof, attempt.ladder, models)
    close_findings(proof.connection, now=now, actor=attempt.actor)
    _settle_isolation(proof, attempt.ladder, now=now)
    Environment.objects.filter(pk=environment.pk).update(verified_at=now)
    here = f"AWS accepts tokens for {environment.subject}. Only Vertesia can show that these are your ids."
    _end(proof, Verification.State.PROVEN, clock, limit=limit or here, last_used_at=seen.last_used if seen else None)
    if proof.run_id is None:
        finish_waiting_run(proof.connection, actor=attempt.actor, now=now)
    if seen is not None and (seen.differences or _has_drifted(proof.connection)):
        observing.request_observation(proof.connection, actor=attempt.actor, now=now)
    if _is_nothing_new(proof, environment):
        return
    shown = sum(model.shown_in_studio for model in models)
    record(
        "verification.proven",
        f"Proven: {len(models)} models listed, of which Studio shows {shown}.",
        actor=attempt.actor,
        environment=environment,
    )


def _is_nothing_new(proof: Verification, environment: Environment) -> bool:
    """Whether a scheduled proof found what was known: it stands among its day's proofs, not in the history.

    `environment` is as it was before.
    """
    return proof.actor == CONSOLE and environment.status == Status.CONNECTED


@transaction.atomic
def _finish_unprovable(
    proof: Verification, attempt: Attempt, seen: Look, clock: Clock, *, agreed_at: datetime | None
) -> None:
    _require_same_agreement(proof, agreed_at)
    if attempt.ladder.problem is not None:
        raise Blocked(attempt.ladder.problem)
    _store(proof, attempt.ladder, seen.models)
    now, actor = clock(), attempt.actor
    close_findings(proof.connection, now=now, actor=actor)
    _settle_isolation(proof, attempt.ladder, now=now)
    _end(proof, Verification.State.NOT_PROVABLE, clock, last_used_at=seen.last_used)
    if seen.differences or _has_drifted(proof.connection):
        observing.request_observation(proof.connection, actor=actor, now=now)


def _has_drifted(connection: Connection) -> bool:
    return Finding.objects.filter(connection=connection, code=DRIFT, closed_at__isnull=True).exists()


@transaction.atomic
def _finish_failed(
    proof: Verification,
    ladder: Ladder,
    problem: Problem,
    clock: Clock,
    *,
    models: Sequence[PredictedModel] | None = None,
) -> None:
    ladder.finish("Not run: an earlier check failed")
    _store(proof, ladder, models)
    now, actor = clock(), Actor(proof.actor)
    if problem.code == DRIFT:  # one finding, whoever sees it first; an observation lists and closes it
        close_findings(proof.connection, now=now, actor=actor)
        open_finding(proof.connection, problem, now=now, actor=actor, source=Finding.Source.OBSERVATION)
    elif proof.connection.role_arn and problem != AGREEMENT_CHANGED:
        open_finding(proof.connection, problem, now=now, actor=actor)
    if problem != AGREEMENT_CHANGED:
        _settle_isolation(proof, ladder, now=now)
    _end(proof, Verification.State.FAILED, clock, problem=problem.to_json())
    if problem.code == DRIFT:
        observing.request_observation(proof.connection, actor=actor, now=now)


def _settle_isolation(proof: Verification, ladder: Ladder, *, now: datetime) -> None:
    """Whoever is let in that must not be is a finding of its own, until a proof of isolation sees that one kept out."""
    actor, source = Actor(proof.actor), Finding.Source.ISOLATION
    close_findings(proof.connection, now=now, actor=actor, source=source, codes=ladder.kept_out)
    for problem in ladder.security:
        open_finding(proof.connection, problem, now=now, actor=actor, source=source)


def _store(proof: Verification, ladder: Ladder, models: Sequence[PredictedModel] | None) -> None:
    ladder.store(proof)
    if models is not None:
        Verification.objects.filter(pk=proof.pk).update(listing=find_or_store_listing(models))


def _end(proof: Verification, state: Verification.State, clock: Clock, **more: Any) -> None:
    if not proof.write(state=state, finished_at=clock(), lease_until=None, doing="", **more):
        raise LeaseLost
    note_end(proof, now=clock())
    if proof.run_id is None:
        refresh_status(proof.connection.environment, now=clock())
