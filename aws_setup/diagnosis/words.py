"""An error of AWS that somebody met elsewhere, in a shell, a stack or Vertesia, explained as those met here. Pure.

Only the text is known: no account is looked at. What it does not tell stays open, and the unknown stays unknown.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import ErrorFacts, Problem, explain_unknown
from aws_setup.diagnosis.credentials import EXPIRED_CODES, explain_assume_role, explain_credentials
from aws_setup.diagnosis.denials import explain_worker_denied, find_denied_action
from aws_setup.diagnosis.elsewhere import (
    explain_cfn_thumbprint,
    explain_existing_provider,
    explain_external_id,
    explain_swallowed,
)
from aws_setup.diagnosis.error_text import read_error
from aws_setup.diagnosis.exchange import (
    explain_audience_missing,
    explain_clock,
    explain_issuer_renamed,
    explain_provider_missing,
    explain_region_off,
    explain_session_length,
    explain_thumbprint,
    explain_token_refused,
)
from aws_setup.diagnosis.issuer import explain_issuer_unreachable
from aws_setup.diagnosis.listings import explain_listing
from aws_setup.diagnosis.model_access import explain_invocation
from aws_setup.diagnosis.refusals import Refusal, read_refusal
from aws_setup.diagnosis.trust import explain_unread_role
from aws_setup.diagnosis.worker import explain_busy, explain_refused

ANY = DesiredState(
    installation_id="",
    partition="aws",
    account_id="ACCOUNT_ID",
    region="REGION",
    issuer_url="https://ISSUER_HOST",
    audience="bedrock",
    organization_id="ORGANIZATION_ID",
    environment_id="ENVIRONMENT_ID",
    subject="env:ORGANIZATION_ID:ENVIRONMENT_ID",
    role_name="ROLE_NAME",
    permissions="invoke",
)
"""Words in capitals for what the text does not tell: whoever reads it puts their own there."""
WEB_IDENTITY = "AssumeRoleWithWebIdentity"
LONGEST_TEXT = 10_000
"""Characters. An error is shorter; a whole log is not explained."""
_ISSUER = re.compile(r"provider found in your account for (https?://[^\s'\"]+)", re.IGNORECASE)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/(?:[^\s'\"]*/)?([\w+=,.@-]+)|assumed-role/([\w+=,.@-]+)/")
_CALLER = re.compile(r"User: (arn:\S+) is not authorized")
_ACCOUNT = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):")
_MODEL = re.compile(
    r"(?:foundation-model|inference-profile)/([\w.:-]*[\w])|model(?: with)? (?:ID|identifier) ([\w.:/-]*[\w])"
)
_NO_THUMBPRINT = ("required key [thumbprintlist] not found", "null at 'thumbprintlist'")
_BAD_CREDENTIALS = (
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "RequestTimeTooSkewed",
)
_BUSY = (
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
)


def explain_words(text: str, *, desired: DesiredState | None = None) -> Problem:
    """The cause and remedy of the error in `text`, as far as the text alone tells.

    `desired` is what was agreed for the environment it is about; None where nobody said which. Nothing is asked of AWS.
    """
    facts = read_error(text)
    about = desired or _read_about(text)
    whole = " ".join(text.lower().split())
    for is_met, explain in _BY_WORDS:
        if is_met(whole):
            return explain(facts, about)
    if WEB_IDENTITY in facts.operation or facts.code == "InvalidIdentityToken":
        return _explain_exchange(facts, about, text)
    return _explain_call(facts, about, text)


def _read_about(text: str) -> DesiredState:
    """Role, account and issuer where the text names them."""
    role, account, issuer = _ROLE.search(text), _ACCOUNT.search(text), _ISSUER.search(text)
    return replace(
        ANY,
        account_id=account[1] if account else ANY.account_id,
        role_name=(role[2] or role[3]) if role else ANY.role_name,
        issuer_url=issuer[1] if issuer else ANY.issuer_url,
    )


_BY_WORDS: tuple[tuple[Callable[[str], bool], Callable[[ErrorFacts, DesiredState], Problem]], ...] = (
    (lambda whole: any(words in whole for words in _NO_THUMBPRINT), explain_cfn_thumbprint),
    (lambda whole: "externalid" in whole and WEB_IDENTITY.lower() in whole, explain_external_id),
    (lambda whole: "unknown parameter" in whole and "externalid" in whole, explain_external_id),
    (lambda whole: "provider with url" in whole and "already exists" in whole, explain_existing_provider),
    (lambda whole: "foundation models not found" in whole, explain_swallowed),
)

# --- what STS says --------------------------------------------------------------------------------------------------


def _explain_exchange(facts: ErrorFacts, desired: DesiredState, text: str) -> Problem:
    match read_refusal(facts):
        case Refusal.NO_PROVIDER:
            return _explain_no_provider(facts, desired, text)
        case Refusal.NO_KEY:
            seen = "From the text alone nobody can say which of these it is; a verification here reads them itself."
            return explain_issuer_unreachable(facts, issuer_url=desired.issuer_url, seen_from_here=seen)
        case Refusal.THUMBPRINT:
            return explain_thumbprint(facts, desired, None, computed="")
        case Refusal.CLOCK:
            return explain_clock(facts)
        case Refusal.AUDIENCE:
            return explain_audience_missing(facts, desired, None)
        case Refusal.TOKEN:
            return explain_token_refused(facts, issuer_url=desired.issuer_url)
        case Refusal.REGION_OFF:
            return explain_region_off(facts, desired)
        case Refusal.SESSION_LENGTH:
            return explain_session_length(facts, desired)
        case Refusal.NOT_AUTHORIZED:
            why_not = "The text does not tell which; a verification here compares the trust policy with the token."
            problem = explain_unread_role(facts, desired, why_not=why_not)
            return replace(problem, sentence=f"Role {desired.role_name} does not let this token in.")
        case Refusal.UNKNOWN:
            return explain_unknown(facts)


def _explain_no_provider(facts: ErrorFacts, desired: DesiredState, text: str) -> Problem:
    """The token's issuer stands in the text: another one than was agreed is the cause, and a move mends it."""
    found = _ISSUER.search(text)
    if found is None or found[1] == desired.issuer_url:
        return explain_provider_missing(facts, desired)
    signing = replace(desired, issuer_url=found[1], also_trusts=())
    return replace(
        explain_issuer_renamed(facts, signing, other_url=desired.issuer_url),
        remedy=f"Move the organization to {found[1]} on the page Issuers: roles trust both while it moves, and nothing "
        "stands still.",
        fix="",
    )


