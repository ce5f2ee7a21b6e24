"""What holds for every plan there can be: any wish, in an account that holds anything."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_setup.desired import ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.diagnosis import Blocked
from aws_setup.drift.acceptance import accept_differences, repair_differences
from aws_setup.drift.state_differences import find_differences
from aws_setup.observed import ObservedState, Quotas
from aws_setup.plans.actions import Action, find_unapproved, writes
from aws_setup.plans.plan import build_plan
from aws_setup.plans.quotas import measure_policy
from aws_setup.policies import PolicyDocument, full_access_policy_arn
from aws_setup.trust.adoption import adopt, review_adoption, why_not_adoptable
from aws_setup.trust.equality import is_same_policy, same_statement
from aws_setup.trust.own_statements import is_own_statement
from aws_setup.trust.statements import find_holes, statements_of
from tests.aws_setup.desires import ACCOUNT, ENVIRONMENT, INSTALLATION, desire, observe_all, observe_nothing, role_of
from tests.fake_aws import FakeAws, FakeProvider, FakeRole

FULL_ACCESS = full_access_policy_arn("aws")
OWN_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/Own"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/Boundary"
OLD_ISSUER = ("https://sts.becomposable.com", "bedrock")
EMPTY = {"Version": "2012-10-17", "Statement": []}

THEIR_STATEMENTS: list[PolicyDocument] = [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"},
    {
        "Sid": "Lambda",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["sts:AssumeRole"],
    },
    {"Effect": "Deny", "Principal": "*", "Action": "sts:TagSession"},
    {
        "Effect": "Allow",
        "Principal": {"Federated": desire().provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"sts.vertesia.io:sub": "project:a:b", "sts.vertesia.io:aud": ["blobs"]}},
    },
]
OURS_WITHOUT_AUDIENCE: PolicyDocument = {
    "Effect": "Allow",
    "Principal": {"Federated": desire().provider_arn},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {"sts.vertesia.io:sub": desire().subject}},
}
audiences = st.lists(st.sampled_from(["bedrock", "blobs", "other"]), unique=True)
tags = st.fixed_dictionaries(
    {},
    optional={
        INSTALLATION_TAG: st.sampled_from([INSTALLATION, "another-installation"]),
        ENVIRONMENT_TAG: st.sampled_from([ENVIRONMENT, "another-environment"]),
        "Application": st.just("Other"),
        "Former": st.just("4711"),
        "Theirs": st.just("kept"),
    },
)
statements = st.lists(
    st.sampled_from([*THEIR_STATEMENTS, *desire().own_statements, OURS_WITHOUT_AUDIENCE]),
    unique_by=str,
    max_size=5,
)
trusts = statements.map(lambda found: {"Version": "2012-10-17", "Statement": found})
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
        inline=st.dictionaries(
            st.sampled_from(["VertesiaBedrock", "TheirOwn"]), st.sampled_from([desire().inline_policy, EMPTY])
        ),
        attached=st.lists(st.sampled_from([FULL_ACCESS, OWN_POLICY]), unique=True),
        max_session_seconds=st.sampled_from([3600, 43200]),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[DesiredState, FakeAws]:
    """Something to want, in an account that holds anything; and whoever has a role there may have consented."""
    desired = desire(
        **draw(permissions),
        boundary_arn=draw(st.sampled_from(["", BOUNDARY])),
        is_absent=draw(st.booleans()),
        removes_provider=draw(st.booleans()),
        added_audience=draw(st.booleans()),
        retire_role_names=draw(st.sampled_from([(), ("Old",), ("Old", "Older")])),
        retire_policy_arns=draw(st.sampled_from([(), (FULL_ACCESS,), (FULL_ACCESS, OWN_POLICY)])),
        retire_tag_keys=draw(st.sampled_from([(), ("Former",), ("Application", "Former", ENVIRONMENT_TAG)])),
        also_trusts=draw(st.sampled_from([(), (OLD_ISSUER,)])),
        max_session_seconds=draw(st.sampled_from([3600, 7200])),
    )
    aws = FakeAws()
    aws.home.policies |= {OWN_POLICY, BOUNDARY}
    for url, _ in desired.trusted_issuers:
        if draw(st.booleans()):
            arn = replace(desired, issuer_url=url).provider_arn
            owner = draw(st.sampled_from([{}, {INSTALLATION_TAG: INSTALLATION}]))
            aws.home.providers[arn] = FakeProvider(arn, url, draw(audiences), owner)
    names = [desired.role_name, desired.role_name.upper(), "Old", "Older", "Bystander"]
    for name in draw(st.sets(st.sampled_from(names))):
        aws.home.roles[name.lower()] = draw(roles(name))
    observed = aws.open(None).observe(desired)
    if observed.role is not None and draw(st.booleans()) and not why_not_adoptable(desired, observed.role):
        desired = replace(adopt(desired, observed.role), is_absent=desired.is_absent)
    return desired, aws


def may_be_changed(role: FakeRole, desired: DesiredState) -> bool:
    """Ours by its tags, or given into our care: by IAM's id of it."""
    by_tags = (
        role.tags.get(INSTALLATION_TAG) == INSTALLATION and role.tags.get(ENVIRONMENT_TAG, ENVIRONMENT) == ENVIRONMENT
    )
    return by_tags or role.role_id == desired.role_id


