"""Which statement of a trust policy was meant for our token, and what in it does not fit. Pure.

This compares; it does not evaluate policies as AWS does. It names the nearest difference where one can be read.
"""

from dataclasses import dataclass
from typing import Any

from aws_setup.desired import DesiredState
from aws_setup.policies import PolicyDocument


@dataclass(frozen=True)
class Mismatch:
    """One thing in the trust policy that keeps our token out."""

    what: str
    """subject, subject_case, audience, provider, condition_key or statement."""
    expected: str
    actual: str


def find_mismatch(trust: PolicyDocument, desired: DesiredState) -> Mismatch | None:
    """The first difference between the role's trust and the agreed one, or None where they are equal."""
    if trust == desired.trust:
        return None
    statements = [statement for statement in _as_list(trust.get("Statement")) if _is_web_identity(statement)]
    if not statements:
        return Mismatch("statement", "a statement that allows sts:AssumeRoleWithWebIdentity", "none")
    ours = [statement for statement in statements if desired.provider_arn in _federated(statement)]
    if not ours:
        return Mismatch("provider", desired.provider_arn, ", ".join(_federated(statements[0])) or "none")
    conditions = _string_conditions(ours[0])
    for claim, expected in (("sub", desired.subject), ("aud", desired.audience)):
        key = f"{desired.condition_key_prefix}:{claim}".lower()
        if key not in conditions:
            return Mismatch("condition_key", f"{desired.condition_key_prefix}:{claim}", ", ".join(conditions) or "none")
        values = conditions[key]
        if expected not in values:
            is_case = expected.lower() in [value.lower() for value in values]
            what = {"sub": "subject", "aud": "audience"}[claim] + ("_case" if is_case else "")
            return Mismatch(what, expected, ", ".join(values))
    return Mismatch("statement", "the trust policy as it was agreed", "another one that names our token too")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_web_identity(statement: dict[str, Any]) -> bool:
    return statement.get("Effect") == "Allow" and "sts:AssumeRoleWithWebIdentity" in _as_list(statement.get("Action"))


def _federated(statement: dict[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    return _as_list(principal.get("Federated")) if isinstance(principal, dict) else []


def _string_conditions(statement: dict[str, Any]) -> dict[str, list[str]]:
    """Condition values by lower-case key, over all operators: keys compare regardless of case, values do not."""
    found: dict[str, list[str]] = {}
    for conditions in statement.get("Condition", {}).values():
        for key, values in conditions.items():
            found.setdefault(key.lower(), []).extend(str(value) for value in _as_list(values))
    return found
