"""Rows as verifications leave them, for the pages that show how an environment stands."""

from datetime import datetime, timedelta

from django.utils import timezone

from aws_setup.listing import Facts
from aws_setup.models import Check, Connection, Finding, ListedModel, Listing, Verification
from aws_setup.proofs.rungs import EVERY_TIME, ISOLATION
from environments.models import Status

CHECKS = EVERY_TIME


def problem(code: str = "provider_missing", **changes: object) -> dict[str, object]:
    return {
        "code": code,
        "sentence": "AWS account 1111-2222-3333 has no identity provider.",
        "why": "STS looks for it in the role's own account.",
        "remedy": "Plan the connection again.",
        "command": "aws iam list-open-id-connect-providers",
        "link": "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers.html",
        "fix": "plan",
        "evidence": {},
    } | changes


def verify(connection: Connection, *, failed: str = "", at: datetime | None = None) -> Verification:
    """A finished verification: proven, or stopped at the check named `failed`."""
    at = at or timezone.now()
    proof = Verification.objects.create(
        connection=connection,
        actor="mona",
        state=Verification.State.FAILED if failed else Verification.State.PROVEN,
        started_at=at,
        finished_at=at,
    )
    results = ["pass"] * len(CHECKS)
    if failed:
        place = CHECKS.index(failed)
        results[place:] = ["fail"] + ["not_run"] * (len(CHECKS) - place - 1)
    Check.objects.bulk_create(
        Check(verification=proof, position=position, check_name=name, result=result, detail=f"{name} said so")
        for position, (name, result) in enumerate(zip(CHECKS, results, strict=True))
    )
    return proof


def break_connection(connection: Connection, *, failed: str = "exchange", **changes: object) -> Finding:
    """A verification that failed, with the finding it opened."""
    verify(connection, failed=failed)
    cause = problem(**changes)
    connection.environment.set_status(Status.NEEDS_ATTENTION)
    return Finding.objects.create(connection=connection, code=str(cause["code"]), problem=cause)


def model(name: str, *, kind: str = "foundation", publisher: str = "Anthropic", reason: str = "", **facts: object):
    """A listed model, not stored yet."""
    model_id = str(facts.pop("model_id", name.lower().replace(" ", "-")))
    arn = f"arn:aws:bedrock:us-east-1::{'foundation-model' if kind == 'foundation' else 'inference-profile'}/{model_id}"
    return ListedModel(
        model_id=arn,
        name=name,
        publisher=publisher,
        kind=kind,
        shown_in_studio=not reason,
        reason=reason,
        facts=Facts(arn=arn, model_id=model_id, **facts).to_json(),
    )


def store_listing(proof: Verification, models: list[ListedModel]) -> None:
    """What a verification listed, in this order."""
    listing = Listing.objects.create(
        digest=f"{proof.pk:064x}", shown=sum(one.shown_in_studio for one in models), total=len(models)
    )
    for position, one in enumerate(models):
        one.listing, one.position = listing, position
    ListedModel.objects.bulk_create(models)
    proof.listing = listing
    proof.save(update_fields=["listing"])


def long_ago() -> datetime:
    return timezone.now() - timedelta(days=9)


def prove_isolation(proof: Verification, *, let_in: str = "", result: str = "pass") -> None:
    """The four rungs of isolation on a verification; `let_in` names the one whose token was let in."""
    Check.objects.bulk_create(
        Check(
            verification=proof,
            position=50 + position,
            check_name=name,
            result="fail" if name == let_in else result,
            detail=f"{name} said so",
        )
        for position, name in enumerate(ISOLATION)
    )
    Verification.objects.filter(pk=proof.pk).update(with_isolation=True)
