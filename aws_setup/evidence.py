"""One report per verification, for support and auditors: what was asked, what was answered, what had been agreed.

It is built from what is stored, so that it says the same whenever it is asked for, and bears its own SHA-256. Nothing
secret is stored in the first place; whatever looks like a token or a key is taken out all the same.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from aws_setup.canonical import canonical
from aws_setup.desired import DesiredState
from aws_setup.diagnosis.error_text import SECRETS
from aws_setup.models import Check, Plan, Verification
from aws_setup.report import report_proof
from environments.models import Installation

FORMAT = "vertesia-aws-setup/verification/1"
REDACTED = "(taken out)"


def redact(value: Any) -> Any:
    """The same JSON value without anything that looks like a token or a key."""
    if isinstance(value, str):
        return SECRETS.sub(REDACTED, value)
    if isinstance(value, dict):
        return {redact(key): redact(item) for key, item in value.items()}
    return [redact(item) for item in value] if isinstance(value, list | tuple) else value


def build_report(proof: Verification) -> dict[str, Any]:
    """The report of a finished verification, as a JSON object; `sha256` is that of the rest, canonically written."""
    connection, environment = proof.connection, proof.connection.environment
    checks = list(proof.checks.all())
    body: dict[str, Any] = {
        "format": FORMAT,
        "installation": _report_installation(),
        "organization": {
            "id": environment.organization.organization_id,
            "name": environment.organization.name,
        },
        "environment": {
            "id": environment.environment_id,
            "name": environment.name,
            "subject": environment.subject,
            "region": connection.region,
            "account_id": connection.account.account_id,
        },
        "verification": {
            "id": proof.pk,
            "result": proof.state,
            "asked_by": proof.actor,
            "asked_at": _moment(proof.created_at),
            "started_at": _moment(proof.started_at),
            "finished_at": _moment(proof.finished_at),
            "aws_calls": proof.aws_calls,
            "with_isolation": proof.with_isolation,
            "limit": proof.limit,
            "problem": proof.problem,
        },
        "claims": next((check.evidence for check in checks if check.check_name == "token"), {}),
        "agreement": _report_agreement(proof),
        **report_proof(proof),
        "listing_sha256": proof.listing.digest if proof.listing else "",
        "request_ids": list(_list_request_ids(checks)),
    }
    body = redact(body)
    return body | {"sha256": hashlib.sha256(canonical(body).encode()).hexdigest()}


def _moment(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _report_installation() -> dict[str, str]:
    installation = Installation.objects.first()
    if installation is None:
        return {}
    return {"id": str(installation.installation_id), "world": installation.world}


def _report_agreement(proof: Verification) -> dict[str, Any]:
    """What had been agreed when it began: that of the last run asked for until then."""
    plan = _find_plan(proof)
    desired = DesiredState.from_json(plan.desired if plan else proof.connection.desired)
    documents = {"trust_policy": desired.trust, "permissions": desired.inline_policy or desired.attached_policy_arn}
    return {
        "fingerprint": plan.fingerprint if plan else "",
        "approved_by": plan.approved_by if plan else "",
        "approved_at": _moment(plan.approved_at) if plan else "",
        "issuer": desired.issuer_url,
        "audience": desired.audience,
        "subject": desired.subject,
        "provider_arn": desired.provider_arn,
        "role_arn": desired.role_arn,
        **documents,
        "sha256": {
            name: hashlib.sha256(canonical(document).encode()).hexdigest() for name, document in documents.items()
        },
    }


def _find_plan(proof: Verification) -> Plan | None:
    if proof.run is not None:
        return proof.run.plan
    run = proof.connection.runs.filter(created_at__lte=proof.created_at).select_related("plan").first()
    return run.plan if run else None


def _list_request_ids(checks: list[Check]) -> Iterator[dict[str, str]]:
    for check in checks:
        if request_id := check.evidence.get("request id"):
            yield {"check": check.check_name, "request_id": str(request_id)}
