"""The statements of a role's trust policy: whom each lets in, and where it lets in more than it should. Pure.

How operators and keys compare: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from aws_setup.policies import PolicyDocument

WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
_REQUIRING = (
    "stringequals",
    "stringlike",
    "stringequalsignorecase",
    "foranyvalue:stringequals",
    "foranyvalue:stringlike",
)
"""Operators that a request without the key, or with another value, does not pass: no `…IfExists`, no `ForAllValues`."""
_WILD = "*?"


def as_list(value: Any) -> list[Any]:
    """IAM writes one value bare and several as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def statements_of(trust: PolicyDocument) -> list[PolicyDocument]:
    return as_list(trust.get("Statement"))


def lets_web_identity_in(statement: PolicyDocument) -> bool:
    """Whether it allows exchanging a token: by name, by a pattern, or by naming only what it does not allow."""
    is_all_but = "NotAction" in statement
    patterns = [str(action).lower() for action in as_list(statement.get("NotAction" if is_all_but else "Action"))]
    is_named = any(fnmatchcase(WEB_IDENTITY.lower(), pattern) for pattern in patterns)
    return statement.get("Effect") == "Allow" and is_named != is_all_but


def federated(statement: PolicyDocument) -> list[str]:
    """The identity providers it names."""
    principal = statement.get("Principal")
    return as_list(principal.get("Federated")) if isinstance(principal, dict) else []


def conditions_of(statement: PolicyDocument) -> Iterator[tuple[str, str, list[str]]]:
    """Operator, key and values of each condition; operator and key in lower case, as IAM compares them."""
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, values in keys.items():
            yield operator.lower(), key.lower(), [str(value) for value in as_list(values)]


def is_for_subject(statement: PolicyDocument, *, provider_arn: str, subject: str) -> bool:
    """Whether it lets in tokens of this subject and provider and no others, whatever else it asks of them."""
    if not lets_web_identity_in(statement) or federated(statement) != [provider_arn]:
        return False
    if as_list(statement.get("Action")) != [WEB_IDENTITY] or set(statement.get("Principal", {})) != {"Federated"}:
        return False
    key = f"{provider_arn.split(':oidc-provider/', 1)[-1]}:sub".lower()
    return any(
        operator == "stringequals" and name == key and values == [subject]
        for operator, name, values in conditions_of(statement)
    )


def trusts_provider(trust: PolicyDocument, provider_arn: str) -> bool:
    """Whether any statement, allowing or denying, names this identity provider."""
    return any(provider_arn in federated(statement) for statement in statements_of(trust))


def find_holes(statement: PolicyDocument) -> list[str]:
    """What in it lets in more than one subject and audience, as sentences; empty where nothing does.

    A trust without `sub` lets in every token of the issuer, one without `aud` every token that the issuer signs for
    any other purpose (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html).
    """
    if statement.get("Effect") != "Allow":
        return []
    principal = statement.get("Principal")
    is_anybody = principal == "*" or (isinstance(principal, dict) and "*" in as_list(principal.get("AWS")))
    if is_anybody and not statement.get("Condition"):
        return ["It lets in anybody of any AWS account: the principal is *, and nothing narrows it."]
    providers = [arn for arn in federated(statement) if ":oidc-provider/" in arn]
    if not providers or not lets_web_identity_in(statement):
        return []
    holes = []
    for arn in providers:
        issuer = arn.split(":oidc-provider/", 1)[1]
        required: dict[str, list[str]] = {}
        for operator, key, values in conditions_of(statement):
            if operator in _REQUIRING:
                wild = [value for value in values if operator.endswith("like") and any(sign in value for sign in _WILD)]
                required[key] = [value for value in wild if key not in required or value in required[key]]
        subjects = required.get(f"{issuer}:sub".lower())
        if subjects is None:
            holes.append(f"It checks no subject ({issuer}:sub): every token of {issuer} is let in, whoever it is for.")
        elif subjects:
            holes.append(
                f"Its subject is a pattern, {', '.join(subjects)}: every token of {issuer} that fits is let in."
            )
        audiences = required.get(f"{issuer}:aud".lower())
        if audiences is None:
            holes.append(f"It checks no audience ({issuer}:aud): tokens made for another purpose are let in as well.")
        elif audiences:
            holes.append(
                f"Its audience is a pattern, {', '.join(audiences)}: tokens made for another purpose may be let in."
            )
    return holes


def describe_statement(statement: PolicyDocument) -> str:
    """Whom it lets in or keeps out, in one line."""
    verb = "Lets in" if statement.get("Effect") == "Allow" else "Keeps out"
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if isinstance(principal, dict):
        who = ", ".join(str(value) for values in principal.values() for value in as_list(values))
    else:
        who = str(principal)
    subjects = [
        value for _, key, values in conditions_of(statement) if key.endswith((":sub", ":aud")) for value in values
    ]
    return f"{verb} {who}" + (f" with {', '.join(subjects)}" if subjects else "")
