"""Setting up: first, again, beside others, and what stops it. A real database, an AWS in memory."""

from datetime import datetime, timedelta

import pytest

from aws_setup import planning
from aws_setup.approval import approve_plan
from aws_setup.diagnosis import Blocked
from aws_setup.drafting import save_answers, start_draft
from aws_setup.gateway.protocol import Gateway
from aws_setup.models import Account, Connection, Draft, Plan, Run
from environments.history import Actor
from environments.models import Event
from tests.aws_setup.journeys import MONA, Console, open_codes, outcomes
from tests.fake_aws import HOME, SECOND, FakeAws, FakeProvider, FakeRole, throttled

ISSUER_ARN = f"arn:aws:iam::{HOME}:oidc-provider/localhost:8000"


def test_a_first_set_up_makes_provider_role_and_policy_and_proves_them(console: Console, aws: FakeAws) -> None:
    environment = console.environment(name="Marketing")
    run = console.connect(environment)

    assert outcomes(run) == [
        ("CreateOpenIDConnectProvider", "created"),
        ("CreateRole", "created"),
        ("PutRolePolicy", "created"),
    ]
    assert run.state == Run.State.SUCCEEDED
    assert console.status(environment) == "connected"
    assert environment.api_key == f"arn:aws:iam::{HOME}:role/VertesiaEnvironmentMarketing"
    assert environment.verified_at == console.clock()
    provider = aws.home.providers[ISSUER_ARN]
    assert (provider.url, provider.audiences) == ("http://localhost:8000", ["bedrock"])
    role = aws.home.role("VertesiaEnvironmentMarketing")
    assert role.trust["Statement"][0]["Condition"] == {
        "StringEquals": {"localhost:8000:aud": "bedrock", "localhost:8000:sub": environment.subject}
    }
    assert role.tags["vertesia-aws-setup:environment"] == environment.environment_id
    assert list(role.inline) == ["VertesiaBedrock"]


def test_a_first_set_up_needs_at_most_22_calls_and_a_second_environment_one_less_and_one_probe_more(
    console: Console, aws: FakeAws
) -> None:
    for limit in (22, 22):
        aws.operations.clear()
        environment = console.environment()
        console.connect(environment)
        calls = [operation for operation in aws.operations if operation.split(":")[0] in ("iam", "sts", "bedrock")]
        assert len(calls) <= limit, calls


def test_every_request_is_in_the_history_with_its_request_id_and_who_agreed(console: Console) -> None:
    environment = console.environment()
    console.connect(environment)
    events = {event.action: event for event in Event.objects.filter(environment=environment)}
    for action in ("aws.CreateOpenIDConnectProvider", "aws.CreateRole", "aws.PutRolePolicy"):
        assert events[action].actor == MONA
        assert events[action].data["request_id"].startswith("req-")
    assert {"plan.made", "plan.approved", "run.succeeded", "verification.proven", "token.issued"} <= set(events)


def test_a_second_environment_shares_the_provider(console: Console, aws: FakeAws) -> None:
    console.connect(console.environment())
    second = console.environment()
    run = console.connect(second)
    assert outcomes(run)[0] == ("CreateOpenIDConnectProvider", "unchanged")
    assert (len(aws.home.providers), len(aws.home.roles)) == (1, 2)
    assert console.status(second) == "connected"


