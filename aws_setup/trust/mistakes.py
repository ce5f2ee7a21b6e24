"""What people typically get wrong in a trust policy, recognised and said in one sentence. Pure.

Collected from public threads, as aws-actions/configure-aws-credentials #1100 (case of the subject),
gitlab-runner MR 5921 (`https://` in the condition key) and kubernetes-external-secrets #287 (aud instead of sub).
"""

from dataclasses import replace

from aws_setup.names import strip_scheme
from aws_setup.trust.conditions import Condition, is_met
from aws_setup.trust.operators import fits, read_operator, split_signs
from aws_setup.trust.token_request import VISIBLE_CLAIMS, TokenRequest

_CASE = "Upper and lower case differ; AWS compares values letter by letter."
_SPACE = "There is white space around the value; AWS compares it too."


def explain_condition(condition: Condition, request: TokenRequest, *, passes: bool | None) -> str:
    """Why a condition is not met, or is met although it looks as if it checked something; empty where nothing stands
    out."""
    operator = read_operator(condition.operator)
    if operator is None:
        return f"IAM has no condition operator {condition.operator}."
    if condition.is_malformed:
        return "A value is neither text nor a number nor true or false."
    if request.is_unknown(condition.key):
        return f"What AWS holds for {condition.key} cannot be known from here."
    actual = request.find(condition.key)
    if actual is None and operator.name != "null":
        if passes:
            why = f"{condition.operator} is met by every request without the key."
            return " ".join(
                filter(None, [f"Passes although the key is not in the token: {why}", _key_note(condition, request)])
            )
        return _key_note(condition, request) or "The token has no such key."
    if passes is None:
        if actual and len(actual) > 1 and not operator.quantifier:
            return "The token has several values here; AWS asks for ForAnyValue or ForAllValues then."
        return "A policy variable has no value that can be known from here."
    if passes or operator.is_negated or operator.name == "null":
        return ""
    return _value_note(condition, request, actual or ())


def _value_note(condition: Condition, request: TokenRequest, actual: tuple[str, ...]) -> str:
    values = condition.values
    claim = request.claim_of(condition.key)
    if {value.strip() for value in values} & set(actual):
        return _SPACE
    if {value.lower() for value in values} & {value.lower() for value in actual}:
        return _CASE
    is_pattern = condition.operator.lower().split(":")[-1].startswith("stringequals")
    if is_pattern and any(fits(split_signs(value), one) for value in values for one in actual):
        return f"In {condition.operator} the signs * and ? stand for themselves; only StringLike takes patterns."
    if claim == "aud" and request.subject in values:
        return "This is the subject, under the key of the audience."
    if claim == "sub" and request.audience in values:
        return "This is the audience, under the key of the subject."
    if claim == "aud" and set(values) & set(request.find(f"{request.issuer}:oaud") or ()):
        return "The token has an azp, and AWS compares that under :aud; its aud is under :oaud."
    return ""


def _key_note(condition: Condition, request: TokenRequest) -> str:
    """What is wrong with a key that the token does not bring."""
    key = condition.key
    meant = find_meant_key(key, request)
    if key.lower() == "sts:externalid":
        return "A token exchange has no external id; subject and audience do its job."
    if meant and "://" in key:
        return f"Condition keys are written without https://: {meant}."
    if meant and "/:" in key:
        return f"The issuer has no slash at its end here: {meant}."
    if meant:
        return f"This is a key of another issuer; the token's is {request.issuer}."
    claim = request.claim_of(key)
    if claim and claim not in VISIBLE_CLAIMS:
        return f"AWS does not look at claim {claim}, only at {', '.join(VISIBLE_CLAIMS)}."
    return ""


def find_meant_key(key: str, request: TokenRequest) -> str:
    """The key of our token that a key of a wrong issuer probably stands for: subject or audience; else empty."""
    prefix, _, claim = key.strip().rpartition(":")
    is_ours = prefix.lower() == request.issuer.lower() and key == key.strip()
    looks_like_issuer = "." in prefix or strip_scheme(prefix).rstrip("/").lower() == request.issuer.lower()
    if is_ours or claim.lower() not in ("sub", "aud") or not looks_like_issuer:
        return ""
    return f"{request.issuer}:{claim.lower()}"


def is_met_but_for_the_key(condition: Condition, request: TokenRequest, *, variables: bool) -> bool:
    """Whether the right key in place of the written one would do."""
    meant = find_meant_key(condition.key, request)
    return bool(meant) and is_met(replace(condition, key=meant), request, variables=variables) is True


def explain_provider(named: str, request: TokenRequest) -> str:
    """How another provider's ARN differs from the one that the token leads to."""
    ours = request.provider_arn
    wanted, found = ours.split(":", 5), named.split(":", 5)
    if named.strip() == ours:
        return _SPACE
    if len(found) < 6 or not found[5].startswith("oidc-provider/"):
        return "This is no identity provider's ARN of an account."
    if found[1] != wanted[1] and [found[0], *found[2:]] == [wanted[0], *wanted[2:]]:
        return f"The provider is of another partition, {found[1]}; the role is in {wanted[1]}."
    if found[4] != wanted[4] and found[5] == wanted[5]:
        return f"The provider is of another account, {found[4]}; the role and its provider are in {wanted[4]}."
    issuer = found[5].removeprefix("oidc-provider/")
    if "://" in issuer and strip_scheme(issuer) == request.issuer:
        return "Provider ARNs are written without https://."
    if issuer.rstrip("/") == request.issuer.rstrip("/"):
        return "A slash at the end of the issuer is too much, or missing."
    if named.lower() == ours.lower():
        return _CASE
    return f"The provider is of another issuer, {issuer}; the token comes from {request.issuer}."