# --- what other calls say -------------------------------------------------------------------------------------------


def _explain_call(facts: ErrorFacts, desired: DesiredState, text: str) -> Problem:
    action, words = find_denied_action(facts), facts.message.lower()
    is_denied = facts.code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    if facts.code in (*EXPIRED_CODES, *_BAD_CREDENTIALS):
        return _of_the_caller(explain_credentials(facts))
    if facts.code in _BUSY:
        return explain_busy(facts)
    if is_denied and action == "sts:AssumeRole":
        return _of_the_caller(explain_assume_role(facts))
    if is_denied and action.startswith("bedrock:List"):
        return explain_listing(replace(facts, operation=action), desired, is_denied=True)
    if action.startswith(("bedrock:Invoke", "bedrock-runtime:", "bedrock:CallWith", "bedrock-mantle:")) or any(
        known in words for known in ("use case details", "on-demand throughput", "marked by provider as legacy")
    ):
        named = _MODEL.search(text)
        model = (named[1] or named[2]) if named else "MODEL_ID"
        return explain_invocation(facts, desired, model=model)
    if is_denied and facts.operation:
        caller = _CALLER.search(text)
        problem = explain_worker_denied(facts, caller_arn=caller[1] if caller else "the caller")
        return replace(problem, sentence=f"The caller may not call {action}.")
    return explain_refused(facts)


def _of_the_caller(problem: Problem) -> Problem:
    """Whoever met the error, not this console's worker, is meant."""
    return replace(
        problem,
        sentence=problem.sentence.replace("The worker", "The caller"),
        remedy=problem.remedy.replace("the worker", "the caller"),
        fix="",
    )
