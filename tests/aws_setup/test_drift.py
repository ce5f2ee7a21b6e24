"""What differs between the agreement and AWS: each kind, its severity, and the two answers to it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aws_setup.agreement_changes import compare_agreements
from aws_setup.canonical import canonical
from aws_setup.desired import DesiredState
from aws_setup.drift.acceptance import accept_differences, find_accepted, repair_differences
from aws_setup.drift.differences import Difference, explain_differences
from aws_setup.drift.state_differences import find_differences
from aws_setup.observed import ObservedState
from aws_setup.plans.actions import writes
from aws_setup.plans.plan import build_plan
from aws_setup.policies import INLINE_POLICY_NAME
from tests.aws_setup.desires import desire, observe_all, provider_of, role_of

BUCKET = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
OTHER_POLICY = "arn:aws:iam::111122223333:policy/Audit"
BOUNDARY = "arn:aws:iam::111122223333:policy/Boundary"
PARTNER: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::999900001111:root"},
    "Action": "sts:AssumeRole",
}
DENIAL: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}

AGREED = desire(role_id="AROA1")


def with_role(desired: DesiredState = AGREED, **changes: Any) -> ObservedState:
    changes.setdefault("role_id", desired.role_id)
    return observe_all(desired, role=role_of(desired, **changes))


def trust(*statements: dict[str, Any], desired: DesiredState = AGREED) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*desired.kept_statements, *desired.own_statements, *statements]}


def own_statement(**conditions: Any) -> dict[str, Any]:
    """Our statement with conditions of somebody's making."""
    statement = AGREED.own_statements[0]
    return statement | {"Condition": {"StringEquals": statement["Condition"]["StringEquals"], **conditions}}


def without_audience() -> dict[str, Any]:
    statement = AGREED.own_statements[0]
    checked = statement["Condition"]["StringEquals"]
    return statement | {"Condition": {"StringEquals": {key: checked[key] for key in checked if key.endswith(":sub")}}}


def for_anybody() -> dict[str, Any]:
    statement = AGREED.own_statements[0]
    return statement | {"Condition": {"StringLike": {"sts.vertesia.io:sub": "env:*"}}}


def narrowed(policy: dict[str, Any] | None) -> dict[str, Any]:
    assert policy is not None
    return policy | {"Statement": policy["Statement"][:1]}


def widened(policy: dict[str, Any] | None) -> dict[str, Any]:
    assert policy is not None
    return policy | {"Statement": [*policy["Statement"], *BUCKET["Statement"]]}


CONSENTED = desire(
    role_id="AROA1",
    is_adopted=True,
    kept_trust=canonical({"Version": "2012-10-17", "Statement": [PARTNER]}),
    accepted_policies=((OTHER_POLICY, ""), ("Bucket", canonical(BUCKET))),
)
"""A role of somebody else's, with a statement and two policies of theirs."""


def with_consented(**changes: Any) -> ObservedState:
    held = {INLINE_POLICY_NAME: CONSENTED.inline_policy, "Bucket": BUCKET}
    return with_role(CONSENTED, **({"inline": held, "attached": (OTHER_POLICY,)} | changes))


FULL = desire(role_id="AROA1", permissions="full")
BOUND = desire(role_id="AROA1", boundary_arn=BOUNDARY)

