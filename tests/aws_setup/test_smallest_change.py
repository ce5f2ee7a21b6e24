"""What to change in a trust policy that refuses our token: it lets in ours then, and nobody else."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_setup.policies import VERSION, PolicyDocument
from aws_setup.trust.evaluation import Verdict, evaluate_trust
from aws_setup.trust.explanation import print_evaluation
from aws_setup.trust.smallest_change import WHAT, SmallestChange, find_smallest_change
from aws_setup.trust.statement_edits import own_statement
from aws_setup.trust.token_request import TokenRequest
from tests.aws_setup.desires import ACCOUNT
from tests.aws_setup.trust_policies import (
    AGREED,
    AUD,
    NEAR_POLICIES,
    OURS,
    POLICIES,
    PROPERTIES,
    PROVIDERS,
    SIBLING,
    SUB,
    allow,
    equals,
    policy,
    token,
    verdict,
)


def change_of(trust: Any, request: TokenRequest = OURS) -> SmallestChange:
    change = find_smallest_change(trust, request)
    assert change is not None
    return change


# The smallest change.


def _may_enter(trust: Any, changed: Any, request: TokenRequest) -> bool:
    """Nobody new gets in; of a token of several audiences the agreed trust itself cannot tell."""
    after = verdict(changed, request)
    return (
        after is Verdict.REFUSED
        or after is verdict(AGREED.trust, request)
        or verdict(trust, request) is not Verdict.REFUSED
    )


# Every other token, for each value that a policy can name, our subject and our audience apart.
OTHER_TOKENS = [
    token(iss=issuer, sub=subject, aud=audience, amr=amr)
    for issuer in (AGREED.issuer_url, "https://sts.becomposable.com")
    for subject in (AGREED.subject, SIBLING, AGREED.subject.upper(), "env:x:y", "bedrock", f" {AGREED.subject}")
    for audience in ("bedrock", "Bedrock", "blobs", "bedrocx", AGREED.subject, ["bedrock", "blobs"])
    for amr in (None, ["auth"])
    if (issuer, subject, audience) != (AGREED.issuer_url, AGREED.subject, "bedrock")
]


@settings(PROPERTIES, max_examples=500)
@given(trust=st.one_of(POLICIES, NEAR_POLICIES, NEAR_POLICIES))
def test_the_smallest_change_lets_our_token_in_and_nobody_else(trust: PolicyDocument) -> None:
    before = deepcopy(trust)
    change = find_smallest_change(trust, OURS)
    assert trust == before
    assert (change is None) is (verdict(trust) is not Verdict.REFUSED)
    if change is None:
        return
    assert verdict(change.changed) is Verdict.ACCEPTED, print_evaluation(evaluate_trust(change.changed, OURS))
    assert {difference.what for difference in change.differences} <= {*WHAT}
    assert change.sentence
    for other in OTHER_TOKENS:
        assert _may_enter(trust, change.changed, other), (other, change)


@PROPERTIES
@given(
    subject=st.text(alphabet="ab*?${}:,' ", min_size=1, max_size=12),
    version=st.sampled_from([VERSION, "2008-10-17"]),
    trust=st.sampled_from(
        [[], [allow(equals(sub=SIBLING, aud="bedrock"))], [allow(Effect="Deny")], [allow({}, Effect="Deny")]]
    ),
)
def test_a_subject_of_signs_is_let_in_as_the_text_it_is(subject: str, version: str, trust: list[Any]) -> None:
    ours = token(sub=subject)
    document = {"Version": version, "Statement": trust}
    if verdict(document, ours) is Verdict.REFUSED:
        changed = change_of(document, ours).changed
        assert verdict(changed, ours) is Verdict.ACCEPTED
        assert verdict(changed, token(sub=f"{subject}x")) is verdict(document, token(sub=f"{subject}x"))


def test_what_must_change_is_named_with_all_of_it() -> None:
    wrong = allow(equals(sub=AGREED.subject.upper(), aud="blobs"), Principal={"Federated": PROVIDERS[1]})
    change = change_of(policy(wrong))
    assert [one.what for one in change.differences] == ["provider_account", "subject_case", "audience"]
    assert change.changed["Statement"] == [allow(equals(sub=AGREED.subject, aud="bedrock"))]


def test_another_value_takes_the_place_of_a_single_one_and_stands_beside_several() -> None:
    one = change_of(policy(allow(equals(sub="env:a:b", aud="bedrock"))))
    assert (one.what, one.expected, one.actual) == ("subject", AGREED.subject, "env:a:b")
    assert one.sentence == (
        f"In statement 1, replace {SUB} value “env:a:b” by “{AGREED.subject}”. "
        "That keeps out env:a:b, let in now: let both in where that is to stay."
    )
    assert one.changed == policy(allow(equals(sub=AGREED.subject, aud="bedrock")))
    several = change_of(policy(allow(equals(sub=["env:a:b", "env:c:d"], aud="bedrock"))))
    assert several.changed == policy(allow(equals(sub=["env:a:b", "env:c:d", AGREED.subject], aud="bedrock")))


def test_a_statement_that_checks_no_audience_does_not_let_our_subject_in_with_any() -> None:
    change = change_of(policy(allow(equals(sub="env:a:b"))))
    assert change.what == "subject"
    assert verdict(change.changed, token(aud="blobs")) is Verdict.REFUSED
    assert "check sts.vertesia.io:aud" in change.besides


@pytest.mark.parametrize(
    "theirs",
    [
        allow(equals(sub=["env:a:b", "env:c:d"], aud=["bedrock", "blobs"])),
        allow(equals(sub=["env:a:b", "env:c:d"])),
        allow({"StringEqualsIgnoreCase": {SUB: ["env:a:b", "env:c:d"]}, **equals(aud="bedrock")}),
        allow(equals(sub=[AGREED.subject, SIBLING], aud="blobs")),
        allow({"StringLike": {SUB: "env:*", AUD: "blobs"}}),
        allow(equals(sub=["env:a:b", "env:c:d"], aud="bedrock"), Principal={"Federated": PROVIDERS[1]}),
        allow(Principal={"Federated": [PROVIDERS[1], PROVIDERS[2]]}),
        allow(Principal={"Federated": PROVIDERS[1], "AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        allow(Action=None, NotAction="sts:*"),
    ],
)
def test_a_statement_that_would_let_in_more_stays_and_ours_is_put_beside_it(theirs: dict[str, Any]) -> None:
    change = change_of(policy(theirs))
    assert change.changed == policy(theirs, own_statement(OURS, variables=True))
    assert change.what not in ("statement", "deny")
    assert "add a statement" in change.besides


def test_a_statement_for_other_callers_stays_and_ours_is_added() -> None:
    theirs = allow({}, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Action="sts:AssumeRole")
    change = change_of(policy(theirs))
    assert change.what == "statement"
    assert change.changed == policy(theirs, own_statement(OURS, variables=True))


def test_a_denial_leaves_out_our_token_alone() -> None:
    deny = allow({}, Effect="Deny", Sid="Nobody", Principal="*")
    change = change_of(policy(*AGREED.trust["Statement"], allow(equals(sub=SIBLING, aud="bedrock")), deny))
    assert change.what == "deny"
    assert verdict(change.changed) is Verdict.ACCEPTED
    assert verdict(change.changed, token(sub=SIBLING)) is Verdict.REFUSED


def test_what_is_unknown_is_not_changed() -> None:
    unknown = allow(equals(sub=AGREED.subject, aud="bedrock") | {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    assert evaluate_trust(policy(unknown), OURS).unknown_keys == ("aws:SourceIp",)
    assert find_smallest_change(policy(unknown), OURS) is None
    change = change_of(policy(unknown | {"Condition": unknown["Condition"] | equals(sub="env:a:b", aud="bedrock")}))
    assert verdict(change.changed) is Verdict.UNKNOWN
