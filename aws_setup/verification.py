"""Proving that Vertesia can use the role: a token exchanged at STS, the identity compared, the models listed.

Nothing is green by assumption. What cannot be proven from here says so, and why.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from aws_setup import hints
from aws_setup.accounts import OpenGateway, explain_caller_failure
from aws_setup.credentials import SandboxUnavailable
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import INTERNAL_ERROR, Blocked, Problem, explain_list_denied
from aws_setup.explaining import explain_worker_error, facts_of
from aws_setup.findings import close_findings, open_finding
from aws_setup.gateway.errors import AwsError, AwsRefused, AwsUnreachable
from aws_setup.gateway.protocol import Answers, Exchange, Gateway
from aws_setup.leases import LeaseLost
from aws_setup.listing import PredictedModel, digest_listing, predict_listing
from aws_setup.models import Check, Connection, ListedModel, Listing, Verification
from aws_setup.names import InvalidName, dashed, parse_assumed_role_arn
from aws_setup.pauses import GIVE_UP_AFTER, next_pause
from aws_setup.plan import build_plan, writes
from aws_setup.refusals import explain_refusal, may_be_propagation
from aws_setup.status import refresh_status
from environments.history import Actor, record
from environments.installation import issuer_mismatch
from environments.issuer.tokens import SignedToken, issue_token
from environments.models import Environment, Status

Clock = Callable[[], datetime]

SESSION_NAME = "vertesia-aws-setup-verify"
"""Tells our verifications apart from Vertesia's own sessions in CloudTrail."""

CHECKS = ("token", "exchange", "identity", "foundation_models", "custom_models", "inference_profiles")
LISTINGS = {
    "foundation_models": "list_foundation_models",
    "custom_models": "list_custom_models",
    "inference_profiles": "list_inference_profiles",
}


