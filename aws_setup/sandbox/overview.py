"""All that the sandbox holds and was told, for the control interface to show. No secret and no token is in it."""

from __future__ import annotations

import json

from aws_setup.sandbox import accounts, emulator
from aws_setup.sandbox.organization import QUOTAS
from aws_setup.sandbox.state import State
from aws_setup.sandbox.wire import Json


def show_state(state: State) -> Json:
    return {
        "propagation_seconds": state.propagation.time.seconds,
        "clock_offset_seconds": state.clock.offset_seconds,
        "default_page_size": state.default_page_size,
        "stopped_issuers": sorted(state.stopped_issuers),
        "private_certificates": state.private_certificates,
        "faults": state.faults.to_json(),
        "accounts": [
            _account(account.id)
            | {
                "service_control_policy": json.loads(state.organization.policies.get(account.id, "null")),
                "resource_control_policy": json.loads(state.organization.resource_policies.get(account.id, "null")),
                "regions_off": regions_off(state, account.id),
                "model_access": state.model_access.of_account(account.id),
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


def regions_off(state: State, account_id: str) -> dict[str, Json]:
    return {
        "without_sts": state.regions.without_sts.get(account_id, []),
        "disabled": state.regions.disabled.get(account_id, []),
    }
