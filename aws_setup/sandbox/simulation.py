"""IAM's policy simulator for users and roles of the caller's account."""

from __future__ import annotations

from aws_setup.sandbox.calls import IamCall
from aws_setup.sandbox.emulator import EvalContext, decide
from aws_setup.sandbox.emulator import users as stored_users
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.permissions import (
    SERVICE_CONTROL,
    Access,
    Layer,
    organization_layers,
    role_layers,
    role_permissions,
    user_layers,
)
from aws_setup.sandbox.roles import find_role
from aws_setup.sandbox.wire import Xml


def simulate_principal_policy(call: IamCall) -> Xml:
    """One evaluation per action and resource, under the account's service control policy."""
    arn = call.parameters.required("PolicySourceArn")
    actions = call.parameters.members("ActionNames")
    resources = call.parameters.members("ResourceArns") or ["*"]
    layers = organization_layers(call.account_id, call.state) + _layers(call.account_id, arn)
    context = _context(call)
    results: list[Xml] = [
        _result(Access(action, resource, call.region, context), arn, layers)
        for action in actions
        for resource in resources
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _layers(account_id: str, arn: str) -> list[Layer]:
    resource = arn.split(":", 5)[-1]
    name = resource.rsplit("/", 1)[-1]
    if arn.startswith(f"arn:aws:iam::{account_id}:"):
        if resource.startswith("user/") and stored_users.find(account_id, name):
            return user_layers(account_id, name)
        if resource.startswith("role/") and (role := find_role(account_id, name)):
            return role_layers(account_id, role_permissions(account_id, role["RoleName"]))
    raise AwsError("NoSuchEntity", f"The specified entity {arn} cannot be found.", 404)


def _context(call: IamCall) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    index = 1
    while (prefix := f"ContextEntries.member.{index}") + ".ContextKeyName" in call.parameters:
        values = call.parameters.members(f"{prefix}.ContextKeyValues")
        found[call.parameters.get(f"{prefix}.ContextKeyName").lower()] = values[0] if len(values) == 1 else values
        index += 1
    return found


def _result(access: Access, principal_arn: str, layers: list[Layer]) -> Xml:
    context = EvalContext(
        principal_arn=principal_arn,
        principal_type="User" if ":user/" in principal_arn else "AssumedRole",
        principal_account=principal_arn.split(":")[4],
        action=access.action,
        resource_arn=access.resource,
        region=access.region,
        service_context=dict(access.context),
    )
    decisions = {layer.type: decide(layer.policies, context) for layer in layers}
    boundary = decisions.get("permissions boundary")
    decision = "allowed"
    if "Deny" in decisions.values():
        decision = "explicitDeny"
    elif "ImplicitDeny" in decisions.values():
        decision = "implicitDeny"
    result: dict[str, Xml] = {
        "EvalActionName": access.action,
        "EvalResourceName": access.resource,
        "EvalDecision": decision,
        "MatchedStatements": [],
        "MissingContextValues": [],
    }
    if boundary is not None:
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": boundary == "Allow"}
    if SERVICE_CONTROL in decisions:
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": decisions[SERVICE_CONTROL] == "Allow"}
    return result