class WaitForAws(Exception):
    """AWS may answer otherwise in a moment; `error` is what it answered now, in the check of this name."""

    def __init__(self, error: AwsError, *, check: str, is_propagation: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.check = check
        self.is_propagation = is_propagation


@dataclass
class Ladder:
    """The checks of one attempt, in order. What comes after a failure is not run, and says so."""

    checks: list[Check] = field(default_factory=list)

    def add(self, name: str, result: Check.Result, detail: str, **more: Any) -> None:
        self.checks.append(
            Check(position=len(self.checks), check_name=name, result=result, detail=detail[:1000], **more)
        )

    def fail(self, name: str, problem: Problem) -> None:
        """Add the failed check; those after it were not run."""
        self.add(
            name, Check.Result.FAIL, problem.sentence, remedy=problem.remedy[:1000], evidence=dict(problem.evidence)
        )

    def finish(self, sentence: str) -> None:
        """Add every check that was not reached."""
        done = {check.check_name for check in self.checks}
        for name in CHECKS:
            if name not in done:
                self.add(name, Check.Result.NOT_RUN, sentence)


def request_verification(
    connection: Connection, *, actor: Actor, now: datetime, not_before: datetime | None = None
) -> Verification | None:
    """Ask a worker to prove the connection anew, at `not_before` at the earliest.

    None where a proof or a set-up is under way already.
    """
    if connection.runs.filter(finished_at__isnull=True).exists():
        return None
    try:
        with transaction.atomic():
            proof = Verification.objects.create(
                connection=connection, actor=actor, doing="Waiting for a worker", next_attempt_at=not_before or now
            )
    except IntegrityError:  # verification_one_live_per_connection
        return None
    if not_before is None:
        hints.send(hints.ADVANCE_VERIFICATION, proof.pk)
    return proof


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


def advance_verification(proof_pk: int, *, open_gateway: OpenGateway, clock: Clock) -> datetime | None:
    """Take a verification that stands on its own as far as it goes now; when to come back, or None.

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
        if proof.claim(now=clock()):
            ladder = Ladder()
            ladder.fail("token", explain_caller_failure(error))
            _finish_failed(proof, ladder, explain_caller_failure(error), clock)
        return None
    return advance(proof, gateway=gateway, clock=clock)


def advance(proof: Verification, *, gateway: Gateway, clock: Clock) -> datetime | None:
    """One attempt at the proof. Returns when to try again, or None: it is over, or another worker has it."""
    if not proof.claim(now=clock()):
        return None
    calls, seconds = gateway.calls, gateway.seconds
    ladder = Ladder()
    try:
        return _advance(proof, ladder, gateway, clock)
    except LeaseLost:
        return None
    finally:
        Verification.objects.filter(pk=proof.pk).update(
            aws_calls=proof.aws_calls + gateway.calls - calls,
            aws_seconds=proof.aws_seconds + gateway.seconds - seconds,
        )


def _advance(proof: Verification, ladder: Ladder, gateway: Gateway, clock: Clock) -> datetime | None:
    try:
        _attempt(proof, ladder, gateway, clock)
    except WaitForAws as wait:
        return _wait(proof, ladder, wait, clock)
    except Blocked as blocked:
        _finish_failed(proof, ladder, blocked.problem, clock)
    return None


def _attempt(proof: Verification, ladder: Ladder, gateway: Gateway, clock: Clock) -> None:
    connection = proof.connection
    environment = Environment.objects.select_related("organization__issuer").get(pk=connection.environment_id)
    desired = DesiredState.from_json(connection.desired)
    if not connection.role_arn:
        raise Blocked(_nothing_to_prove(environment))
    if not environment.organization.issuer.is_builtin:
        _look_without_token(proof, ladder, environment, desired, gateway, clock)
        return
    token = _sign(proof, ladder, environment, desired, clock)
    exchange = _exchange(proof, ladder, connection, desired, token, gateway, clock)
    _compare_identity(ladder, desired, exchange)
    _say(proof, f"Listing the Bedrock models of {desired.region} through role {desired.role_name}")
    listing = gateway.list_models(exchange.credentials, region=desired.region)
    models = _read_listing(proof, ladder, connection, desired, listing, clock)
    _finish_proven(proof, ladder, environment, models, clock)


def _nothing_to_prove(environment: Environment) -> Problem:
    return Problem(
        code="not_connected",
        sentence=f"{environment.name} has no role in AWS yet.",
        remedy="Connect it first.",
        fix="plan",
    )


def _sign(
    proof: Verification, ladder: Ladder, environment: Environment, desired: DesiredState, clock: Clock
) -> SignedToken:
    mismatch = issuer_mismatch()
    if mismatch is not None:
        problem = Problem(
            code="issuer_moved",
            sentence=mismatch.sentence,
            why=mismatch.why,
            remedy=f"{mismatch.remedies[0]}. {mismatch.remedies[1]}.",
            command=f"ISSUER_URL={mismatch.trusted} make run",
            fix="plan",
        )
        ladder.fail("token", problem)
        raise Blocked(problem)
    if environment.subject != desired.subject or environment.organization.issuer.url != desired.issuer_url:
        problem = Problem(
            code="agreement_outdated",
            sentence=f"The role was agreed for {desired.subject} of {desired.issuer_url}; the environment is now "
            f"{environment.subject} of {environment.organization.issuer.url}.",
            remedy="Plan the connection again: the role's trust changes to what the environment is now.",
            fix="plan",
        )
        ladder.fail("token", problem)
        raise Blocked(problem)
    token = issue_token(environment, actor=Actor(proof.actor), now=clock())
    ladder.add(
        "token",
        Check.Result.PASS,
        f"Signed for {desired.subject} with audience {desired.audience}",
        evidence={
            "iss": desired.issuer_url,
            "sub": desired.subject,
            "aud": desired.audience,
            "jti": token.claims["jti"],
            "kid": token.kid,
        },
    )
    return token


def _exchange(
    proof: Verification,
    ladder: Ladder,
    connection: Connection,
    desired: DesiredState,
    token: SignedToken,
    gateway: Gateway,
    clock: Clock,
) -> Exchange:
    _say(proof, f"Exchanging a token for role {desired.role_name} at STS in {desired.region}")
    started = clock()
    try:
        exchange = gateway.exchange(
            token.value, role_arn=connection.role_arn, session_name=SESSION_NAME, region=desired.region
        )
    except AwsError as error:
        if may_be_propagation(facts_of(error)) and _is_in_window(connection, clock):
            raise WaitForAws(error, check="exchange", is_propagation=True) from error
        if error.is_transient and error.code != "IDPCommunicationError":
            raise WaitForAws(error, check="exchange", is_propagation=False) from error
        problem = _explain_refusal(error, desired, gateway)
        ladder.fail("exchange", problem)
        raise Blocked(problem) from error
    ladder.add(
        "exchange",
        Check.Result.PASS,
        f"STS lent role {desired.role_name}",
        evidence={
            "subject": exchange.subject,
            "audience": exchange.audience,
            "provider": exchange.provider,
            "request id": exchange.request_id,
        },
        milliseconds=round((clock() - started).total_seconds() * 1000),
    )
    return exchange


def _explain_refusal(error: AwsError, desired: DesiredState, gateway: Gateway) -> Problem:
    """Climb to the cause, as far as the worker may read the account."""
    if isinstance(error, AwsUnreachable):
        return explain_worker_error(error)
    try:
        observed = gateway.observe(desired)
    except AwsError:  # what cannot be read never hides what STS said
        observed = None
    return explain_refusal(facts_of(error), desired=desired, observed=observed)


def _compare_identity(ladder: Ladder, desired: DesiredState, exchange: Exchange) -> None:
    try:
        assumed = parse_assumed_role_arn(exchange.assumed_role_arn)
        is_same_name = assumed.name.lower() == desired.role_name.lower()  # IAM does not tell names apart by case
        is_expected = is_same_name and assumed.account_id == desired.account_id
    except InvalidName:
        is_expected = False
    evidence = {"expected": desired.role_arn, "actual": exchange.assumed_role_arn}
    if not is_expected:
        problem = Problem(
            code="identity_unexpected",
            sentence=f"STS lent {exchange.assumed_role_arn}, not role {desired.role_name} in "
            f"{dashed(desired.account_id)}.",
            remedy="Plan the connection again and compare the role ARN letter by letter.",
            fix="plan",
            evidence=evidence,
        )
        ladder.fail("identity", problem)
        raise Blocked(problem)
    ladder.add("identity", Check.Result.PASS, f"It is {exchange.assumed_role_arn}", evidence=evidence)


def _read_listing(
    proof: Verification,
    ladder: Ladder,
    connection: Connection,
    desired: DesiredState,
    listing: Answers,
    clock: Clock,
) -> list[PredictedModel]:
    """Check each of the three answers. Raises WaitForAws or Blocked at the first that failed, after checking all."""
    first_problem: Problem | None = None
    found: dict[str, list[dict[str, Any]]] = {}
    for name, method in LISTINGS.items():
        answer = getattr(listing, name)
        if isinstance(answer, AwsError):
            is_denied = isinstance(answer, AwsRefused) and answer.is_denied
            if is_denied and _is_in_window(connection, clock):
                raise WaitForAws(answer, check=name, is_propagation=True)
            if answer.is_transient:
                raise WaitForAws(answer, check=name, is_propagation=False)
            problem = (
                explain_list_denied(facts_of(answer), role_name=desired.role_name)
                if is_denied
                else explain_worker_error(answer)
            )
            ladder.fail(name, problem)
            first_problem = first_problem or problem
            continue
        found[name] = answer
        ladder.add(
            name,
            Check.Result.PASS,
            f"{len(answer)} {name.replace('_', ' ')} in {desired.region}",
            milliseconds=listing.milliseconds.get(method),
        )
    if first_problem is not None:
        raise Blocked(first_problem)
    return predict_listing(**found)


def _look_without_token(
    proof: Verification,
    ladder: Ladder,
    environment: Environment,
    desired: DesiredState,
    gateway: Gateway,
    clock: Clock,
) -> None:
    """Only Vertesia can sign for its issuer: compare what AWS holds, and show what the region offers. Never green."""
    issuer_url = environment.organization.issuer.url
    ladder.add("token", Check.Result.SKIPPED, f"Only Vertesia can sign tokens of {issuer_url}")
    ladder.add("exchange", Check.Result.SKIPPED, "Without a token nothing can be exchanged from here")
    _say(proof, f"Comparing what account {dashed(desired.account_id)} holds with what was agreed")
    try:
        differences = [
            action for action in writes(build_plan(desired, gateway.observe(desired))) if not action.after_proof
        ]
        last_used = gateway.read_role_last_used(desired.role_name)
    except AwsError as error:
        if error.is_transient:
            raise WaitForAws(error, check="identity", is_propagation=False) from error
        problem = explain_worker_error(error, caller_arn=proof.connection.account.caller_arn)
        ladder.fail("identity", problem)
        raise Blocked(problem) from error
    if differences:
        problem = Problem(
            code="drift",
            sentence=f"AWS no longer holds what was agreed for {environment.name}.",
            why="; ".join(action.summary for action in differences),
            remedy="Plan the connection again: it puts back what was agreed.",
            fix="plan",
        )
        ladder.fail("identity", problem)
        raise Blocked(problem)
    ladder.add(
        "identity", Check.Result.SKIPPED, f"AWS holds role {desired.role_name} as agreed; who assumes it shows later"
    )
    listing = gateway.list_models(None, region=desired.region)
    answers = {name: [] if isinstance(answer := getattr(listing, name), AwsError) else answer for name in LISTINGS}
    for name in LISTINGS:
        answer = getattr(listing, name)
        detail = (
            f"The worker may not look: {answer.message}"
            if isinstance(answer, AwsError)
            else f"{len(answer)} in {desired.region} by the worker's own rights: not proof"
        )
        ladder.add(name, Check.Result.SKIPPED, detail)
    with transaction.atomic():
        _store(proof, ladder, predict_listing(**answers))
        close_findings(proof.connection, now=clock(), actor=Actor(proof.actor))
        _end(proof, Verification.State.NOT_PROVABLE, clock, last_used_at=last_used)


def _is_in_window(connection: Connection, clock: Clock) -> bool:
    """Whether AWS may still be spreading a change of ours."""
    connection.refresh_from_db(fields=["last_write_at"])
    written = connection.last_write_at
    return written is not None and clock() - written < timedelta(seconds=settings.PROPAGATION_WINDOW_SECONDS)


def _wait(proof: Verification, ladder: Ladder, wait: WaitForAws, clock: Clock) -> datetime | None:
    now = clock()
    since = proof.waiting_since or now
    if not wait.is_propagation and now - since > GIVE_UP_AFTER:
        problem = explain_worker_error(wait.error)
        ladder.fail(wait.check, problem)
        _finish_failed(proof, ladder, problem, clock)
        return None
    pause = next_pause(now - since)
    if wait.is_propagation and proof.connection.last_write_at:
        what = f"AWS does not show the change everywhere yet ({wait.error.code})"
        end = proof.connection.last_write_at + timedelta(seconds=settings.PROPAGATION_WINDOW_SECONDS)
    else:
        what = f"{wait.error.operation} did not succeed ({wait.error.code})"
        end = since + GIVE_UP_AFTER
    left = max(0, round((end - now).total_seconds()))
    doing = f"{what}; asking again in {pause.seconds} s, for at most {left} s more"
    moment = now + pause
    if not proof.wait_until(moment, doing=doing[:300], waiting_since=since):
        raise LeaseLost
    return moment


def _say(proof: Verification, doing: str) -> None:
    if not proof.write(doing=doing[:300]):
        raise LeaseLost


@transaction.atomic
def _finish_proven(
    proof: Verification, ladder: Ladder, environment: Environment, models: list[PredictedModel], clock: Clock
) -> None:
    now = clock()
    _store(proof, ladder, models)
    close_findings(proof.connection, now=now, actor=Actor(proof.actor))
    Environment.objects.filter(pk=environment.pk).update(verified_at=now)
    limit = f"AWS accepts tokens for {environment.subject}. Only Vertesia can show that these are your ids."
    _end(proof, Verification.State.PROVEN, clock, limit=limit)
    shown = sum(model.shown_in_studio for model in models)
    record(
        "verification.proven",
        f"Proven: {len(models)} models listed, of which Studio shows {shown}.",
        actor=Actor(proof.actor),
        environment=environment,
    )


@transaction.atomic
def _finish_failed(proof: Verification, ladder: Ladder, problem: Problem, clock: Clock) -> None:
    ladder.finish("Not run: an earlier check failed")
    _store(proof, ladder, None)
    if proof.connection.role_arn:
        open_finding(proof.connection, problem, now=clock(), actor=Actor(proof.actor))
    _end(proof, Verification.State.FAILED, clock, problem=problem.to_json())


def _store(proof: Verification, ladder: Ladder, models: list[PredictedModel] | None) -> None:
    for check in ladder.checks:
        check.verification = proof
    Check.objects.bulk_create(ladder.checks)
    if models is not None:
        Verification.objects.filter(pk=proof.pk).update(listing=_find_or_store_listing(models))


def _find_or_store_listing(models: list[PredictedModel]) -> Listing:
    """The stored listing that holds exactly these models in this order, stored now where it is new."""
    listing, is_new = Listing.objects.get_or_create(
        digest=digest_listing(models),
        defaults={"shown": sum(model.shown_in_studio for model in models), "total": len(models)},
    )
    if is_new:
        ListedModel.objects.bulk_create(
            ListedModel(
                listing=listing,
                position=position,
                model_id=model.id,
                name=model.name,
                publisher=model.publisher,
                kind=model.kind,
                shown_in_studio=model.shown_in_studio,
                reason=model.reason,
                facts=model.facts.to_json(),
            )
            for position, model in enumerate(models)
        )
    return listing


def _end(proof: Verification, state: Verification.State, clock: Clock, **more: Any) -> None:
    if not proof.write(state=state, finished_at=clock(), lease_until=None, doing="", **more):
        raise LeaseLost
    if proof.run_id is None:
        refresh_status(proof.connection.environment, now=clock())


@transaction.atomic
def confirm_models(connection: Connection, *, actor: Actor, now: datetime) -> None:
    """A person saw the models in Vertesia Studio. Recorded as confirmed by them, never as proven."""
    environment = connection.environment
    Environment.objects.filter(pk=environment.pk).update(confirmed_at=now, confirmed_by=actor)
    record("models.confirmed", f"{actor} saw the models in Vertesia Studio.", actor=actor, environment=environment)
    refresh_status(environment, now=now)


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


def fail_unexpectedly(proof_pk: int, *, clock: Clock) -> None:
    """The console itself made a mistake in this verification: say so, rather than try it again and again."""
    proof = Verification.objects.select_related("connection").filter(pk=proof_pk, finished_at__isnull=True).first()
    if proof is not None:
        _finish_failed(proof, Ladder(), INTERNAL_ERROR, clock)