def test_a_repeat_with_nothing_to_do_writes_nothing(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    console.connect(environment)
    held, written_at = aws.snapshot(), console.connection(environment).last_write_at
    aws.writes.clear()

    plan = console.plan(environment)
    assert {action["verb"] for action in plan.actions} == {"keep"}
    run = console.finish(console.approve(plan))

    assert (aws.writes, aws.snapshot()) == ([], held)
    assert {outcome for _, outcome in outcomes(run)} == {"unchanged"}
    assert console.status(environment) == "connected"
    assert console.connection(environment).last_write_at == written_at


def test_a_provider_with_another_audience_is_adopted_and_its_list_added_to(console: Console, aws: FakeAws) -> None:
    aws.home.providers[ISSUER_ARN] = FakeProvider(ISSUER_ARN, "http://localhost:8000", ["blobs"], {"Owner": "storage"})
    run = console.connect(console.environment())
    assert outcomes(run)[0] == ("AddClientIDToOpenIDConnectProvider", "updated")
    assert aws.home.providers[ISSUER_ARN].audiences == ["blobs", "bedrock"]
    assert aws.home.providers[ISSUER_ARN].tags == {"Owner": "storage"}


@pytest.mark.parametrize("tags", [{}, {"vertesia-aws-setup:installation": "another"}])
def test_a_role_that_is_not_ours_stops_the_plan(console: Console, aws: FakeAws, tags: dict[str, str]) -> None:
    arn = f"arn:aws:iam::{HOME}:role/vertesiaenvironmentmarketing"
    aws.home.roles["vertesiaenvironmentmarketing"] = FakeRole(arn, {"Statement": []}, tags)
    with pytest.raises(Blocked) as blocked:
        console.plan(console.environment(name="Marketing"))
    assert blocked.value.problem.code == "role_not_ours"
    assert "vertesiaenvironmentmarketing" in blocked.value.problem.sentence
    assert aws.writes == []
    assert not Plan.objects.exists()


def test_a_role_that_is_not_ours_by_the_time_of_the_run_stops_it_with_a_finding(console: Console, aws: FakeAws) -> None:
    environment = console.environment(name="Marketing")
    run = console.approve(console.plan(environment))
    arn = f"arn:aws:iam::{HOME}:role/VertesiaEnvironmentMarketing"
    aws.home.roles["vertesiaenvironmentmarketing"] = FakeRole(arn, {"Statement": []})
    console.finish(run)
    assert run.state == Run.State.FAILED
    assert open_codes(environment) == ["role_not_ours"]
    assert console.status(environment) == "needs_attention"
    assert aws.writes == []


def test_a_role_of_a_sibling_environment_is_not_taken(console: Console) -> None:
    console.connect(console.environment(), role_name="Shared")
    with pytest.raises(Blocked) as blocked:
        console.plan(console.environment(), role_name="SHARED")
    assert blocked.value.problem.code == "role_name_taken"


def test_two_environments_of_one_name_get_roles_of_their_own(console: Console, aws: FakeAws) -> None:
    first, second = console.environment(name="Marketing"), console.environment(name="Marketing")
    console.connect(first)
    console.connect(second)
    assert len(aws.home.roles) == 2
    assert first.connection.role_arn != second.connection.role_arn


def test_the_wrong_account_is_refused_when_the_run_starts(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    run = console.approve(console.plan(environment))
    aws.caller_account = SECOND
    console.finish(run)
    assert run.problem is not None
    assert run.problem["code"] == "wrong_account"
    assert "4444-5555-6666" in run.problem["sentence"]
    assert aws.writes == []


def test_an_account_reached_through_a_role_is_written_to_in_that_account(console: Console, aws: FakeAws) -> None:
    Account.objects.create(account_id=SECOND, role_arn=f"arn:aws:iam::{SECOND}:role/VertesiaConsole")
    environment = console.environment()
    run = console.connect(environment, account_id=SECOND)
    assert run.state == Run.State.SUCCEEDED
    assert (len(aws.accounts[SECOND].roles), len(aws.home.roles)) == (1, 0)


def test_a_plan_that_aws_has_outrun_is_not_applied(console: Console, aws: FakeAws) -> None:
    console.connect(console.environment())
    environment = console.environment()
    run = console.approve(console.plan(environment))
    aws.home.providers.clear()
    aws.writes.clear()
    console.finish(run)
    assert run.problem is not None
    assert run.problem["code"] == "plan_outdated"
    assert "Create the identity provider" in run.problem["why"]
    assert aws.writes == []
    assert open_codes(environment) == ["plan_outdated"]


def test_what_others_did_meanwhile_is_unchanged_and_needs_no_new_approval(console: Console) -> None:
    first, second = console.environment(), console.environment()
    plans = [console.plan(first), console.plan(second)]
    runs = [console.approve(plan) for plan in plans]
    assert outcomes(console.finish(runs[0]))[0] == ("CreateOpenIDConnectProvider", "created")
    assert outcomes(console.finish(runs[1]))[0] == ("CreateOpenIDConnectProvider", "unchanged")
    assert runs[1].state == Run.State.SUCCEEDED


def test_somebody_faster_in_the_very_moment_is_looked_at_again(console: Console, aws: FakeAws) -> None:
    environment = console.environment()
    run = console.approve(console.plan(environment))
    aws.before(
        "iam:CreateOpenIDConnectProvider",
        lambda: aws.home.providers.update({ISSUER_ARN: FakeProvider(ISSUER_ARN, "http://localhost:8000", ["bedrock"])}),
    )
    assert console.advance(run) is not None
    assert "EntityAlreadyExists" in run.doing
    console.clock.forward(1)
    console.finish(run)
    assert outcomes(run)[0] == ("CreateOpenIDConnectProvider", "unchanged")
    assert run.state == Run.State.SUCCEEDED


def refusal(plan: Plan, *, now: datetime, fingerprint: str = "") -> str:
    """Why this approval is refused."""
    with pytest.raises(Blocked) as refused:
        approve_plan(plan, fingerprint=fingerprint or plan.fingerprint, actor=MONA, now=now)
    return refused.value.problem.code


def test_an_approval_is_used_once_runs_out_and_covers_one_fingerprint(console: Console) -> None:
    plan = console.plan(console.environment())
    now = console.clock()
    other = "0" * 64
    assert refusal(plan, now=now, fingerprint=other) == "plan_is_another"
    assert refusal(plan, now=now + timedelta(days=1)) == "plan_ran_out"
    assert not Connection.objects.exists()
    run = console.approve(plan)
    assert run.plan == plan
    assert refusal(plan, now=now) == "run_is_live"
    console.finish(run)
    assert refusal(plan, now=now) == "approved_before"
    assert Run.objects.count() == 1


def test_while_a_run_is_live_no_other_plan_of_the_environment_is_approved(console: Console) -> None:
    environment = console.environment()
    first, second = console.plan(environment), console.plan(environment, region="eu-west-1")
    run = console.approve(first)
    now = console.clock()
    with pytest.raises(Blocked) as refused:
        approve_plan(second, fingerprint=second.fingerprint, actor=Actor("ann"), now=now)
    problem = refused.value.problem
    assert problem.sentence.startswith("mona approved another plan for this environment")
    assert problem.evidence == {"AWS region": "us-east-1 was approved, this plan: eu-west-1"}
    second.refresh_from_db()
    assert second.approved_at is None
    environment.refresh_from_db()
    assert environment.endpoint_url == "us-east-1"
    console.finish(run)
    assert approve_plan(second, fingerprint=second.fingerprint, actor=MONA, now=now).plan == second


def test_a_plan_is_made_once_however_often_it_is_asked_for(console: Console) -> None:
    draft = console.draft(console.environment())
    assert planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock()) is not None
    assert planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock()) is None
    assert Plan.objects.count() == 1