def lets_us_in(role: FakeRole, desired: DesiredState) -> bool:
    """Whether somebody else's role holds anything that could be this environment's."""
    has_statement = any(is_own_statement(one, desired) for one in role.trust["Statement"])
    return has_statement or "VertesiaBedrock" in role.inline or desired.attached_policy_arn in role.attached


def plan_of(desired: DesiredState, aws: FakeAws) -> list[Action] | None:
    """What is to be done; None where somebody else's role stands in the way."""
    observed = aws.open(None).observe(desired)
    mine = aws.home.roles.get(desired.role_name.lower())
    if mine is None or may_be_changed(mine, desired) or (desired.is_absent and desired.is_adopted):
        return build_plan(desired, observed)
    if desired.is_absent and not lets_us_in(mine, desired):
        plan = build_plan(desired, observed)
        assert mine.arn not in {action.resource for action in writes(plan)}
        return plan
    with pytest.raises(Blocked, match=r"belongs to|was made by this console for environment"):
        build_plan(desired, observed)
    return None


def perform(actions: list[Action], aws: FakeAws) -> None:
    gateway = aws.open(None)
    for action in actions:
        gateway.perform(action)


properties = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
World = tuple[DesiredState, FakeAws]


@properties
@given(worlds())
def test_applying_any_plan_gives_what_was_desired_and_planning_again_gives_nothing_to_do(world: World) -> None:
    desired, aws = world
    plan = plan_of(desired, aws)
    if plan is None:
        return
    perform(writes(plan), aws)

    again = aws.open(None).observe(desired)
    assert writes(build_plan(desired, again)) == []
    ours_to_retire = [role for role in again.retired_roles if role.is_ours(INSTALLATION) and role.is_for(desired)]
    assert ours_to_retire == []
    if desired.is_absent:
        mine = aws.home.roles.get(desired.role_name.lower())
        assert mine is None or desired.is_adopted or not may_be_changed(mine, desired)
        if again.role is not None:
            assert not [one for one in statements_of(again.role.trust) if is_own_statement(one, desired)]
        return
    assert again.provider is not None
    assert again.role is not None
    for url, audience in desired.trusted_issuers:
        provider = again.find_provider(replace(desired, issuer_url=url).provider_arn)
        assert provider is not None
        assert audience in provider.audiences
    assert is_same_policy(again.role.trust, desired.trust)
    assert again.role.tags.items() >= desired.role_tags.items()
    assert not set(again.role.tags) & set(desired.retire_tag_keys) - set(desired.role_tags)
    if desired.inline_policy is not None:
        assert is_same_policy(again.role.inline["VertesiaBedrock"], desired.inline_policy)
    if desired.attached_policy_arn:
        assert desired.attached_policy_arn in again.role.attached
    if desired.boundary_arn:
        assert again.role.boundary_arn == desired.boundary_arn


@properties
@given(worlds())
def test_no_plan_acts_on_what_is_neither_ours_nor_consented_to(world: World) -> None:
    desired, aws = world
    foreign = {role.arn: str(vars(role)) for role in aws.home.roles.values() if not may_be_changed(role, desired)}
    had = {arn: (set(provider.audiences), dict(provider.tags)) for arn, provider in aws.home.providers.items()}
    plan = plan_of(desired, aws)
    if plan is None:
        return
    assert not {action.resource for action in writes(plan)} & set(foreign)
    perform(writes(plan), aws)
    assert {role.arn: str(vars(role)) for role in aws.home.roles.values() if role.arn in foreign} == foreign
    for arn, (before, tags_before) in had.items():
        held = aws.home.providers.get(arn)
        if held is None:  # deleted: asked for, ours, and nobody's audience or role depended on it
            assert desired.removes_provider
            assert tags_before.get(INSTALLATION_TAG) == INSTALLATION
            assert before <= {desired.audience}
            trusting = [role.arn for role in aws.home.roles.values() if arn in str(role.trust)]
            assert trusting == []
            continue
        assert set(held.audiences) >= before - ({desired.audience} if desired.removes_provider else set())
        assert held.tags == tags_before


