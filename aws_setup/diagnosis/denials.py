"""Who denied a call, and who can lift it: AWS names at most one kind of policy. Pure."""

import re

from aws_setup.diagnosis import DOCS, ErrorFacts, Problem

_DENIED_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
_DENYING_POLICIES = (
    ("service control policy", "scp", "A service control policy of your AWS organization forbids it."),
    ("resource control policy", "rcp", "A resource control policy of your AWS organization forbids it."),
    ("permissions boundary", "boundary", "A permissions boundary does not allow it."),
    ("session policy", "session_policy", "The session policy of the assumed role does not allow it."),
    ("resource-based policy", "resource_policy", "A policy on the resource does not allow it."),
    ("identity-based policy", "identity_policy", "No identity-based policy allows it."),
)


def find_denying_policy(message: str) -> tuple[str, str]:
    """Which kind of policy AWS names as the one that denied: (code, sentence).

    AWS names one kind, and some services none: then ("unknown", …) with the candidates.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    lower = message.lower()
    for words, code, sentence in _DENYING_POLICIES:
        if words in lower:
            return code, sentence
    return (
        "unknown",
        "AWS does not say which policy denies it: an identity policy, a permissions boundary, a session policy or a "
        "service control policy.",
    )


def find_denied_action(error: ErrorFacts) -> str:
    """The action AWS says is missing: not always the call's own, as iam:TagRole is for a CreateRole with tags."""
    named = _DENIED_ACTION.search(error.message)
    return named[1] if named else error.operation


def _remedy_of_denial(kind: str, *, action: str, caller: str, is_explicit: bool) -> str:
    """Who must change which policy. Asking again helps in none of these cases."""
    policy = "The whole policy the console needs is printed by the command below and on the page Accounts → Policy."
    exempt = f"take {action} out of the deny" if is_explicit else f"allow {action} there"
    match kind:
        case "scp" | "rcp":
            return (
                "Ask the administrators of the AWS organization to exempt this account or action: nothing in the "
                "account's own IAM can lift it."
            )
        case "boundary":
            return (
                f"The permissions boundary of {caller} bounds it whatever its policies say: let an administrator "
                f"{exempt}. {policy}"
            )
        case "session_policy":
            return (
                f"The session of {caller} was narrowed when it was handed out, not the role itself: let whoever starts "
                f"the worker {exempt}, or leave the session policy out."
            )
        case "unknown":
            return (
                f"Look at them in this order: allow {action} for {caller} in its own policy; then its permissions "
                "boundary; then the session policy; then ask the administrators of the AWS organization. The request "
                f"id finds the call in CloudTrail. {policy}"
            )
    what = f"Let an administrator {exempt}, for {caller}." if is_explicit else f"Allow {action} for {caller}."
    return f"{what} {policy}"


def _ask_of_denial(kind: str, *, action: str, caller: str, is_explicit: bool) -> str:
    """What whoever keeps the denying policy is to do, for the message to them."""
    keeper = {
        "scp": "the organization's service control policies",
        "rcp": "the organization's resource control policies",
        "boundary": "the permissions boundary of the caller",
        "session_policy": "the session policy with which the caller's role is assumed",
        "resource_policy": "the policy of the resource",
        "unknown": "whichever policy denies it: the caller's own, its permissions boundary, its session policy, or the "
        "organization's",
    }.get(kind, "the caller's own policy")
    how = "exempt it from the deny" if is_explicit else "allow it"
    return f"let {caller} call {action}: {how} in {keeper}."


def explain_worker_denied(error: ErrorFacts, *, caller_arn: str) -> Problem:
    """The worker's own rights do not suffice for a call."""
    kind, sentence = find_denying_policy(error.message)
    action, caller = find_denied_action(error), caller_arn or "the worker"
    is_explicit = "explicit deny" in error.message.lower()
    return Problem(
        code="worker_denied",
        sentence=f"The console may not call {action} in this account.",
        why=f"{sentence} It is an explicit deny, which no other policy outweighs." if is_explicit else sentence,
        remedy=_remedy_of_denial(kind, action=action, caller=caller, is_explicit=is_explicit),
        command="./manage.py provisioning_policy",
        link=f"{DOCS}/IAM/latest/UserGuide/troubleshoot_access-denied.html",
        fix="plan",
        ask=_ask_of_denial(kind, action=action, caller=caller, is_explicit=is_explicit),
        evidence=error.evidence,
    )
