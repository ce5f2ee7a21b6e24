"""Reading what others wrote into a trust policy: no hole is passed over, and no two that differ are the same."""

from typing import Any

import pytest

from aws_setup.trust.equality import is_same_policy, same_statement
from aws_setup.trust.statements import describe_statement, find_holes
from tests.aws_setup.desires import desire

WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
SUB, AUD = "sts.vertesia.io:sub", "sts.vertesia.io:aud"
TIGHT = {"StringEquals": {SUB: "env:a:b", AUD: "bedrock"}}


def lets_in(**changes: Any) -> dict[str, Any]:
    """A statement that lets in exactly one subject and audience, but for what a test is about."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Federated": desire().provider_arn},
        "Action": WEB_IDENTITY,
        "Condition": TIGHT,
    } | changes
    return {name: value for name, value in statement.items() if value is not None}


@pytest.mark.parametrize(
    "actions",
    [
        {"Action": "sts:Assume*"},
        {"Action": ["sts:TagSession", "STS:AssumeRoleWith?ebIdentity"]},
        {"Action": "*"},
        {"Action": None, "NotAction": "sts:TagSession"},
    ],
)
def test_a_pattern_lets_tokens_in_as_the_name_of_the_call_does(actions: dict[str, Any]) -> None:
    assert find_holes(lets_in(**actions)) == []
    assert len(find_holes(lets_in(**actions, Condition=None))) == 2


def test_what_lets_no_token_in_has_no_hole() -> None:
    assert find_holes(lets_in(Action="sts:TagSession", Condition=None)) == []
    assert find_holes(lets_in(Action=None, NotAction="sts:*", Condition=None)) == []
    assert find_holes(lets_in(Effect="Deny", Condition=None)) == []


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"StringEquals": {SUB: "env:a:b"}, "StringLike": {AUD: "*"}}, "audience is a pattern"),
        ({"StringEquals": {SUB: "${sts.vertesia.io:sub}", AUD: "bedrock"}}, "subject is a pattern"),
        ({"StringEquals": {SUB: "env:a:b", AUD: ["bedrock", "${sts.vertesia.io:aud}"]}}, "audience is a pattern"),
        (
            {"StringLike": {SUB: "env:*", AUD: "bedrock"}, "ForAnyValue:StringLike": {SUB: "*:b"}},
            "subject is a pattern, env:*, *:b",
        ),
    ],
)
def test_a_condition_that_more_than_one_value_meets_is_named(condition: dict[str, Any], words: str) -> None:
    (hole,) = find_holes(lets_in(Condition=condition))
    assert words in hole


def test_a_pattern_beside_the_exact_value_leaves_nothing_open() -> None:
    narrowed = {"StringLike": {SUB: "env:*", AUD: "*"}, "StringEquals": {SUB: "env:a:b", AUD: "bedrock"}}
    assert find_holes(lets_in(Condition=narrowed)) == []


@pytest.mark.parametrize(
    "principal",
    [
        {"Principal": {"Federated": "*"}},
        {"Principal": {"Federated": "cognito-identity.amazonaws.com"}},
        {"Principal": {"Federated": [desire().provider_arn, "accounts.google.com"]}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::999900001111:root"}},
    ],
)
def test_whoever_lets_in_more_than_one_provider_of_this_account_is_named(principal: dict[str, Any]) -> None:
    assert len(find_holes(lets_in(**principal))) == 1


def test_a_built_in_provider_is_closed_by_the_application_it_names() -> None:
    key = "cognito-identity.amazonaws.com"
    pool = {"StringEquals": {f"{key}:aud": "eu-west-1:6f9c1a34"}, "ForAnyValue:StringLike": {f"{key}:amr": "auth"}}
    assert find_holes(lets_in(Principal={"Federated": key}, Condition=pool)) == []
    assert find_holes(lets_in(Principal={"Federated": key}, Condition={"StringLike": {f"{key}:amr": "auth*"}}))


@pytest.mark.parametrize(
    ("condition", "is_hole"),
    [
        ({"StringNotEquals": {"aws:PrincipalAccount": "999900001111"}}, True),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-acme"}}, True),
        ({"StringLike": {"aws:PrincipalArn": "*"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-acme"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/Deploy*"}}, False),
    ],
)
def test_a_condition_that_everybody_meets_does_not_narrow_anybody(condition: dict[str, Any], is_hole: bool) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}
    assert bool(find_holes(statement)) is is_hole


def test_two_spellings_of_one_operator_or_key_are_two_conditions() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}
    all_but_ours = deny | {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-acme"}}}
    # Both must hold for the denial to count: it denies less.
    hollow = deny | {
        "Condition": {
            "stringnotequals": {"aws:PrincipalAccount": "999900001111"},
            "StringNotEquals": {"aws:PrincipalOrgID": "o-acme"},
        }
    }
    by_key = deny | {"Condition": {"StringNotEquals": {"AWS:PrincipalOrgID": "o-x", "aws:PrincipalOrgID": "o-acme"}}}
    assert not same_statement(all_but_ours, hollow)
    assert not same_statement(all_but_ours, by_key)


@pytest.mark.parametrize(
    "other",
    [
        lets_in(Action=None, NotAction=WEB_IDENTITY),
        lets_in(Principal=None, NotPrincipal={"Federated": desire().provider_arn}),
        lets_in(Action=[WEB_IDENTITY, "sts:TagSession"]),
        lets_in(Action="sts:AssumeRoleWith*"),
        lets_in(Effect="Deny"),
        lets_in(Condition={"StringEquals": {SUB: "ENV:a:b", AUD: "bedrock"}}),
        lets_in(Condition={"StringEqualsIgnoreCase": {SUB: "env:a:b", AUD: "bedrock"}}),
        lets_in(Condition={"StringEqualsIfExists": {SUB: "env:a:b", AUD: "bedrock"}}),
        lets_in(Condition={"ForAllValues:StringEquals": {SUB: "env:a:b", AUD: "bedrock"}}),
        lets_in(Condition={"StringEquals": {SUB: ["env:a:b", "env:a:c"], AUD: "bedrock"}}),
        lets_in(Condition={"StringEquals": {SUB: "env:a:b", AUD: []}}),
        lets_in(Condition={}),
        lets_in(Condition=None),
        lets_in(Principal={"Federated": desire().provider_arn, "AWS": "*"}),
        lets_in(Principal={"Federated": [desire().provider_arn, "*"]}),
        lets_in(Principal="*"),
    ],
)
def test_what_grants_something_else_is_never_the_same(other: dict[str, Any]) -> None:
    assert not same_statement(lets_in(), other)
    one, two = ({"Version": "2012-10-17", "Statement": [statement]} for statement in (lets_in(), other))
    assert not is_same_policy(one, two)
    assert not is_same_policy(one, {"Version": "2012-10-17", "Statement": [lets_in(), other]})


def test_an_older_language_is_not_the_same_policy() -> None:
    assert not is_same_policy({"Version": "2012-10-17", "Statement": []}, {"Statement": []})


def test_what_a_statement_leaves_out_is_not_said_as_what_it_names() -> None:
    but = {"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::999900001111:root"}, "Action": "sts:AssumeRole"}
    assert describe_statement(but) == "Lets in everybody but arn:aws:iam::999900001111:root"
    negated = lets_in(Condition={"StringNotEquals": {SUB: "env:a:b"}})
    assert describe_statement(negated).endswith("with any but env:a:b")