KINDS: dict[str, tuple[DesiredState, ObservedState, str, str, str]] = {
    # name: agreed, observed, kind, severity, what can be done
    "provider deleted": (AGREED, observe_all(AGREED, provider=None), "provider_deleted", "breaks", "repair"),
    "audience removed": (
        AGREED,
        observe_all(AGREED, provider=provider_of(AGREED, audiences=("blobs",))),
        "audience_removed",
        "breaks",
        "repair",
    ),
    "role deleted": (AGREED, observe_all(AGREED, role=None), "role_deleted", "breaks", "repair"),
    "role recreated": (AGREED, with_role(role_id="AROA2"), "role_recreated", "differs", "repair accept"),
    "recreated elsewhere": (
        AGREED,
        with_role(role_id="AROA2", arn="arn:aws:iam::111122223333:role/other/VertesiaEnvironmentAcme"),
        "role_recreated",
        "breaks",
        "repair accept",
    ),
    "our statement gone": (
        AGREED,
        with_role(trust={"Version": "2012-10-17", "Statement": []}),
        "trust_changed",
        "breaks",
        "repair",
    ),
    "our statement narrower": (
        AGREED,
        with_role(
            trust={
                "Version": "2012-10-17",
                "Statement": [own_statement(IpAddress={"aws:SourceIp": "192.0.2.0/24"})],
            }
        ),
        "trust_changed",
        "breaks",
        "repair",
    ),
    "our statement without audience": (
        AGREED,
        with_role(trust={"Version": "2012-10-17", "Statement": [without_audience()]}),
        "trust_widened",
        "widens",
        "repair",
    ),
    "a laxer one beside ours": (
        AGREED,
        with_role(trust=trust(without_audience())),
        "trust_widened",
        "widens",
        "repair",
    ),
    "any subject beside ours": (
        AGREED,
        with_role(trust=trust(for_anybody())),
        "trust_widened",
        "widens",
        "repair accept",
    ),
    "a partner let in": (AGREED, with_role(trust=trust(PARTNER)), "trust_widened", "widens", "repair accept"),
    "a denial": (AGREED, with_role(trust=trust(DENIAL)), "trust_denies", "breaks", "repair accept"),
    "a kept statement gone": (
        CONSENTED,
        with_consented(trust={"Version": "2012-10-17", "Statement": CONSENTED.own_statements}),
        "trust_of_others_changed",
        "differs",
        "repair accept",
    ),
    "old policy language": (
        AGREED,
        with_role(trust={"Version": "2008-10-17", "Statement": AGREED.own_statements}),
        "trust_version_changed",
        "differs",
        "repair",
    ),
    "our policy deleted": (AGREED, with_role(inline={}), "policy_detached", "breaks", "repair"),
    "our policy narrowed": (
        AGREED,
        with_role(inline={INLINE_POLICY_NAME: narrowed(AGREED.inline_policy)}),
        "policy_changed",
        "differs",
        "repair accept",
    ),
    "our policy widened": (
        AGREED,
        with_role(inline={INLINE_POLICY_NAME: widened(AGREED.inline_policy)}),
        "policy_changed",
        "widens",
        "repair accept",
    ),
    "managed policy detached": (FULL, with_role(FULL, attached=()), "policy_detached", "breaks", "repair"),
    "our policy beside a managed one": (
        FULL,
        with_role(FULL, inline={INLINE_POLICY_NAME: AGREED.inline_policy}),
        "policy_added",
        "widens",
        "repair",
    ),
    "policy attached": (AGREED, with_role(attached=(OTHER_POLICY,)), "policy_added", "widens", "repair accept"),
    "inline policy added": (
        AGREED,
        with_role(inline={INLINE_POLICY_NAME: AGREED.inline_policy, "Bucket": BUCKET}),
        "policy_added",
        "widens",
        "repair accept",
    ),
    "policy attached to their role": (
        CONSENTED,
        with_consented(attached=(OTHER_POLICY, BOUNDARY)),
        "policy_added",
        "widens",
        "accept",
    ),
    "their policy gone": (CONSENTED, with_consented(attached=()), "accepted_policy_gone", "differs", "accept"),
    "their policy widened": (
        CONSENTED,
        with_consented(inline={INLINE_POLICY_NAME: CONSENTED.inline_policy, "Bucket": CONSENTED.inline_policy}),
        "accepted_policy_changed",
        "widens",
        "accept",
    ),
    "boundary added": (AGREED, with_role(boundary_arn=BOUNDARY), "boundary_added", "differs", "accept"),
    "boundary changed": (
        BOUND,
        with_role(BOUND, boundary_arn=OTHER_POLICY),
        "boundary_changed",
        "differs",
        "repair accept",
    ),
    "boundary removed": (BOUND, with_role(BOUND, boundary_arn=""), "boundary_removed", "widens", "repair"),
    "longer sessions": (
        AGREED,
        with_role(max_session_seconds=7200),
        "session_length_changed",
        "widens",
        "repair accept",
    ),
    "longer sessions of their role": (
        CONSENTED,
        with_consented(max_session_seconds=7200),
        "session_length_changed",
        "widens",
        "accept",
    ),
    "a person's tag gone": (
        AGREED,
        with_role(tags={key: value for key, value in AGREED.role_tags.items() if key != "Application"}),
        "tags_changed",
        "differs",
        "repair accept",
    ),
}
RECREATED = ("role recreated", "recreated elsewhere")
"""What a plan puts right without writing: the role's new id is noted."""


