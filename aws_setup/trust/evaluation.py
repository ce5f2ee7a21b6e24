"""Would this trust policy let that token in? Evaluated statement by statement, as AWS does it. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: a Deny that applies wins over
every Allow; without an Allow that applies nobody gets in. What AWS would not have stored is told as not fitting.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aws_setup.canonical import canonical
from aws_setup.policies import PolicyDocument
from aws_setup.trust.conditions import has_variables, is_met, read_conditions
from aws_setup.trust.mistakes import explain_condition, explain_provider
from aws_setup.trust.operators import fits, split_signs
from aws_setup.trust.statements import as_list, statements_of
from aws_setup.trust.token_request import TokenRequest


class Verdict(StrEnum):
    """What a whole trust policy does with a token."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It hangs on something that cannot be known from here; the rows say on what."""


@dataclass(frozen=True)
class Row:
    """One comparison: what a statement asks for and what the token brings."""

    part: str
    """statement, principal, action or condition."""
    compared: str
    """Effect, Principal, Action and their opposites; or a condition's operator and key, as written."""
    expected: tuple[str, ...]
    """What the policy says."""
    actual: tuple[str, ...] | None
    """What the token brings; None where it has no such key, or none is known; empty where nothing is compared."""
    passes: bool | None
    """None: it cannot be known from here."""
    note: str = ""
    operator: str = ""
    key: str = ""


@dataclass(frozen=True)
class StatementVerdict:
    """One statement of the policy against the token."""

    number: int
    """Counted from 1, as they stand in the document."""
    statement: Any
    effect: str
    """Allow or Deny; otherwise as written."""
    rows: tuple[Row, ...]

    @property
    def applies(self) -> bool | None:
        """Whether all of its rows pass: an Allow lets the token in, a Deny keeps it out."""
        return every(row.passes for row in self.rows)

    @property
    def failing(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.passes is False)

    @property
    def sid(self) -> str:
        return str(self.statement.get("Sid", "")) if isinstance(self.statement, dict) else ""


@dataclass(frozen=True)
class Evaluation:
    """All statements against one token, and what comes of it."""

    request: TokenRequest
    statements: tuple[StatementVerdict, ...]

    @property
    def denials(self) -> tuple[StatementVerdict, ...]:
        """The Deny statements that apply."""
        return tuple(one for one in self.statements if one.effect == "Deny" and one.applies)

    @property
    def verdict(self) -> Verdict:
        allows = [one.applies for one in self.statements if one.effect == "Allow"]
        denies = [one.applies for one in self.statements if one.effect == "Deny"]
        if True in denies or not (True in allows or None in allows):
            return Verdict.REFUSED
        return Verdict.ACCEPTED if True in allows and None not in denies else Verdict.UNKNOWN

    @property
    def nearest(self) -> StatementVerdict | None:
        """The Allow that lets the token in or comes nearest to it; None where there is none."""
        allows = [one for one in self.statements if one.effect == "Allow"]
        return min(allows, key=lambda one: _distance(one, self.request), default=None)

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """The condition keys on which the verdict may hang and whose values cannot be known from here."""
        open_ones = [one for one in self.statements if one.applies is None]
        return tuple(dict.fromkeys(row.key for one in open_ones for row in one.rows if row.passes is None and row.key))


def evaluate_trust(trust: Any, request: TokenRequest) -> Evaluation:
    """What the trust policy does with this token. Takes any JSON; nothing in it raises."""
    document = trust if isinstance(trust, dict) else {}
    variables = has_variables(document)
    return Evaluation(
        request=request,
        statements=tuple(
            _judge(number, statement, request, variables=variables)
            for number, statement in enumerate(statements_of(document), 1)
        ),
    )


def every(answers: Iterable[bool | None]) -> bool | None:
    """True where all are, False where one is, None where it cannot be told."""
    given = set(answers)
    return False if False in given else None if None in given else True


def _judge(number: int, statement: Any, request: TokenRequest, *, variables: bool) -> StatementVerdict:
    effect = statement.get("Effect") if isinstance(statement, dict) else None
    if effect not in ("Allow", "Deny"):
        written = (str(effect),) if effect is not None else ()
        row = Row("statement", "Effect", written, (), False, "A statement says Allow or Deny; this one is void.")
        return StatementVerdict(number, statement, str(effect or ""), (row,))
    rows = (
        _judge_principal(statement, request),
        _judge_action(statement, request),
        *_judge_conditions(statement, request, variables=variables),
    )
    return StatementVerdict(number, statement, str(effect), rows)


