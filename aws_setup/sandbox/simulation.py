"""IAM's policy simulator for users and roles of the caller's account."""

from __future__ import annotations

from dataclasses import dataclass

from aws_setup.sandbox.calls import IamCall
from aws_setup.sandbox.emulator import EvalContext, decide
from aws_setup.sandbox.emulator import users as stored_users
from aws_setup.sandbox.errors import AwsError, validation_error
from aws_setup.sandbox.permissions import (
    BOUNDARY,
    SERVICE_CONTROL,
    Layer,
    organization_layers,
    role_layers,
    role_permissions,
    user_layers,
)
from aws_setup.sandbox.roles import find_role
from aws_setup.sandbox.wire import Xml

Context = dict[str, str | list[str]]

_KNOWN = {"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:currenttime", "aws:epochtime"}
"""Keys that come with the principal and the moment."""


@dataclass(frozen=True)
class _Evaluation:
    """One action on one resource, as each type of policy decides."""

    resource: str
    by_layer: dict[str, str]
    missing: list[str]

    @property
    def decision(self) -> str:
        if "Deny" in self.by_layer.values():
            return "explicitDeny"
        return "implicitDeny" if "ImplicitDeny" in self.by_layer.values() else "allowed"

    def is_allowed_by(self, layer: str) -> bool:
        return self.by_layer[layer] == "Allow"


def simulate_principal_policy(call: IamCall) -> Xml:
    """One evaluation per action, under the account's service control policy; what it says of each resource is inside.

    Needs iam:SimulatePrincipalPolicy on the principal. Resource control policies are left out, as by AWS
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html).
    """
    arn = call.parameters.required("PolicySourceArn")
    actions = call.parameters.members("ActionNames")
    if not actions:
        raise validation_error("Value null at 'actionNames' failed to satisfy constraint: Member must not be null")
    layers = organization_layers(call.account_id, call.state) + _layers(call.account_id, arn)
    context = _context(call)
    resources = call.parameters.members("ResourceArns")
    results: list[Xml] = [_of_action(action, resources, arn, layers, context) for action in actions]
    page, marker = call.parameters.page(results)
    return {"EvaluationResults": page, "IsTruncated": marker is not None, "Marker": marker}


def _layers(account_id: str, arn: str) -> list[Layer]:
    resource = arn.split(":", 5)[-1]
    name = resource.rsplit("/", 1)[-1]
    if arn.startswith(f"arn:aws:iam::{account_id}:"):
        if resource.startswith("user/") and stored_users.find(account_id, name):
            return user_layers(account_id, name)
        if resource.startswith("role/") and (role := find_role(account_id, name)):
            return role_layers(account_id, role_permissions(account_id, role["RoleName"]))
    raise AwsError("NoSuchEntity", f"The specified entity {arn} cannot be found.", 404)


def _context(call: IamCall) -> Context:
    found: Context = {}
    index = 1
    while (prefix := f"ContextEntries.member.{index}") + ".ContextKeyName" in call.parameters:
        values = call.parameters.members(f"{prefix}.ContextKeyValues")
        found[call.parameters.get(f"{prefix}.ContextKeyName").lower()] = values[0] if len(values) == 1 else values
        index += 1
    return found


def _of_action(action: str, resources: list[str], arn: str, layers: list[Layer], context: Context) -> Xml:
    """What AWS answers for an action.

    Without resources it is about `*`. With any, each has its own result inside, and what is missing is told there
    alone. With several the outer name is a template of an ARN, such as `arn:aws:s3:::${BucketName}/${KeyName}`: the
    sandbox writes `*`. Believed is the outer decision: explicitDeny where any is, else allowed where any is. Read the
    inner ones.
    """
    inner = [_of_resource(action, resource, arn, layers, context) for resource in resources or ["*"]]
    decisions = {one.decision for one in inner}
    result: dict[str, Xml] = {
        "EvalActionName": action,
        "EvalResourceName": inner[0].resource if len(inner) == 1 else "*",
        "EvalDecision": next(name for name in ("explicitDeny", "allowed", "implicitDeny") if name in decisions),
        "MatchedStatements": [],
        "MissingContextValues": [] if resources else inner[0].missing,
    }
    if any(layer.type == SERVICE_CONTROL for layer in layers):
        result["OrganizationsDecisionDetail"] = {
            "AllowedByOrganizations": all(one.is_allowed_by(SERVICE_CONTROL) for one in inner)
        }
    if any(layer.type == BOUNDARY for layer in layers):
        result["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": all(one.is_allowed_by(BOUNDARY) for one in inner)
        }
    if resources:
        result["ResourceSpecificResults"] = [_resource_xml(one) for one in inner]
    return result


def _resource_xml(one: _Evaluation) -> Xml:
    result: dict[str, Xml] = {
        "EvalResourceName": one.resource,
        "EvalResourceDecision": one.decision,
        "MatchedStatements": [],
        "MissingContextValues": one.missing,
    }
    if BOUNDARY in one.by_layer:
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": one.is_allowed_by(BOUNDARY)}
    return result


def _of_resource(action: str, resource: str, arn: str, layers: list[Layer], given: Context) -> _Evaluation:
    context = EvalContext(
        principal_arn=arn,
        principal_type="User" if ":user/" in arn else "AssumedRole",
        principal_account=arn.split(":")[4],
        action=action,
        resource_arn=resource,
        region=given.get("aws:requestedregion"),
        source_ip=given.get("aws:sourceip"),
        service_context=dict(given),
    )
    return _Evaluation(
        resource=resource,
        by_layer={layer.type: decide(layer.policies, context) for layer in layers},
        missing=_missing(layers, given),
    )


def _missing(layers: list[Layer], given: Context) -> list[str]:
    """Condition keys that the policies ask for, and that neither the call gives nor the simulator knows."""
    asked = {
        key
        for layer in layers
        for statements in layer.policies
        for statement in statements
        for keys in statement.conditions.values()
        for key in keys
    }
    return sorted(key for key in asked if key.lower() not in given and key.lower() not in _KNOWN)
