"""The sandbox's own interface at `/_sandbox/…`: for tests, and for the page that breaks things.

Only with the header `X-Sandbox-Control: 1`, which no form and no other site's script can send.
"""

from __future__ import annotations

import json
from typing import Any

from aws_setup.sandbox import accounts, emulator
from aws_setup.sandbox.breakages import NothingToBreakError, apply_breakage
from aws_setup.sandbox.errors import AwsError
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
    except NothingToBreakError as error:
        return _problem(409, str(error))
    except (ValueError, LookupError) as error:
        return _problem(400, str(error))
    if name == "POST reset":
        reset(state)
        return json_answer(_health(state))
    return _problem(404, f"there is no {name}")


def reset(state: State) -> None:
    """Back to the first state: breakages, settings and the console user's policy included."""
    state.clear()
    accounts.seed()


def _problem(status: int, sentence: str) -> AwsResponse:
    return json_answer({"error": sentence}, status)


def _health(state: State) -> Json:
    return {"status": "ok", "propagation_seconds": state.propagation.time.seconds}


def _change_settings(state: State, order: dict[str, Any]) -> AwsResponse:
    seconds = order.get("propagation_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
        raise ValueError("propagation_seconds must be a number, 0 or more")
    state.propagation.time.seconds = float(seconds)
    return json_answer(_health(state))


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
        "accounts": [_account(account.id) for account in accounts.ACCOUNTS],
    }


def _account(account_id: str) -> Json:
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
