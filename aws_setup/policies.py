"""The IAM policies this console writes, and the one it needs itself. Pure.

What Vertesia's Bedrock driver calls is read from vertesia/llumiverse (drivers/src/bedrock/index.ts, August 2026);
which action takes which resource from AWS's service authorization reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html).
"""

from typing import Any

from aws_setup.names import strip_scheme

PolicyDocument = dict[str, Any]

INLINE_POLICY_NAME = "VertesiaBedrock"
VERSION = "2012-10-17"

LIST_ACTIONS = ("bedrock:ListFoundationModels", "bedrock:ListInferenceProfiles", "bedrock:ListCustomModels")
GET_ACTIONS = ("bedrock:GetFoundationModel", "bedrock:GetInferenceProfile", "bedrock:GetCustomModel")
INVOKE_ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")


def full_access_policy_arn(partition: str) -> str:
    """AWS's managed policy that Vertesia's documentation names: `bedrock:*` and more."""
    return f"arn:{partition}:iam::aws:policy/AmazonBedrockFullAccess"


def name_policy(arn: str) -> str:
    """How a sentence names a managed policy: AWS's own by their name, any other by its whole ARN.

    So a policy of the account that bears the name of one of AWS's cannot pass for it.
    """
    parts = arn.split(":", 5)
    path_and_name = parts[-1].removeprefix("policy/")
    return path_and_name if parts[4] == "aws" else arn


def trust_statement(*, provider_arn: str, issuer_url: str, audience: str, subject: str) -> PolicyDocument:
    """Who may assume the role: a token of this issuer with exactly this audience and subject.

    Both conditions are needed: without `sub` any environment of the issuer would be let in, without `aud` any token
    it signs for another purpose (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html).
    """
    key = strip_scheme(issuer_url)
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{key}:aud": audience, f"{key}:sub": subject}},
    }


def invoke_policy(*, partition: str, account_id: str) -> PolicyDocument:
    """What Vertesia needs and no more: list, describe and invoke models, through profiles too.

    An inference profile routes to several regions, and AWS asks for rights on the profile and on the model in every
    region it may reach; hence the `*` where the region stands. Foundation models belong to no account.
    """
    models = f"arn:{partition}:bedrock:*::foundation-model/*"
    profiles = [
        f"arn:{partition}:bedrock:*:{account_id}:inference-profile/*",
        f"arn:{partition}:bedrock:*:{account_id}:application-inference-profile/*",
    ]
    custom = f"arn:{partition}:bedrock:*:{account_id}:custom-model/*"
    return {
        "Version": VERSION,
        "Statement": [
            {"Sid": "ListModels", "Effect": "Allow", "Action": list(LIST_ACTIONS), "Resource": "*"},
            {
                "Sid": "DescribeModels",
                "Effect": "Allow",
                "Action": list(GET_ACTIONS),
                "Resource": [models, *profiles, custom],
            },
            {
                "Sid": "InvokeModels",
                "Effect": "Allow",
                "Action": list(INVOKE_ACTIONS),
                "Resource": [models, *profiles],
            },
        ],
    }


READ_ACTIONS_ACCOUNT = ("iam:GetAccountSummary", "iam:ListAccountAliases")
"""Quotas before a plan, and the alias."""
READ_ACTIONS_PROVIDER = ("iam:GetOpenIDConnectProvider",)
READ_ACTIONS_ROLE = (
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:SimulatePrincipalPolicy",
)
READ_ACTIONS_MODELS = ("bedrock:GetFoundationModelAvailability", "bedrock:GetUseCaseForModelAccess")
"""What AWS says of a model that is listed and cannot be used."""
WRITE_ACTIONS_PROVIDER = (
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:CreateOpenIDConnectProvider",
    "iam:TagOpenIDConnectProvider",
)
REMOVE_ACTIONS_PROVIDER = ("iam:DeleteOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider")
"""Only where an identity provider that nobody uses any more is to go; iam:ListRoles then counts who trusts it."""
BOUNDED_ACTIONS_ROLE = ("iam:AttachRolePolicy", "iam:CreateRole", "iam:DetachRolePolicy", "iam:PutRolePolicy")
"""Those that IAM lets one bind to a permissions boundary by the condition key `iam:PermissionsBoundary`.

DeleteRolePolicy knows the key too, but it can only take rights away.
"""
FREE_ACTIONS_ROLE = (
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
)


