"""Which statement of a trust policy was meant for our token, and what in it does not fit. Pure.

This compares; it does not evaluate policies as AWS does. It names the nearest difference where one can be read.
"""

from dataclasses import dataclass

from aws_setup.desired import DesiredState
from aws_setup.policies import PolicyDocument
from aws_setup.trust.statements import conditions_of, federated, lets_web_identity_in, statements_of


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
    statements = [statement for statement in statements_of(trust) if lets_web_identity_in(statement)]
    if not statements:
        return Mismatch("statement", "a statement that allows sts:AssumeRoleWithWebIdentity", "none")
    ours = [statement for statement in statements if desired.provider_arn in federated(statement)]
    if not ours:
        return Mismatch("provider", desired.provider_arn, ", ".join(federated(statements[0])) or "none")
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


def _string_conditions(statement: PolicyDocument) -> dict[str, list[str]]:
    """Condition values by lower-case key, over all operators: keys compare regardless of case, values do not."""
    found: dict[str, list[str]] = {}
    for _, key, values in conditions_of(statement):
        found.setdefault(key, []).extend(values)
    return found
