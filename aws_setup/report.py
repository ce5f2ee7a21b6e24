"""What the commands print as JSON: how an environment stands, what was done, what was found."""

from datetime import datetime
from typing import Any

from aws_setup.desired import DesiredState
from aws_setup.models import Plan, Run, Step, Verification
from aws_setup.trust.adoption import Adoption
from environments.models import Environment, Status

AGREEMENT = ("fingerprint", "issuer", "audience", "subject", "account_id", "provider_arn", "role_arn")


def report_plan(plan: Plan | None, run: Run | None) -> dict[str, Any]:
    """The agreement and its actions; `outcome` is created, updated, unchanged or removed, and planned where an action
    was not done: not yet, or not with success.

    Where there is no plan the same keys hold None, and there are no actions.
    """
    if plan is None:
        return dict.fromkeys(AGREEMENT) | {"actions": []}
    desired = DesiredState.from_json(plan.desired)
    outcomes = {step.position: step for step in run.steps.all()} if run else {}
    return {
        "fingerprint": plan.fingerprint,
        "issuer": desired.issuer_url,
        "audience": desired.audience,
        "subject": desired.subject,
        "account_id": desired.account_id,
        "provider_arn": desired.provider_arn,
        "role_arn": desired.role_arn,
        "actions": [
            {
                "action": action["action"],
                "summary": action["summary"],
                "request": action["request"],
                "outcome": _outcome(action, outcomes.get(position)),
            }
            for position, action in enumerate(plan.actions)
        ],
    }


def _outcome(action: dict[str, Any], step: Step | None) -> str:
    if action["verb"] == "keep":
        return "unchanged"
    return step.outcome if step is not None and step.state == Step.State.DONE else "planned"


def report_proof(proof: Verification | None) -> dict[str, Any]:
    """Checks and models of a verification; both empty where there was none."""
    if proof is None:
        return {"checks": [], "models": []}
    return {
        "checks": [
            {
                "check": check.check_name,
                "result": check.result,
                "detail": check.detail,
                "remedy": check.remedy,
                "needs": [need.value for need in check.needs],
                "evidence": check.evidence,
                "milliseconds": check.milliseconds,
            }
            for check in proof.checks.all()
        ],
        "models": [
            {
                "id": model.model_id,
                "name": model.name,
                "publisher": model.publisher,
                "kind": model.kind,
                "shown_in_studio": model.shown_in_studio,
                "reason": model.reason,
            }
            for model in (proof.listing.models.all() if proof.listing else ())
        ],
    }


def report_adoption(adoption: Adoption) -> dict[str, Any]:
    """A role that somebody else made, as `--adopt` asks a person or a program to know it."""
    return {
        "role_arn": adoption.role.arn,
        "digest": adoption.role.digest,
        "why_not": adoption.why_not,
        "statements": [
            {
                "statement": found.statement,
                "sentence": found.sentence,
                "becomes": found.becomes,
                "holes": found.holes,
            }
            for found in adoption.statements
        ],
        "theirs": adoption.theirs,
        "ours": adoption.ours,
        "result": adoption.result,
    }


def exit_code(status: Status) -> int:
    """0 connected, 3 waiting for Vertesia (also where only a person's word stands for it), 1 otherwise."""
    if status == Status.CONNECTED:
        return 0
    return 3 if status in (Status.WAITING_FOR_VERTESIA, Status.CONFIRMED) else 1


def status_of(environment: Environment, *, now: datetime) -> Status:
    """The status as it is stored at this moment."""
    environment.refresh_from_db()
    return environment.status_at(now)