@properties
@given(worlds())
def test_what_others_have_in_an_adopted_role_stays_in_it(world: World) -> None:
    desired, aws = world
    if not desired.is_adopted:
        return
    mine = aws.home.role(desired.role_name)
    theirs = [one for one in mine.trust["Statement"] if not is_own_statement(one, desired)]
    before = (dict(mine.inline), list(mine.attached), mine.max_session_seconds, mine.tags.get("Theirs"))
    plan = plan_of(desired, aws)
    assert plan is not None
    assert "DeleteRole" not in {action.action for action in writes(plan) if action.resource == mine.arn}
    perform(writes(plan), aws)
    for statement in theirs:
        assert any(same_statement(statement, held) for held in mine.trust["Statement"])
    inline, attached, session, tag = before
    assert inline.get("TheirOwn") == mine.inline.get("TheirOwn")
    kept = [arn for arn in attached if arn in dict(desired.accepted_policies) and arn not in desired.retire_policy_arns]
    assert set(mine.attached) >= set(kept)
    assert (mine.max_session_seconds, mine.tags.get("Theirs")) == (session, tag)


@properties
@given(worlds(), st.data())
def test_a_plan_cut_short_anywhere_is_covered_by_its_own_approval(world: World, data: st.DataObject) -> None:
    desired, aws = world
    approved = plan_of(desired, aws)
    if approved is None:
        return
    todo = writes(approved)
    done = data.draw(st.integers(0, len(todo)))
    perform(todo[:done], aws)
    rest = build_plan(desired, aws.open(None).observe(desired))
    assert find_unapproved(rest, approved=approved) == []
    assert [action.key for action in writes(rest)] == [action.key for action in todo[done:]]


@properties
@given(worlds())
def test_an_agreement_that_was_carried_out_shows_no_difference_but_what_is_not_ours_to_take_off(world: World) -> None:
    desired, aws = world
    plan = plan_of(desired, aws)
    if plan is None or desired.is_absent:
        return
    perform(writes(plan), aws)
    kinds = {difference.kind for difference in find_differences(desired, aws.open(None).observe(desired))}
    assert kinds <= {"policy_added", "boundary_added"}


@properties
@given(worlds())
def test_whatever_differs_is_either_repaired_by_the_plan_or_can_be_accepted(world: World) -> None:
    desired, aws = world
    desired = replace(desired, is_absent=False)
    observed = aws.open(None).observe(desired)
    if observed.role is not None and not observed.role.belongs_to(desired):
        return
    accepted = accept_differences(desired, observed)
    still = {difference.kind for difference in find_differences(accepted, observed) if difference.can_accept}
    assert still == set()
    repaired = repair_differences(desired, observed)
    perform(writes(build_plan(repaired, observed)), aws)
    left = {difference.kind for difference in find_differences(desired, aws.open(None).observe(desired))}
    allowed = {"boundary_added"} if not desired.boundary_arn else set()
    if desired.is_adopted:
        allowed |= {"policy_added", "session_length_changed"}
    assert left <= allowed


