"""Why Bedrock does not list to the role: one cause each. Pure."""

import json

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import DOCS, ErrorFacts, Problem, explain_unknown
from aws_setup.diagnosis.commands import aws
from aws_setup.diagnosis.denials import find_denying_policy
from aws_setup.names import dashed
from aws_setup.policies import INLINE_POLICY_NAME

_LOSES = {
    "bedrock:ListFoundationModels": "Without it Studio shows no models at all.",
    "bedrock:ListInferenceProfiles": "Without it Studio silently shows fewer models: "
    "those that are reached only through profiles are missing.",
    "bedrock:ListCustomModels": "Without it Studio silently leaves out custom models.",
}
BEDROCK_IAM_PAGE = f"{DOCS}/bedrock/latest/userguide/security-iam.html"
NOT_OURS = ("scp", "rcp")


def explain_listing(error: ErrorFacts, desired: DesiredState, *, is_denied: bool) -> Problem:
    """The role was assumed, and a listing failed."""
    if is_denied:
        return _explain_denied(error, desired)
    if error.code in ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"):
        return _explain_region_off(error, desired)
    return explain_unknown(error)


def _explain_denied(error: ErrorFacts, desired: DesiredState) -> Problem:
    kind, who = find_denying_policy(error.message)
    why = f"{_LOSES.get(error.operation, '')} {who}".strip()
    sentence = f"Role {desired.role_name} may not call {error.operation}."
    if kind in NOT_OURS:
        organization = "service control policy" if kind == "scp" else "resource control policy"
        return Problem(
            code=f"list_denied_by_{kind}",
            sentence=sentence,
            evidence=error.evidence,
            why=f"{why} Often only some regions are allowed: then other regions work.",
            remedy="Nothing in the account's own IAM can lift it: send the message to the administrators of the AWS "
            "organization, or connect the environment in a region that is allowed.",
            link=f"{DOCS}/organizations/latest/userguide/orgs_manage_policies_scps.html",
            fix="verify",
            ask=f"allow {error.operation} in {desired.region} to {desired.role_arn} in the organization's "
            f"{organization}.",
        )
    if kind == "boundary":
        return Problem(
            code="list_denied_by_boundary",
            sentence=sentence,
            evidence=error.evidence,
            why=why,
            remedy=f"Let an administrator allow {error.operation} in the role's permissions boundary.",
            command=aws("iam", "get-role", "--role-name", desired.role_name, "--query", "Role.PermissionsBoundary"),
            link=f"{DOCS}/IAM/latest/UserGuide/access_policies_boundaries.html",
            fix="verify",
            ask=f"allow {error.operation} in the permissions boundary of role {desired.role_name}"
            + (f", {desired.boundary_arn}" if desired.boundary_arn else "")
            + ".",
        )
    return Problem(
        code="list_denied",
        sentence=sentence,
        evidence=error.evidence,
        why=why,
        remedy="Plan the connection again: it puts the agreed policy back on the role.",
        command=_put_policy(desired),
        link=BEDROCK_IAM_PAGE,
        fix="plan",
        ask=f"allow {error.operation} on resource * to role {desired.role_name}.",
    )


def _put_policy(desired: DesiredState) -> str:
    if desired.inline_policy is None:
        return aws(
            *("iam", "attach-role-policy", "--role-name", desired.role_name),
            *("--policy-arn", desired.attached_policy_arn),
        )
    return aws(
        *("iam", "put-role-policy", "--role-name", desired.role_name, "--policy-name", INLINE_POLICY_NAME),
        *("--policy-document", json.dumps(desired.inline_policy)),
    )


def _explain_region_off(error: ErrorFacts, desired: DesiredState) -> Problem:
    return Problem(
        code="region_off",
        sentence=f"Bedrock in {desired.region} does not know the role's credentials: the region is switched off for "
        f"account {dashed(desired.account_id)}.",
        why=f"STS lent the role a moment ago, so the credentials are right. AWS says: {error.message}",
        remedy="Let an administrator of the account switch the region on; it takes some minutes. Or connect the "
        "environment in another region.",
        command=aws("account", "enable-region", "--region-name", desired.region),
        link=f"{DOCS}/accounts/latest/reference/manage-acct-regions.html",
        fix="verify",
        ask=f"enable region {desired.region} in account {dashed(desired.account_id)}.",
        evidence=error.evidence,
    )


def explain_simulated_denial(desired: DesiredState, *, permission: str, action: str, resource: str, by: str) -> Problem:
    """IAM's policy simulator says that the role may not do what Vertesia's driver does.

    `permission` is get, invoke or stream.
    """
    effect = {
        "get": "Vertesia asks whether a model can stream; without an answer it silently does not stream.",
        "invoke": "The models stand in Studio, and every use of them fails.",
        "stream": "The models stand in Studio, and answers that are streamed fail.",
    }[permission]
    is_above = by in ("service control policy", "permissions boundary")
    return Problem(
        code=f"{permission}_denied",
        sentence=f"Role {desired.role_name} may not call {action}, by IAM's policy simulator.",
        why=f"{effect} It is denied by {by or 'the role’s own policies'}, for {resource}.",
        remedy=f"Let whoever keeps the {by} allow it."
        if is_above
        else "Plan the connection again: it puts the agreed policy back on the role.",
        command="" if is_above else _put_policy(desired),
        link=BEDROCK_IAM_PAGE,
        fix="verify" if is_above else "plan",
        ask=f"allow {action} on {resource} to role {desired.role_name}" + (f" in the {by}." if is_above else "."),
        evidence={"simulated": "iam:SimulatePrincipalPolicy", "action": action, "resource": resource},
    )
