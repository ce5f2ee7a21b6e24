"""Why denied: the evaluator of trust policies says what AWS does, and on which line."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_setup.policies import PolicyDocument
from aws_setup.sandbox import emulator
from aws_setup.trust.evaluation import Evaluation, Verdict, evaluate_trust
from aws_setup.trust.explanation import print_evaluation
from aws_setup.trust.smallest_change import find_smallest_change
from aws_setup.trust.token_request import TokenRequest, token_request
from tests.aws_setup.desires import ACCOUNT, ENVIRONMENT, ORGANIZATION
from tests.aws_setup.golden_files import assert_golden
from tests.aws_setup.trust_policies import (
    AGREED,
    AUD,
    AUDIENCES,
    CLAIMS,
    FEDERATED,
    ISSUER,
    JSON,
    OURS,
    POLICIES,
    PROPERTIES,
    PROVIDERS,
    SIBLING,
    SUB,
    SUBJECTS,
    WEB_IDENTITY,
    allow,
    equals,
    policy,
    statements,
    token,
    verdict,
)

# The agreed trust.


def test_the_agreed_trust_lets_its_own_token_in() -> None:
    assert verdict(AGREED.trust) is Verdict.ACCEPTED
    assert find_smallest_change(AGREED.trust, OURS) is None


OTHER_CLAIMS = [
    ("sub", SIBLING),
    ("sub", AGREED.subject.upper()),
    ("sub", f"{AGREED.subject} "),
    ("sub", None),
    ("aud", "blobs"),
    ("aud", "Bedrock"),
    ("aud", ["bedrock", "blobs"]),
    ("aud", None),
    ("azp", "somebody"),
    ("iss", "https://sts.becomposable.com"),
    ("iss", "https://sts.vertesia.io/tenant"),
]


@pytest.mark.parametrize(("claim", "value"), OTHER_CLAIMS)
def test_the_agreed_trust_lets_no_token_in_that_differs_in_one_claim(claim: str, value: Any) -> None:
    assert verdict(AGREED.trust, token(**{claim: value})) is not Verdict.ACCEPTED


@PROPERTIES
@given(claim=st.sampled_from(["sub", "aud", "azp"]), value=st.text())
def test_the_agreed_trust_lets_in_exactly_its_own_token(claim: str, value: str) -> None:
    is_ours = value == CLAIMS.get(claim) or (claim == "azp" and value in ("", "bedrock"))
    assert (verdict(AGREED.trust, token(**{claim: value})) is Verdict.ACCEPTED) is is_ours


# Rules of IAM.


@PROPERTIES
@given(trust=POLICIES, place=st.integers(0, 3))
def test_a_denial_that_applies_always_wins(trust: PolicyDocument, place: int) -> None:
    trust["Statement"].insert(place, allow(Effect="Deny"))
    assert verdict(trust) is Verdict.REFUSED


def _swap_keys(trust: PolicyDocument) -> PolicyDocument:
    swapped = deepcopy(trust)
    for statement in swapped["Statement"]:
        statement["Condition"] = {
            operator.swapcase(): {key.swapcase(): value for key, value in keys.items()}
            for operator, keys in statement["Condition"].items()
        }
    return swapped


@PROPERTIES
@given(trust=POLICIES)
def test_the_case_of_a_key_never_matters(trust: PolicyDocument) -> None:
    def passes(evaluation: Evaluation) -> list[Any]:
        return [[row.passes for row in one.rows] for one in evaluation.statements]

    # Two spellings of one key in one block would become one or stay two: still the same conditions.
    assert passes(evaluate_trust(_swap_keys(trust), OURS)) == passes(evaluate_trust(trust, OURS))


@PROPERTIES
@given(claim=st.sampled_from(["sub", "aud"]), place=st.integers(0, 60))
def test_the_case_of_a_value_always_matters(claim: str, place: int) -> None:
    value = CLAIMS[claim]
    at = place % len(value)
    other = value[:at] + value[at].swapcase() + value[at + 1 :]
    trust = policy(allow(equals(**{"sub": AGREED.subject, "aud": "bedrock"} | {claim: other})))
    assert (verdict(trust) is Verdict.ACCEPTED) is (other == value)


@pytest.mark.parametrize(
    ("operator", "key", "value", "passes"),
    [
        ("StringEquals", "sts.other.io:sub", "x", False),
        ("StringNotEquals", "sts.other.io:sub", "x", True),
        ("StringEqualsIfExists", "sts.other.io:sub", "x", True),
        ("ForAllValues:StringEquals", "sts.other.io:sub", "x", True),
        ("ForAnyValue:StringEquals", "sts.other.io:sub", "x", False),
        ("ForAnyValue:StringNotEquals", "sts.other.io:sub", "x", False),
        ("Null", "sts.other.io:sub", "true", True),
        ("Null", SUB, "true", False),
        ("Null", SUB, False, True),
        ("StringNotEquals", AUD, ["bedrock", "blobs"], False),
        ("StringNotEquals", AUD, ["blobs", "x"], True),
        ("StringEqualsIgnoreCase", AUD, "BEDROCK", True),
        ("StringNotEqualsIgnoreCase", AUD, "BEDROCK", False),
        ("StringLike", AUD, "b?d*k", True),
        ("StringLike", AUD, "b?k", False),
        ("StringEquals", AUD, "b*", False),
        ("StringNotLike", AUD, "b*", False),
        ("ForAnyValue:StringEquals", f"{ISSUER}:amr", ["mfa", "x"], True),
        ("ForAllValues:StringEquals", f"{ISSUER}:amr", ["mfa", "x"], False),
        ("ForAllValues:StringEquals", f"{ISSUER}:amr", ["mfa", "pwd"], True),
        ("ForAllValues:StringNotEquals", f"{ISSUER}:amr", "mfa", False),
        ("ForAnyValue:StringNotEquals", f"{ISSUER}:amr", "mfa", True),
        ("StringEquals", f"{ISSUER}:amr", "mfa", None),
        ("StringEquals", f"{ISSUER}:oaud", "bedrock", True),
        ("StringEquals", f"{ISSUER}:email", "a@example.com", True),
        ("StringEquals", f"{ISSUER}:name", "Acme", False),
        ("StringEquals", AUD, "${sts.vertesia.io:oaud}", True),
        ("StringEquals", AUD, "${sts.vertesia.io:nothing, 'bedrock'}", True),
        ("StringEquals", AUD, "${sts.vertesia.io:nothing}", False),
        ("StringNotEquals", AUD, "${sts.vertesia.io:nothing}", None),
        ("StringEquals", AUD, "${aws:PrincipalOrgID}", None),
        ("StringEquals", AUD, "${*}", False),
        ("StringLike", AUD, "${*}", False),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", None),
        ("Null", "aws:PrincipalOrgID", "true", None),
        ("StringEqualsIfExists", "aws:PrincipalTag/team", "x", None),
        ("StringEquals", "sts:ExternalId", "x", False),
        ("StringEquals", "sts:SourceIdentity", "x", False),
        ("DateLessThan", "aws:CurrentTime", "2026-11-25", True),
        ("DateGreaterThan", "aws:CurrentTime", "2026-11-25T00:00:00Z", False),
        ("DateGreaterThan", "aws:CurrentTime", 1700000000, True),
        ("DateEquals", "aws:CurrentTime", "soon", False),
        ("NumericLessThan", "aws:MultiFactorAuthAge", 300, None),
        ("NumericLessThanEquals", "aws:EpochTime", "1795478400", True),
        ("NumericGreaterThan", "aws:EpochTime", "1795478400.5", False),
        ("ArnLike", "aws:FederatedProvider", f"arn:*:iam::*:oidc-provider/{ISSUER}", True),
        ("ArnEquals", "aws:FederatedProvider", "arn:aws:iam::*", False),
        ("StringLike", "aws:FederatedProvider", "arn:aws:iam::*", True),
        ("BinaryEquals", AUD, "YmVkcm9jaw==", True),
        ("StringMatches", AUD, "bedrock", False),
        ("ForAllValues:Null", AUD, "false", False),
        ("StringEquals", AUD, {"bedrock": 1}, False),
        ("StringNotEquals", AUD, [None], False),
        ("StringEquals", AUD, [], False),
    ],
)
def test_an_operator_compares_as_iam_does(operator: str, key: str, value: Any, passes: bool | None) -> None:
    request = token_request(
        issuer_url=AGREED.issuer_url,
        claims=CLAIMS | {"amr": ["mfa", "pwd"], "email": "a@example.com", "name": "Acme"},
        provider_arn=AGREED.provider_arn,
        session_name="vertesia-proof",
        known={"aws:CurrentTime": "2026-11-24T12:00:00Z", "aws:EpochTime": "1795478400"},
    )
    [one] = evaluate_trust(policy(allow({operator: {key: value}})), request).statements
    assert one.rows[-1].passes is passes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Principal": "*"}, Verdict.ACCEPTED),
        ({"Principal": {"AWS": "*"}}, Verdict.ACCEPTED),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, Verdict.REFUSED),
        ({"Principal": {"Service": "bedrock.amazonaws.com"}}, Verdict.REFUSED),
        ({"Principal": {"Federated": ["accounts.google.com", AGREED.provider_arn]}}, Verdict.ACCEPTED),
        ({"Principal": {"Federated": "*"}}, Verdict.UNKNOWN),
        ({"Principal": {"Federated": AGREED.provider_arn.upper()}}, Verdict.REFUSED),
        ({"Principal": None}, Verdict.REFUSED),
        ({"Principal": None, "NotPrincipal": {"AWS": "123456789012"}}, Verdict.REFUSED),
        ({"Action": "sts:Assume*"}, Verdict.ACCEPTED),
        ({"Action": None}, Verdict.REFUSED),
        ({"Action": None, "NotAction": "sts:TagSession"}, Verdict.ACCEPTED),
        ({"Action": None, "NotAction": "sts:*"}, Verdict.REFUSED),
        ({"Effect": "allow"}, Verdict.REFUSED),
        ({"Condition": "none"}, Verdict.REFUSED),
        ({"Condition": None}, Verdict.ACCEPTED),
    ],
)
def test_principals_and_actions_compare_as_iam_does(changes: dict[str, Any], expected: Verdict) -> None:
    assert verdict(policy(allow(**changes))) is expected


def test_a_denial_that_may_apply_leaves_it_open() -> None:
    deny = allow({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, Effect="Deny", Principal="*")
    assert verdict(policy(*AGREED.trust["Statement"], deny)) is Verdict.UNKNOWN
    assert verdict(policy(deny)) is Verdict.REFUSED


def test_variables_are_plain_text_in_the_older_language() -> None:
    trust = policy(allow({"StringEquals": {AUD: "${sts.vertesia.io:aud}"}}))
    assert verdict(trust) is Verdict.ACCEPTED
    assert verdict(trust | {"Version": "2008-10-17"}) is Verdict.REFUSED


def test_a_pattern_of_many_stars_is_compared_in_no_time() -> None:
    trust = policy(allow({"StringLike": {SUB: "*a" * 400 + "b"}}))
    assert verdict(trust, token(sub="a" * 255)) is Verdict.REFUSED


@settings(PROPERTIES, max_examples=300)
@given(
    trust=st.one_of(JSON, st.builds(lambda one: policy(one), JSON)),
    claims=st.dictionaries(st.text(max_size=4), JSON, max_size=3),
)
def test_no_json_whatever_makes_it_raise(trust: Any, claims: dict[str, Any]) -> None:
    for request in (OURS, token_request(issuer_url="", claims=claims, provider_arn="", session_name="")):
        evaluation = evaluate_trust(trust, request)
        print_evaluation(evaluation, find_smallest_change(trust, request))
        assert evaluation.verdict in Verdict


# The sandbox's own engine, which somebody else wrote.

# Left out where it knows less than AWS's pages say: the principal {"AWS": "*"} is the same as "*"
# (reference_policies_elements_principal, "All principals"), an ARN's parts are compared one by one and variables are
# replaced (reference_policies_elements_condition_operators), several values need ForAllValues or ForAnyValue.
COMPARABLE = st.lists(statements(FEDERATED), max_size=3).map(lambda found: policy(*found))


@settings(PROPERTIES, max_examples=500)
@given(
    trust=COMPARABLE,
    claims=st.fixed_dictionaries({"sub": st.sampled_from(SUBJECTS), "aud": st.sampled_from(AUDIENCES)}),
)
def test_it_agrees_with_the_sandbox(trust: PolicyDocument, claims: dict[str, str]) -> None:
    request = token(**claims)
    context = emulator.EvalContext(
        principal_arn=request.provider_arn,
        principal_type="User",
        principal_account=ACCOUNT,
        action=WEB_IDENTITY,
        resource_arn=AGREED.role_arn,
        region="us-east-1",
        secure_transport=True,
        service_context={key: values[0] for key, values in request.keys},
    )
    allowed = emulator.trust_allows(json.dumps(trust), request.provider_arn, context)
    assert verdict(trust, request) is (Verdict.ACCEPTED if allowed else Verdict.REFUSED)


# The tables that a person reads.

THEIRS = {
    "Sid": "Operators",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "sts:AssumeRole",
}
TABLES: dict[str, tuple[Any, TokenRequest, str]] = {
    "agreed": (AGREED.trust, OURS, ""),
    "subject": (policy(allow(equals(aud="bedrock", sub=SIBLING))), OURS, "subject"),
    "subject-case": (policy(allow(equals(aud="bedrock", sub=AGREED.subject.upper()))), OURS, "subject_case"),
    "audience-case": (policy(allow(equals(aud="Bedrock", sub=AGREED.subject))), OURS, "audience_case"),
    "white-space": (policy(allow(equals(aud="bedrock", sub=f"{AGREED.subject} "))), OURS, "subject"),
    "scheme-in-key": (
        policy(allow({"StringEquals": {f"https://{SUB}": AGREED.subject, AUD: "bedrock"}})),
        OURS,
        "condition_key",
    ),
    "slash-in-key": (
        policy(allow({"StringEquals": {f"{ISSUER}/:sub": AGREED.subject, AUD: "bedrock"}})),
        OURS,
        "condition_key",
    ),
    "another-issuers-key": (
        policy(allow({"StringEquals": {"sts.becomposable.com:sub": AGREED.subject, AUD: "bedrock"}})),
        OURS,
        "condition_key",
    ),
    "another-issuer": (
        policy(
            allow(
                {"StringEquals": {"sts.becomposable.com:sub": AGREED.subject, "sts.becomposable.com:aud": "bedrock"}},
                Principal={"Federated": PROVIDERS[3]},
            )
        ),
        OURS,
        "provider",
    ),
    "another-account": (policy(allow(Principal={"Federated": PROVIDERS[1]})), OURS, "provider_account"),
    "another-partition": (policy(allow(Principal={"Federated": PROVIDERS[2]})), OURS, "provider_partition"),
    "scheme-in-provider": (
        policy(allow(Principal={"Federated": AGREED.provider_arn.replace(ISSUER, f"https://{ISSUER}")})),
        OURS,
        "provider",
    ),
    "swapped": (policy(allow(equals(aud=AGREED.subject, sub="bedrock"))), OURS, "audience"),
    "subject-under-aud": (policy(allow(equals(aud=AGREED.subject))), OURS, "audience"),
    "pattern-in-equals": (policy(allow(equals(aud="bedrock", sub=f"env:{ORGANIZATION}:*"))), OURS, "subject"),
    "denied": (policy(*AGREED.trust["Statement"], allow({}, Effect="Deny", Sid="Nobody", Principal="*")), OURS, "deny"),
    "denied-but-for-another": (
        policy(
            *AGREED.trust["Statement"],
            allow({"StringNotEquals": {SUB: SIBLING}}, Effect="Deny", Sid="OnlyOne", Principal="*"),
        ),
        OURS,
        "deny",
    ),
    "if-exists": (
        policy(allow({"StringEqualsIfExists": {f"https://{SUB}": "env:a:b"}, **equals(aud="bedrock")})),
        OURS,
        "",
    ),
    "for-all-values": (
        policy(allow({"ForAllValues:StringEquals": {f"{ISSUER}:repository": "acme/app", AUD: "bedrock"}})),
        OURS,
        "",
    ),
    "unknown-key": (
        policy(allow(equals(aud="bedrock", sub=AGREED.subject) | {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        OURS,
        "",
    ),
    "invisible-claim": (
        policy(allow(equals(aud="bedrock", sub=AGREED.subject, environment_id=ENVIRONMENT))),
        OURS,
        "condition",
    ),
    "external-id": (
        policy(allow(equals(aud="bedrock", sub=AGREED.subject) | {"StringLike": {"sts:ExternalId": "acme-*"}})),
        OURS,
        "condition",
    ),
    "session-name": (
        policy(allow(equals(aud="bedrock", sub=AGREED.subject) | {"StringLike": {"sts:RoleSessionName": "acme-*"}})),
        OURS,
        "session_name",
    ),
    "not-action": (policy(allow(Action=None, NotAction="sts:*")), OURS, "action"),
    "another-action": (policy(allow(Action="sts:AssumeRole")), OURS, "action"),
    "two-statements": (
        policy(THEIRS, allow(equals(aud="bedrock", sub=["env:a:b", SIBLING]), Sid="Vertesia")),
        OURS,
        "subject",
    ),
    "several-would-get-in": (policy(allow(equals(aud="blobs", sub=[SIBLING, AGREED.subject]))), OURS, "audience"),
    "none-is-meant-for-us": (policy(THEIRS), OURS, "statement"),
    "empty": (policy(), OURS, "statement"),
    "azp": (AGREED.trust, token(azp="client-7"), "audience"),
    "not-written-as-iam-reads-it": (policy("Allow", {"Effect": "Permit"}, allow("none")), OURS, "condition"),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_table_says_why(name: str) -> None:
    trust, request, what = TABLES[name]
    change = find_smallest_change(trust, request)
    assert (change.what if change else "") == what
    assert_golden(f"why-denied-{name}.txt", print_evaluation(evaluate_trust(trust, request), change))
