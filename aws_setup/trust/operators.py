"""How IAM compares one value of a policy with one value of a request, by condition operator. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network

_NUMBER = re.compile(r"[+-]?[0-9]{1,100}(\.[0-9]{1,100})?")
_EPOCH = re.compile(r"[0-9]{5,12}")
_OPERATOR = re.compile(r"(?:(forallvalues|foranyvalue):)?([a-z]+?)(ifexists)?")


@dataclass(frozen=True)
class Piece:
    """A part of a policy's value: text taken literally, or one of the signs `*` and `?`."""

    text: str
    is_sign: bool = False


Value = tuple[Piece, ...]
Comparison = Callable[[str, Value], bool]


@dataclass(frozen=True)
class Operator:
    """A condition operator taken apart."""

    name: str
    """In lower case, without what stands around it and without its negation, as `stringequals`."""
    is_negated: bool
    quantifier: str
    """forallvalues, foranyvalue or empty."""
    if_exists: bool

    @property
    def takes_variables(self) -> bool:
        """Only the string and ARN operators take policy variables (reference_policies_variables)."""
        return self.name.startswith(("string", "arn"))

    @property
    def takes_patterns(self) -> bool:
        return self.name in ("stringlike", "arnlike", "arnequals")


def read_operator(written: str) -> Operator | None:
    """An operator as a policy writes it, in any case; None where IAM has none of that name."""
    found = _OPERATOR.fullmatch(written.lower())
    if not found:
        return None
    name = found[2]
    if name == "null":
        return None if found[1] or found[3] else Operator(name, is_negated=False, quantifier="", if_exists=False)
    plain = _NEGATED.get(name, name)
    if plain not in _COMPARISONS:
        return None
    return Operator(plain, is_negated=name in _NEGATED, quantifier=found[1] or "", if_exists=bool(found[3]))


def split_signs(text: str) -> Value:
    """Text with each `*` and `?` as a sign."""
    return tuple(Piece(part, is_sign=part in ("*", "?")) for part in re.split(r"([*?])", text) if part)


def compare(operator: Operator, actual: str, expected: Value) -> bool:
    """Whether one value of the request meets one of the policy, negation aside. What cannot be read meets nothing."""
    return _COMPARISONS[operator.name](actual, expected)


def fits(value: Value, actual: str) -> bool:
    """Whether text fits a pattern; in a time that grows with the product of their lengths, whatever the pattern."""
    signs: list[str] = []
    for piece in value:
        signs += [piece.text] if piece.is_sign else [f"={character}" for character in piece.text]
    place = at = 0
    star, resume = -1, 0
    while at < len(actual):
        if place < len(signs) and signs[place] == "*":
            star, resume = place, at
            place += 1
        elif place < len(signs) and signs[place] in ("?", f"={actual[at]}"):
            place += 1
            at += 1
        elif star >= 0:
            resume += 1
            place, at = star + 1, resume
        else:
            return False
    return all(sign == "*" for sign in signs[place:])


def text_of(value: Value) -> str:
    return "".join(piece.text for piece in value)


def _arn_fits(actual: str, expected: Value) -> bool:
    """Each of the six parts on its own: a `*` does not reach over a colon before the resource."""
    parts, patterns = actual.split(":", 5), _split_arn(expected)
    return len(parts) == len(patterns) == 6 and all(fits(*pair) for pair in zip(patterns, parts, strict=True))


def _split_arn(value: Value) -> Sequence[Value]:
    parts: list[list[Piece]] = [[]]
    for piece in value:
        texts = [piece.text] if piece.is_sign else piece.text.split(":", 6 - len(parts))
        parts[-1].append(Piece(texts[0], piece.is_sign))
        parts += [[Piece(text)] for text in texts[1:]]
    return [tuple(part) for part in parts]


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _moment(text: str) -> Decimal | None:
    """Seconds since 1970, of those or of an ISO 8601 date; without a zone it is UTC."""
    if _EPOCH.fullmatch(text):
        return Decimal(text)
    try:
        moment = datetime.fromisoformat(f"{text}-01-01" if re.fullmatch(r"[0-9]{4}", text) else text)
        return Decimal(str((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        return None


def _ordered(read: Callable[[str], Decimal | None], holds: Callable[[Decimal, Decimal], bool]) -> Comparison:
    def comparison(actual: str, expected: Value) -> bool:
        one, other = read(actual), read(text_of(expected))
        return one is not None and other is not None and holds(one, other)

    return comparison


def _is_in_network(actual: str, expected: Value) -> bool:
    try:
        return ip_address(actual) in ip_network(text_of(expected), strict=False)
    except ValueError:
        return False


def _same_bytes(actual: str, expected: Value) -> bool:
    return b64encode(actual.encode(errors="surrogatepass")).decode() == text_of(expected)


_ORDERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "equals": lambda one, other: one == other,
    "lessthan": lambda one, other: one < other,
    "lessthanequals": lambda one, other: one <= other,
    "greaterthan": lambda one, other: one > other,
    "greaterthanequals": lambda one, other: one >= other,
}
_COMPARISONS: dict[str, Comparison] = {
    "stringequals": lambda actual, expected: actual == text_of(expected),
    "stringequalsignorecase": lambda actual, expected: actual.lower() == text_of(expected).lower(),
    "stringlike": lambda actual, expected: fits(expected, actual),
    "bool": lambda actual, expected: actual.lower() == text_of(expected).lower(),
    "binaryequals": _same_bytes,
    "ipaddress": _is_in_network,
    "arnequals": _arn_fits,
    "arnlike": _arn_fits,
    **{f"numeric{order}": _ordered(_number, holds) for order, holds in _ORDERS.items()},
    **{f"date{order}": _ordered(_moment, holds) for order, holds in _ORDERS.items()},
}
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "notipaddress": "ipaddress",
}
