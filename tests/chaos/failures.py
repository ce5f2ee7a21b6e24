"""Each fault on each call: what retrying mends is retried, what it cannot is said at once, with its cause."""

from __future__ import annotations

import time
from functools import partial

from aws_setup.models import Draft, Run
from tests.chaos.lab import Lab
from tests.chaos.rows import Matrix
from tests.live_account import HOME, SECOND, require_state, wait_for

failures = Matrix()
WRITES = ("CreateOpenIDConnectProvider", "CreateRole", "PutRolePolicy")
READS = ("GetRole", "GetOpenIDConnectProvider", "GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies")
PROOF = ("AssumeRoleWithWebIdentity", "ListFoundationModels", "ListInferenceProfiles", "ListCustomModels")
OF_A_ROLE = ("GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies")
"""Calls that are made only where a role stands already."""
PASSING = ("throttled", "unavailable", "internal_error", "reset_connection", "answer_lost")
SAMPLE = {
    "throttled on CreateRole",
    "answer_lost on PutRolePolicy",
    "reset_connection on AssumeRoleWithWebIdentity",
    "concurrent_modification on CreateOpenIDConnectProvider",
    "credentials_expired on CreateRole",
}
DENIALS = {
    "identity": "No identity-based policy allows it.",
    "boundary": "A permissions boundary does not allow it.",
    "session": "The session policy of the assumed role does not allow it.",
    "scp": "A service control policy of your AWS organization forbids it.",
    "rcp": "A resource control policy of your AWS organization forbids it.",
    "unstated": "AWS does not say which policy denies it",
}


def passes_by(kind: str, action: str, lab: Lab, *, seconds: float = 60) -> None:
    """Once, twice, and the set-up ends well all the same, by itself."""
    if action == "CreateOpenIDConnectProvider":
        lab.delete_provider()
    is_change = action in OF_A_ROLE
    environment = lab.connected() if is_change else lab.environment()
    plan = lab.plan(environment, **({"purpose": "change", "permissions": "full"} if is_change else {}))
    with lab.failing(kind, action, times=2):
        run = lab.finish(lab.approve(plan), seconds=seconds)
    require_state(run, Run.State.SUCCEEDED)
    lab.require_connected(environment)


def stops_at_once(kind: str, action: str, code: str, lab: Lab, **more: object) -> None:
    """Said within seconds, naming the cause; nothing half-done is lost, and after it is mended a new plan goes on."""
    if action == "CreateOpenIDConnectProvider":
        lab.delete_provider()
    environment = lab.environment()
    plan = lab.plan(environment)
    started = time.monotonic()
    with lab.failing(kind, action, times=None, **more):
        run = lab.finish(lab.approve(plan))
    took = time.monotonic() - started
    require_state(run, Run.State.FAILED)
    problem = run.problem or {}
    assert problem["code"] == code, problem
    assert took < 20, f"it took {took:.0f} s to say so"
    require_state(lab.connect(environment, purpose="change" if environment.api_key else "connect"), Run.State.SUCCEEDED)
    lab.require_connected(environment)


def denied(layer: str, lab: Lab) -> None:
    """Which kind of policy denied it is said as far as AWS says it."""
    environment = lab.environment()
    plan = lab.plan(environment)
    with lab.failing("denied", "CreateRole", times=None, layer=layer):
        run = lab.finish(lab.approve(plan))
    require_state(run, Run.State.FAILED)
    problem = run.problem or {}
    assert problem["code"] == "worker_denied", problem
    assert "iam:CreateRole" in problem["sentence"], problem
    assert problem["why"].startswith(DENIALS[layer]), problem["why"]
    assert problem["evidence"]["request id"], problem
    require_state(lab.connect(environment), Run.State.SUCCEEDED)


def passes_by_while_planning(kind: str, action: str, lab: Lab) -> None:
    environment = lab.environment()
    with lab.failing(kind, action, times=2):
        plan = lab.plan(environment)
    require_state(lab.finish(lab.approve(plan)), Run.State.SUCCEEDED)
    lab.require_connected(environment)


def denied_while_planning(action: str, lab: Lab) -> None:
    environment = lab.environment()
    with lab.failing("denied", action, times=None, layer="identity"):
        draft = lab.draft(environment)
        wait_for(lambda: _state(draft) != Draft.State.PLANNING, seconds=30, what="an answer")
    assert draft.state == Draft.State.BLOCKED, draft.state
    assert action in (draft.problem or {})["sentence"], draft.problem
    require_state(lab.connect(environment), Run.State.SUCCEEDED)