# --- single cases of the same --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"StringEquals": {"sts.vertesia.io:sub": "env:a:b"}}, ["no audience"]),
        ({"StringEquals": {"sts.vertesia.io:aud": "bedrock"}}, ["no subject"]),
        ({}, ["no subject", "no audience"]),
        ({"StringLike": {"sts.vertesia.io:sub": "env:*", "sts.vertesia.io:aud": "bedrock"}}, ["is a pattern, env:*"]),
        (
            {"StringEqualsIfExists": {"sts.vertesia.io:sub": "env:a:b", "sts.vertesia.io:aud": "bedrock"}},
            ["no subject", "no audience"],
        ),
        (
            {
                "ForAllValues:StringEquals": {"sts.vertesia.io:aud": "bedrock"},
                "StringEquals": {"sts.vertesia.io:sub": "x"},
            },
            ["no audience"],
        ),
        (
            {"StringNotEquals": {"sts.vertesia.io:sub": "env:a:b", "sts.vertesia.io:aud": "x"}},
            ["no subject", "no audience"],
        ),
        ({"StringLike": {"STS.vertesia.io:SUB": "env:a:b"}, "StringEquals": {"sts.vertesia.io:aud": "bedrock"}}, []),
        ({"StringEquals": {"sts.vertesia.io:sub": "env:*", "sts.vertesia.io:aud": "bedrock"}}, []),
        (
            {"StringEquals": {"sts.vertesia.io:sub": "env:a:b"}, "StringLike": {"sts.vertesia.io:aud": "*"}},
            ["audience is a pattern, *"],
        ),
    ],
)
def test_a_trust_that_lets_in_more_than_one_subject_and_audience_is_named(
    condition: dict[str, Any], words: list[str]
) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": desire().provider_arn},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": condition,
    }
    holes = find_holes(statement)
    assert len(holes) == len(words)
    for hole, expected in zip(holes, words, strict=True):
        assert expected in hole


@pytest.mark.parametrize(
    ("actions", "number"),
    [
        ({"Action": "sts:AssumeRole*"}, 2),
        ({"Action": ["sts:TagSession", "STS:assumerolewith?ebidentity"]}, 2),
        ({"NotAction": "sts:TagSession"}, 2),
        ({"NotAction": "sts:AssumeRole*"}, 0),
        ({"Action": "sts:AssumeRole"}, 0),
    ],
)
def test_a_hole_is_one_however_the_exchange_is_allowed(actions: dict[str, Any], number: int) -> None:
    assert len(find_holes({"Effect": "Allow", "Principal": {"Federated": desire().provider_arn}, **actions})) == number


def test_anybody_of_any_account_is_the_largest_hole_of_all() -> None:
    assert find_holes({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"})
    assert find_holes({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}) == []


def test_how_a_policy_is_written_is_no_difference() -> None:
    one = desire().trust
    other = {
        "Statement": [
            {
                "Sid": "Anything",
                "Action": ["sts:AssumeRoleWithWebIdentity"],
                "Principal": {"Federated": [desire().provider_arn]},
                "Condition": {
                    "stringequals": {"STS.vertesia.io:aud": ["bedrock"], "sts.vertesia.io:sub": [desire().subject]}
                },
                "Effect": "Allow",
            }
        ],
        "Version": "2012-10-17",
    }
    assert is_same_policy(one, other)
    assert find_differences(desire(), observe_all(desire(), role=role_of(desire(), trust=other))) == []
    assert writes(build_plan(desire(), observe_all(desire(), role=role_of(desire(), trust=other)))) == []


def quotas(**changes: int) -> Quotas:
    return replace(Quotas(roles=10, roles_quota=1000, trust_size_quota=2048), **changes)


def test_quotas_are_read_first_and_respected() -> None:
    def blocked(desired: DesiredState, observed: ObservedState) -> str:
        with pytest.raises(Blocked) as refused:
            build_plan(desired, observed)
        return refused.value.problem.code

    nothing = observe_nothing(desire())
    assert blocked(desire(), replace(nothing, quotas=quotas(roles=1000))) == "roles_quota"
    exact = measure_policy(desire().trust)
    assert blocked(desire(), replace(nothing, quotas=quotas(trust_size_quota=exact - 1))) == "trust_size_quota"
    assert build_plan(desire(), replace(nothing, quotas=quotas(roles=999, trust_size_quota=exact)))
    full = observe_all(desire())
    assert full.provider is not None
    provider = replace(full.provider, audiences=tuple(f"a{number}" for number in range(100)))
    assert blocked(desire(), replace(full, provider=provider)) == "audiences_quota"
    assert build_plan(desire(), replace(full, quotas=quotas(roles=1000)))  # a role that is there takes no more room


def test_what_aws_itself_or_another_installation_looks_after_is_not_adopted() -> None:
    role = role_of(desire(), arn=f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/Admin")
    assert "AWS itself" in review_adoption(desire(), role).why_not
    theirs = role_of(desire(), tags={INSTALLATION_TAG: "another", ENVIRONMENT_TAG: "another"})
    assert "Another installation" in review_adoption(desire(), theirs).why_not
    lost = role_of(desire(), tags={INSTALLATION_TAG: "another", ENVIRONMENT_TAG: ENVIRONMENT})
    assert review_adoption(desire(), lost).why_not == ""
