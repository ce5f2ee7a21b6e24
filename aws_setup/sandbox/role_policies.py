"""What an IAM role may do: inline policies, attached policies, permissions boundary."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from aws_setup.sandbox import emulator
from aws_setup.sandbox.calls import IamCall
from aws_setup.sandbox.emulator import Record
from aws_setup.sandbox.errors import AwsError, limit_exceeded
from aws_setup.sandbox.permissions import role_permissions
from aws_setup.sandbox.policy_documents import check_identity_policy
from aws_setup.sandbox.roles import check_boundary, check_name, shown_policies, shown_role, the_role
from aws_setup.sandbox.wire import Xml

ATTACHED_POLICIES_QUOTA = 10
INLINE_POLICIES_SIZE = 10240
"""Characters of all inline policies of a role together, white space aside."""


def put_boundary(call: IamCall) -> Xml:
    role, arn = the_role(call), call.parameters.required("PermissionsBoundary")
    check_boundary(call.account_id, arn)
    _change_permissions(call, role, lambda: role.update(PermissionsBoundary=arn))
    return None


def delete_boundary(call: IamCall) -> Xml:
    role = the_role(call)
    if not role.get("PermissionsBoundary"):
        raise AwsError("NoSuchEntity", f"Principal {role['RoleId']} does not have scope", 404)
    _change_permissions(call, role, lambda: role.update(PermissionsBoundary=""))
    return None


def put_policy(call: IamCall) -> Xml:
    role, name = the_role(call), call.parameters.required("PolicyName")
    document = call.parameters.required("PolicyDocument")
    check_name(name, member="policyName", limit=128)
    check_identity_policy(document)
    sizes = {other: len(re.sub(r"\s", "", text)) for other, text in role["InlinePolicies"].items()}
    sizes[name] = len(re.sub(r"\s", "", document))
    if sum(sizes.values()) > INLINE_POLICIES_SIZE:
        raise AwsError(
            "LimitExceeded",
            f"Maximum policy size of {INLINE_POLICIES_SIZE} bytes exceeded for role {role['RoleName']}",
            409,
        )
    _change_permissions(call, role, lambda: role["InlinePolicies"].update({name: document}))
    return None


def get_policy(call: IamCall) -> Xml:
    role, name = shown_role(call), call.parameters.required("PolicyName")
    document = shown_policies(call, role)["InlinePolicies"].get(name)
    if document is None:
        raise _no_inline_policy(name)
    return {"RoleName": role["RoleName"], "PolicyName": name, "PolicyDocument": quote(document, safe="")}


def delete_policy(call: IamCall) -> Xml:
    role, name = the_role(call), call.parameters.required("PolicyName")
    if name not in shown_policies(call, role)["InlinePolicies"]:
        raise _no_inline_policy(name)
    _change_permissions(call, role, lambda: role["InlinePolicies"].pop(name, None))
    return None


def list_policies(call: IamCall) -> Xml:
    page, marker = call.parameters.page(sorted(shown_policies(call, shown_role(call))["InlinePolicies"]))
    return {"PolicyNames": page, "IsTruncated": marker is not None, "Marker": marker}


def attach_policy(call: IamCall) -> Xml:
    role, arn = the_role(call), call.parameters.required("PolicyArn")
    if emulator.managed_policy(call.account_id, arn) is None:
        raise AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    if arn not in role["AttachedPolicies"] and len(role["AttachedPolicies"]) >= ATTACHED_POLICIES_QUOTA:
        raise limit_exceeded("PoliciesPerRole", ATTACHED_POLICIES_QUOTA)
    _change_permissions(call, role, lambda: emulator.attach_policy(call.account_id, role, arn))
    return None


def detach_policy(call: IamCall) -> Xml:
    role, arn = the_role(call), call.parameters.required("PolicyArn")
    if arn not in shown_policies(call, role)["AttachedPolicies"]:
        raise AwsError("NoSuchEntity", f"Policy {arn} was not found.", 404)
    if arn in role["AttachedPolicies"]:
        _change_permissions(call, role, lambda: emulator.detach_policy(call.account_id, role, arn))
    return None


def list_attached_policies(call: IamCall) -> Xml:
    page, marker = call.parameters.page(shown_policies(call, shown_role(call))["AttachedPolicies"])
    return {
        "AttachedPolicies": [{"PolicyName": arn.rsplit("/", 1)[-1], "PolicyArn": arn} for arn in page],
        "IsTruncated": marker is not None,
        "Marker": marker,
    }


def _change_permissions(call: IamCall, role: Record, change: Callable[[], object]) -> None:
    key = (call.account_id, role["RoleName"])
    before = role_permissions(*key)
    change()
    call.state.propagation.permissions.record(key, before=before, after=role_permissions(*key))
    call.state.changed()


def _no_inline_policy(name: str) -> AwsError:
    return AwsError("NoSuchEntity", f"The role policy with name {name} cannot be found.", 404)
