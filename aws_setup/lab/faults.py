"""Failing on purpose: calls to the sandbox that shall be refused, go unanswered or be seen late, as real AWS does it.

Unlike a breakage, a failure concerns no environment: it waits in the sandbox for a call that it fits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_setup import hints
from aws_setup.lab.control import OrderRefused, require_sandbox, tell_sandbox
from environments.history import Actor, record

ANY = "*"
CLEAR = "clear"
SEEN_AFTER_SECONDS = 6.0
HISTORY = TOLD, REFUSED, CLEARED = "sandbox.fault", "sandbox.fault_refused", "sandbox.faults_cleared"


@dataclass(frozen=True)
class Failure:
    """One way to fail. `order` is what the sandbox is told beside call, account and number."""

    title: str
    effect: str
    order: Mapping[str, str | float] = field(default_factory=dict)


def _denied(by: str, layer: str, effect: str) -> Failure:
    return Failure(f"Denied by {by}", effect, {"kind": "denied", "layer": layer})


def _late(title: str, what: str, effect: str) -> Failure:
    return Failure(title, effect, {"kind": "late", "what": what, "seconds": SEEN_AFTER_SECONDS})


FAILURES = {
    "throttled": Failure("Throttled", "AWS answers “Rate exceeded”: too many calls at a time."),
    "unavailable": Failure("Service unavailable", "AWS answers 503, as in an outage."),
    "internal_error": Failure("Internal error", "AWS answers 500 and does not say why."),
    "concurrent_modification": Failure("Concurrent change", "IAM refuses a write: somebody else writes the same."),
    "limit_exceeded": Failure("Quota exceeded", "IAM refuses a write: the account holds as many as it may."),
    "timeout": Failure("No answer", "Nothing is answered for 30 seconds, and the call is not performed."),
    "reset_connection": Failure("Connection reset", "The connection breaks, and the call is not performed."),
    "answer_lost": Failure("Answer lost", "The call is performed, but the connection breaks before the answer."),
    "hold_before": Failure(
        "Held before it is performed", "The call waits until failures are cleared, at most a minute."
    ),
    "hold_after": Failure(
        "Held after it was performed", "The answer waits until failures are cleared, at most a minute."
    ),
    "denied_identity": _denied("an identity policy", "identity", "The caller's own policies do not allow the action."),
    "denied_boundary": _denied(
        "a permissions boundary", "boundary", "The caller's permissions boundary leaves the action out."
    ),
    "denied_session": _denied(
        "a session policy", "session", "The policy of the caller's session leaves the action out."
    ),
    "denied_scp": _denied("a service control policy", "scp", "The organization forbids the action to the account."),
    "denied_rcp": _denied("a resource control policy", "rcp", "The organization forbids the action on the resource."),
    "denied_unstated": _denied(
        "a policy that AWS does not name", "unstated", "The refusal says no more than who and what."
    ),
    "credentials_expired": Failure("Credentials expired", "AWS says that the worker's credentials ran out."),
    "clock_skewed": Failure("Clock wrong", "AWS says that the request was signed an hour ago."),
    "late_provider": _late("Identity provider seen late", "provider", "Made, but for 6 seconds IAM does not find it."),
    "late_audience": _late("Audience seen late", "audience", "Added, but for 6 seconds IAM shows the former list."),
    "late_role": _late("Role seen late", "role", "Made, but for 6 seconds IAM does not find it."),
    "late_trust": _late("Trust policy seen late", "trust", "Changed, but for 6 seconds IAM shows the former one."),
    "late_policy": _late("Permissions seen late", "policy", "Changed, but for 6 seconds IAM shows the former ones."),
    "flapping_role": Failure(
        "Role comes and goes",
        "Made, but for 6 seconds IAM finds it in every other look only.",
        {"kind": "flapping", "what": "role", "seconds": SEEN_AFTER_SECONDS},
    ),
}
"""In the order in which they are offered."""

CALLS = {
    "STS": ("AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity"),
    "IAM: account": ("GetAccountSummary", "ListAccountAliases", "ListRoles"),
    "IAM: identity provider": (
        "AddClientIDToOpenIDConnectProvider",
        "CreateOpenIDConnectProvider",
        "DeleteOpenIDConnectProvider",
        "GetOpenIDConnectProvider",
        "RemoveClientIDFromOpenIDConnectProvider",
    ),
    "IAM: role": (
        "CreateRole",
        "DeleteRole",
        "GetRole",
        "PutRolePermissionsBoundary",
        "SimulatePrincipalPolicy",
        "TagRole",
        "UntagRole",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
    ),
    "IAM: permissions": (
        "AttachRolePolicy",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "GetRolePolicy",
        "ListAttachedRolePolicies",
        "ListRolePolicies",
        "PutRolePolicy",
    ),
    "Bedrock": (
        "Converse",
        "GetFoundationModelAvailability",
        "GetUseCaseForModelAccess",
        "ListCustomModels",
        "ListFoundationModels",
        "ListInferenceProfiles",
    ),
}
"""What this console calls, in groups."""


def request_fault(failure: str, *, call: str, account_id: str, times: int, actor: Actor) -> bool:
    """Ask a worker to tell the sandbox; `times` 0 means until cleared, `failure` CLEAR takes all of them away.

    False where the broker took no message: then nothing fails, now or later.
    """
    require_sandbox()
    _require_known(failure)
    return hints.send_now(hints.FAIL_SANDBOX, failure, call, account_id, times, actor)


def tell_fault(failure: str, *, call: str, account_id: str, times: int, actor: Actor, sandbox_url: str) -> None:
    """Tell the sandbox, and history what it was told. What it refuses is history too: nobody else reads its answer.

    Raises NoSandbox.
    """
    require_sandbox()
    _require_known(failure)
    if failure == CLEAR:
        tell_sandbox(sandbox_url, "faults", method="DELETE")
        record(CLEARED, "Sandbox: all failures on purpose were cleared.", actor=actor)
        return
    order = {"kind": failure, **FAILURES[failure].order, "action": call, "account_id": account_id}
    what = describe(failure, call=call, account_id=account_id, times=times)
    try:
        tell_sandbox(sandbox_url, "faults", {**order, "times": times or None})
    except OrderRefused as refused:
        record(REFUSED, f"Sandbox: cannot fail like this: {what}; {refused}.", actor=actor)
    else:
        record(TOLD, f"Sandbox: told to fail: {what}.", actor=actor)


def describe(failure: str, *, call: str, account_id: str, times: int) -> str:
    """In words, as in `Throttled, CreateRole in any account, twice`."""
    where = "any account" if account_id == ANY else f"account {account_id}"
    return f"{FAILURES[failure].title}, {'any call' if call == ANY else call} in {where}, {describe_number(times)}"


def describe_number(times: int) -> str:
    return {0: "until cleared", 1: "once", 2: "twice"}.get(times, f"{times} times")


def _require_known(failure: str) -> None:
    if failure != CLEAR and failure not in FAILURES:
        raise ValueError(f"{failure} is not a way to fail")
