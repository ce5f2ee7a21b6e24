"""Statements of a trust policy made to fit one token, without letting in any other. Pure."""

from copy import deepcopy
from typing import Any

from aws_setup.policies import PolicyDocument, trust_statement
from aws_setup.trust.conditions import read_conditions
from aws_setup.trust.evaluation import Row, StatementVerdict
from aws_setup.trust.mistakes import find_meant_key
from aws_setup.trust.operators import read_operator
from aws_setup.trust.statements import as_list, federated
from aws_setup.trust.token_request import TokenRequest


def own_statement(request: TokenRequest, *, variables: bool) -> PolicyDocument:
    """The statement that this console writes, for this very token."""
    return trust_statement(
        provider_arn=request.provider_arn,
        issuer_url=request.issuer,
        audience=_literal(request.audience, variables=variables),
        subject=_literal(request.subject, variables=variables),
    )


def make_fit(one: StatementVerdict, request: TokenRequest) -> PolicyDocument | None:
    """The statement with every failing row made to fit; None where it would then let in more than our subject and
    audience, or keep out somebody whom it names beside us."""
    if not _is_plain(one.statement) or any(sign in request.subject + request.audience for sign in "*?$"):
        return None
    statement: PolicyDocument = deepcopy(one.statement)
    for row in one.failing:
        _make_row_fit(statement, row, request)
    keys = [f"{request.issuer}:{claim}" for claim in ("sub", "aud")]
    if len(one.failing) == 1 and is_added(one.failing[0], request):
        other = next(key for key in keys if key.lower() != one.failing[0].key.lower())
        return statement if is_pinned(statement, other, request) else None
    for key in missing_checks(statement, request):
        block = statement.setdefault("Condition", {})
        equals = next((name for name in block if name.lower() == "stringequals"), "StringEquals")
        block.setdefault(equals, {})[key] = (request.find(key) or ("",))[0]
    return statement if all(is_pinned(statement, key, request) for key in keys) else None


def missing_checks(statement: PolicyDocument, request: TokenRequest) -> list[str]:
    """The keys of subject and audience on which the statement has no condition at all."""
    written = {condition.key.lower() for condition in read_conditions(statement) or []}
    return [key for key in (f"{request.issuer}:sub", f"{request.issuer}:aud") if key.lower() not in written]


def is_pinned(statement: PolicyDocument, key: str, request: TokenRequest) -> bool:
    """Whether it takes one value alone of tokens of our provider for subject or audience, ours.

    `…IfExists` and `ForAllValues` pass requests without the key, but every token of our provider has both.
    """
    return any(
        _is_exact(condition.operator) and condition.key.lower() == key.lower() and condition.values == request.find(key)
        for condition in read_conditions(statement) or []
    )


def is_added(row: Row, request: TokenRequest) -> bool:
    """Whether our value takes its place beside the others of the row; a single one is replaced by it."""
    return _is_exact(row.operator) and len(row.expected) > 1 and bool(wanted_value(row, request))


def _is_exact(written: str) -> bool:
    """Whether a value without signs is met by itself alone; with ForAnyValue also by it among others."""
    operator = read_operator(written)
    if operator is None or operator.is_negated or operator.quantifier == "foranyvalue":
        return False
    return operator.name in ("stringequals", "stringlike")


def wanted_value(row: Row, request: TokenRequest) -> str:
    """What the row would have to ask for, where it asks for another subject or audience; else empty."""
    operator = read_operator(row.operator)
    if row.part != "condition" or operator is None or operator.is_negated or not operator.name.startswith("string"):
        return ""
    return {"sub": request.subject, "aud": request.audience}.get(request.claim_of(row.key), "")


def _is_plain(statement: PolicyDocument) -> bool:
    """Whether it names one identity provider and actions, not what it leaves out, and its conditions can be read."""
    principal = statement.get("Principal")
    is_federated = isinstance(principal, dict) and set(principal) == {"Federated"} and len(federated(statement)) == 1
    has_names = "NotPrincipal" not in statement and ("Action" in statement or "NotAction" not in statement)
    return is_federated and has_names and read_conditions(statement) is not None


def _make_row_fit(statement: PolicyDocument, row: Row, request: TokenRequest) -> None:
    """Put ours where the row fails; a check of something else goes."""
    if row.part == "principal":
        statement["Principal"] = {"Federated": request.provider_arn}
    elif row.part == "action":
        statement["Action"] = [*row.expected, request.action] if row.expected else request.action
    elif wanted := wanted_value(row, request):
        statement["Condition"][row.operator][row.key] = [*row.expected, wanted] if is_added(row, request) else wanted
    elif is_session_name(row):
        statement["Condition"][row.operator][row.key] = [*row.expected, *(row.actual or ())]
    else:
        _drop(statement, row)
        meant = find_meant_key(row.key, request)
        if meant and row.operator.lower() in ("stringequals", "stringlike"):
            keys = statement["Condition"].setdefault(row.operator, {})
            if meant.lower() not in [key.lower() for key in keys]:
                keys[meant] = (request.find(meant) or ("",))[0]
    if statement.get("Condition") == {}:
        del statement["Condition"]


def _drop(statement: PolicyDocument, row: Row) -> None:
    block: dict[str, Any] = statement["Condition"]
    del block[row.operator][row.key]
    if not block[row.operator]:
        del block[row.operator]


def is_session_name(row: Row) -> bool:
    """Whether it asks for another session name, which a further value can let in."""
    operator = read_operator(row.operator)
    is_positive = operator is not None and operator.name.startswith("string") and not operator.is_negated
    return is_positive and row.key.lower() == "sts:rolesessionname" and bool(row.expected)


def leave_out(statement: PolicyDocument, claim: str, request: TokenRequest, *, variables: bool) -> PolicyDocument:
    """A Deny for all but our subject (`sub`) or our audience (`aud`)."""
    exempt: PolicyDocument = deepcopy(statement)
    block = exempt["Condition"] = exempt.get("Condition") or {}
    name = next((name for name in block if name.lower() == "stringnotequals"), "StringNotEquals")
    keys = block.setdefault(name, {})
    key = f"{request.issuer}:{claim}"
    found = next((written for written in keys if written.lower() == key.lower()), key)
    value = _literal({"sub": request.subject, "aud": request.audience}[claim], variables=variables)
    keys[found] = [*as_list(keys[found]), value] if found in keys else value
    return exempt


def _literal(value: str, *, variables: bool) -> str:
    """The value as a policy writes it, where `${` would begin a variable."""
    return value.replace("${", "${$}{") if variables else value
