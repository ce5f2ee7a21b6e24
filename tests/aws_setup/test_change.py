"""Changing what was agreed: another name, region, policy, ids or issuer; and undoing it all."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from aws_setup.confirmation import confirm_connection
from aws_setup.diagnosis import Blocked
from aws_setup.holdings import held_arns, held_role_arns
from aws_setup.models import Run
from aws_setup.policies import INLINE_POLICY_NAME, full_access_policy_arn
from environments.models import Environment
from tests.aws_setup.journeys import MONA, VERTESIA_ISSUER, Console, open_codes, outcomes
from tests.fake_aws import HOME, SECOND, Crash, FakeAws

FULL_ACCESS = full_access_policy_arn("aws")
OWN_POLICY = f"arn:aws:iam::{HOME}:policy/BedrockForVertesia"


@pytest.fixture
def connected(console: Console, aws: FakeAws, settings: Settings) -> Environment:
    settings.PROPAGATION_WINDOW_SECONDS = 0
    environment = console.environment(name="Marketing")
    console.connect(environment, role_name="Old")
    aws.home.policies.add(OWN_POLICY)
    aws.writes.clear()
    console.clock.forward(600)
    return environment


def test_a_rename_makes_a_new_role_proves_it_and_removes_the_old_one(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    run = console.connect(connected, role_name="New")
    assert run.state == Run.State.SUCCEEDED
    assert aws.writes == ["CreateRole", "PutRolePolicy", "DeleteRolePolicy", "DeleteRole"]
    assert list(aws.home.roles) == ["new"]
    connected.refresh_from_db()
    assert connected.api_key == f"arn:aws:iam::{HOME}:role/New"
    assert connected.connection.role_arn == connected.api_key
    assert console.status(connected) == "connected"


def test_if_the_new_role_is_not_proven_the_old_one_stays(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("bedrock:ListFoundationModels")
    run = console.connect(connected, role_name="New")
    assert run.state == Run.State.FAILED
    assert sorted(aws.home.roles) == ["new", "old"]
    assert outcomes(run)[-1] == ("DeleteRole", "pending")


def test_a_later_plan_remembers_the_old_role_that_a_failed_rename_left(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("bedrock:ListFoundationModels")
    console.connect(connected, role_name="New")
    console.connect(connected, role_name="Newer")
    assert sorted(aws.home.roles) == ["new", "newer", "old"]
    aws.mend()
    assert console.connect(connected).state == Run.State.SUCCEEDED
    assert list(aws.home.roles) == ["newer"]


def test_going_back_to_the_old_name_removes_the_new_role(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("bedrock:ListFoundationModels")
    console.connect(connected, role_name="New")
    aws.mend()
    assert console.connect(connected, role_name="Old").state == Run.State.SUCCEEDED
    assert list(aws.home.roles) == ["old"]


def test_going_back_to_the_old_name_with_another_id_proves_the_old_role(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("bedrock:ListFoundationModels")
    console.connect(connected, role_name="New")
    aws.mend()
    run = console.connect(connected, role_name="Old", environment_id="66a0c0ffee5a4db0c4b0e0ff")
    assert run.state == Run.State.SUCCEEDED, run.problem
    connected.refresh_from_db()
    assert connected.api_key == connected.connection.role_arn == f"arn:aws:iam::{HOME}:role/Old"
    assert list(aws.home.roles) == ["old"]


def test_the_role_arn_is_the_one_that_aws_gives_whatever_path_is_wanted_now(
    console: Console, connected: Environment, settings: Settings
) -> None:
    settings.ROLE_PATH = "/vertesia/"
    assert console.connect(connected, role_name="OLD", environment_id="66a0c0ffee5a4db0c4b0e0ff").state == "succeeded"
    connected.refresh_from_db()
    assert connected.api_key == connected.connection.role_arn == f"arn:aws:iam::{HOME}:role/Old"


def test_after_a_failed_rename_both_roles_count_as_held(console: Console, aws: FakeAws, connected: Environment) -> None:
    aws.deny("bedrock:ListFoundationModels")
    console.connect(connected, role_name="New")
    connection = console.connection(connected)
    roles = [f"arn:aws:iam::{HOME}:role/{name}" for name in ("New", "Old")]
    assert held_role_arns(connection) == roles
    assert held_arns(connection) == [*roles, f"arn:aws:iam::{HOME}:oidc-provider/localhost:8000"]
    aws.mend()
    console.connect(connected)
    assert held_role_arns(console.connection(connected)) == roles[:1]


def test_a_rename_that_was_refused_before_anything_was_made_leaves_the_old_api_key(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("iam:CreateRole")
    assert console.connect(connected, role_name="New").state == Run.State.FAILED
    connected.refresh_from_db()
    assert connected.api_key == f"arn:aws:iam::{HOME}:role/Old"
    assert held_role_arns(console.connection(connected)) == [connected.api_key]


def test_after_disconnecting_the_provider_alone_counts_as_held(console: Console, connected: Environment) -> None:
    console.disconnect(connected)
    assert held_role_arns(console.connection(connected)) == []
    assert held_arns(console.connection(connected)) == [f"arn:aws:iam::{HOME}:oidc-provider/localhost:8000"]


def test_disconnecting_after_a_failed_rename_removes_both_roles(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("bedrock:ListFoundationModels")
    console.connect(connected, role_name="New")
    assert console.disconnect(connected).state == Run.State.SUCCEEDED
    assert aws.home.roles == {}


def test_an_old_name_that_a_sibling_took_since_is_left_alone(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("bedrock:ListFoundationModels")
    console.connect(connected, role_name="New")
    aws.mend()
    aws.home.roles.pop("old")
    sibling = console.environment()
    console.connect(sibling, role_name="Old")
    console.connect(connected)
    assert sorted(aws.home.roles) == ["new", "old"]
    assert console.verify(sibling).state == "proven"


def test_a_name_that_differs_in_case_alone_is_the_same_role(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    plan = console.plan(connected, role_name="OLD")
    assert not [action for action in plan.actions if action["action"] == "DeleteRole"]
    assert console.finish(console.approve(plan)).state == Run.State.SUCCEEDED
    assert aws.writes == []


def test_a_change_of_region_writes_nothing_and_lists_in_the_new_one(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    run = console.connect(connected, region="eu-west-1")
    assert aws.writes == []
    connected.refresh_from_db()
    assert connected.endpoint_url == "eu-west-1"
    assert "in eu-west-1" in run.verifications.get().checks.get(check_name="foundation_models").detail
    assert console.status(connected) == "connected"


@pytest.mark.parametrize(
    ("answers", "writes", "inline", "attached"),
    [
        ({"permissions": "full"}, ["AttachRolePolicy", "DeleteRolePolicy"], [], [FULL_ACCESS]),
        (
            {"permissions": "policy", "policy_arn": OWN_POLICY},
            ["AttachRolePolicy", "DeleteRolePolicy"],
            [],
            [OWN_POLICY],
        ),
    ],
)
def test_permissions_change_to_a_managed_policy_and_back(
    console: Console,
    aws: FakeAws,
    connected: Environment,
    answers: dict[str, str],
    writes: list[str],
    inline: list[str],
    attached: list[str],
) -> None:
    assert console.connect(connected, **answers).state == Run.State.SUCCEEDED
    role = aws.home.role("Old")
    assert (aws.writes, list(role.inline), role.attached) == (writes, inline, attached)
    aws.writes.clear()
    assert console.connect(connected, permissions="invoke", policy_arn="").state == Run.State.SUCCEEDED
    assert (aws.writes, list(role.inline), role.attached) == (
        ["PutRolePolicy", "DetachRolePolicy"],
        [INLINE_POLICY_NAME],
        [],
    )


def test_a_policy_that_a_failed_change_left_attached_is_detached_by_the_next(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    console.connect(connected, permissions="policy", policy_arn=OWN_POLICY)
    aws.deny("iam:DetachRolePolicy")
    console.connect(connected, permissions="full", policy_arn="")
    assert aws.home.role("Old").attached == [OWN_POLICY, FULL_ACCESS]
    aws.mend()
    console.connect(connected, permissions="invoke")
    assert aws.home.role("Old").attached == []


def test_a_policy_that_somebody_else_attached_stays(console: Console, aws: FakeAws, connected: Environment) -> None:
    aws.home.role("Old").attached.append(OWN_POLICY)
    aws.home.role("Old").inline["TheirOwn"] = {"Statement": []}
    console.connect(connected, permissions="full")
    assert aws.home.role("Old").attached == [OWN_POLICY, FULL_ACCESS]
    assert list(aws.home.role("Old").inline) == ["TheirOwn"]


def test_a_change_of_ids_changes_trust_and_tag_of_the_same_role(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    new = "66a0c0ffee5a4db0c4b0e0ff"
    run = console.connect(connected, environment_id=new)
    assert (run.state, aws.writes) == (Run.State.SUCCEEDED, ["UpdateAssumeRolePolicy", "TagRole"])
    connected.refresh_from_db()
    assert connected.environment_id == new
    condition = aws.home.role("Old").trust["Statement"][0]["Condition"]["StringEquals"]
    assert condition["localhost:8000:sub"].endswith(new)
    assert aws.home.role("Old").tags["vertesia-aws-setup:environment"] == new


def test_a_change_of_ids_that_was_cut_short_can_be_planned_again_to_the_same_or_another_id(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.deny("iam:TagRole")
    assert console.connect(connected, environment_id="66a0c0ffee5a4db0c4b0e0f1").state == Run.State.FAILED
    assert console.connect(connected, environment_id="66a0c0ffee5a4db0c4b0e0f2").state == Run.State.FAILED
    aws.mend()
    assert console.connect(connected).state == Run.State.SUCCEEDED
    assert aws.home.role("Old").tags["vertesia-aws-setup:environment"] == "66a0c0ffee5a4db0c4b0e0f2"


def test_a_change_of_issuer_makes_its_provider_and_waits_for_vertesia(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    run = console.connect(connected, issuer_url=VERTESIA_ISSUER)
    assert aws.writes == ["CreateOpenIDConnectProvider", "UpdateAssumeRolePolicy"]
    assert run.state == Run.State.WAITING_FOR_VERTESIA
    assert console.status(connected) == "waiting_for_vertesia"
    assert connected.verified_at is None
    connected.organization.refresh_from_db()
    assert connected.organization.issuer.url == VERTESIA_ISSUER
    assert len(aws.home.providers) == 2


def test_own_tags_are_added_and_none_of_others_is_taken_away(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.home.role("Old").tags["Theirs"] = "kept"
    console.connect(connected, tags={"CostCenter": "4711"})
    assert aws.writes == ["TagRole"]
    assert aws.home.role("Old").tags.items() >= {"Theirs": "kept", "CostCenter": "4711"}.items()


def test_own_tags_that_are_no_longer_wanted_are_taken_off_the_role(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    console.connect(connected, tags={"CostCenter": "4711", "Team": "Sales"})
    aws.home.role("Old").tags["Theirs"] = "kept"
    aws.deny("iam:UntagRole")
    assert console.connect(connected, tags={"Team": "Sales"}).state == Run.State.FAILED
    aws.mend()
    assert console.connect(connected).state == Run.State.SUCCEEDED
    assert aws.writes == ["TagRole", "UntagRole"]
    tags = aws.home.role("Old").tags
    assert {key: tags[key] for key in tags if not key.startswith("vertesia-aws-setup:")} == {
        "Team": "Sales",
        "Theirs": "kept",
    }


def test_another_account_is_refused_until_it_is_disconnected_here(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    provisioned = type(console.account).objects.create(
        account_id=SECOND, role_arn=f"arn:aws:iam::{SECOND}:role/VertesiaConsole"
    )
    with pytest.raises(Blocked) as blocked:
        console.plan(connected, account_id=SECOND)
    assert blocked.value.problem.code == "connected_elsewhere"
    console.disconnect(connected)
    assert console.connect(connected, account_id=SECOND).state == Run.State.SUCCEEDED
    assert connected.connection.account == provisioned


def test_disconnecting_removes_the_role_and_keeps_the_provider(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    run = console.disconnect(connected)
    assert run.state == Run.State.SUCCEEDED
    assert aws.writes == ["DeleteRolePolicy", "DeleteRole"]
    assert (aws.home.roles, len(aws.home.providers)) == ({}, 1)
    assert console.status(connected) == "disconnected"
    assert connected.api_key == ""
    assert not connected.connection.has_aws_resources


def test_disconnecting_what_is_gone_already_succeeds(console: Console, aws: FakeAws, connected: Environment) -> None:
    run = console.approve(console.plan(connected, purpose="disconnect"))
    aws.home.roles.clear()
    console.finish(run)
    assert run.state == Run.State.SUCCEEDED
    assert {outcome for _, outcome in outcomes(run)} == {"unchanged"}
    assert console.status(connected) == "disconnected"


def test_a_role_that_somebody_else_made_in_its_place_is_not_removed(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    theirs = aws.home.role("Old")
    theirs.role_id = "AROAOFSOMEBODYELSE"
    theirs.tags.clear()
    with pytest.raises(Blocked) as blocked:
        console.plan(connected, purpose="disconnect")
    assert blocked.value.problem.code == "role_not_ours"


def test_a_role_whose_tags_somebody_took_away_is_still_known_by_its_id(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.home.role("Old").tags.clear()
    assert console.disconnect(connected).state == Run.State.SUCCEEDED
    assert aws.home.roles == {}


def test_one_that_does_not_let_the_environment_in_is_left_alone_and_ours_is_gone(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    theirs = aws.home.role("Old")
    theirs.role_id = "AROAOFSOMEBODYELSE"
    theirs.tags.clear()
    theirs.inline.clear()
    theirs.trust["Statement"] = []
    assert console.disconnect(connected).state == Run.State.SUCCEEDED
    assert (aws.writes, list(aws.home.roles)) == ([], ["old"])
    assert console.status(connected) == "disconnected"


def test_disconnecting_resumes_where_a_lost_worker_left_it(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    run = console.approve(console.plan(connected, purpose="disconnect"))
    aws.fail("iam:DeleteRole", Crash())
    with pytest.raises(Crash):
        console.advance(run)
    assert console.connection(connected).has_aws_resources
    console.clock.forward(130)
    assert console.finish(run).state == Run.State.SUCCEEDED
    assert aws.home.roles == {}


def test_after_disconnecting_it_can_be_connected_again(console: Console, connected: Environment) -> None:
    console.disconnect(connected)
    assert console.connect(connected).state == Run.State.SUCCEEDED
    assert console.status(connected) == "connected"


def test_under_vertesias_issuer_the_old_role_goes_once_a_person_saw_the_models(console: Console, aws: FakeAws) -> None:
    environment = console.environment(issuer=VERTESIA_ISSUER)
    console.connect(environment, role_name="Old")
    run = console.connect(environment, role_name="New")
    assert (run.state, open_codes(environment)) == (Run.State.WAITING_FOR_VERTESIA, [])
    assert sorted(aws.home.roles) == ["new", "old"]

    connection = console.connection(environment)
    assert confirm_connection(connection, actor=MONA, now=console.clock())
    run.refresh_from_db()
    console.finish(run)
    assert run.state == Run.State.SUCCEEDED
    assert list(aws.home.roles) == ["new"]
    assert console.status(environment) == "confirmed"


@pytest.mark.parametrize(
    "undo",
    [lambda aws: aws.home.role("New").inline.clear(), lambda aws: aws.home.roles.pop("new")],
    ids=["policy", "role"],
)
def test_the_old_role_stays_where_somebody_undid_the_new_one_after_its_proof(
    console: Console, aws: FakeAws, undo: "Bend"
) -> None:
    environment = console.environment(issuer=VERTESIA_ISSUER)
    console.connect(environment, role_name="Old")
    run = console.connect(environment, role_name="New")
    undo(aws)
    aws.writes.clear()
    confirm_connection(console.connection(environment), actor=MONA, now=console.clock())
    run.refresh_from_db()
    console.finish(run)
    assert run.state == Run.State.FAILED
    assert (aws.writes, open_codes(environment)) == ([], ["plan_outdated"])
    assert "old" in aws.home.roles


Bend = Callable[[FakeAws], Any]


@pytest.mark.parametrize(
    ("bend", "writes"),
    [
        (lambda aws: aws.home.providers.clear(), ["CreateOpenIDConnectProvider"]),
        (
            lambda aws: next(iter(aws.home.providers.values())).audiences.clear(),
            ["AddClientIDToOpenIDConnectProvider"],
        ),
        (lambda aws: aws.home.role("Old").trust.update(Statement=[]), ["UpdateAssumeRolePolicy"]),
        (lambda aws: aws.home.role("Old").inline.clear(), ["PutRolePolicy"]),
        (lambda aws: aws.home.roles.clear(), ["CreateRole", "PutRolePolicy"]),
        (lambda aws: aws.home.role("Old").tags.pop("vertesia-aws-setup:environment"), ["TagRole"]),
    ],
)
def test_what_somebody_broke_is_put_back_by_the_same_loop(
    console: Console, aws: FakeAws, connected: Environment, bend: Bend, writes: list[str]
) -> None:
    held = aws.snapshot()
    bend(aws)
    assert console.connect(connected).state == Run.State.SUCCEEDED
    assert aws.writes == writes
    assert aws.snapshot() == held