BOUNDARY_NEEDS_ROOM = (
    "A boundary alone binds nothing: with path / and no prefix the policy allows rewriting the trust of any role of "
    "the account, an administrator's too. Give the console's roles a path or a prefix of their own."
)


def has_room_of_its_own(*, path: str, prefix: str) -> bool:
    """Whether path or prefix keep the console away from other people's roles; without that a boundary is no bound."""
    return path != "/" or bool(prefix)


def provisioning_policy(
    *,
    partition: str,
    account_id: str,
    path: str = "/",
    prefix: str = "",
    boundary_arn: str = "",
    read_only: bool = False,
    removes_providers: bool = False,
) -> PolicyDocument:
    """The least IAM policy under which this console can do all it does in one account.

    `path` and `prefix` bound the roles it may touch; `boundary_arn` makes a permissions boundary compulsory on every
    role it creates or widens. Without both the console is administrator-equivalent: without a boundary it can give a
    role any rights, without a path or prefix it can rewrite the trust of any role. It never needs iam:PassRole.
    `read_only` is for observing and planning alone. `removes_providers` adds what removing an identity provider takes
    that nobody uses any more; it is never done unasked. The bedrock actions show what a region offers where only
    Vertesia can sign; they are not needed to connect.
    """
    provider = f"arn:{partition}:iam::{account_id}:oidc-provider/*"
    role = f"arn:{partition}:iam::{account_id}:role{path}{prefix}*"
    statements: list[dict[str, Any]] = [
        {"Sid": "ReadTheAccount", "Effect": "Allow", "Action": list(READ_ACTIONS_ACCOUNT), "Resource": "*"},
        {"Sid": "ReadProviders", "Effect": "Allow", "Action": list(READ_ACTIONS_PROVIDER), "Resource": provider},
        {"Sid": "ReadRoles", "Effect": "Allow", "Action": list(READ_ACTIONS_ROLE), "Resource": role},
        {"Sid": "ShowWhatTheRegionOffers", "Effect": "Allow", "Action": list(LIST_ACTIONS), "Resource": "*"},
        {"Sid": "ExplainModelAccess", "Effect": "Allow", "Action": list(READ_ACTIONS_MODELS), "Resource": "*"},
    ]
    if path != "/":
        # A request names no path: IAM looks for the right to read a role that does not exist under `/`.
        pathless = f"arn:{partition}:iam::{account_id}:role/{prefix}*"
        statements.append({"Sid": "FindFreeNames", "Effect": "Allow", "Action": "iam:GetRole", "Resource": pathless})
    if not read_only:
        bounded: dict[str, Any] = {
            "Sid": "WriteRolesWithinTheBoundary" if boundary_arn else "WriteRoles",
            "Effect": "Allow",
            "Action": list(BOUNDED_ACTIONS_ROLE),
            "Resource": role,
        }
        free = list(FREE_ACTIONS_ROLE)
        if boundary_arn:
            bounded["Condition"] = {"StringEquals": {"iam:PermissionsBoundary": boundary_arn}}
            bounded["Action"] = sorted((*BOUNDED_ACTIONS_ROLE, "iam:PutRolePermissionsBoundary"))
        statements += [
            {"Sid": "WriteProviders", "Effect": "Allow", "Action": list(WRITE_ACTIONS_PROVIDER), "Resource": provider},
            bounded,
            {"Sid": "MaintainRoles", "Effect": "Allow", "Action": free, "Resource": role},
        ]
    if removes_providers:
        removing = list(REMOVE_ACTIONS_PROVIDER)
        statements += [
            {"Sid": "CountWhoTrustsAProvider", "Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"},
            {"Sid": "RemoveProviders", "Effect": "Allow", "Action": removing, "Resource": provider},
        ]
    return {"Version": VERSION, "Statement": statements}
