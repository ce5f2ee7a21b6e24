"""Why STS refused a token: from AWS's words, and what the worker may read of the account, to one Problem. Pure.

AWS is vague on purpose: "Not authorized to perform sts:AssumeRoleWithWebIdentity" stands for a missing role, a trust
policy that asks for something else, and an explicit denial alike.
"""

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import (
    ASSUME_WITH_WEB_IDENTITY,
    DOCS,
    TROUBLESHOOT_WEB_IDENTITY,
    ErrorFacts,
    Problem,
    explain_unknown,
)
from aws_setup.names import dashed
from aws_setup.observed import ObservedState
from aws_setup.trust.mismatch import Mismatch, find_mismatch

PROVIDERS_PAGE = f"{DOCS}/IAM/latest/UserGuide/id_roles_providers_create_oidc.html"


def explain_outdated(agreed: DesiredState, *, subject: str, issuer_url: str) -> Problem:
    """The role was agreed for other tokens than the environment's are now."""
    return Problem(
        code="agreement_outdated",
        sentence=f"The role was agreed for {agreed.subject} of {agreed.issuer_url}; "
        f"the environment is now {subject} of {issuer_url}.",
        why="Ids and issuer are part of the role's trust policy.",
        remedy="Plan the connection again: the role's trust changes to what the environment is now.",
        fix="plan",
    )


def may_be_propagation(error: ErrorFacts) -> bool:
    """Whether AWS answers like this for a short while after an IAM write that has not spread yet.

    No provider, incorrect audience, and access denied; everything else is what it says.
    """
    words = error.message.lower()
    return (
        "no openidconnect provider found" in words
        or "incorrect token audience" in words
        or error.code in ("AccessDenied", "AccessDeniedException")
    )


def explain_refusal(error: ErrorFacts, *, desired: DesiredState, observed: ObservedState | None) -> Problem:
    """One cause, one remedy. `observed` is None where the worker may not read the account."""
    words = error.message.lower()
    if "no openidconnect provider found" in words:
        return _provider_missing(error, desired, observed)
    if "incorrect token audience" in words:
        return _audience_missing(error, desired, observed)
    if "retrieve verification key" in words or error.code == "IDPCommunicationError":
        return _issuer_unreachable(error, desired)
    if error.code in ("ExpiredTokenException", "ExpiredToken"):
        return Problem(
            code="clock_wrong",
            sentence="AWS says the token had run out when it arrived.",
            why="The token was signed a moment ago and lives five minutes: this machine's clock is behind.",
            remedy="Set the clock (NTP) of the machine the console runs on, then verify again.",
            command="date -u; timedatectl status",
            link=ASSUME_WITH_WEB_IDENTITY,
            fix="verify",
            evidence=error.evidence,
        )
    if "thumbprint" in words:
        return Problem(
            code="thumbprint_wrong",
            sentence="The certificate of the issuer does not match the thumbprint that the identity provider holds.",
            why="AWS falls back to the thumbprint where the issuer's certificate comes from no public authority.",
            remedy="Let an administrator replace the thumbprint list; IAM computes it in its console.",
            link=PROVIDERS_PAGE,
            evidence=error.evidence,
        )
    if error.code == "InvalidIdentityToken":
        return Problem(
            code="token_refused",
            sentence="AWS does not accept the token that this console signed.",
            why=f"AWS says: {error.message}",
            remedy="Compare this machine's clock with the world's. If it is right, the keys at the issuer's JWKS "
            "address are not this console's: another installation answers there.",
            link=ASSUME_WITH_WEB_IDENTITY,
            fix="verify",
            evidence=error.evidence,
        )
    if error.code in ("AccessDenied", "AccessDeniedException"):
        return _not_authorized(error, desired, observed)
    return explain_unknown(error)


def _provider_missing(error: ErrorFacts, desired: DesiredState, observed: ObservedState | None) -> Problem:
    exists = observed is not None and observed.provider is not None
    return Problem(
        code="provider_not_seen" if exists else "provider_missing",
        sentence=f"AWS account {dashed(desired.account_id)} has no identity provider for {desired.issuer_url}."
        if not exists
        else f"STS does not see the identity provider for {desired.issuer_url}, although IAM shows it.",
        why="STS looks for a provider whose URL equals the token's issuer to the letter, in the role's own account.",
        remedy="Plan the connection again: it creates the provider anew and touches nothing else."
        if not exists
        else "Wait a minute and verify again. If it stays, compare the account in the role ARN.",
        command=f"aws iam get-open-id-connect-provider --open-id-connect-provider-arn {desired.provider_arn}",
        link=PROVIDERS_PAGE,
        fix="verify" if exists else "plan",
        evidence=error.evidence,
    )


