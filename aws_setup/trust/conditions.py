"""Whether a token request meets one condition of a policy: missing keys, several values, variables. Pure.

Missing keys and `…IfExists`: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
`ForAllValues`, `ForAnyValue`: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
Variables: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from dataclasses import dataclass
from typing import Any

from aws_setup.policies import VERSION, PolicyDocument
from aws_setup.trust.operators import Operator, Piece, Value, compare, read_operator, split_signs
from aws_setup.trust.statements import as_list
from aws_setup.trust.token_request import TokenRequest

_VARIABLE = re.compile(r"(\$\{[^}]*\})")
_DEFAULT = re.compile(r"(?P<key>[^,]*?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")


@dataclass(frozen=True)
class Condition:
    """One condition as it is written; several values are alternatives."""

    operator: str
    key: str
    values: tuple[str, ...]
    is_malformed: bool = False


def read_conditions(statement: PolicyDocument) -> list[Condition] | None:
    """All conditions of a statement, every one of which must be met; None where the element cannot be read."""
    block = statement.get("Condition")
    if block is None:
        return []
    if not isinstance(block, dict) or not all(isinstance(keys, dict) for keys in block.values()):
        return None
    found = []
    for operator, keys in block.items():
        for key, written in keys.items():
            texts = [_text(value) for value in as_list(written)]
            values = tuple(text for text in texts if text is not None)
            found.append(Condition(operator, key, values, is_malformed=None in texts or written is None))
    return found


def has_variables(document: Any) -> bool:
    """Whether `${…}` is a variable in this document; in the older language it is plain text."""
    return isinstance(document, dict) and document.get("Version") == VERSION


def is_met(condition: Condition, request: TokenRequest, *, variables: bool) -> bool | None:
    """Whether the request meets it; None where that hangs on something that cannot be known from here."""
    operator = read_operator(condition.operator)
    if operator is None or condition.is_malformed:
        return False
    if request.is_unknown(condition.key):
        return None
    actual = request.find(condition.key)
    if operator.name == "null":
        return any((value.lower() == "true") == (actual is None) for value in condition.values)
    if actual is None:
        return passes_without_key(operator)
    reads_variables = variables and operator.takes_variables
    values = [resolve(text, request, operator, variables=reads_variables) for text in condition.values]
    resolved = [value for value in values if isinstance(value, tuple)]
    met = {any(compare(operator, one, value) for value in resolved) != operator.is_negated for one in actual}
    result = _quantify(met, operator)
    if len(resolved) == len(values):
        return result
    # AWS says of a variable without a value only that nothing matches it and the statement is invalid.
    return False if result is False and not operator.is_negated and "unknown" not in values else None


def passes_without_key(operator: Operator) -> bool:
    """Whether a request that lacks the key meets a condition with this operator, whatever the values."""
    if operator.if_exists or operator.quantifier == "forallvalues":
        return True
    return operator.is_negated and not operator.quantifier


def resolve(text: str, request: TokenRequest, operator: Operator, *, variables: bool) -> Value | str:
    """A policy's value with variables replaced; `absent` or `unknown` where the request has no single value for one."""
    value: list[Piece] = []
    for part in _VARIABLE.split(text) if variables else [text]:
        if not (variables and _VARIABLE.fullmatch(part)):
            value += split_signs(part) if operator.takes_patterns else [Piece(part)]
            continue
        found = _look_up(part[2:-1], request)
        if isinstance(found, str):
            return found
        value.append(found)
    return tuple(value)


def _look_up(variable: str, request: TokenRequest) -> Piece | str:
    if variable in ("*", "?", "$"):
        return Piece(variable)
    match = _DEFAULT.fullmatch(variable)
    key, default = (match["key"], match["default"]) if match else (variable, None)
    if request.is_unknown(key):
        return "unknown"
    values = request.find(key)
    if values is not None and len(values) == 1:
        return Piece(values[0])
    return "absent" if default is None or values is not None else Piece(default)


def _quantify(met: set[bool], operator: Operator) -> bool | None:
    """All, any or the one value; AWS does not say what several values do without ForAllValues or ForAnyValue."""
    if operator.quantifier == "forallvalues":
        return met == {True}
    if operator.quantifier == "foranyvalue":
        return True in met
    return met.pop() if len(met) == 1 else None


def _text(value: Any) -> str | None:
    """A value as IAM compares it; None where JSON holds something that is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None
