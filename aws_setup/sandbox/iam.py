"""IAM calls: which there are, what each of them needs to be allowed, and who answers."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aws_setup.sandbox import emulator, identity_providers, lateness, role_policies, roles
from aws_setup.sandbox.account_summary import summarize_account
from aws_setup.sandbox.callers import Caller
from aws_setup.sandbox.calls import IamCall
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.parameters import Parameters
from aws_setup.sandbox.permissions import Access, authorize
from aws_setup.sandbox.policy_documents import check_identity_policy
from aws_setup.sandbox.simulation import simulate_principal_policy
from aws_setup.sandbox.state import State
from aws_setup.sandbox.wire import AwsRequest, AwsResponse, Xml, query_answer

Handler = Callable[[IamCall], Xml | Awaitable[Xml]]

HANDLERS: dict[str, Handler] = {
    "CreateRole": roles.create_role,
    "GetRole": roles.get_role,
    "ListRoles": roles.list_roles,
    "UpdateRole": roles.update_role,
    "DeleteRole": roles.delete_role,
    "UpdateAssumeRolePolicy": roles.update_trust_policy,
    "TagRole": roles.tag_role,
    "UntagRole": roles.untag_role,
    "ListRoleTags": roles.list_role_tags,
    "PutRolePermissionsBoundary": role_policies.put_boundary,
    "DeleteRolePermissionsBoundary": role_policies.delete_boundary,
    "PutRolePolicy": role_policies.put_policy,
    "GetRolePolicy": role_policies.get_policy,
    "DeleteRolePolicy": role_policies.delete_policy,
    "ListRolePolicies": role_policies.list_policies,
    "AttachRolePolicy": role_policies.attach_policy,
    "DetachRolePolicy": role_policies.detach_policy,
    "ListAttachedRolePolicies": role_policies.list_attached_policies,
    "CreateOpenIDConnectProvider": identity_providers.create_provider,
    "GetOpenIDConnectProvider": identity_providers.get_provider,
    "ListOpenIDConnectProviders": identity_providers.list_providers,
    "DeleteOpenIDConnectProvider": identity_providers.delete_provider,
    "AddClientIDToOpenIDConnectProvider": identity_providers.add_audience,
    "RemoveClientIDFromOpenIDConnectProvider": identity_providers.remove_audience,
    "UpdateOpenIDConnectProviderThumbprint": identity_providers.update_thumbprints,
    "TagOpenIDConnectProvider": identity_providers.tag_provider,
    "UntagOpenIDConnectProvider": identity_providers.untag_provider,
    "ListOpenIDConnectProviderTags": identity_providers.list_provider_tags,
    "SimulatePrincipalPolicy": simulate_principal_policy,
    "GetAccountSummary": summarize_account,
}

HANDED_ON = {
    "GetUser", "ListUsers", "CreateUser", "DeleteUser", "CreateAccessKey", "ListAccessKeys", "DeleteAccessKey",
    "UpdateAccessKey", "AttachUserPolicy", "DetachUserPolicy", "ListAttachedUserPolicies", "PutUserPolicy",
    "GetUserPolicy", "DeleteUserPolicy", "ListUserPolicies", "CreatePolicy", "GetPolicy", "GetPolicyVersion",
    "ListPolicyVersions", "CreatePolicyVersion", "DeletePolicyVersion", "ListPolicies", "DeletePolicy",
    "ListEntitiesForPolicy", "TagPolicy", "UntagPolicy", "ListPolicyTags", "ListAccountAliases",
    "CreateAccountAlias", "DeleteAccountAlias", "SimulateCustomPolicy",
}  # fmt: skip
"""What ministack answers well enough."""

_ANY_RESOURCE = {
    "GetAccountSummary", "ListAccountAliases", "CreateAccountAlias", "DeleteAccountAlias", "SimulateCustomPolicy",
}  # fmt: skip
_READING = ("Get", "List", "Simulate")
_BOUNDARY_OF_ROLE = {
    "AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "DeleteRolePermissionsBoundary",
}  # fmt: skip


async def answer(
    request: AwsRequest, *, caller: Caller, parameters: Parameters, state: State, region: str
) -> AwsResponse:
    """Authorise and perform one call. Raises AwsError."""
    action = parameters.get("Action")
    handler = HANDLERS.get(action)
    if handler is None and action not in HANDED_ON:
        raise AwsError("InvalidAction", f"Could not find operation {action} for version 2010-05-08", 400)
    parameters = _with_own_user(action, parameters, caller)
    access = _access(action, parameters, caller, region)
    authorize(caller, access, state)
    if "Tags.member.1.Key" in parameters and action in _TAGGING:
        authorize(caller, replace(access, action=f"iam:{_TAGGING[action]}"), state)
    if handler is None:
        if "PolicyDocument" in parameters:
            check_identity_policy(parameters.get("PolicyDocument"))
        answered = await emulator.hand_on(request, account_id=caller.account_id, region=region, parameters=parameters)
        if not action.startswith(_READING):
            state.changed()
        return answered
    call = IamCall(action, caller, parameters, state, region)
    if state.faults.awaits_write(action, call.account_id):
        result = await _perform_to_be_seen_late(handler, call)
    else:
        result = await _perform(handler, call)
    return query_answer(request, service="iam", action=action, result=result)


async def _perform(handler: Handler, call: IamCall) -> Xml:
    result = handler(call)
    return await result if inspect.isawaitable(result) else result


async def _perform_to_be_seen_late(handler: Handler, call: IamCall) -> Xml:
    what = lateness.WRITES[call.action]
    place = lateness.Place(what, call.account_id, _written_name(what, call))
    before = lateness.snapshot(place)
    result = await _perform(handler, call)
    fault = call.state.faults.strike_write(call.action, call.account_id)
    if fault is not None:
        call.state.lateness.note(
            place,
            before=before,
            after=lateness.snapshot(place),
            seconds=fault.seconds,
            is_flapping=fault.kind == "flapping",
        )
    return result


def _written_name(what: str, call: IamCall) -> str:
    if what not in ("provider", "audience"):
        return call.parameters.get("RoleName").lower()
    if call.action == "CreateOpenIDConnectProvider":
        return identity_providers.provider_arn(call.account_id, call.parameters.get("Url"))
    return call.parameters.get("OpenIDConnectProviderArn")


_TAGGING = {
    "CreateRole": "TagRole",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "CreatePolicy": "TagPolicy",
    "CreateUser": "TagUser",
}
"""Creating something with tags needs the right to tag it as well."""


def _with_own_user(action: str, parameters: Parameters, caller: Caller) -> Parameters:
    """GetUser and the access key calls mean the caller where they name nobody."""
    if caller.session is None and "UserName" not in parameters and action in ("GetUser", "ListAccessKeys"):
        return Parameters(parameters.raw() | {"UserName": [caller.name]})
    return parameters


def _access(action: str, parameters: Parameters, caller: Caller, region: str) -> Access:
    context: dict[str, Any] = {}
    tags = [(parameters.get(f"{p}.Key"), parameters.get(f"{p}.Value")) for p in _tag_prefixes(parameters)]
    if tags or parameters.members("TagKeys"):
        context["aws:tagkeys"] = [key for key, _ in tags] + parameters.members("TagKeys")
        context |= {f"aws:requesttag/{key.lower()}": value for key, value in tags}
    existing: list[dict[str, str]] = []
    role = roles.find_role(caller.account_id, parameters.get("RoleName")) if "RoleName" in parameters else None
    if role is not None:
        existing = role["Tags"]
    elif provider := emulator.providers.find(caller.account_id, parameters.get("OpenIDConnectProviderArn")):
        existing = provider["Tags"]
    for tag in existing:
        for prefix in ("aws", "iam"):
            context[f"{prefix}:resourcetag/{tag['Key'].lower()}"] = tag["Value"]
    if "PolicyArn" in parameters:
        context["iam:policyarn"] = parameters.get("PolicyArn")
    if "PermissionsBoundary" in parameters:
        context["iam:permissionsboundary"] = parameters.get("PermissionsBoundary")
    elif role is not None and role.get("PermissionsBoundary") and action in _BOUNDARY_OF_ROLE:
        context["iam:permissionsboundary"] = role["PermissionsBoundary"]
    return Access(f"iam:{action}", _resource(action, parameters, caller.account_id), region, context)


def _tag_prefixes(parameters: Parameters) -> list[str]:
    found: list[str] = []
    while f"Tags.member.{len(found) + 1}.Key" in parameters:
        found.append(f"Tags.member.{len(found) + 1}")
    return found


def _resource(action: str, parameters: Parameters, account_id: str) -> str:
    """The ARN a policy must name: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"""
    own = f"arn:aws:iam::{account_id}"
    if action in _ANY_RESOURCE:
        return "*"
    if action == "SimulatePrincipalPolicy":
        return parameters.get("PolicySourceArn")
    if "OpenIDConnectProvider" in action:
        if action == "CreateOpenIDConnectProvider":
            return identity_providers.provider_arn(account_id, parameters.get("Url"))
        return parameters.get("OpenIDConnectProviderArn") or f"{own}:oidc-provider/*"
    if "RoleName" in parameters:
        name = parameters.get("RoleName")
        role = roles.find_role(account_id, name)
        if role is not None and action != "CreateRole":
            return str(role["Arn"])
        return f"{own}:role{parameters.get('Path') or '/'}{name}"
    if action == "ListRoles":
        return f"{own}:role{parameters.get('PathPrefix') or '/'}"
    if "UserName" in parameters:
        return f"{own}:user{parameters.get('Path') or '/'}{parameters.get('UserName')}"
    if action == "ListUsers":
        return f"{own}:user{parameters.get('PathPrefix') or '/'}"
    if "PolicyArn" in parameters:
        return parameters.get("PolicyArn")
    if action == "CreatePolicy":
        return f"{own}:policy{parameters.get('Path') or '/'}{parameters.get('PolicyName')}"
    return f"{own}:policy/" if action == "ListPolicies" else "*"
