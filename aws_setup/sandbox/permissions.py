"""Control, identity and session policies and permissions boundaries, with AWS's words when they refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aws_setup.sandbox import emulator
from aws_setup.sandbox.callers import Caller
from aws_setup.sandbox.emulator import Statements
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.fault_refusals import DENIALS
from aws_setup.sandbox.lateness import role_place
from aws_setup.sandbox.propagation import RolePermissions
from aws_setup.sandbox.state import State

SERVICE_CONTROL = "service control policy"
BOUNDARY = "permissions boundary"


@dataclass(frozen=True)
class Access:
    """One thing a call does to one resource. `context` holds condition keys in lower case."""

    action: str
    resource: str
    region: str = "us-east-1"
    context: Mapping[str, Any] = field(default_factory=dict)
    is_named: bool = True
    """Whether AWS names the resource when it refuses."""


@dataclass(frozen=True)
class Layer:
    """Policies of one type; every layer must allow, and none may deny."""

    type: str
    policies: list[Statements]


def authorize(caller: Caller, access: Access, state: State, *, is_delayed: bool = False) -> None:
    """AwsError AccessDenied unless the caller's policies, and those above its account, allow it.

    `is_delayed` looks at a role's policies as other services see them: some seconds behind IAM.
    """
    _authorize(caller, access, _layers(caller, state, is_delayed=is_delayed))


def authorize_by_organization(caller: Caller, access: Access, state: State) -> None:
    """What counts where the resource's own policy has let the caller in already."""
    _authorize(caller, access, organization_layers(caller.account_id, state))


def refuse_by_resource_control_policy(caller: Caller, access: Access, state: State) -> None:
    """What counts beside all else where the resource is a role: the policy of its own account's organization."""
    if is_denied_to_resource(_context(access, caller.arn, caller), access.resource.split(":")[4], state):
        raise AwsError(
            "AccessDenied",
            f"User: {caller.arn} is not authorized to perform: {access.action} on resource: {access.resource} "
            + DENIALS["rcp"],
            403,
        )


def is_denied_to_resource(context: Any, account_id: str, state: State) -> bool:
    """Whether the resource control policy of the resource's account denies what the context describes."""
    document = state.organization.resource_policies.get(account_id)
    return document is not None and emulator.decide([emulator.parse_statements(document)], context) == "Deny"


def _authorize(caller: Caller, access: Access, layers: list[Layer]) -> None:
    if caller.denied_by is not None:
        problem: str | None = DENIALS[caller.denied_by].format(action=access.action)
    else:
        problem = denial(access, principal_arn=caller.arn, layers=layers, caller=caller)
    if problem is not None:
        where = f" on resource: {access.resource}" if access.is_named else ""
        sentence = f"User: {caller.arn} is not authorized to perform: {access.action}{where} {problem}"
        raise AwsError("AccessDenied", sentence.rstrip(), 403)


def denial(access: Access, *, principal_arn: str, layers: list[Layer], caller: Caller | None = None) -> str | None:
    """Why access is refused, in AWS's words, or None when it is granted."""
    context = _context(access, principal_arn, caller)
    decisions = [(layer, emulator.decide(layer.policies, context)) for layer in layers]
    for layer, decision in decisions:
        if decision == "Deny":
            article = "an" if layer.type == "identity-based policy" else "a"
            return f"with an explicit deny in {article} {layer.type}"
    for layer, decision in decisions:
        if decision != "Allow":
            return f"because no {layer.type} allows the {access.action} action"
    return None


def _context(access: Access, principal_arn: str, caller: Caller | None) -> Any:
    return emulator.EvalContext(
        principal_arn=principal_arn,
        principal_type="AssumedRole" if ":assumed-role/" in principal_arn else "User",
        principal_account=principal_arn.split(":")[4],
        action=access.action,
        resource_arn=access.resource,
        region=access.region,
        service_context=dict(access.context),
        principal_keys={"aws:userid": caller.user_id} if caller else {},
    )


def _layers(caller: Caller, state: State, *, is_delayed: bool) -> list[Layer]:
    above = organization_layers(caller.account_id, state)
    if caller.session is None:
        return above + user_layers(caller.account_id, caller.name)
    permissions = role_permissions(caller.account_id, caller.name)
    if is_delayed:
        permissions = _seen_late(caller, permissions, state)
        permissions = state.propagation.permissions.seen((caller.account_id, caller.name), current=permissions)
    layers = above + role_layers(caller.account_id, permissions)
    if caller.session.policy:
        layers.append(Layer("session policy", [emulator.parse_statements(caller.session.policy)]))
    return layers


def organization_layers(account_id: str, state: State) -> list[Layer]:
    """What is asked of every principal of an account, before its own policies."""
    document = state.organization.policies.get(account_id)
    return [] if document is None else [Layer(SERVICE_CONTROL, [emulator.parse_statements(document)])]


def _seen_late(caller: Caller, permissions: RolePermissions, state: State) -> RolePermissions:
    place = role_place("policy", caller.account_id, caller.name)
    current = {"InlinePolicies": None, "AttachedPolicies": None}
    seen = state.lateness.seen_elsewhere(place, current)
    if seen is current:
        return permissions
    inline = tuple(map(_as_text, seen["InlinePolicies"].values()))
    return replace(permissions, inline=inline, attached=tuple(seen["AttachedPolicies"]))


def user_layers(account_id: str, name: str) -> list[Layer]:
    user = emulator.users.find(account_id, name) or {}
    inline = (emulator.user_inline_policies.find(account_id, name) or {}).values()
    return _with_boundary(
        account_id,
        tuple(map(_as_text, inline)),
        tuple(user.get("AttachedPolicies", ())),
        user.get("PermissionsBoundary"),
    )


def role_permissions(account_id: str, name: str) -> RolePermissions:
    """What IAM holds now; nothing for a role that does not exist."""
    role = emulator.roles.find(account_id, name)
    if role is None:
        return RolePermissions()
    return RolePermissions(
        inline=tuple(map(_as_text, role["InlinePolicies"].values())),
        attached=tuple(role["AttachedPolicies"]),
        boundary=role.get("PermissionsBoundary") or None,
    )


def role_layers(account_id: str, permissions: RolePermissions) -> list[Layer]:
    return _with_boundary(account_id, permissions.inline, permissions.attached, permissions.boundary)


def _with_boundary(
    account_id: str, inline: tuple[str, ...], attached: tuple[str, ...], boundary: str | None
) -> list[Layer]:
    documents = [*inline, *(emulator.managed_document(account_id, arn) for arn in attached)]
    layers = [Layer("identity-based policy", [emulator.parse_statements(d) for d in documents if d is not None])]
    if boundary:
        document = emulator.managed_document(account_id, boundary)
        layers.append(Layer(BOUNDARY, [emulator.parse_statements(document)] if document else []))
    return layers


def _as_text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)
