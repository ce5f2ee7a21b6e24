"""The sandbox's own interface at `/_sandbox/…`: for tests, and for the page that breaks things.

Only with the header `X-Sandbox-Control: 1`, which no form and no other site's script can send.

    GET    health, state
    POST   breakages                {"kind", "account_id", "role_name", "issuer_url", …}; seen at once. Beside them:
                                    "audience" (remove_audience), "subject" (subject_other), "action" (take_action),
                                    "other_account_id" (provider_of_other_account)
    POST   faults                   {"kind", "account_id": "*", "action": "*", "times": 1 (null: no end), "skip": 0,
                                    "seconds", "layer" (denied), "what" (late, flapping)} → the fault with its id
    GET    faults                   {"faults": [{"id", …, "met", "holding": [{"call", "client_port"}]}]}
    DELETE faults, faults/ID        what they hold goes on; what they made late stays late
    POST   settings                 any of {"propagation_seconds", "quotas": {name: number or null}, "account_id",
                                    "clock_offset_seconds" (of AWS's clock: tokens, signatures, `Date`),
                                    "default_page_size" (1 to 1000, of Bedrock's lists without maxResults)}
    POST   caller_policy            {"policy": document or null}
    POST   organization_policies    {"account_id", "service_control_policy" and/or "resource_control_policy":
                                    document or null}
    POST   regions                  {"account_id", "without_sts" and/or "disabled": [names]}: the regions that are off
    POST   issuers                  {"issuer_url", "thumbprint": that of the private authority behind its certificate,
                                    or null for a public one}
    POST   model_access             {"account_id", "model_id": "*", "agreement", "authorization", "entitlement",
                                    "region", "lifecycle": value or null (the default again),
                                    "is_form_sent": true (the first one again) or false}
    POST   reset                    all of this, too, and the local Vertesia
    *      vertesia/…               the local Vertesia's: see `vertesia.control`

An administrator of an account takes most of it away by IAM and Bedrock calls. What is the organization's, AWS's or an
issuer's own (regions, organization_policies, issuers, settings, authorization, entitlement, region, lifecycle) is
taken away here.

An unsigned STS call tells its region by its path: `/region/eu-west-1`; the root is the global endpoint in us-east-1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from aws_setup.sandbox import accounts
from aws_setup.sandbox.breakages import NothingToBreakError, apply_breakage
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.faults import read_fault
from aws_setup.sandbox.model_access import EVERY_MODEL
from aws_setup.sandbox.operations import OPERATIONS
from aws_setup.sandbox.organization import EVERY_ACCOUNT
from aws_setup.sandbox.overview import regions_off, show_state
from aws_setup.sandbox.policy_documents import check_identity_policy
from aws_setup.sandbox.state import LARGEST_PAGE, State
from aws_setup.sandbox.vertesia import control as vertesia
from aws_setup.sandbox.wire import AwsRequest, AwsResponse, Json, json_answer

PREFIX = "/_sandbox/"
HEADER = "x-sandbox-control"
LARGEST_OFFSET_SECONDS = 366 * 86400


def answer(request: AwsRequest, state: State) -> AwsResponse:
    """Errors are JSON `{"error": sentence}` with status 400, 403, 404 or 409."""
    if request.headers.get(HEADER) != "1":
        return _problem(403, "send the header X-Sandbox-Control: 1")
    name = f"{request.method} {request.raw_path.removeprefix(PREFIX)}"
    if name == "GET health":
        return json_answer(_health(state))
    if name == "GET state":
        return json_answer(show_state(state))
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
        if request.raw_path.startswith(PREFIX + vertesia.PREFIX):
            path = request.raw_path.removeprefix(PREFIX + vertesia.PREFIX)
            return json_answer(vertesia.answer(request.method, path, order, state))
        if name in _ORDERS:
            return json_answer(_ORDERS[name](state, order))
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


def _change_settings(state: State, order: dict[str, Any]) -> Json:
    """Quotas are those of `account_id`, without it those of every account that has none of its own."""
    unknown = set(order) - {*_SETTINGS, "quotas", "account_id"}
    if unknown or not set(order) - {"account_id"}:
        raise ValueError(f"settings are quotas, {', '.join(_SETTINGS)}")
    for name, (is_right, sentence) in _SETTINGS.items():
        if name in order and (isinstance(order[name], bool) or not is_right(order[name])):
            raise ValueError(f"{name} must be {sentence}")
    if "quotas" in order:
        if not isinstance(order["quotas"], dict):
            raise ValueError("quotas must be an object")
        quotas = dict(order["quotas"])
        account_id = quotas.pop("account_id", order.get("account_id", EVERY_ACCOUNT))
        if account_id != EVERY_ACCOUNT:
            _check_account(account_id)
        state.organization.set_quotas(account_id, quotas)
    state.propagation.time.seconds = float(order.get("propagation_seconds", state.propagation.time.seconds))
    state.clock.offset_seconds = float(order.get("clock_offset_seconds", state.clock.offset_seconds))
    state.default_page_size = order.get("default_page_size", state.default_page_size)
    state.changed()
    return _health(state)


_SETTINGS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "propagation_seconds": (lambda value: isinstance(value, (int, float)) and value >= 0, "a number, 0 or more"),
    "clock_offset_seconds": (
        lambda value: isinstance(value, (int, float)) and abs(value) <= LARGEST_OFFSET_SECONDS,
        f"a number of seconds, at most {LARGEST_OFFSET_SECONDS} either way",
    ),
    "default_page_size": (
        lambda value: isinstance(value, int) and 1 <= value <= LARGEST_PAGE,
        f"a whole number from 1 to {LARGEST_PAGE}",
    ),
}


def _change_organization_policies(state: State, order: dict[str, Any]) -> Json:
    """One policy of each type for an account; null takes it away. Seen at once."""
    changes = {
        "service_control_policy": state.organization.set_policy,
        "resource_control_policy": state.organization.set_resource_policy,
    }
    named = [name for name in changes if name in order]
    if not named:
        raise ValueError(f"{' or '.join(changes)} is missing (null takes it away)")
    _check_account(order.get("account_id"))
    for name in named:
        changes[name](order["account_id"], order[name])
    return {name: order[name] for name in ("account_id", *named)}


def _change_regions(state: State, order: dict[str, Any]) -> Json:
    _check_account(order.get("account_id"))
    lists = {name: order[name] for name in ("without_sts", "disabled") if name in order}
    if not lists:
        raise ValueError("without_sts or disabled is missing (an empty list puts all regions on)")
    state.regions.turn_off(order["account_id"], **lists)
    state.changed()
    return regions_off(state, order["account_id"])


def _change_issuer(state: State, order: dict[str, Any]) -> Json:
    url, thumbprint = order.get("issuer_url"), order.get("thumbprint")
    if not isinstance(url, str) or not url:
        raise ValueError("issuer_url is missing")
    if "thumbprint" not in order:
        raise ValueError("thumbprint is missing (null: a public authority's certificate)")
    if thumbprint is None:
        state.private_certificates.pop(url, None)
    elif isinstance(thumbprint, str) and re.fullmatch(r"[0-9a-f]{40}", thumbprint):
        state.private_certificates[url] = thumbprint
    else:
        raise ValueError("thumbprint must be 40 digits of 0-9 and a-f, or null")
    state.changed()
    return {"issuer_url": url, "thumbprint": thumbprint}


def _change_model_access(state: State, order: dict[str, Any]) -> Json:
    account_id, model_id = order.get("account_id"), order.get("model_id", EVERY_MODEL)
    _check_account(account_id)
    wanted = {name: value for name, value in order.items() if name not in ("account_id", "model_id", "is_form_sent")}
    is_form_sent = order.get("is_form_sent")
    if "is_form_sent" in order and not isinstance(is_form_sent, bool):
        raise ValueError("is_form_sent must be true or false")
    if not isinstance(model_id, str):
        raise ValueError("model_id must be a model's id or *")
    state.model_access.change(order["account_id"], model_id, wanted)
    if is_form_sent is True:
        state.model_access.bring_back_form(order["account_id"])
    elif is_form_sent is False:
        state.model_access.put_form(order["account_id"], None)
    state.changed()
    return state.model_access.of_account(order["account_id"])


def _check_account(account_id: object) -> None:
    if account_id not in [account.id for account in accounts.ACCOUNTS]:
        raise ValueError(f"the sandbox has no account {account_id!r}")


def _change_caller_policy(state: State, order: dict[str, Any]) -> Json:
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
    return {"policy": order["policy"]}


def _add_fault(state: State, order: dict[str, Any]) -> Json:
    return state.faults.add(read_fault(order, operations=OPERATIONS)).to_json()


_ORDERS: dict[str, Callable[[State, dict[str, Any]], Json]] = {
    "POST breakages": apply_breakage,
    "POST faults": _add_fault,
    "POST settings": _change_settings,
    "POST caller_policy": _change_caller_policy,
    "POST organization_policies": _change_organization_policies,
    "POST regions": _change_regions,
    "POST issuers": _change_issuer,
    "POST model_access": _change_model_access,
}