def test_answers_given_in_two_tabs_are_both_kept(console: Console) -> None:
    draft = start_draft(owner=None, environment=console.environment(), purpose="connect", actor=MONA)
    other_tab = Draft.objects.get(pk=draft.pk)
    save_answers(draft, role_name="VertesiaMine")
    save_answers(other_tab, permissions="full")
    draft.refresh_from_db()
    assert (draft.answers["role_name"], draft.answers["permissions"]) == ("VertesiaMine", "full")
    assert other_tab.answers == draft.answers


def test_a_mistake_of_the_console_while_planning_blocks_the_draft(console: Console) -> None:
    draft = console.draft(console.environment())

    def open_gateway(account: Account | None) -> Gateway:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        planning.make_plan(draft.pk, open_gateway=open_gateway, now=console.clock())
    draft.refresh_from_db()
    assert draft.state == Draft.State.BLOCKED
    assert draft.problem is not None
    assert draft.problem["code"] == "internal_error"


@pytest.mark.parametrize(
    ("answers", "missing"),
    [
        ({"account_id": ""}, "an AWS account"),
        ({"account_id": "999999999999"}, "an AWS account"),
        ({"region": ""}, "a region"),
        ({"issuer_url": "https://nobody.example"}, "an issuer"),
    ],
)
def test_a_draft_with_an_answer_missing_says_which(console: Console, answers: dict[str, str], missing: str) -> None:
    with pytest.raises(Blocked) as blocked:
        console.plan(console.environment(), **answers)
    assert blocked.value.problem.code == "answer_missing"
    assert missing in blocked.value.problem.sentence


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("cn-north-1", "does not exist in AWS China"),
        ("us-gov-west-1", "us-gov-west-1 is in partition aws-us-gov; the account is in aws"),
        ("eusc-de-east-1", "is in partition aws-eusc"),
        ("Virginia", "A region looks like us-east-1"),
    ],
)
def test_a_region_that_the_account_cannot_reach_is_refused_before_aws_is_asked(
    console: Console, aws: FakeAws, region: str, words: str
) -> None:
    with pytest.raises(Blocked, match=words) as blocked:
        console.plan(console.environment(), region=region)
    assert blocked.value.problem.code == "region_elsewhere"
    assert aws.operations == []


def test_planning_without_the_right_to_look_names_the_action(console: Console, aws: FakeAws) -> None:
    aws.deny("iam:GetRole")
    with pytest.raises(Blocked) as blocked:
        console.plan(console.environment())
    assert blocked.value.problem.code == "worker_denied"
    assert "iam:GetRole" in blocked.value.problem.sentence
    assert f"arn:aws:iam::{HOME}:user/console" in blocked.value.problem.remedy


def test_what_somebody_put_on_the_role_since_the_plan_was_seen_stops_the_run(console: Console, aws: FakeAws) -> None:
    environment = console.environment(name="Marketing")
    console.connect(environment)
    run = console.approve(console.plan(environment, permissions="full"))
    aws.home.role("VertesiaEnvironmentMarketing").attached.append("arn:aws:iam::aws:policy/AdministratorAccess")
    writes = list(aws.writes)
    console.finish(run)
    assert run.problem is not None
    assert run.problem["code"] == "plan_outdated"
    assert "Leave policy AdministratorAccess" in run.problem["why"]
    assert aws.writes == writes


def test_a_plan_waits_while_aws_is_busy_and_gives_up_after_a_minute(console: Console, aws: FakeAws) -> None:
    draft = console.draft(console.environment())
    aws.fail("iam:GetRole", throttled("iam:GetRole"), times=2)

    def plan() -> Plan | None:
        made = planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock())
        draft.refresh_from_db()
        return made

    assert (plan(), draft.state) == (None, Draft.State.PLANNING)
    console.clock.forward(61)
    assert (plan(), draft.state) == (None, Draft.State.BLOCKED)
    assert draft.problem["code"] == "aws_busy"


def test_a_plan_that_waited_is_made_once_aws_answers(console: Console, aws: FakeAws) -> None:
    draft = console.draft(console.environment())
    aws.fail("iam:GetRole", throttled("iam:GetRole"))
    assert planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock()) is None
    console.clock.forward(2)
    assert planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock()) is not None
