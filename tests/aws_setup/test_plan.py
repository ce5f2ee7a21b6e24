"""Plans: what they say, and what holds for every plan there can be."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_setup.actions import Action, find_unapproved, fingerprint, writes
from aws_setup.desired import ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.diagnosis import Blocked
from aws_setup.gateway.iam import BOTO_METHOD
from aws_setup.observed import ObservedState
from aws_setup.plan import build_plan
from aws_setup.policies import full_access_policy_arn
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
from tests.fake_aws import FakeAws, FakeProvider, FakeRole

FULL_ACCESS = full_access_policy_arn("aws")
OWN_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/Own"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/Boundary"
RENAMED = desire(role_name="Renamed", retire_role_names=("VertesiaEnvironmentAcme",))

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


# --- for every state there can be -------------------------------------------------------------------------------

audiences = st.lists(st.sampled_from(["bedrock", "blobs", "other"]), unique=True)
installations = st.sampled_from([INSTALLATION, "another-installation"])
environments = st.sampled_from([ENVIRONMENT, "another-environment"])
tags = st.fixed_dictionaries(
    {},
    optional={
        INSTALLATION_TAG: installations,
        ENVIRONMENT_TAG: environments,
        "Application": st.just("Other"),
        "Former": st.just("4711"),
        "Theirs": st.just("kept"),
    },
)
attached = st.lists(st.sampled_from([FULL_ACCESS, OWN_POLICY]), unique=True)
inline = st.dictionaries(
    st.sampled_from(["VertesiaBedrock", "TheirOwn"]),
    st.sampled_from([desire().inline_policy, {"Version": "2012-10-17", "Statement": []}]),
)
trusts = st.sampled_from([desire().trust, {"Version": "2012-10-17", "Statement": []}])
permissions = st.sampled_from(
    [{"permissions": "invoke"}, {"permissions": "full"}, {"permissions": "policy", "policy_arn": OWN_POLICY}]
)


def roles(name: str) -> st.SearchStrategy[FakeRole]:
    return st.builds(
        FakeRole,
        arn=st.just(f"arn:aws:iam::{ACCOUNT}:role/{name}"),
        trust=trusts,
        tags=tags,
        boundary_arn=st.sampled_from(["", BOUNDARY]),
        inline=inline,
        attached=attached,
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[DesiredState, FakeAws]:
    """Something to want, in an account that holds anything."""
    desired = desire(
        **draw(permissions),
        boundary_arn=draw(st.sampled_from(["", BOUNDARY])),
        is_absent=draw(st.booleans()),
        retire_role_names=draw(st.sampled_from([(), ("Old",), ("Old", "Older")])),
        retire_policy_arns=draw(st.sampled_from([(), (FULL_ACCESS,), (FULL_ACCESS, OWN_POLICY)])),
        retire_tag_keys=draw(st.sampled_from([(), ("Former",), ("Application", "Former", ENVIRONMENT_TAG)])),
    )
    aws = FakeAws()
    aws.home.policies |= {OWN_POLICY, BOUNDARY}
    if draw(st.booleans()):
        arn = desired.provider_arn
        aws.home.providers[arn] = FakeProvider(arn, desired.issuer_url, draw(audiences))
    for name in draw(st.sets(st.sampled_from([desired.role_name, desired.role_name.upper(), "Old", "Older"]))):
        aws.home.roles[name.lower()] = draw(roles(name))
    return desired, aws


def is_ours(role: FakeRole) -> bool:
    return (
        role.tags.get(INSTALLATION_TAG) == INSTALLATION and role.tags.get(ENVIRONMENT_TAG, ENVIRONMENT) == ENVIRONMENT
    )


properties = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@properties
@given(worlds())
def test_applying_any_plan_gives_what_was_desired_and_planning_again_gives_nothing_to_do(
    world: tuple[DesiredState, FakeAws],
) -> None:
    desired, aws = world
    gateway = aws.open(None)
    foreign = {role.arn for role in aws.home.roles.values() if not is_ours(role)}
    untouched = {arn: str(vars(role)) for role in aws.home.roles.values() if (arn := role.arn) in foreign}
    held = dict(aws.home.providers)
    mine = aws.home.roles.get(desired.role_name.lower())
    their_tag = mine.tags.get("Theirs") if mine else None
    try:
        plan = writes(build_plan(desired, gateway.observe(desired)))
    except Blocked:
        assert mine is not None
        assert not is_ours(mine)
        return
    assert not {action.resource for action in plan} & foreign
    for action in plan:
        gateway.perform(action)

    again = gateway.observe(desired)
    assert writes(build_plan(desired, again)) == []
    assert {role.arn: str(vars(role)) for role in aws.home.roles.values() if role.arn in foreign} == untouched
    assert [role for role in again.retired_roles if role.is_ours(INSTALLATION) and role.is_for(desired)] == []
    if desired.is_absent:
        assert again.role is None or again.role.arn in foreign
        assert aws.home.providers == held
        return
    assert again.provider is not None
    assert again.role is not None
    assert desired.audience in again.provider.audiences
    assert again.role.trust == desired.trust
    assert again.role.tags.items() >= desired.role_tags.items()
    assert not set(again.role.tags) & set(desired.retire_tag_keys) - set(desired.role_tags)
    assert again.role.tags.get("Theirs") == their_tag
    assert (again.role.inline.get("VertesiaBedrock")) == desired.inline_policy
    if desired.attached_policy_arn:
        assert desired.attached_policy_arn in again.role.attached
    if desired.boundary_arn:
        assert again.role.boundary_arn == desired.boundary_arn


@properties
@given(worlds(), st.data())
def test_a_plan_cut_short_anywhere_is_covered_by_its_own_approval(
    world: tuple[DesiredState, FakeAws], data: st.DataObject
) -> None:
    desired, aws = world
    gateway = aws.open(None)
    try:
        approved = build_plan(desired, gateway.observe(desired))
    except Blocked:
        return
    todo = writes(approved)
    done = data.draw(st.integers(0, len(todo)))
    for action in todo[:done]:
        gateway.perform(action)
    rest = build_plan(desired, gateway.observe(desired))
    assert find_unapproved(rest, approved=approved) == []
    assert [action.key for action in writes(rest)] == [action.key for action in todo[done:]]


@properties
@given(worlds())
def test_audiences_and_policies_of_others_are_never_taken_away(world: tuple[DesiredState, FakeAws]) -> None:
    desired, aws = world
    gateway = aws.open(None)
    had = {arn: set(provider.audiences) for arn, provider in aws.home.providers.items()}
    mine = aws.home.roles.get(desired.role_name.lower())
    theirs = set(mine.inline) - {"VertesiaBedrock"} if mine and not desired.is_absent else set()
    try:
        plan = writes(build_plan(desired, gateway.observe(desired)))
    except Blocked:
        return
    for action in plan:
        gateway.perform(action)
    for arn, before in had.items():
        assert set(aws.home.providers[arn].audiences) >= before
    if theirs:
        assert set(aws.home.role(desired.role_name).inline) >= theirs


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
