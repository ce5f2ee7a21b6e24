"""IAM roles: their names, trust policies and tags.

Records are ministack's, so that the calls handed on to it see the same roles.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote

from aws_setup.sandbox import emulator
from aws_setup.sandbox.calls import IamCall
from aws_setup.sandbox.emulator import Record
from aws_setup.sandbox.errors import AwsError, limit_exceeded, role_not_found, validation_error
from aws_setup.sandbox.lateness import role_place
from aws_setup.sandbox.parameters import merge_tags, without_tags
from aws_setup.sandbox.policy_documents import check_trust_policy
from aws_setup.sandbox.wire import Xml, iso_time

_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7e]+/")
_DESCRIPTION = re.compile("[\t\n\r\x20-\x7e\xa1-\xff]*")


def find_role(account_id: str, name: str) -> Record | None:
    """Role names are not distinguished by case."""
    found = emulator.roles.find(account_id, name)
    if found is not None:
        return found
    lowered = name.lower()
    for key, role in emulator.roles.of_account(account_id).items():
        if key.lower() == lowered:
            return role
    return None


def the_role(call: IamCall) -> Record:
    """The role a call names, for it to write to, or NoSuchEntity, also where IAM does not show it yet."""
    name = call.parameters.required("RoleName")
    role = find_role(call.account_id, name)
    if role is None or _shown(call, name, role) is None:
        raise role_not_found(name)
    return role


def shown_role(call: IamCall) -> Record:
    """The role a call names as IAM shows it, or NoSuchEntity. To be read only."""
    name = call.parameters.required("RoleName")
    role = _shown(call, name, find_role(call.account_id, name))
    if role is None:
        raise role_not_found(name)
    return role


def shown_policies(call: IamCall, role: Record) -> Record:
    """The `InlinePolicies` and `AttachedPolicies` of a role as IAM shows them. To be read only."""
    place = role_place("policy", call.account_id, role["RoleName"])
    shown: Record = call.state.lateness.seen(place, role)
    return shown


def _shown(call: IamCall, name: str, role: Record | None) -> Record | None:
    shown: Record | None = call.state.lateness.seen(role_place("role", call.account_id, name), role)
    return shown


def _with_shown_trust(call: IamCall, role: Record) -> Record:
    shown: Record = call.state.lateness.seen(role_place("trust", call.account_id, role["RoleName"]), {})
    return role | shown


def create_role(call: IamCall) -> Xml:
    parameters = call.parameters
    name, path = parameters.required("RoleName"), parameters.get("Path") or "/"
    document = parameters.required("AssumeRolePolicyDocument")
    check_name(name)
    if not _PATH.fullmatch(path) or len(path) > 512:
        raise AwsError(
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only "
            "alphanumeric characters and/or / characters.",
        )
    _check_description(parameters.get("Description"))
    duration = parameters.number("MaxSessionDuration", default=3600, low=3600, high=43200)
    tags, boundary = parameters.tags(), parameters.get("PermissionsBoundary")
    if boundary:
        check_boundary(call.account_id, boundary)
    check_trust_policy(document, limit=call.quota("AssumeRolePolicySizeQuota"))
    if find_role(call.account_id, name) is not None:
        raise AwsError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
    if len(emulator.roles.of_account(call.account_id)) >= call.quota("RolesQuota"):
        raise limit_exceeded("RolesPerAccount", call.quota("RolesQuota"))
    role: Record = {
        "RoleName": name,
        "Arn": f"arn:aws:iam::{call.account_id}:role{path}{name}",
        "RoleId": emulator.new_role_id(),
        "CreateDate": iso_time(datetime.now(UTC)),
        "Path": path,
        "AssumeRolePolicyDocument": document,
        "Description": parameters.get("Description"),
        "MaxSessionDuration": duration,
        "PermissionsBoundary": boundary,
        "AttachedPolicies": [],
        "InlinePolicies": {},
        "Tags": tags,
    }
    emulator.roles.put(call.account_id, name, role)
    call.state.propagation.trust.record((call.account_id, name), before=None, after=document)
    call.state.changed()
    return {"Role": _summary(role) | {"Tags": tags or None}}


def get_role(call: IamCall) -> Xml:
    role = _with_shown_trust(call, shown_role(call))
    last_used = role.get("RoleLastUsed", {})
    return {"Role": _details(role) | {"RoleLastUsed": last_used}}


def list_roles(call: IamCall) -> Xml:
    prefix = call.parameters.get("PathPrefix") or "/"
    stored = {name.lower(): role for name, role in emulator.roles.of_account(call.account_id).items()}
    names = sorted(stored.keys() | call.state.lateness.names("role", call.account_id))
    found = [role for name in names if (role := _shown(call, name, stored.get(name))) is not None]
    page, marker = call.parameters.page([role for role in found if role["Path"].startswith(prefix)])
    return {
        "Roles": [_summary(_with_shown_trust(call, role)) for role in page],
        "IsTruncated": marker is not None,
        "Marker": marker,
    }


def update_role(call: IamCall) -> Xml:
    role, parameters = the_role(call), call.parameters
    if "Description" in parameters:
        _check_description(parameters.get("Description"))
        role["Description"] = parameters.get("Description")
    if "MaxSessionDuration" in parameters:
        role["MaxSessionDuration"] = parameters.number("MaxSessionDuration", default=3600, low=3600, high=43200)
    call.state.changed()
    return {}


def delete_role(call: IamCall) -> Xml:
    role = the_role(call)
    if role["AttachedPolicies"]:
        raise AwsError("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)
    if role["InlinePolicies"]:
        raise AwsError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    emulator.roles.remove(call.account_id, role["RoleName"])
    call.state.propagation.forget_role(call.account_id, role["RoleName"])
    for what in ("trust", "policy"):
        call.state.lateness.forget(role_place(what, call.account_id, role["RoleName"]))
    call.state.changed()
    return None


def update_trust_policy(call: IamCall) -> Xml:
    role, document = the_role(call), call.parameters.required("PolicyDocument")
    check_trust_policy(document, limit=call.quota("AssumeRolePolicySizeQuota"))
    before = role["AssumeRolePolicyDocument"]
    role["AssumeRolePolicyDocument"] = document
    call.state.propagation.trust.record((call.account_id, role["RoleName"]), before=before, after=document)
    call.state.changed()
    return None


def tag_role(call: IamCall) -> Xml:
    role = the_role(call)
    role["Tags"] = merge_tags(role["Tags"], call.parameters.tags())
    call.state.changed()
    return None


def untag_role(call: IamCall) -> Xml:
    role = the_role(call)
    role["Tags"] = without_tags(role["Tags"], call.parameters.members("TagKeys"))
    call.state.changed()
    return None


def list_role_tags(call: IamCall) -> Xml:
    page, marker = call.parameters.page(shown_role(call)["Tags"])
    return {"Tags": page, "IsTruncated": marker is not None, "Marker": marker}


def _summary(role: Record) -> dict[str, Xml]:
    """What ListRoles and CreateRole tell of a role: no tags, no boundary, no last use."""
    return {
        "Path": role["Path"],
        "RoleName": role["RoleName"],
        "RoleId": role["RoleId"],
        "Arn": role["Arn"],
        "CreateDate": role["CreateDate"],
        "AssumeRolePolicyDocument": quote(role["AssumeRolePolicyDocument"], safe=""),
        "Description": role["Description"] or None,
        "MaxSessionDuration": role["MaxSessionDuration"],
    }


def _details(role: Record) -> dict[str, Xml]:
    boundary = role.get("PermissionsBoundary")
    return _summary(role) | {
        "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
        if boundary
        else None,
        "Tags": role["Tags"] or None,
    }


def check_name(name: str, *, member: str = "roleName", limit: int = 64) -> None:
    if len(name) > limit:
        raise validation_error(
            f"Value '{name}' at '{member}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {limit}"
        )
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationError",
            f"The specified value for {member} is invalid. It must contain only alphanumeric characters "
            "and/or the following: +=,.@_-",
        )


def _check_description(description: str) -> None:
    if len(description) > 1000:
        raise validation_error(
            "Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000"
        )
    if not _DESCRIPTION.fullmatch(description):
        raise validation_error(
            "Value at 'description' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*"
        )


def check_boundary(account_id: str, arn: str) -> None:
    if not arn.startswith("arn:"):
        raise AwsError("ValidationError", "Invalid ARN:  Could not be parsed!")
    if emulator.managed_policy(account_id, arn) is None:
        raise AwsError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)
