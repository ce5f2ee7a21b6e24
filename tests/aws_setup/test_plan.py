"""Plans: what they say, and what they are. What holds for every plan there can be stands in test_plan_properties."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from aws_setup.desired import ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.diagnosis import Blocked
from aws_setup.gateway.iam import BOTO_METHOD
from aws_setup.observed import ObservedRole, ObservedState
from aws_setup.plans.actions import Action, find_unapproved, fingerprint, writes
from aws_setup.plans.plan import build_plan
from aws_setup.policies import full_access_policy_arn
from aws_setup.trust.adoption import adopt
from tests.aws_setup.desires import (
    ACCOUNT,
    ENVIRONMENT,
    INSTALLATION,
    desire,
    observe_all,
    observe_nothing,
    print_plan,
    provider_of,
    role_of,
)
from tests.aws_setup.golden_files import assert_golden

FULL_ACCESS = full_access_policy_arn("aws")
OWN_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/Own"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/Boundary"
RENAMED = desire(role_name="Renamed", retire_role_names=("VertesiaEnvironmentAcme",))

BY_HAND = ObservedRole(
    arn=f"arn:aws:iam::{ACCOUNT}:role/team/VertesiaEnvironmentAcme",
    trust={
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
            {
                "Effect": "Allow",
                "Principal": {"Federated": desire().provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {"sts.vertesia.io:sub": desire().subject}},
            },
        ],
    },
    attached=(FULL_ACCESS,),
    role_id="AROA0000000000000042",
    max_session_seconds=7200,
)
"""Made by Vertesia's helper script, and used by somebody else as well."""

PRINTED: dict[str, tuple[DesiredState, ObservedState]] = {
    "first-set-up": (desire(), observe_nothing(desire())),
    "nothing-to-do": (desire(), observe_all(desire())),
    "second-environment": (
        desire(environment_id="66a0c0ffee5a4db0c4b0e002", role_name="Second"),
        replace(observe_nothing(desire()), provider=provider_of(desire())),
    ),
    "audience-missing": (
        desire(),
        replace(observe_nothing(desire()), provider=provider_of(desire(), audiences=("blobs",))),
    ),
    "drift-of-trust-and-policy": (
        desire(),
        observe_all(
            desire(),
            role=role_of(desire(), trust={"Statement": []}, inline={}, tags={INSTALLATION_TAG: INSTALLATION}),
        ),
    ),
    "to-a-managed-policy": (desire(permissions="full"), observe_all(desire())),
    "back-to-the-generated-policy": (
        desire(retire_policy_arns=(FULL_ACCESS,)),
        observe_all(desire(), role=role_of(desire(permissions="full"))),
    ),
    "rename": (
        RENAMED,
        ObservedState(ACCOUNT, provider_of(desire()), role=None, retired_roles=(role_of(desire()),)),
    ),
    "boundary-required": (desire(boundary_arn=BOUNDARY), observe_all(desire())),
    "tags-taken-back": (
        desire(tags=(), retire_tag_keys=("Application",)),
        observe_all(desire(), role=role_of(desire(), tags={**desire().role_tags, "Theirs": "kept"})),
    ),
    "policies-of-others": (
        desire(),
        observe_all(
            desire(),
            role=role_of(
                desire(), attached=(OWN_POLICY,), inline={"VertesiaBedrock": desire().inline_policy, "TheirOwn": {}}
            ),
        ),
    ),
    "disconnect": (desire(is_absent=True), observe_all(desire())),
    "disconnect-with-the-provider": (
        desire(is_absent=True, removes_provider=True),
        observe_all(desire(), trusting_roles=()),
    ),
    "disconnect-with-a-provider-that-others-use": (
        desire(is_absent=True, removes_provider=True),
        observe_all(desire(), trusting_roles=(f"arn:aws:iam::{ACCOUNT}:role/Theirs",)),
    ),
    "disconnect-with-an-audience-of-others": (
        desire(is_absent=True, removes_provider=True, added_audience=True),
        observe_all(
            desire(), provider=provider_of(desire(), audiences=("blobs", "bedrock"), tags={}), trusting_roles=()
        ),
    ),
    "adopt": (adopt(desire(), BY_HAND), observe_all(desire(), role=BY_HAND)),
    "give-back": (
        replace(adopt(desire(), BY_HAND), is_absent=True),
        observe_all(desire(), role=role_of(adopt(desire(), BY_HAND))),
    ),
    "trust-both-issuers": (
        desire(also_trusts=(("https://sts.becomposable.com", "bedrock"),)),
        observe_all(desire()),
    ),
    "longer-session": (desire(max_session_seconds=7200), observe_all(desire())),
    "disconnect-what-is-gone": (desire(is_absent=True), observe_nothing(desire())),
}


@pytest.mark.parametrize("name", PRINTED)
def test_a_plan_reads_as_it_was_reviewed(name: str) -> None:
    desired, observed = PRINTED[name]
    assert_golden(f"plan-{name}.txt", print_plan(build_plan(desired, observed)))


@pytest.mark.parametrize("name", PRINTED)
def test_a_plan_is_a_value_that_is_stored_and_read_back(name: str) -> None:
    desired, observed = PRINTED[name]
    assert DesiredState.from_json(json.loads(json.dumps(desired.to_json()))) == desired
    for action in build_plan(desired, observed):
        assert Action.from_json(json.loads(json.dumps(action.to_json()))).key == action.key
        assert action.action in BOTO_METHOD or action.verb == "keep"