def case(name: str) -> tuple[DesiredState, ObservedState]:
    agreed, observed, *_ = KINDS[name]
    return agreed, observed


def kinds(differences: list[Difference]) -> list[str]:
    return [difference.kind for difference in differences]


def test_what_is_as_agreed_does_not_differ() -> None:
    for agreed, observed in [(AGREED, with_role()), (CONSENTED, with_consented()), (FULL, with_role(FULL))]:
        assert find_differences(agreed, observed) == []


def test_how_a_policy_is_written_is_no_difference() -> None:
    statement = AGREED.own_statements[0]
    listed = statement | {"Sid": "Named", "Action": [statement["Action"]]}
    written = {"Version": "2012-10-17", "Statement": [listed, statement]}
    assert find_differences(AGREED, with_role(trust=written)) == []


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_found_once_with_its_severity_and_what_can_be_done(name: str) -> None:
    agreed, observed, kind, severity, ways = KINDS[name]
    [difference] = find_differences(agreed, observed)
    assert (difference.kind, difference.severity) == (kind, severity)
    can = [word for word, may in (("repair", difference.can_repair), ("accept", difference.can_accept)) if may]
    assert " ".join(can) == ways
    assert difference.meaning.endswith(".")
    assert difference.expected != difference.actual
    assert Difference.from_json(difference.to_json()) == difference


@pytest.mark.parametrize("name", [name for name, (*_, ways) in KINDS.items() if "repair" not in ways])
def test_what_no_plan_puts_back_says_what_to_do(name: str) -> None:
    agreed, observed = case(name)
    [difference] = find_differences(agreed, observed)
    assert difference.todo
    assert writes(build_plan(repair_differences(agreed, observed), observed)) == []


@pytest.mark.parametrize("name", [name for name, (*_, ways) in KINDS.items() if "repair" in ways])
def test_a_repair_writes_something_for_what_can_be_put_back(name: str) -> None:
    agreed, observed = case(name)
    plan = writes(build_plan(repair_differences(agreed, observed), observed))
    assert bool(plan) == (name not in RECREATED)


@pytest.mark.parametrize("name", [name for name, (*_, ways) in KINDS.items() if "accept" in ways])
def test_what_is_accepted_writes_nothing_and_differs_no_more(name: str) -> None:
    agreed, observed = case(name)
    accepted = accept_differences(agreed, observed)
    assert writes(build_plan(accepted, observed)) == []
    assert find_differences(accepted, observed) == []
    [difference] = find_differences(agreed, observed)
    [named] = find_accepted(agreed, accepted)
    assert named.kind == difference.kind
    if name not in RECREATED:
        assert compare_agreements(agreed, accepted)


