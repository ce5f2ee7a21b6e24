"""The chain of trust: what is proven, by what, and where it breaks."""

import pytest

from aws_setup.chain import Agreement, LinkState, build_chain
from aws_setup.proofs.rungs import EVERY_TIME, LISTINGS

AGREEMENT = Agreement(
    issuer_url="https://sts.vertesia.io",
    audience="bedrock",
    subject="env:a:b",
    role_name="VertesiaEnvironmentX",
    policy_name="VertesiaBedrock",
    region="us-east-1",
)
CHECKS = EVERY_TIME
ALL_PASSED = dict.fromkeys(CHECKS, "pass")


def states(results=(), **more) -> list[str]:
    return [link.state.value for link in build_chain(AGREEMENT, results=dict(results), **more)]


def failed_at(check: str) -> dict[str, str]:
    place = CHECKS.index(check)
    return {name: "pass" if i < place else "fail" if i == place else "not_run" for i, name in enumerate(CHECKS)}


def test_nothing_is_proven_before_a_verification():
    assert states() == ["unproven"] * 4


def test_everything_is_proven_when_every_check_passed():
    assert states(ALL_PASSED) == ["proven"] * 4


def test_what_was_proven_too_long_ago_is_no_longer_green():
    assert states(ALL_PASSED, is_old=True) == ["proof_is_old"] * 4
    assert states(failed_at("foundation_models"), is_old=True)[:2] == ["proof_is_old"] * 2
    assert states({"foundation_models": "skipped"}, is_confirmed=True, is_old=True) == ["confirmed"] * 4


def test_what_only_a_person_saw_is_confirmed_and_not_proven():
    assert states({"foundation_models": "skipped"}, is_confirmed=True) == ["confirmed"] * 4


def test_a_list_that_was_not_read_proves_no_right_to_list():
    results = ALL_PASSED | {"custom_models": "skipped"}
    assert states(results) == ["proven", "proven", "proven", "unproven"]


@pytest.mark.parametrize(
    ("check", "code", "expected"),
    [
        ("provider", "provider_missing", ["broken", "after_break", "after_break", "after_break"]),
        ("issuer", "issuer_unreachable", ["broken", "after_break", "after_break", "after_break"]),
        ("audience", "audience_missing", ["proven", "broken", "after_break", "after_break"]),
        ("trust", "trust_subject_case", ["proven", "broken", "after_break", "after_break"]),
        ("exchange", "something_new", ["proven", "broken", "after_break", "after_break"]),
        ("identity", "other_role", ["proven", "broken", "after_break", "after_break"]),
        ("foundation_models", "list_denied", ["proven", "proven", "unproven", "broken"]),
        ("inference_profiles", "list_denied", ["proven", "proven", "proven", "broken"]),
        ("invoke_permission", "invoke_denied", ["proven", "proven", "proven", "broken"]),
        ("token", "clock_wrong", ["broken", "after_break", "after_break", "after_break"]),
        ("token", "issuer_moved", ["broken", "after_break", "after_break", "after_break"]),
    ],
)
def test_a_failure_breaks_one_link_and_greys_what_follows(check, code, expected):
    assert states(failed_at(check), problem={"code": code, "evidence": {}}) == expected


WITHOUT_TOKEN = {"token": "skipped", "exchange": "skipped"} | dict.fromkeys(LISTINGS, "pass")
"""As the worker leaves it where only Vertesia can sign: it listed models with its own rights."""


def test_what_the_worker_lists_with_its_own_rights_proves_nothing_of_the_role():
    assert states(WITHOUT_TOKEN) == ["unproven"] * 4


def test_drift_breaks_the_trust_and_proves_nothing_before_it():
    results = WITHOUT_TOKEN | {"trust": "fail"}
    assert states(results, problem={"code": "drift"}) == ["unproven", "broken", "after_break", "after_break"]


def test_a_worker_that_may_not_look_breaks_nothing():
    results = WITHOUT_TOKEN | {"provider": "fail"}
    assert states(results, problem={"code": "worker_denied"}) == ["unproven"] * 4


def test_an_aws_that_does_not_answer_breaks_nothing():
    assert states(failed_at("exchange"), problem={"code": "aws_unreachable"}) == ["unproven"] * 4


def test_a_problem_of_the_workers_own_breaks_no_link():
    assert states(ALL_PASSED, problem={"code": "no_credentials"}) == ["proven"] * 4


def test_the_broken_link_alone_carries_expected_and_actual():
    problem = {"code": "trust_subject", "evidence": {"expected": "env:a:b", "actual": "env:a:c"}}
    chain = build_chain(AGREEMENT, results=failed_at("trust"), problem=problem)
    assert [(link.expected, link.actual) for link in chain] == [
        ("", ""),
        ("env:a:b", "env:a:c"),
        ("", ""),
        ("", ""),
    ]


def test_each_link_carries_its_rule():
    rules = [link.rule for link in build_chain(AGREEMENT, results={})]
    assert rules == [
        "iss equals https://sts.vertesia.io",
        "aud bedrock in list, sub equals env:a:b",
        "VertesiaBedrock attached",
        "allows list and invoke in us-east-1",
    ]


def test_the_drawing_fills_its_width():
    chain = build_chain(AGREEMENT, results={})
    assert chain[0].source.left == 0
    assert chain[-1].target.left + 14 == 100
    assert all(link.start < link.middle < link.end for link in chain)
    assert LinkState("proven") is LinkState.PROVEN