def _audience_missing(error: ErrorFacts, desired: DesiredState, observed: ObservedState | None) -> Problem:
    provider = observed.provider if observed else None
    held = f" It lists: {', '.join(provider.audiences) or 'none'}." if provider else ""
    return Problem(
        code="audience_missing",
        sentence=f"The identity provider for {desired.issuer_url} does not list audience {desired.audience}.",
        why=f"STS accepts a token only if its audience is on the provider's list.{held}",
        remedy="Plan the connection again: it adds the audience and keeps the others.",
        command="aws iam add-client-id-to-open-id-connect-provider "
        f"--open-id-connect-provider-arn {desired.provider_arn} --client-id {desired.audience}",
        link=PROVIDERS_PAGE,
        fix="plan",
        evidence=error.evidence,
    )


def _issuer_unreachable(error: ErrorFacts, desired: DesiredState) -> Problem:
    return Problem(
        code="issuer_unreachable",
        sentence=f"AWS could not read the signing keys of {desired.issuer_url}.",
        why="STS fetches the issuer's discovery document and keys over the network and waits five seconds at most. "
        "Such refusals do not appear in CloudTrail.",
        remedy="Make the address answer from the internet, quickly and with a valid certificate; IAM needs no change.",
        command=f"curl -sS -m 5 {desired.issuer_url}/.well-known/openid-configuration",
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="verify",
        evidence=error.evidence,
    )


def _not_authorized(error: ErrorFacts, desired: DesiredState, observed: ObservedState | None) -> Problem:
    if observed is None:
        return Problem(
            code="trust_refuses",
            sentence=f"Role {desired.role_name} does not let this token in, and the console may not read why.",
            why="AWS gives the same answer for a missing role, a trust policy that asks for something else, "
            "and an explicit denial.",
            remedy=f"Compare the role's trust policy with subject {desired.subject} and audience {desired.audience}, "
            "letter by letter.",
            command=f"aws iam get-role --role-name {desired.role_name} --query Role.AssumeRolePolicyDocument",
            link=TROUBLESHOOT_WEB_IDENTITY,
            evidence=error.evidence,
        )
    if observed.role is None:
        return Problem(
            code="role_missing",
            sentence=f"Role {desired.role_name} does not exist in account {dashed(desired.account_id)}.",
            why="Somebody removed it. AWS answers “not authorized” for a role that is not there.",
            remedy="Plan the connection again: it creates the role anew.",
            command=f"aws iam get-role --role-name {desired.role_name}",
            link=TROUBLESHOOT_WEB_IDENTITY,
            fix="plan",
            evidence=error.evidence,
        )
    mismatch = find_mismatch(observed.role.trust, desired)
    if mismatch is None:
        return Problem(
            code="denied_above",
            sentence="The role's trust policy fits the token, and AWS refuses all the same.",
            why="The change may not have spread yet, or a policy above the account (service or resource control "
            "policy) denies sts:AssumeRoleWithWebIdentity; the console cannot read those.",
            remedy="Verify again in a few minutes. If it stays, ask the administrators of the AWS organization.",
            link=TROUBLESHOOT_WEB_IDENTITY,
            fix="verify",
            evidence=error.evidence,
        )
    return Problem(
        code=f"trust_{mismatch.what}",
        sentence=_MISMATCH_SENTENCE[mismatch.what].format(role=desired.role_name),
        why=_mismatch_reason(mismatch),
        remedy="Plan the connection again: it puts the agreed trust policy back.",
        command=f"aws iam get-role --role-name {desired.role_name} --query Role.AssumeRolePolicyDocument",
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="plan",
        evidence=error.evidence | {"expected": mismatch.expected, "actual": mismatch.actual},
    )


_MISMATCH_SENTENCE = {
    "subject": "Role {role} trusts another subject than this environment's.",
    "subject_case": "Role {role} trusts this environment's subject in another spelling: upper and lower case differ.",
    "audience": "Role {role} trusts another audience than the token's.",
    "audience_case": "Role {role} trusts the audience in another spelling: upper and lower case differ.",
    "provider": "Role {role} trusts another identity provider.",
    "condition_key": "Role {role} does not check the claim under the right condition key.",
    "statement": "The trust policy of role {role} is not the agreed one.",
}


def _mismatch_reason(mismatch: Mismatch) -> str:
    compared = " AWS compares values letter by letter, with case." if mismatch.what.endswith("_case") else ""
    return f"Expected {mismatch.expected}, found {mismatch.actual}.{compared}"