@pytest.mark.parametrize("name", [name for name, (*_, ways) in KINDS.items() if "accept" not in ways])
def test_what_cannot_be_accepted_is_repaired_by_the_plan_that_accepts(name: str) -> None:
    agreed, observed = case(name)
    accepted = accept_differences(agreed, observed)
    assert find_accepted(agreed, accepted) == []
    assert writes(build_plan(accepted, observed))


def test_the_worst_stands_first_and_the_problem_names_it_and_how_many() -> None:
    tags = {key: value for key, value in AGREED.role_tags.items() if key != "Application"}
    differences = find_differences(AGREED, with_role(tags=tags, inline={}, attached=(OTHER_POLICY,)))
    assert kinds(differences) == ["policy_detached", "policy_added", "tags_changed"]
    problem = explain_differences(differences, name="Marketing")
    assert problem.sentence == (
        "AWS differs from what was agreed for Marketing in 3 points, the worst: "
        "Role VertesiaEnvironmentAcme → policy VertesiaBedrock."
    )
    assert problem.fix == "plan"
    assert len(problem.evidence) == 3


def test_where_nothing_can_be_put_back_no_repair_is_offered() -> None:
    problem = explain_differences(find_differences(AGREED, with_role(boundary_arn=BOUNDARY)), name="Marketing")
    assert (problem.fix, problem.remedy) == (
        "",
        "What somebody meant to change can be accepted as the new agreement, under “Compared with AWS”.",
    )


def test_an_issuer_that_is_trusted_beside_the_current_one_is_compared_as_well() -> None:
    agreed = desire(role_id="AROA1", also_trusts=(("https://sts.becomposable.com", "bedrock"),))
    [difference] = find_differences(agreed, with_role(agreed))
    assert (difference.kind, difference.field) == ("provider_deleted", "Identity provider sts.becomposable.com")


def test_our_tags_can_only_be_put_back() -> None:
    differences = find_differences(AGREED, with_role(tags={"Application": "Vertesia"}))
    assert kinds(differences) == ["tags_changed", "tags_changed"]
    assert not any(difference.can_accept for difference in differences)


def test_nothing_of_a_role_that_nothing_shows_to_be_ours_can_be_accepted() -> None:
    somebodys = with_role(role_id="AROA2", tags={}, attached=(OTHER_POLICY,), boundary_arn=BOUNDARY)
    differences = find_differences(AGREED, somebodys)
    assert "role_recreated" in kinds(differences)
    assert not any(difference.can_accept for difference in differences)
    assert {difference.todo for difference in differences} == {
        "Nothing shows that VertesiaEnvironmentAcme is still this environment's role. The plan says whether it can be "
        "taken into this console's care, and asks you first."
    }


def test_a_repair_leaves_what_others_put_on_their_role_and_what_was_accepted_on_ours() -> None:
    ours = replace(CONSENTED, is_adopted=False)
    changed = with_role(
        ours,
        inline={INLINE_POLICY_NAME: ours.inline_policy, "Bucket": ours.inline_policy, "New": BUCKET},
        attached=(OTHER_POLICY,),
    )
    repaired = repair_differences(ours, changed)
    assert (repaired.retire_inline_names, repaired.retire_policy_arns) == (("New",), ())
    assert repair_differences(CONSENTED, changed) == CONSENTED


@pytest.mark.parametrize("bend", [narrowed, widened], ids=["narrowed", "widened"])
def test_an_accepted_policy_of_ours_is_named_in_the_new_agreement(bend: Callable[..., dict[str, Any]]) -> None:
    observed = with_role(inline={INLINE_POLICY_NAME: bend(AGREED.inline_policy)})
    [change] = compare_agreements(AGREED, accept_differences(AGREED, observed))
    assert (change.what, change.before) == ("Permissions", "List and invoke")
    assert change.after.startswith("A policy as somebody changed it: ")


def test_a_role_from_before_ids_were_known_is_not_taken_for_a_new_one() -> None:
    assert find_differences(replace(AGREED, role_id=""), with_role(role_id="AROA7")) == []
