"""Why Vertesia could not be asked, or does not see what AWS holds: one cause each. Pure."""

from collections.abc import Mapping

from aws_setup.diagnosis import Problem
from environments.vertesia.errors import (
    Busy,
    Forbidden,
    KeyRefused,
    NotFound,
    Rejected,
    Unreachable,
    VertesiaError,
)

KEY_CODES = (
    "requested_scope_unavailable",
    "no_accessible_account",
    "restricted_environment",
    "token_issuance_forbidden",
)
"""The errorCodes of Vertesia's token service; each is a cause of its own."""

STUDIO_KEYS = "https://cloud.vertesia.io/settings#keys"
SETTINGS_PAGE = "On the page Vertesia of this console, "


def explain_vertesia(error: VertesiaError) -> Problem:
    """A call to Vertesia that did not succeed, by what mends it. Vertesia's own words stand in the evidence."""
    evidence = evidence_of(error)
    if isinstance(error, KeyRefused):
        code = f"vertesia_{error.code}" if error.code in KEY_CODES else "vertesia_key_refused"
        return Problem(
            code=code,
            sentence=str(error),
            why="The key was not used for anything else.",
            remedy=f"{SETTINGS_PAGE}enter a key that Vertesia accepts.",
            link=STUDIO_KEYS,
            evidence=evidence,
        )
    if isinstance(error, Forbidden):
        lacks = error.operation.permission or "the permission"
        return Problem(
            code="vertesia_forbidden",
            sentence=str(error),
            remedy=f"Give the key's role {lacks} in Studio, then try again.",
            link=STUDIO_KEYS,
            ask=f"give the API key of this console a role with {lacks} in Vertesia Studio.",
            evidence=evidence,
        )
    if isinstance(error, NotFound):
        return Problem(
            code="vertesia_not_found",
            sentence=str(error),
            remedy="Import the environments again: what is missing there is named. Nothing is deleted here.",
            evidence=evidence,
        )
    if isinstance(error, Busy):
        return Problem(
            code="vertesia_busy",
            sentence=str(error),
            remedy="Try again later.",
            evidence=evidence,
        )
    if isinstance(error, Unreachable):
        return Problem(
            code="vertesia_unreachable",
            sentence=str(error),
            remedy="Look whether this machine reaches Vertesia by https, and try again.",
            evidence=evidence,
        )
    is_rejected = isinstance(error, Rejected)
    return Problem(
        code="vertesia_rejected" if is_rejected else "vertesia_unexpected_answer",
        sentence=str(error),
        remedy="Look whether the values are right, and try again."
        if is_rejected
        else "Vertesia's API may have changed: look for a newer release of this console, or report this answer.",
        evidence=evidence,
    )


def evidence_of(error: VertesiaError) -> dict[str, str]:
    """What was asked and what Vertesia answered, without credentials."""
    facts = {
        "asked to": error.operation.what,
        "HTTP status": str(error.status or ""),
        "errorCode": error.code,
        "Vertesia says": error.message,
    }
    return {name: value for name, value in facts.items() if value}


def explain_environment_gone(name: str, environment_id: str) -> Problem:
    """Vertesia does not know the environment any more."""
    return Problem(
        code="vertesia_environment_deleted",
        sentence=f"Vertesia does not find the environment {name} ({environment_id}).",
        why="It was deleted there, or the API key cannot see it. AWS still holds its role, which nobody can use.",
        remedy="Disconnect it here, which removes the role; or connect another environment of Vertesia.",
        evidence={"environment id": environment_id},
    )


def explain_key_unreadable(sentence: str) -> Problem:
    """The stored API key cannot be decrypted."""
    return Problem(
        code="vertesia_key_unreadable",
        sentence="The stored Vertesia API key cannot be decrypted.",
        why=sentence,
        remedy="Put the former key behind the new one in ENCRYPTION_KEYS, or forget the API key and enter it again.",
    )


def explain_no_local_vertesia() -> Problem:
    """The sandbox's Vertesia does not run."""
    return Problem(
        code="sandbox_unavailable",
        sentence="The sandbox's own Vertesia is not running.",
        remedy="Start the console with make run, which starts it too; then try again.",
        command="make run",
    )


def explain_wrong_site(site: str, *, is_sandbox: bool) -> Problem:
    """A key of one world in the other."""
    return Problem(
        code="vertesia_wrong_site",
        sentence=f"This console works in {'the sandbox' if is_sandbox else 'AWS'}, and the key is for site {site}.",
        why="Role ARNs of one world mean nothing in the other.",
        remedy="Forget this key, and enter one of the sandbox's own Vertesia."
        if is_sandbox
        else "Forget this key, and enter one of a site of Vertesia.",
    )


def explain_issuer_unusable(url: str, rule: str) -> Problem:
    """The token that Vertesia gave names an issuer that AWS cannot trust."""
    return Problem(
        code="vertesia_issuer_unusable",
        sentence=f"Vertesia's token names the issuer {url}, which {rule}.",
        why="AWS would take no token of it, so nothing was taken up.",
        remedy="Look whether the site is the right one, and ask Vertesia's support for the issuer of your tokens.",
    )


def explain_api_key_differs(name: str, *, hint: str, role_arn: str) -> Problem:
    """What Vertesia holds as the environment's API key is not the role's ARN."""
    held = f"Vertesia shows of it: {hint}" if hint else "Vertesia holds none"
    return Problem(
        code="vertesia_api_key_differs",
        sentence=f"The API key that Vertesia holds for {name} is not the ARN of its role.",
        why=f"{held}. Whatever Vertesia lists is listed with that.",
        remedy="Tell Vertesia again: the console writes the role's ARN there.",
        fix="tell_vertesia",
        evidence={"expected": role_arn, "actual": hint or "none"},
    )


def explain_region_differs(name: str, *, actual: str, expected: str) -> Problem:
    """Vertesia asks another region than the one that was agreed."""
    return Problem(
        code="vertesia_region_differs",
        sentence=f"The endpoint URL of {name} in Vertesia is {actual or 'empty'}, and {expected} was agreed.",
        why="Vertesia lists the models of the region that stands there.",
        remedy="Tell Vertesia again: the console writes the region there. Or plan a change to the other region.",
        fix="tell_vertesia",
        evidence={"expected": expected, "actual": actual},
    )


def explain_issuer_differs(*, expected: str, actual: str) -> Problem:
    """Vertesia's tokens name another issuer than the role trusts."""
    return Problem(
        code="vertesia_issuer_differs",
        sentence=f"Vertesia's tokens name the issuer {actual}, and the role trusts {expected}.",
        why="AWS looks for an identity provider with exactly the token's issuer.",
        remedy="Go to Issuers → Move an organization: step by step, and nothing breaks.",
        evidence={"expected": expected, "actual": actual},
    )


def explain_lists_nothing(name: str, *, evidence: Mapping[str, str]) -> Problem:
    """Vertesia lists nothing through the role, and from here everything looks as agreed."""
    return Problem(
        code="vertesia_lists_nothing",
        sentence=f"Vertesia lists no models of {name}, though AWS holds what was agreed.",
        why="Vertesia does not repeat what AWS told it. What this console sees of AWS is as agreed, so the cause is "
        "in what cannot be read from here: the token, or a policy of the AWS organization.",
        remedy="Look for AssumeRoleWithWebIdentity of this role in CloudTrail: its error says why. Then verify again.",
        command="aws cloudtrail lookup-events --lookup-attributes "
        "AttributeKey=EventName,AttributeValue=AssumeRoleWithWebIdentity --max-results 5",
        link="https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html",
        fix="verify",
        evidence=dict(evidence),
    )
