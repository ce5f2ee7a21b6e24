"""IAM's grammar of policy documents: what CreateRole, PutRolePolicy and CreatePolicy accept."""

from __future__ import annotations

import json
import re
from typing import Any

from aws_setup.sandbox import emulator
from aws_setup.sandbox.errors import limit_exceeded, malformed_policy

_VERSIONS = {"2012-10-17", "2008-10-17"}
_POLICY_KEYS = {"Version", "Id", "Statement"}
_STATEMENT_KEYS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?"
    r"(String(Not)?(Equals(IgnoreCase)?|Like)|Numeric(Not)?Equals|Numeric(Less|Greater)Than(Equals)?"
    r"|Date(Not)?Equals|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like))"
    r"(IfExists)?|Null",
    re.IGNORECASE,
)
_FEDERATED = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(oidc|saml)-provider/\S+|[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_ENTITY = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(user|role)/(?:.*/)?([\w+=,.@-]+)")
_ACCOUNT = re.compile(r"\d{12}|arn:aws[a-z-]*:iam::\d{12}:root")
_ASSUME_ACTIONS = {
    "sts:assumerole", "sts:assumerolewithwebidentity", "sts:assumerolewithsaml", "sts:tagsession",
    "sts:setsourceidentity", "sts:setcontext",
}  # fmt: skip


def check_trust_policy(document: str, *, limit: int) -> None:
    """AwsError MalformedPolicyDocument or LimitExceeded unless IAM would take it as a role's trust policy.

    `limit` is in characters, white space aside.
    """
    for statement in _statements(document):
        if "Resource" in statement or "NotResource" in statement:
            raise malformed_policy("Has prohibited field Resource")
        if "NotPrincipal" in statement:
            raise malformed_policy("AssumeRole policy must not contain NotPrincipal field.")
        if "Principal" not in statement:
            raise malformed_policy("Missing required field Principal")
        _check_principal(statement["Principal"])
        for action in _actions(statement):
            if action.lower() not in _ASSUME_ACTIONS:
                raise malformed_policy("AssumeRole policy may only specify STS AssumeRole actions.")
    if len(re.sub(r"\s", "", document)) > limit:
        raise limit_exceeded("ACLSizePerRole", limit)


def check_identity_policy(document: str) -> None:
    """AwsError MalformedPolicyDocument unless IAM would take it as an inline or managed policy."""
    for statement in _statements(document):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed_policy("Policy document should not specify a principal.")
        _actions(statement)
        resources = _strings(statement.get("Resource", statement.get("NotResource")))
        if not resources:
            raise malformed_policy("Policy statement must contain resources.")
        for resource in resources:
            if resource != "*" and not (resource.startswith("arn:") and resource.count(":") >= 5):
                raise malformed_policy(f'Resource {resource} must be in ARN format or "*".')


def check_resource_control_policy(document: str) -> None:
    """AwsError MalformedPolicyDocument unless Organizations would take it: it denies, and to everybody alike.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
    """
    for statement in _statements(document):
        if statement["Effect"] != "Deny" or statement.get("Principal") != "*":
            raise malformed_policy("A resource control policy has the effect Deny and the principal *.")
        if "NotAction" in statement or not _strings(statement.get("Resource", statement.get("NotResource"))):
            raise malformed_policy("A resource control policy names actions and resources.")
        _actions(statement)


def _statements(document: str) -> list[dict[str, Any]]:
    try:
        policy = json.loads(document)
    except json.JSONDecodeError as error:
        raise malformed_policy("This policy contains invalid Json") from error
    if not isinstance(policy, dict) or not set(policy) <= _POLICY_KEYS:
        raise malformed_policy("Syntax errors in policy.")
    version = policy.get("Version", "2008-10-17")
    if not isinstance(version, str) or version not in _VERSIONS:
        raise malformed_policy("The policy must contain a valid version string")
    found = policy.get("Statement")
    statements = [found] if isinstance(found, dict) else found
    if not isinstance(statements, list) or not statements:
        raise malformed_policy("Syntax errors in policy.")
    for statement in statements:
        if not isinstance(statement, dict) or not set(statement) <= _STATEMENT_KEYS:
            raise malformed_policy("Syntax errors in policy.")
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise malformed_policy("Syntax errors in policy.")
        _check_condition(statement.get("Condition", {}))
    return statements


def _check_condition(condition: Any) -> None:
    if not isinstance(condition, dict):
        raise malformed_policy("Syntax errors in policy.")
    for operator, keys in condition.items():
        if not _OPERATOR.fullmatch(operator):
            raise malformed_policy(f"Invalid Condition type : {operator}.")
        if not isinstance(keys, dict):
            raise malformed_policy("Syntax errors in policy.")
        for key, values in keys.items():
            for value in values if isinstance(values, list) else [values]:
                if not isinstance(value, (str, int, float, bool)):
                    raise malformed_policy("Syntax errors in policy.")
            if ":" not in key:
                raise malformed_policy("Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")


def _actions(statement: dict[str, Any]) -> list[str]:
    actions = _strings(statement.get("Action", statement.get("NotAction")))
    if not actions:
        raise malformed_policy("Policy statement must contain actions.")
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise malformed_policy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    return actions


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        raise malformed_policy("Syntax errors in policy.")
    for kind, found in principal.items():
        for value in _strings(found):
            if not _is_principal(kind, value):
                raise malformed_policy(
                    f'Invalid principal in policy: "{kind.upper() if kind != "AWS" else kind}":"{value}"'
                )


def _is_principal(kind: str, value: str) -> bool:
    if kind == "Service":
        return re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?|[a-z0-9.-]+\.aws\.internal", value) is not None
    if kind == "Federated":
        return _FEDERATED.fullmatch(value) is not None
    if kind != "AWS":
        return False
    if value == "*" or _ACCOUNT.fullmatch(value):
        return True
    entity = _ENTITY.fullmatch(value)
    if entity is None:
        return False
    store = emulator.users if entity.group(2) == "user" else emulator.roles
    return store.find(entity.group(1), entity.group(3)) is not None


def _strings(found: Any) -> list[str]:
    values = [found] if isinstance(found, str) else found
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise malformed_policy("Syntax errors in policy.")
    return values