def _judge_principal(statement: PolicyDocument, request: TokenRequest) -> Row:
    actual = (request.provider_arn,)
    if "NotPrincipal" in statement:
        named = _principals(statement["NotPrincipal"])
        is_allow = statement["Effect"] == "Allow"
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        note = "AWS takes no NotPrincipal in a trust policy, and none at all with Allow."
        passes = not is_allow and request.provider_arn not in named and not _is_anybody(statement["NotPrincipal"])
        return Row("principal", "NotPrincipal", tuple(named), actual, passes, note)
    principal = statement.get("Principal")
    named = _principals(principal)
    providers = _strings(principal.get("Federated")) if isinstance(principal, dict) else []
    if _is_anybody(principal) or request.provider_arn in providers:
        return Row("principal", "Principal", tuple(named), actual, True)
    if "*" in providers:
        return Row("principal", "Principal", tuple(named), actual, None, "AWS does not say whether * is a provider.")
    note = explain_provider(providers[0], request) if providers else "It names no identity provider."
    return Row("principal", "Principal", tuple(named), actual, False, note)


def _is_anybody(principal: Any) -> bool:
    """`"*"` and `{"AWS": "*"}` are the same: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous"""
    return principal == "*" or (isinstance(principal, dict) and "*" in _strings(principal.get("AWS")))


def _principals(principal: Any) -> list[str]:
    """Whom it names; those that are no identity providers with their kind before them."""
    if not isinstance(principal, dict):
        return _strings(principal)
    return [
        value if kind == "Federated" else f"{kind}: {value}"
        for kind, values in principal.items()
        for value in _strings(values)
    ]


def _judge_action(statement: PolicyDocument, request: TokenRequest) -> Row:
    name = "NotAction" if "NotAction" in statement and "Action" not in statement else "Action"
    written = tuple(_strings(statement.get(name)))
    is_named = any(fits(split_signs(action.lower()), request.action.lower()) for action in written)
    passes = bool(written) and is_named == (name == "Action")
    note = "" if passes or statement["Effect"] == "Deny" else "Exchanging a token is another action."
    return Row("action", name, written, (request.action,), passes, note)


def _judge_conditions(statement: PolicyDocument, request: TokenRequest, *, variables: bool) -> Iterable[Row]:
    conditions = read_conditions(statement)
    if conditions is None:
        note = "It is not written as IAM reads it: operators, in each of them keys, for each of them values."
        yield Row("condition", "Condition", (canonical(statement["Condition"]),), (), False, note)
        return
    for condition in conditions:
        passes = is_met(condition, request, variables=variables)
        yield Row(
            part="condition",
            compared=f"{condition.operator} {condition.key}",
            expected=condition.values,
            actual=request.find(condition.key),
            passes=passes,
            note=explain_condition(condition, request, passes=passes),
            operator=condition.operator,
            key=condition.key,
        )


def _strings(value: Any) -> list[str]:
    return [one for one in as_list(value) if isinstance(one, str)]


def is_meant_for(one: StatementVerdict, request: TokenRequest) -> bool:
    """Whether it names our identity provider or subject, though perhaps in a wrong spelling or account."""
    ours = {request.provider_arn.lower(), request.subject.lower()} - {""}
    ending = f":oidc-provider/{request.issuer}".lower()
    named = {text.strip().lower() for row in one.rows for text in row.expected}
    providers = {text.replace("https://", "").rstrip("/") for text in named}
    return bool(named & ours) or any(text.endswith(ending.rstrip("/")) for text in providers)


def _distance(one: StatementVerdict, request: TokenRequest) -> tuple[bool, int, bool, int]:
    """How far an Allow is from letting the token in. A statement that is meant for other callers is far away."""
    weights = {"statement": 3, "principal": 2, "action": 2, "condition": 1}
    distance = sum(weights[row.part] for row in one.failing)
    return bool(distance) and not is_meant_for(one, request), distance, one.applies is None, one.number
