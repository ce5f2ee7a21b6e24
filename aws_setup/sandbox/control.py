"""The sandbox's own interface at `/_sandbox/…`: for tests, and for the page that breaks things.

Only with the header `X-Sandbox-Control: 1`, which no form and no other site's script can send.

    GET    health, state
    POST   breakages                {"kind", "account_id", "role_name", "issuer_url", …}
    POST   faults                   {"kind", "account_id": "*", "action": "*", "times": 1 (null: no end), "skip": 0,
                                    "seconds", "layer" (denied), "what" (late, flapping)} → the fault with its id
    GET    faults                   {"faults": [{"id", …, "met", "holding": [{"call", "client_port"}]}]}
    DELETE faults, faults/ID        what they hold goes on; what they made late stays late
    POST   settings                 {"propagation_seconds", "quotas": {name: number or null}, "account_id"}
    POST   caller_policy            {"policy": document or null}
    POST   organization_policies    {"account_id", "service_control_policy": document or null}
    POST   reset
"""

from __future__ import annotations

import json
import re
from typing import Any

from aws_setup.sandbox import accounts, emulator
from aws_setup.sandbox.breakages import NothingToBreakError, apply_breakage
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.faults import read_fault
from aws_setup.sandbox.operations import OPERATIONS
from aws_setup.sandbox.organization import EVERY_ACCOUNT, QUOTAS
from aws_setup.sandbox.policy_documents import check_identity_policy
from aws_setup.sandbox.state import State
from aws_setup.sandbox.wire import AwsRequest, AwsResponse, Json, json_answer

PREFIX = "/_sandbox/"
HEADER = "x-sandbox-control"


def answer(request: AwsRequest, state: State) -> AwsResponse:
    """Errors are JSON `{"error": sentence}` with status 400, 403, 404 or 409."""
    if request.headers.get(HEADER) != "1":
        return _problem(403, "send the header X-Sandbox-Control: 1")
    name = f"{request.method} {request.raw_path.removeprefix(PREFIX)}"
    if name == "GET health":
        return json_answer(_health(state))
    if name == "GET state":
        return json_answer(_state(state))
    if name == "GET faults":
        return json_answer({"faults": state.faults.to_json()})
    if name.startswith("DELETE faults"):
        return _delete_faults(state, name.removeprefix("DELETE faults"))
    try:
        order = json.loads(request.body or b"{}")
    except json.JSONDecodeError:
        return _problem(400, "the body is not JSON")
    if not isinstance(order, dict):
        return _problem(400, "the body is not a JSON object")
    try:
        if name == "POST breakages":
            return json_answer(apply_breakage(state, order))
        if name == "POST settings":
            return _change_settings(state, order)
        if name == "POST caller_policy":
            return _change_caller_policy(state, order)
        if name == "POST faults":
            return json_answer(state.faults.add(read_fault(order, operations=OPERATIONS)).to_json())
        if name == "POST organization_policies":
            return _change_organization_policy(state, order)
    except NothingToBreakError as error:
        return _problem(409, str(error))
    except (ValueError, LookupError) as error:
        return _problem(400, str(error))
    if name == "POST reset":
        reset(state)
        return json_answer(_health(state))
    return _problem(404, f"there is no {name}")


def reset(state: State) -> None:
    """Back to the first state: breakages, faults, settings and the policies of console and organization included."""
    state.clear()
    accounts.seed()


def _problem(status: int, sentence: str) -> AwsResponse:
    return json_answer({"error": sentence}, status)


def _health(state: State) -> Json:
    return {"status": "ok", "propagation_seconds": state.propagation.time.seconds}


def _delete_faults(state: State, path: str) -> AwsResponse:
    if path == "":
        state.faults.clear()
    elif not re.fullmatch(r"/[0-9]{1,9}", path) or not state.faults.delete(int(path[1:])):
        return _problem(404, f"there is no fault {path[1:]}")
    return json_answer({"faults": state.faults.to_json()})


