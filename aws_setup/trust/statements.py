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
_NARROWING = (*_REQUIRING, "arnequals", "arnlike", "ipaddress", "foranyvalue:arnequals", "foranyvalue:arnlike")
_WILD = "*?"
_VARIABLE = "${"
"""A policy variable takes whatever the request itself says, with any operator: `${issuer:sub}` fits every subject."""
_BUILT_IN = ("cognito-identity.amazonaws.com", "accounts.google.com", "graph.facebook.com", "www.amazon.com")
"""Web identity that AWS knows without an identity provider in the account: every customer's tokens come from it."""


def as_list(value: Any) -> list[Any]:
    """IAM writes one value bare and several as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def statements_of(trust: PolicyDocument) -> list[PolicyDocument]:
    return as_list(trust.get("Statement"))


def lets_web_identity_in(statement: PolicyDocument) -> bool:
    """Whether it allows exchanging a token, by name, by a pattern, or by what it leaves out of NotAction."""
    if statement.get("Effect") != "Allow":
        return False
    if "NotAction" in statement:
        return not _names_web_identity(statement["NotAction"])
    return _names_web_identity(statement.get("Action"))


def _names_web_identity(actions: Any) -> bool:
    return any(fnmatchcase(WEB_IDENTITY.lower(), str(action).lower()) for action in as_list(actions))


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
    if "NotPrincipal" in statement:
        return ["It lets in everybody but those whom it names (NotPrincipal), of any AWS account."]
    if is_anybody and not _is_narrowed(statement):
        return ["It lets in anybody of any AWS account: the principal is *, and nothing narrows it."]
    if not lets_web_identity_in(statement):
        return []
    return [hole for provider in federated(statement) for hole in _find_holes_of(str(provider), statement)]


def _find_holes_of(provider: str, statement: PolicyDocument) -> Iterator[str]:
    """Where it lets in too many tokens of one identity provider."""
    if provider == "*":
        yield "It lets in tokens of any identity provider: the provider is *."
        return
    is_built_in = provider in _BUILT_IN
    if not is_built_in and ":oidc-provider/" not in provider:
        return
    issuer = provider.split(":oidc-provider/", 1)[-1]
    checks = _required_values(statement)
    if is_built_in:
        claims = ("sub", "aud", "oaud", "app_id", "user_id", "id")
        if all(_find_patterns(checks.get(f"{issuer}:{claim}")) != [] for claim in claims):
            yield f"It checks neither who nor for which application ({issuer}:aud): tokens of any customer are let in."
        return
    patterns = _find_patterns(checks.get(f"{issuer}:sub".lower()))
    if patterns is None:
        yield f"It checks no subject ({issuer}:sub): every token of {issuer} is let in, whoever it is for."
    elif patterns:
        yield f"Its subject is a pattern, {', '.join(patterns)}: every token of {issuer} that fits is let in."
    patterns = _find_patterns(checks.get(f"{issuer}:aud".lower()))
    if patterns is None:
        yield f"It checks no audience ({issuer}:aud): tokens made for another purpose are let in as well."
    elif patterns:
        yield f"Its audience is a pattern, {', '.join(patterns)}: tokens made for other purposes may get in."


def _required_values(statement: PolicyDocument) -> dict[str, list[list[str]]]:
    """By key, for each condition that a request must meet, those of its values that are patterns."""
    found: dict[str, list[list[str]]] = {}
    for operator, key, values in conditions_of(statement):
        if operator in _REQUIRING:
            signs = (*_WILD, _VARIABLE) if operator.endswith("like") else (_VARIABLE,)
            found.setdefault(key, []).append([value for value in values if any(sign in value for sign in signs)])
    return found


def _find_patterns(checks: list[list[str]] | None) -> list[str] | None:
    """What all conditions on one key leave open: empty where one of them names its values; None without conditions."""
    if checks is None:
        return None
    return list(dict.fromkeys(value for patterns in checks for value in patterns)) if all(checks) else []


def _is_narrowed(statement: PolicyDocument) -> bool:
    """Whether some condition must be met that not every request meets."""
    return any(
        operator in _NARROWING and not any(set(value) <= {"*"} or _VARIABLE in value for value in values)
        for operator, _, values in conditions_of(statement)
    )


def describe_statement(statement: PolicyDocument) -> str:
    """Whom it lets in or keeps out, in one line."""
    verb = "Lets in" if statement.get("Effect") == "Allow" else "Keeps out"
    if "NotPrincipal" in statement:
        verb += " everybody but"
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    if isinstance(principal, dict):
        who = ", ".join(str(value) for values in principal.values() for value in as_list(values))
    else:
        who = str(principal)
    subjects = [
        f"any but {value}" if "notequals" in operator or "notlike" in operator else value
        for operator, key, values in conditions_of(statement)
        if key.endswith((":sub", ":aud"))
        for value in values
    ]
    return f"{verb} {who}" + (f" with {', '.join(subjects)}" if subjects else "")
