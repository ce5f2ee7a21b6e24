"""Breaking one link of the chain on purpose. What is broken is seen at once: breakages do not propagate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_setup.sandbox import emulator
from aws_setup.sandbox.emulator import Record
from aws_setup.sandbox.identity_providers import find_provider
from aws_setup.sandbox.roles import find_role
from aws_setup.sandbox.state import State
from aws_setup.sandbox.trust_breakages import CHANGES, NothingToChangeError, change_trust

TOO_SHORT_SESSION_SECONDS = 600
BOUNDARY = "SandboxBoundary"
_WITHOUT_BEDROCK = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "NoBedrock", "Effect": "Allow", "Action": ["s3:*", "logs:*"], "Resource": "*"}],
}


class NothingToBreakError(Exception):
    """The account, role, provider or value that should be broken is not there; the text says which."""


def apply_breakage(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    """Break what `order` names and tell what was there before. ValueError for an unknown kind."""
    kind = order.get("kind", "")
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(sorted(_KINDS))}")
    done = _KINDS[kind](state, order)
    state.changed()
    return {"kind": kind} | done


def _delete_provider(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    provider = _provider(order)
    emulator.providers.remove(order["account_id"], provider["Arn"])
    state.propagation.audiences.forget((order["account_id"], provider["Arn"]))
    return {"deleted": provider["Arn"]}


def _remove_audience(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    provider, audience = _provider(order), order.get("audience", "bedrock")
    if audience not in provider["ClientIDList"]:
        raise NothingToBreakError(f"{provider['Arn']} has no audience {audience}")
    provider["ClientIDList"] = [known for known in provider["ClientIDList"] if known != audience]
    state.propagation.audiences.forget((order["account_id"], provider["Arn"]))
    return {"removed": audience, "from": provider["Arn"]}


def _change_trust(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    role = _role(order)
    before = role["AssumeRolePolicyDocument"]
    try:
        after = change_trust(before, order["kind"], order)
    except NothingToChangeError as error:
        raise NothingToBreakError(f"the trust policy of {role['RoleName']} has {error}") from error
    role["AssumeRolePolicyDocument"] = after
    state.propagation.trust.forget((order["account_id"], role["RoleName"]))
    return {"before": json.loads(before), "after": json.loads(after)}


def _delete_role(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    role = _role(order)
    for arn in list(role["AttachedPolicies"]):
        emulator.detach_policy(order["account_id"], role, arn)
    emulator.roles.remove(order["account_id"], role["RoleName"])
    state.propagation.forget_role(order["account_id"], role["RoleName"])
    return {"deleted": role["Arn"]}


def _shorten_session(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    """Below the least that IAM takes (3,600 s) and below the least that a caller may ask of STS (900 s).

    It cannot come about in AWS, but it answers as a session that is asked for too long does there.
    """
    role = _role(order)
    before, role["MaxSessionDuration"] = role["MaxSessionDuration"], TOO_SHORT_SESSION_SECONDS
    return {"before": before, "after": TOO_SHORT_SESSION_SECONDS}


def _take_action(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    """Out of the role's inline policies, where they name it letter by letter."""
    role, action = _role(order), order.get("action", "")
    if not action:
        raise ValueError("action is missing")
    taken = []
    for name, text in list(role["InlinePolicies"].items()):
        document = json.loads(text)
        found = document["Statement"]
        statements = [found] if isinstance(found, dict) else found
        kept = [left for statement in statements if (left := _without_action(statement, action)) is not None]
        if kept == statements:
            continue
        taken.append(name)
        if kept:
            role["InlinePolicies"][name] = json.dumps(document | {"Statement": kept})
        else:
            del role["InlinePolicies"][name]
    if not taken:
        raise NothingToBreakError(f"no inline policy of {role['RoleName']} names {action}")
    state.propagation.permissions.forget((order["account_id"], role["RoleName"]))
    return {"taken": action, "from": taken}


def _without_action(statement: dict[str, Any], action: str) -> dict[str, Any] | None:
    if statement["Effect"] != "Allow" or "Action" not in statement:
        return statement
    found = statement["Action"]
    actions = [found] if isinstance(found, str) else found
    left = [name for name in actions if name.lower() != action.lower()]
    if len(left) == len(actions):
        return statement
    return statement | {"Action": left} if left else None


def _bound_role(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    role = _role(order)
    arn = emulator.store_policy(order["account_id"], BOUNDARY, json.dumps(_WITHOUT_BEDROCK))
    role["PermissionsBoundary"] = arn
    state.propagation.permissions.forget((order["account_id"], role["RoleName"]))
    return {"boundary": arn}


def _detach_policy(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    role = _role(order)
    attached, inline = list(role["AttachedPolicies"]), list(role["InlinePolicies"])
    if not attached and not inline:
        raise NothingToBreakError(f"{role['RoleName']} has no policies")
    for arn in attached:
        emulator.detach_policy(order["account_id"], role, arn)
    role["InlinePolicies"].clear()
    state.propagation.permissions.forget((order["account_id"], role["RoleName"]))
    return {"detached": attached, "deleted": inline}


def _stop_issuer(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    state.stopped_issuers.add(_issuer_url(order))
    return {"stopped": sorted(state.stopped_issuers)}


def _start_issuer(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    state.stopped_issuers.discard(_issuer_url(order))
    return {"stopped": sorted(state.stopped_issuers)}


_KINDS: dict[str, Callable[[State, Mapping[str, str]], dict[str, Any]]] = {
    "delete_provider": _delete_provider,
    "remove_audience": _remove_audience,
    **dict.fromkeys(CHANGES, _change_trust),
    "delete_role": _delete_role,
    "shorten_session": _shorten_session,
    "take_action": _take_action,
    "bound_role": _bound_role,
    "detach_policy": _detach_policy,
    "stop_issuer": _stop_issuer,
    "start_issuer": _start_issuer,
}


def _issuer_url(order: Mapping[str, str]) -> str:
    if not order.get("issuer_url"):
        raise ValueError("issuer_url is missing")
    return order["issuer_url"]


def _provider(order: Mapping[str, str]) -> Record:
    url = _issuer_url(order)
    provider = find_provider(order.get("account_id", ""), url)
    if provider is None:
        raise NothingToBreakError(f"account {order.get('account_id')} has no identity provider for {url}")
    return provider


def _role(order: Mapping[str, str]) -> Record:
    role = find_role(order.get("account_id", ""), order.get("role_name", ""))
    if role is None:
        raise NothingToBreakError(f"account {order.get('account_id')} has no role {order.get('role_name')}")
    return role