def _state(draft: Draft) -> str:
    draft.refresh_from_db()
    return draft.state


def denied_by_a_real_organization_policy(lab: Lab) -> None:
    """Evaluated, not told: a service control policy of the account keeps its own administrators out."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "iam:PutRolePolicy", "Resource": "*"},
        ],
    }
    environment = lab.environment()
    plan = lab.plan(environment)
    order = {"account_id": lab.account_id, "service_control_policy": policy}
    assert lab.sandbox.control("POST", "organization_policies", order)[0] == 200
    try:
        run = lab.finish(lab.approve(plan))
    finally:
        lab.sandbox.control("POST", "organization_policies", order | {"service_control_policy": None})
    require_state(run, Run.State.FAILED)
    problem = run.problem or {}
    assert "AWS organization" in problem["remedy"], problem
    assert "explicit deny" in problem["why"], problem
    require_state(lab.connect(environment), Run.State.SUCCEEDED)
    lab.require_connected(environment)


def throttled_for_long(lab: Lab) -> None:
    """A page that waits says what for and how long still."""
    environment = lab.environment()
    plan = lab.plan(environment)
    number = lab.tell("throttled", "CreateRole", times=None)
    run = lab.approve(plan)
    wait_for(lambda: "at most" in _doing(run), seconds=30, what=lambda: f"how long it still waits, not {run.doing!r}")
    assert "iam:CreateRole answered Throttling; trying again in" in run.doing, run.doing
    lab.end_fault(number)
    require_state(lab.finish(run), Run.State.SUCCEEDED)
    lab.require_connected(environment)


def _doing(run: Run) -> str:
    run.refresh_from_db()
    return run.doing


def out_of_quota(lab: Lab) -> None:
    """Read first: nothing is written where it would not fit."""
    held = len(lab.state()["roles"])
    quotas = {"account_id": lab.account_id, "quotas": {"RolesQuota": held}}
    assert lab.sandbox.control("POST", "settings", quotas)[0] == 200
    try:
        assert lab.blocked(lab.environment()) == "roles_quota"
    finally:
        lab.sandbox.control("POST", "settings", {"account_id": lab.account_id, "quotas": {"RolesQuota": None}})
    assert len(lab.state()["roles"]) == held


def _add(words: str, play: object, *, is_sample: bool = False) -> None:
    account_id = (HOME, SECOND)[len(failures.rows) % 2]
    failures.add(f"fault {words}", play, account_id=account_id, is_sample=is_sample)  # type: ignore[arg-type]


for _action in (*WRITES, *READS, *PROOF):
    for _kind in PASSING:
        if not (_kind == "answer_lost" and _action in READS):
            _words = f"{_kind} on {_action}"
            _add(_words, partial(passes_by, _kind, _action), is_sample=_words in SAMPLE)
for _action in WRITES:
    _words = f"concurrent_modification on {_action}"
    _add(_words, partial(passes_by, "concurrent_modification", _action), is_sample=_words in SAMPLE)
_add("timeout on CreateRole", partial(passes_by, "timeout", "CreateRole", seconds=90))
for _action in WRITES:
    for _kind, _code in (("credentials_expired", "credentials_expired"), ("clock_skewed", "worker_clock_wrong")):
        _words = f"{_kind} on {_action}"
        _add(_words, partial(stops_at_once, _kind, _action, _code), is_sample=_words in SAMPLE)
for _layer in DENIALS:
    _add(f"denied by {_layer} on CreateRole", partial(denied, _layer), is_sample=_layer == "scp")
for _action in ("CreateOpenIDConnectProvider", "PutRolePolicy"):
    _add(f"denied on {_action}", partial(stops_at_once, "denied", _action, "worker_denied"))
for _action in ("GetRole", "GetOpenIDConnectProvider"):
    _add(f"denied on {_action} while planning", partial(denied_while_planning, _action))
for _action in ("GetRole", "GetAccountSummary", "GetCallerIdentity"):
    for _kind in ("throttled", "unavailable"):
        _add(f"{_kind} on {_action} while planning", partial(passes_by_while_planning, _kind, _action))
_add("denied by an organization's policy that is evaluated", denied_by_a_real_organization_policy)
_add("throttled for long: how long is said", throttled_for_long)
_add("roles quota reached", out_of_quota, is_sample=True)
