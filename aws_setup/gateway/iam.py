"""IAM: reading what is there, and performing the actions of a plan."""

from typing import Any

from aws_setup.desired import DEFAULT_SESSION_SECONDS
from aws_setup.gateway.errors import NOT_FOUND, AwsBusy, AwsRefused
from aws_setup.gateway.protocol import Performed
from aws_setup.gateway.wire import Wire
from aws_setup.observed import ObservedProvider, ObservedRole, Quotas
from aws_setup.plans.actions import Action
from aws_setup.policies import PolicyDocument
from aws_setup.trust.statements import trusts_provider

OUTCOME = {"create": "created", "change": "updated", "remove": "removed"}

BOTO_METHOD = {
    "AddClientIDToOpenIDConnectProvider": "add_client_id_to_open_id_connect_provider",
    "AttachRolePolicy": "attach_role_policy",
    "CreateOpenIDConnectProvider": "create_open_id_connect_provider",
    "CreateRole": "create_role",
    "DeleteOpenIDConnectProvider": "delete_open_id_connect_provider",
    "DeleteRole": "delete_role",
    "DeleteRolePolicy": "delete_role_policy",
    "DetachRolePolicy": "detach_role_policy",
    "PutRolePermissionsBoundary": "put_role_permissions_boundary",
    "PutRolePolicy": "put_role_policy",
    "RemoveClientIDFromOpenIDConnectProvider": "remove_client_id_from_open_id_connect_provider",
    "TagRole": "tag_role",
    "UntagRole": "untag_role",
    "UpdateAssumeRolePolicy": "update_assume_role_policy",
    "UpdateRole": "update_role",
}
"""Everything this console can ever write."""


def read_provider(wire: Wire, provider_arn: str) -> ObservedProvider | None:
    """The OIDC provider, or None. Needs iam:GetOpenIDConnectProvider."""
    try:
        answer = wire.call("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=provider_arn)
    except AwsRefused as error:
        if error.code in NOT_FOUND:
            return None
        raise
    return ObservedProvider(
        arn=provider_arn,
        audiences=tuple(answer.get("ClientIDList", ())),
        tags=_tags(answer.get("Tags", ())),
        thumbprints=tuple(answer.get("ThumbprintList", ())),
    )


def read_role(wire: Wire, role_name: str) -> ObservedRole | None:
    """The role with its policies, or None.

    Needs iam:GetRole, iam:ListRolePolicies, iam:GetRolePolicy and iam:ListAttachedRolePolicies.
    """
    try:
        role = wire.call("iam", "get_role", RoleName=role_name)["Role"]
    except AwsRefused as error:
        if error.code in NOT_FOUND:
            return None
        raise
    names = wire.pages("iam", "list_role_policies", "PolicyNames", RoleName=role_name)
    attached = wire.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role_name)
    return ObservedRole(
        arn=role["Arn"],
        trust=role["AssumeRolePolicyDocument"],
        tags=_tags(role.get("Tags", ())),
        boundary_arn=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        inline={name: _read_inline(wire, role_name, name) for name in names},
        attached=tuple(policy["PolicyArn"] for policy in attached),
        role_id=role["RoleId"],
        max_session_seconds=role.get("MaxSessionDuration", DEFAULT_SESSION_SECONDS),
    )


def _read_inline(wire: Wire, role_name: str, policy_name: str) -> PolicyDocument:
    """A policy that was just listed. AwsBusy where it is gone by now: what was read is of two moments."""
    try:
        answer = wire.call("iam", "get_role_policy", RoleName=role_name, PolicyName=policy_name)
    except AwsRefused as error:
        if error.code not in NOT_FOUND:
            raise
        raise AwsBusy(
            "The role's policies change while they are read.", operation="iam:GetRolePolicy", code="NotYetVisible"
        ) from error
    document: PolicyDocument = answer["PolicyDocument"]
    return document


def read_quotas(wire: Wire) -> Quotas | None:
    """What room the account has, or None where the worker may not ask. Needs iam:GetAccountSummary."""
    try:
        summary = wire.call("iam", "get_account_summary")["SummaryMap"]
    except AwsRefused as error:
        if error.is_denied:
            return None
        raise
    return Quotas(
        roles=summary.get("Roles"),
        roles_quota=summary.get("RolesQuota"),
        trust_size_quota=summary.get("AssumeRolePolicySizeQuota"),
    )


def read_trusting_roles(wire: Wire, provider_arn: str) -> tuple[str, ...] | None:
    """ARNs of the account's roles that trust the identity provider; None where the worker may not list them.

    Needs iam:ListRoles, which answers with every role's trust policy.
    """
    try:
        roles = wire.pages("iam", "list_roles", "Roles", MaxItems=1000)
    except AwsRefused as error:
        if error.is_denied:
            return None
        raise
    return tuple(role["Arn"] for role in roles if trusts_provider(role["AssumeRolePolicyDocument"], provider_arn))


def perform(wire: Wire, action: Action) -> Performed:
    """Send one action's request. Doing it twice is safe: what is there already, or gone already, is `unchanged`.

    Needs the IAM action of the same name (and, for the creating ones, the tagging action with it). Raises AwsError;
    EntityAlreadyExists on a creation means that somebody was faster, and the caller must look again. IAM has no
    compare-and-swap, so what others may write too is read back; AwsBusy where it is not (yet) what was written.
    """
    try:
        answer = wire.call(action.service, BOTO_METHOD[action.action], **action.request)
    except AwsRefused as error:
        if action.verb == "remove" and error.code in NOT_FOUND:
            return Performed("unchanged", error.request_id)
        raise
    if not _is_seen(wire, action):
        raise AwsBusy(
            "IAM does not show the change yet, or somebody changed it again.",
            operation=f"iam:{action.action}",
            code="NotYetVisible",
        )
    return Performed(
        OUTCOME[action.verb],
        str(answer["ResponseMetadata"].get("RequestId", "")),
        role_id=answer.get("Role", {}).get("RoleId", ""),
    )


def _is_seen(wire: Wire, action: Action) -> bool:
    """Whether IAM shows what was written; what it does not know yet was written a moment ago all the same."""
    try:
        return _is_held(wire, action)
    except AwsRefused as error:
        if error.code in NOT_FOUND:
            return False
        raise


def _is_held(wire: Wire, action: Action) -> bool:
    """Whether IAM now answers with what was written; True for creations and removals, whose answers say so."""
    request = action.request
    match action.action:
        case "AddClientIDToOpenIDConnectProvider":
            provider = read_provider(wire, request["OpenIDConnectProviderArn"])
            return provider is not None and request["ClientID"] in provider.audiences
        case "UpdateAssumeRolePolicy":
            role = wire.call("iam", "get_role", RoleName=request["RoleName"])["Role"]
            return bool(role["AssumeRolePolicyDocument"] == action.after)
        case "PutRolePolicy":
            held = wire.call("iam", "get_role_policy", RoleName=request["RoleName"], PolicyName=request["PolicyName"])
            return bool(held["PolicyDocument"] == action.after)
        case "AttachRolePolicy":
            attached = wire.pages(
                "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=request["RoleName"]
            )
            return request["PolicyArn"] in [policy["PolicyArn"] for policy in attached]
        case "RemoveClientIDFromOpenIDConnectProvider":
            provider = read_provider(wire, request["OpenIDConnectProviderArn"])
            return provider is None or request["ClientID"] not in provider.audiences
    return True


def _tags(pairs: Any) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}
