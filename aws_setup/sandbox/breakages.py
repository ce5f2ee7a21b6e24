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


def _change_subject_case(state: State, order: Mapping[str, str]) -> dict[str, Any]:
    role = _role(order)
    trust = json.loads(role["AssumeRolePolicyDocument"])
    found = trust["Statement"]
    for statement in [found] if isinstance(found, dict) else found:
        for keys in statement.get("Condition", {}).values():
            for key, value in keys.items():
                if not key.lower().endswith(":sub"):
                    continue
                before = value if isinstance(value, str) else value[0]
                after = with_one_letter_changed(before)
                keys[key] = after if isinstance(value, str) else [after, *value[1:]]
                role["AssumeRolePolicyDocument"] = json.dumps(trust)
                state.propagation.trust.forget((order["account_id"], role["RoleName"]))
                return {"before": before, "after": after}
    raise NothingToBreakError(f"the trust policy of {role['RoleName']} has no condition on :sub")


def with_one_letter_changed(text: str) -> str:
    """The last letter's case changed; text without letters stays as it is."""
    for index in range(len(text) - 1, -1, -1):
        if text[index].swapcase() != text[index]:
            return text[:index] + text[index].swapcase() + text[index + 1 :]
    return text


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
    "change_subject_case": _change_subject_case,
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