def _change_settings(state: State, order: dict[str, Any]) -> AwsResponse:
    """`propagation_seconds`, or `quotas` by name (null: the default again), or both.

    Quotas are those of `account_id`, without it those of every account that has none of its own.
    """
    if "quotas" in order:
        if not isinstance(order["quotas"], dict):
            raise ValueError("quotas must be an object")
        quotas = dict(order["quotas"])
        account_id = quotas.pop("account_id", order.get("account_id", EVERY_ACCOUNT))
        if account_id != EVERY_ACCOUNT:
            _check_account(account_id)
        state.organization.set_quotas(account_id, quotas)
        if "propagation_seconds" not in order:
            return json_answer(_health(state))
    seconds = order.get("propagation_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
        raise ValueError("propagation_seconds must be a number, 0 or more")
    state.propagation.time.seconds = float(seconds)
    return json_answer(_health(state))


def _change_organization_policy(state: State, order: dict[str, Any]) -> AwsResponse:
    """The one service control policy of an account; null takes it away. Seen at once."""
    if "service_control_policy" not in order:
        raise ValueError("service_control_policy is missing (null takes it away)")
    _check_account(order.get("account_id"))
    state.organization.set_policy(order["account_id"], order["service_control_policy"])
    return json_answer({name: order[name] for name in ("account_id", "service_control_policy")})


def _check_account(account_id: object) -> None:
    if account_id not in [account.id for account in accounts.ACCOUNTS]:
        raise ValueError(f"the sandbox has no account {account_id!r}")


def _change_caller_policy(state: State, order: dict[str, Any]) -> AwsResponse:
    if "policy" not in order:
        raise ValueError("policy is missing (null makes the caller an administrator)")
    document = None if order["policy"] is None else json.dumps(order["policy"])
    if document is not None:
        try:
            check_identity_policy(document)
        except AwsError as error:
            raise ValueError(str(error)) from error
    accounts.set_caller_policy(document)
    state.changed()
    return json_answer({"policy": order["policy"]})


def _state(state: State) -> Json:
    """No secret and no token in it."""
    return {
        "propagation_seconds": state.propagation.time.seconds,
        "stopped_issuers": sorted(state.stopped_issuers),
        "faults": state.faults.to_json(),
        "accounts": [
            _account(account.id)
            | {
                "service_control_policy": json.loads(state.organization.policies.get(account.id, "null")),
                "quotas": {name: state.organization.quota(account.id, name) for name in QUOTAS},
            }
            for account in accounts.ACCOUNTS
        ],
    }


def _account(account_id: str) -> dict[str, Json]:
    providers = emulator.providers.of_account(account_id).values()
    roles = emulator.roles.of_account(account_id).values()
    return {
        "account_id": account_id,
        "alias": emulator.alias_of(account_id),
        "providers": [
            {
                "arn": provider["Arn"],
                "issuer_url": provider["Url"],
                "audiences": provider["ClientIDList"],
                "thumbprints": provider["ThumbprintList"],
                "tags": _tags(provider),
            }
            for provider in providers
        ],
        "roles": [
            {
                "name": role["RoleName"],
                "arn": role["Arn"],
                "trust_policy": json.loads(role["AssumeRolePolicyDocument"]),
                "inline_policies": {name: json.loads(text) for name, text in role["InlinePolicies"].items()},
                "attached_policies": role["AttachedPolicies"],
                "permissions_boundary": role.get("PermissionsBoundary") or None,
                "max_session_duration": role["MaxSessionDuration"],
                "description": role["Description"],
                "tags": _tags(role),
                "last_used": role.get("RoleLastUsed", {}).get("LastUsedDate"),
            }
            for role in roles
        ],
        "policies": [
            {"arn": arn, "document": json.loads(emulator.managed_document(account_id, arn) or "{}")}
            for arn in emulator.policies.of_account(account_id)
        ],
    }


def _tags(record: emulator.Record) -> dict[str, Json]:
    return {tag["Key"]: tag["Value"] for tag in record["Tags"]}
