"""What can be seen without a token, where only Vertesia can sign: AWS compared with what was agreed. Never proof."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from aws_setup.drift.differences import Difference, explain_differences
from aws_setup.drift.state_differences import find_differences
from aws_setup.explaining import explain_worker_error
from aws_setup.gateway.errors import AwsBusy, AwsError, AwsRefused
from aws_setup.listing import PredictedModel, predict_listing
from aws_setup.models import Check
from aws_setup.names import dashed
from aws_setup.observed import ObservedState
from aws_setup.proofs.attempt import Attempt, WaitForAws
from aws_setup.proofs.isolation import explain_let_in
from aws_setup.proofs.ladder import UNREAD, UNTRIED
from aws_setup.proofs.model_use import check_availability, check_permissions
from aws_setup.proofs.rungs import ISOLATION, LISTINGS
from aws_setup.proofs.sessions import VERIFICATION_SESSION
from aws_setup.trust.evaluation import Verdict, evaluate_trust
from aws_setup.trust.token_request import token_request
from environments.issuer.probes import Probe

ANOTHER_ID = "0" * 24
"""An environment id that nobody has."""


@dataclass(frozen=True)
class Look:
    """What can be seen without a token. `differences` are points in which AWS differs from what was agreed."""

    models: list[PredictedModel]
    last_used: datetime | None
    differences: list[Difference]


def look(attempt: Attempt) -> Look:
    """What AWS holds, what the region offers by the worker's own rights, and the role's last use.

    Raises WaitForAws and Blocked as Attempt.prove does. Needs the reading actions of policies.provisioning_policy.
    """
    attempt.require_current_agreement()
    ladder, desired = attempt.ladder, attempt.desired
    if "token" not in ladder.checks:
        ladder.skip("token", f"Only Vertesia can sign tokens of {desired.issuer_url}")
    for name in ("issuer", "discovery", "signing_key"):
        ladder.skip(name, "AWS reads the issuer when Vertesia exchanges a token; without one it is not asked")
    attempt.say(f"Comparing what account {dashed(desired.account_id)} holds with what was agreed")
    observed = _observe(attempt)
    if attempt.wanted.with_isolation and observed.role is not None:
        evaluate_isolation(attempt, observed.role.trust)
    last_used, differences = _compare(attempt, observed)
    _describe_account(attempt, observed)
    ladder.skip("exchange", "Without a token nothing can be exchanged from here")
    points = "1 point differs" if len(differences) == 1 else f"{len(differences)} points differ"
    how = f"though {points} from what was agreed" if differences else "as agreed"
    ladder.skip("identity", f"AWS holds role {desired.role_name} {how}; who assumes it shows later")
    models = _look_at_offer(attempt)
    chosen = attempt.wanted.chosen_models
    check_permissions(ladder, attempt.gateway, desired, models, chosen=chosen, is_spreading=attempt.is_spreading())
    check_availability(ladder, attempt.gateway, desired, models, chosen=chosen)
    return Look(models, last_used, differences)


def _observe(attempt: Attempt) -> ObservedState:
    try:
        return attempt.gateway.observe(attempt.desired)
    except AwsError as error:
        _block_or_wait(attempt, error)


def _block_or_wait(attempt: Attempt, error: AwsError) -> NoReturn:
    if error.is_transient:
        raise WaitForAws(error, check="provider", is_propagation=False) from error
    attempt.block("provider", explain_worker_error(error, caller_arn=attempt.caller_arn), cause=error)


def _compare(attempt: Attempt, observed: ObservedState) -> tuple[datetime | None, list[Difference]]:
    """When the role was last used, and in what AWS differs without locking Vertesia out.

    What locks it out is the cause.
    """
    desired = attempt.desired
    differences = find_differences(desired, observed)
    # A role that is gone has no last use to ask for.
    is_gone = any(difference.kind == "role_deleted" for difference in differences)
    try:
        last_used = None if is_gone else attempt.gateway.read_role_last_used(desired.role_name)
    except AwsError as error:
        _block_or_wait(attempt, error)
    breaking = [difference for difference in differences if difference.severity == "breaks"]
    if not breaking:
        return last_used, differences
    if attempt.is_spreading():
        late = AwsBusy("AWS does not show yet what was written.", operation="iam:GetRole", code="NotYetVisible")
        raise WaitForAws(late, check="trust", is_propagation=True)
    rung = _RUNG_OF_DIFFERENCE.get(breaking[0].kind, "trust")
    attempt.block(rung, explain_differences(differences, name=attempt.environment.name))


_RUNG_OF_DIFFERENCE = {
    "provider_deleted": "provider",
    "audience_removed": "audience",
    "policy_detached": "foundation_models",
    "policy_changed": "foundation_models",
    "boundary_changed": "foundation_models",
    "boundary_added": "foundation_models",
}
"""The rung that a difference makes red; the trust policy for all others."""


def _describe_account(attempt: Attempt, observed: ObservedState) -> None:
    ladder, desired = attempt.ladder, attempt.desired
    ladder.add("provider", Check.Result.PASS, f"IAM has {desired.provider_arn}")
    audiences = ", ".join(observed.provider.audiences) if observed.provider else ""
    ladder.add("audience", Check.Result.PASS, f"{desired.audience} is on its list: {audiences}")
    if observed.role is None:
        return
    claims = {"iss": desired.issuer_url, "sub": desired.subject, "aud": desired.audience}
    verdict = _evaluate(attempt, observed.role.trust, claims)
    if verdict == Verdict.ACCEPTED:
        ladder.add("trust", Check.Result.PASS, "Evaluated, not proven: it accepts a token with what was agreed")
    else:
        ladder.skip("trust", "Evaluated: it asks for something that cannot be known from here")


def _evaluate(attempt: Attempt, trust: dict[str, Any], claims: dict[str, str]) -> Verdict:
    desired = attempt.desired
    request = token_request(
        issuer_url=desired.issuer_url,
        claims=claims,
        provider_arn=desired.provider_arn,
        session_name=VERIFICATION_SESSION,
    )
    return evaluate_trust(trust, request).verdict


def evaluate_isolation(attempt: Attempt, trust: dict[str, Any]) -> None:
    """What can be said of isolation without a token: what the trust policy would do. Labelled so."""
    desired = attempt.desired
    wrong = {
        Probe.SIBLING: {
            "iss": desired.issuer_url,
            "sub": f"{desired.subject.rpartition(':')[0]}:{ANOTHER_ID}",
            "aud": desired.audience,
        },
        Probe.AUDIENCE: {"iss": desired.issuer_url, "sub": desired.subject, "aud": "another-audience"},
    }
    for name in ISOLATION:
        probe = Probe(name.removeprefix("isolation_"))
        if probe not in wrong:
            attempt.ladder.skip(
                name, "Not proven: STS itself checks times and signatures, and no token can be had here"
            )
            continue
        verdict = _evaluate(attempt, trust, wrong[probe])
        if verdict == Verdict.ACCEPTED:
            evidence = wrong[probe] | {"how it is known": "the trust policy was evaluated; no token was tried"}
            attempt.ladder.fail_security(name, explain_let_in(probe, desired, evidence))
            continue
        is_known = verdict == Verdict.REFUSED
        said = "refuses it" if is_known else "asks for something that cannot be known from here"
        reason = f"Evaluated, not proven: the trust policy {said}"
        attempt.ladder.skip(name, reason, evidence=None if is_known else UNTRIED)


def _look_at_offer(attempt: Attempt) -> list[PredictedModel]:
    """What the region offers by the worker's own rights."""
    region = attempt.desired.region
    answers = attempt.gateway.list_models(None, region=region)
    found: dict[str, list[dict[str, Any]] | None] = {}
    for name in LISTINGS:
        answer = getattr(answers, name)
        is_unread = isinstance(answer, AwsError)
        found[name] = None if is_unread else answer
        evidence = UNREAD if is_unread else None
        attempt.ladder.skip(name, _describe_offer(name, answer, region=region), evidence=evidence)
    # What the worker may not read does not hide from Studio what the role may.
    return predict_listing(answers.first_page, **found | {"foundation_models": found["foundation_models"] or []})


def _describe_offer(name: str, answer: list[dict[str, Any]] | AwsError, *, region: str) -> str:
    if isinstance(answer, AwsBusy):
        raise WaitForAws(answer, check=name, is_propagation=False)
    if isinstance(answer, AwsRefused) and answer.is_denied:
        return f"The worker may not look: {answer.message}"
    if isinstance(answer, AwsError):
        return f"The worker could not look: {answer.message}"
    return f"{len(answer)} in {region} by the worker's own rights: not proof"