def test_a_created_role_carries_every_name_tag_and_the_boundary() -> None:
    action = build_plan(desire(boundary_arn=BOUNDARY, role_path="/vertesia/"), observe_nothing(desire()))[1]
    assert action.request["Path"] == "/vertesia/"
    assert action.request["PermissionsBoundary"] == BOUNDARY
    assert {tag["Key"]: tag["Value"] for tag in action.request["Tags"]} == {
        "Application": "Vertesia",
        INSTALLATION_TAG: INSTALLATION,
        ENVIRONMENT_TAG: ENVIRONMENT,
    }


def test_a_plan_that_narrows_a_trust_names_the_security_hole_it_closes() -> None:
    [sub_only] = desire().own_statements
    sub_only = {**sub_only, "Condition": {"StringEquals": {"sts.vertesia.io:sub": desire().subject}}}
    trust = {"Version": "2012-10-17", "Statement": [sub_only]}
    plan = build_plan(desire(), observe_all(desire(), role=role_of(desire(), trust=trust)))
    [change] = [action for action in plan if action.action == "UpdateAssumeRolePolicy"]
    assert "It closes a security hole: It checks no audience" in change.why


def test_no_thumbprint_is_sent() -> None:
    [provider, *_] = build_plan(desire(), observe_nothing(desire()))
    assert set(provider.request) == {"Url", "ClientIDList", "Tags"}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({}, "role_not_ours"),
        ({INSTALLATION_TAG: "another"}, "role_not_ours"),
        ({INSTALLATION_TAG: INSTALLATION, ENVIRONMENT_TAG: "another"}, "role_of_another_environment"),
    ],
)
@pytest.mark.parametrize("is_absent", [False, True])
def test_a_role_that_is_not_this_environments_blocks_the_plan(tags: dict[str, str], code: str, is_absent: bool) -> None:
    with pytest.raises(Blocked) as blocked:
        build_plan(desire(is_absent=is_absent), observe_all(desire(), role=role_of(desire(), tags=tags)))
    assert blocked.value.problem.code == code


def test_another_account_than_the_desired_one_blocks_the_plan() -> None:
    with pytest.raises(Blocked) as blocked:
        build_plan(desire(), replace(observe_nothing(desire()), account_id="999999999999"))
    assert blocked.value.problem.code == "wrong_account"


# --- the fingerprint --------------------------------------------------------------------------------------------


def shuffled(value: Any) -> Any:
    """The same JSON with every object's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def test_a_fingerprint_does_not_depend_on_the_order_of_keys_or_on_words_for_people() -> None:
    desired = desire()
    plan = build_plan(desired, observe_nothing(desired))
    expected = fingerprint(desired, plan)
    reordered = [Action.from_json(shuffled(action.to_json())) for action in plan]
    assert fingerprint(DesiredState.from_json(shuffled(desired.to_json())), reordered) == expected
    reworded = [replace(action, summary="", why="", before=None, after=None) for action in plan]
    assert fingerprint(desired, reworded) == expected
    assert re.fullmatch("[0-9a-f]{64}", expected)


CHANGES: dict[str, Any] = {
    "installation_id": "another",
    "partition": "aws-us-gov",
    "account_id": "999999999999",
    "region": "eu-west-1",
    "issuer_url": "https://sts.becomposable.com",
    "audience": "other",
    "organization_id": "66a0c0ffee5a4db0c4b0a002",
    "environment_id": "66a0c0ffee5a4db0c4b0e002",
    "subject": "env:a:b",
    "role_name": "Other",
    "permissions": "full",
    "role_path": "/vertesia/",
    "policy_arn": OWN_POLICY,
    "boundary_arn": BOUNDARY,
    "description": "other",
    "tags": (("Team", "Sales"),),
    "is_absent": True,
    "earlier_environment_ids": ("other",),
    "retire_role_names": ("Old",),
    "retire_policy_arns": (OWN_POLICY,),
    "retire_tag_keys": ("Team",),
    "retire_inline_names": ("TheirOwn",),
    "max_session_seconds": 7200,
    "role_id": "AROA0000000000000001",
    "is_adopted": True,
    "kept_trust": '{"Statement":[]}',
    "also_trusts": (("https://sts.becomposable.com", "bedrock"),),
    "accepted_policies": ((OWN_POLICY, ""),),
    "own_policy": '{"Statement":[]}',
    "removes_provider": True,
    "added_audience": True,
}


def test_every_part_of_the_desired_state_is_changed_below() -> None:
    assert set(CHANGES) == set(DesiredState.__dataclass_fields__)


@pytest.mark.parametrize("part", CHANGES)
def test_a_fingerprint_depends_on_every_part_of_the_desired_state(part: str) -> None:
    plan = build_plan(desire(), observe_nothing(desire()))
    assert fingerprint(replace(desire(), **{part: CHANGES[part]}), plan) != fingerprint(desire(), plan)


def test_a_fingerprint_depends_on_every_request_but_not_on_what_is_kept() -> None:
    everything, nothing = observe_nothing(desire()), observe_all(desire())
    prints = {
        fingerprint(desire(), build_plan(desire(), observed))
        for observed in (everything, nothing, replace(everything, provider=provider_of(desire())))
    }
    assert len(prints) == 3
    kept = build_plan(desire(), nothing)
    assert fingerprint(desire(), kept) == fingerprint(desire(), [])


def test_replacing_a_document_that_somebody_changed_since_needs_a_new_approval() -> None:
    desired = desire()
    seen = observe_all(desired, role=role_of(desired, trust={"Version": "2012-10-17", "Statement": []}))
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*"}
    now = observe_all(desired, role=role_of(desired, trust={"Version": "2012-10-17", "Statement": [deny]}))

    approved, current = build_plan(desired, seen), build_plan(desired, now)

    assert [action.request for action in writes(approved)] == [action.request for action in writes(current)]
    assert [action.action for action in find_unapproved(current, approved=approved)] == ["UpdateAssumeRolePolicy"]
    assert fingerprint(desired, approved) != fingerprint(desired, current)
