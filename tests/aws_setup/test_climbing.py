"""The climb to the one cause: what is below it was looked at, what is above it is not red a second time."""

import pytest

from aws_setup.models import Check
from aws_setup.proofs.rungs import PROVEN_BY_EXCHANGE
from tests.aws_setup.climbs import Case, climb, find_red, list_cases

CASES = {case.name: case for case in list_cases()}
EXPECTED = {
    "no provider": ("provider", "provider_missing"),
    "provider of the former issuer": ("provider", "issuer_renamed"),
    "provider that IAM shows": ("provider", "provider_not_seen"),
    "provider that cannot be read": ("provider", "provider_missing"),
    "audience missing": ("audience", "audience_missing"),
    "audience list full": ("audience", "audience_list_full"),
    "audience that IAM shows": ("audience", "audience_not_seen"),
    "audience that cannot be read": ("audience", "audience_missing"),
    "key that this console reads": ("issuer", "issuer_unreachable"),
    "issuer not reached": ("issuer", "issuer_not_connected"),
    "certificate refused": ("issuer", "issuer_tls_failed"),
    "discovery names another issuer": ("discovery", "issuer_differs"),
    "discovery too slow": ("discovery", "issuer_too_slow"),
    "key missing": ("signing_key", "issuer_key_missing"),
    "too many keys": ("signing_key", "issuer_too_many_keys"),
    "issuer not reached by STS": ("issuer", "issuer_unreachable"),
    "clock behind": ("token", "clock_wrong"),
    "clock ahead": ("token", "clock_wrong"),
    "thumbprint": ("issuer", "thumbprint_wrong"),
    "signature": ("signing_key", "token_refused"),
    "signature, and the key is missing": ("signing_key", "issuer_key_missing"),
    "region off": ("exchange", "region_off"),
    "session length": ("exchange", "session_too_long"),
    "role that cannot be read": ("exchange", "trust_refuses"),
    "no role": ("trust", "role_missing"),
    "denied above": ("exchange", "denied_above"),
    "trust: another subject": ("trust", "trust_subject"),
    "trust: subject in another case": ("trust", "trust_subject_case"),
    "trust: another audience": ("trust", "trust_audience"),
    "trust: audience in another case": ("trust", "trust_audience_case"),
    "trust: scheme in the condition key": ("trust", "trust_condition_key"),
    "trust: another provider": ("trust", "trust_provider"),
    "trust: provider of another account": ("trust", "trust_provider_account"),
    "trust: provider of another partition": ("trust", "trust_provider_partition"),
    "trust: an AWS principal": ("trust", "trust_provider"),
    "trust: another action": ("trust", "trust_action"),
    "trust: only a denial": ("trust", "trust_deny"),
    "trust: a denial beside it": ("trust", "trust_deny"),
    "trust: nobody": ("trust", "trust_statement"),
    "trust: an address": ("trust", "trust_undecided"),
    "nobody knows": ("exchange", "unknown"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_refusal_is_found_on_its_rung_for_its_cause(name: str) -> None:
    ladder, problem = climb(CASES[name])
    assert (find_red(ladder), problem.code) == EXPECTED[name]
    assert ladder.problem == problem


@pytest.mark.parametrize("name", CASES)
def test_one_rung_is_red_and_those_above_it_were_not_climbed(name: str) -> None:
    ladder, _ = climb(CASES[name])
    assert [check.result for check in ladder.checks.values()].count(Check.Result.FAIL) == 1
    climbed = [rung for rung in PROVEN_BY_EXCHANGE if rung in ladder.checks]
    red = find_red(ladder)
    if red in PROVEN_BY_EXCHANGE:
        assert climbed == list(PROVEN_BY_EXCHANGE[: PROVEN_BY_EXCHANGE.index(red) + 1])
        assert ladder.checks["exchange"].result == Check.Result.NOT_RUN
    elif red == "token":
        assert climbed == []
    else:
        assert climbed == list(PROVEN_BY_EXCHANGE)


def test_what_cannot_be_read_is_skipped_with_the_reason_and_is_no_cause() -> None:
    ladder, problem = climb(CASES["role that cannot be read"])
    assert "The console may not call iam:GetOpenIDConnectProvider in this account." in problem.why or (
        "The console may not call iam:GetRole in this account." in problem.why
    )
    for rung in ("provider", "audience", "trust"):
        assert ladder.checks[rung].result == Check.Result.SKIPPED
        assert "may not call iam:Get" in ladder.checks[rung].detail


def test_an_issuer_that_is_not_seen_from_here_is_not_blamed_where_aws_came_further() -> None:
    case = CASES["no role"]
    ladder, problem = climb(Case(case.name, case.code, case.message, case.bend, failed=("address", "not_connected")))
    assert problem.code == "role_missing"
    assert ladder.checks["issuer"].result == Check.Result.SKIPPED
    assert "AWS came further than this" in ladder.checks["issuer"].detail


def test_a_refused_trust_shows_the_whole_comparison_and_a_command_that_mends_it() -> None:
    _, problem = climb(CASES["trust: subject in another case"])
    assert problem.table
    assert {"compared", "expected", "actual", "fits"} <= set(problem.table[0])
    assert "aws iam update-assume-role-policy" in problem.command
    assert "env:66a0c0ffee5a4db0c4b0a001:66a0c0ffee5a4db0c4b0e001" in problem.command
