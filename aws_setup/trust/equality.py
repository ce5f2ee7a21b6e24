"""Whether two policy documents say the same. Pure.

IAM keeps a document as it was sent; its console, Terraform and people write one value bare or as a list, in any order,
and name statements as they like. None of that changes who may do what.
"""

from typing import Any

from aws_setup.canonical import canonical
from aws_setup.policies import PolicyDocument
from aws_setup.trust.statements import as_list, statements_of

_UNORDERED = ("Action", "NotAction", "Resource", "NotResource")


def is_same_policy(one: PolicyDocument | None, other: PolicyDocument | None) -> bool:
    """Whether both grant and deny the same, however they are written. None is no document."""
    if one is None or other is None:
        return one is other
    return one == other or _normal(one) == _normal(other)


def same_statement(one: PolicyDocument, other: PolicyDocument) -> bool:
    """Whether both statements say the same."""
    return one == other or normal_statement(one) == normal_statement(other)


def allows_more(document: PolicyDocument, other: PolicyDocument) -> bool:
    """Whether a permissions policy may allow what the other one does not.

    Compared by name: a pattern counts as more than the names that fit it, and a condition or a denial that the other
    one has as missing.
    """
    others = statements_of(other)
    allowed = [statement for statement in statements_of(document) if statement.get("Effect") == "Allow"]
    denied = [statement for statement in others if statement.get("Effect") == "Deny"]
    still_denied = statements_of(document)
    return any(not any(_is_within(one, wider) for wider in others) for one in allowed) or any(
        not any(same_statement(one, held) for held in still_denied) for one in denied
    )


def _is_within(statement: PolicyDocument, wider: PolicyDocument) -> bool:
    """Whether every action and resource of one is the other's too, under at least the same conditions."""
    if wider.get("Effect") != "Allow" or {"NotAction", "NotResource"} & {*statement, *wider}:
        return same_statement(statement, wider)
    is_conditional = "Condition" in wider
    return (
        {*as_list(statement.get("Action"))} <= {*as_list(wider.get("Action"))}
        and ({*as_list(statement.get("Resource"))} <= {*as_list(wider.get("Resource"))} or wider.get("Resource") == "*")
        and (not is_conditional or statement.get("Condition") == wider["Condition"])
    )


def _normal(document: PolicyDocument) -> tuple[str, list[str]]:
    statements = sorted({normal_statement(statement) for statement in statements_of(document)})
    return str(document.get("Version", "2008-10-17")), statements


def normal_statement(statement: PolicyDocument) -> str:
    """One text for all ways to write the same statement."""
    normal: dict[str, Any] = {name: value for name, value in statement.items() if name != "Sid"}
    for name in _UNORDERED:
        if name in normal:
            normal[name] = _sorted(normal[name])
    for name in ("Principal", "NotPrincipal"):
        if isinstance(normal.get(name), dict):
            normal[name] = {kind: _sorted(values) for kind, values in normal[name].items()}
    if "Condition" in normal:
        normal["Condition"] = {
            operator.lower(): {key.lower(): _sorted(values) for key, values in keys.items()}
            for operator, keys in normal["Condition"].items()
        }
    return canonical(normal)


def _sorted(values: Any) -> list[str]:
    return sorted({str(value) for value in as_list(values)})
