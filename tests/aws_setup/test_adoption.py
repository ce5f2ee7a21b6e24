"""A role that somebody else made: shown, adopted by consent alone, kept as theirs, and given back."""

import copy
from typing import Any

import pytest
from pytest_django import Settings

from aws_setup import planning
from aws_setup.desired import ADOPTED_TAG, ENVIRONMENT_TAG, INSTALLATION_TAG, DesiredState
from aws_setup.diagnosis import Blocked
from aws_setup.drafting import consent_to_adoption
from aws_setup.models import Draft, Plan, Run
from aws_setup.observed import ObservedRole
from aws_setup.policies import full_access_policy_arn
from aws_setup.trust.adoption import adopt, find_kept_holes, review_adoption
from environments.models import Environment, Event
from tests.aws_setup.desires import desire
from tests.aws_setup.journeys import MONA, Console, outcomes
from tests.fake_aws import HOME, FakeAws, FakeRole

FULL_ACCESS = full_access_policy_arn("aws")
PROVIDER = f"arn:aws:iam::{HOME}:oidc-provider/localhost:8000"
NAME = "VertesiaBedrockRole"
WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"

LAMBDA = {
    "Sid": "Lambda",
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
EVERYBODY = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": WEB_IDENTITY}


def for_subject(subject: str, **conditions: Any) -> dict[str, Any]:
    """A statement that checks the subject alone, as Vertesia's helper script writes it."""
    return {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": WEB_IDENTITY,
        "Condition": {"StringEquals": {"localhost:8000:sub": subject, **conditions}},
    }


def theirs(aws: FakeAws, *statements: dict[str, Any], **changes: Any) -> FakeRole:
    """A role that somebody else made, in the account."""
    role = FakeRole(
        arn=f"arn:aws:iam::{HOME}:role/team/{NAME}",
        trust={"Version": "2012-10-17", "Statement": list(statements)},
        tags={"Team": "Data"},
        attached=[FULL_ACCESS],
        inline={"Own": {"Version": "2012-10-17", "Statement": []}},
    )
    for name, value in changes.items():
        setattr(role, name, value)
    aws.home.roles[NAME.lower()] = role
    return role


@pytest.fixture(autouse=True)
def _seen_at_once(settings: Settings) -> None:
    settings.PROPAGATION_WINDOW_SECONDS = 0


@pytest.fixture
def environment(console: Console) -> Environment:
    return console.environment(name="Marketing")


def blocked(console: Console, environment: Environment, **answers: Any) -> Draft:
    """The draft of a plan that met a role of this name."""
    draft = console.draft(environment, role_name=NAME, **answers)
    assert planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock()) is None
    draft.refresh_from_db()
    return draft


def found(draft: Draft) -> ObservedRole:
    return ObservedRole.from_json(draft.found["role"])


def consent(console: Console, draft: Draft, digest: str = "") -> bool:
    return consent_to_adoption(draft, digest=digest or found(draft).digest, actor=MONA, now=console.clock())


def plan_after_consent(console: Console, draft: Draft) -> Plan | None:
    assert consent(console, draft)
    return planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock())


def connect(console: Console, environment: Environment, **answers: Any) -> Run:
    plan = plan_after_consent(console, blocked(console, environment, **answers))
    assert plan is not None
    return console.finish(console.approve(plan))


# --- Pure: what it would become -------------------------------------------------------------------------------


def observed(desired: DesiredState, *statements: dict[str, Any], **changes: Any) -> ObservedRole:
    trust = {"Version": "2012-10-17", "Statement": list(statements)}
    return ObservedRole(arn=desired.role_arn, trust=trust, role_id="AROATHEIRS", **changes)


def of_vertesia(desired: DesiredState, **conditions: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Federated": desired.provider_arn},
        "Action": WEB_IDENTITY,
        "Condition": {"StringEquals": {"sts.vertesia.io:sub": desired.subject, **conditions}},
    }


def test_every_statement_of_theirs_stays_and_ours_stands_beside_them() -> None:
    desired = desire()
    result = adopt(desired, observed(desired, LAMBDA))
    assert result.trust["Statement"] == [LAMBDA, *desired.own_statements]
    assert (result.is_adopted, result.role_id) == (True, "AROATHEIRS")


def test_a_statement_for_our_subject_that_checks_less_gives_way_and_its_hole_is_named() -> None:
    desired = desire()
    review = review_adoption(desired, observed(desired, of_vertesia(desired)))
    [statement] = review.statements
    assert statement.becomes == "replaced"
    assert "It checks no audience (sts.vertesia.io:aud)" in statement.holes[0]
    assert review.result["Trust policy"]["Statement"] == desired.own_statements
    assert review.holes == []


@pytest.mark.parametrize(
    "condition",
    [{"sts.vertesia.io:aud": "blobs"}, {"aws:SourceVpc": "vpc-1"}, {"sts.vertesia.io:aud": ["bedrock", "blobs"]}],
    ids=["another audience", "another condition", "two audiences"],
)
def test_one_that_checks_something_else_stays_because_ours_would_not_do_for_it(condition: dict[str, Any]) -> None:
    desired = desire()
    review = review_adoption(desired, observed(desired, of_vertesia(desired, **condition)))
    assert [statement.becomes for statement in review.statements] == ["keeps"]


def test_a_statement_without_a_subject_stays_and_is_named_as_the_hole_it_is() -> None:
    desired = desire()
    everybody = {**EVERYBODY, "Principal": {"Federated": desired.provider_arn}}
    review = review_adoption(desired, observed(desired, everybody))
    assert ["It checks no subject" in hole or "It checks no audience" in hole for hole in review.holes] == [True, True]
    assert find_kept_holes(adopt(desired, observed(desired, everybody))) == review.holes


def test_a_policy_and_a_tag_that_they_have_already_stay_theirs() -> None:
    desired = desire(permissions="full", tags=(("team", "Ours"), ("Application", "Vertesia")))
    result = adopt(desired, observed(desired, LAMBDA, attached=(FULL_ACCESS,), tags={"Team": "Theirs"}))
    assert (FULL_ACCESS, "") in result.accepted_policies
    assert result.tags == (("Application", "Vertesia"),)


@pytest.mark.parametrize("path", ["/aws-reserved/sso.amazonaws.com/", "/aws-service-role/x.amazonaws.com/"])
def test_a_role_of_aws_itself_cannot_be_adopted(path: str) -> None:
    desired = desire(role_path=path)
    assert "belongs to AWS itself" in review_adoption(desired, observed(desired)).why_not


def test_a_role_that_another_installation_needs_for_another_environment_cannot_be_adopted() -> None:
    desired = desire()
    tags = {INSTALLATION_TAG: "another", ENVIRONMENT_TAG: "66a0c0ffee5a4db0c4b0eeee"}
    assert "two would undo each other" in review_adoption(desired, observed(desired, tags=tags)).why_not


# --- Through the services ---------------------------------------------------------------------------------------


def test_without_consent_nothing_is_touched(console: Console, aws: FakeAws, environment: Environment) -> None:
    theirs(aws, LAMBDA)
    held = aws.snapshot()
    draft = blocked(console, environment)
    assert draft.problem["code"] == "role_not_ours"
    assert found(draft).trust["Statement"] == [LAMBDA]
    assert (aws.snapshot(), aws.writes) == (held, [])
    assert not Plan.objects.exists()


def test_by_consent_our_statement_joins_theirs_and_the_connection_is_proven(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    role = theirs(aws, LAMBDA)
    run = connect(console, environment)
    assert run.state == Run.State.SUCCEEDED
    assert role.trust["Statement"][0] == LAMBDA
    assert len(role.trust["Statement"]) == 2
    assert role.tags.items() >= {"Team": "Data", ADOPTED_TAG: "true"}.items()
    assert (role.attached, sorted(role.inline)) == ([FULL_ACCESS], ["Own", "VertesiaBedrock"])
    assert outcomes(run)[1:3] == [("TagRole", "updated"), ("UpdateAssumeRolePolicy", "updated")]
    assert console.status(environment) == "connected"
    assert environment.api_key == role.arn


def test_the_consent_stands_in_the_history_with_who_gave_it(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    theirs(aws, LAMBDA)
    draft = blocked(console, environment)
    digest = found(draft).digest
    consent(console, draft)
    event = Event.objects.get(action="role.adoption_consented")
    assert (event.actor, event.data["digest"], event.environment) == ("mona", digest, environment)


def test_a_consent_to_another_role_than_the_one_found_is_none(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    theirs(aws, LAMBDA)
    draft = blocked(console, environment)
    assert not consent(console, draft, "0" * 64)
    draft.refresh_from_db()
    assert (draft.state, "adopts" in draft.answers) == (Draft.State.BLOCKED, False)
    assert not Event.objects.filter(action="role.adoption_consented").exists()


def test_a_role_that_changed_since_the_consent_asks_again(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    role = theirs(aws, LAMBDA)
    draft = blocked(console, environment)
    assert consent(console, draft)
    role.trust["Statement"].append(EVERYBODY)
    assert planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock()) is None
    draft.refresh_from_db()
    assert draft.answers["adopts"] != found(draft).digest
    assert EVERYBODY in found(draft).trust["Statement"]
    assert aws.writes == []


def test_what_they_change_after_the_approval_is_not_overwritten(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    role = theirs(aws, LAMBDA)
    plan = plan_after_consent(console, blocked(console, environment))
    assert plan is not None
    run = console.approve(plan)
    role.trust["Statement"].append(EVERYBODY)
    console.finish(run)
    assert (run.state, run.problem["code"]) == (Run.State.FAILED, "plan_outdated")
    assert role.trust["Statement"] == [LAMBDA, EVERYBODY]


def test_a_role_of_another_environment_here_is_no_matter_of_consent(console: Console, environment: Environment) -> None:
    console.connect(environment, role_name=NAME)
    with pytest.raises(Blocked) as refused:
        console.plan(console.environment(name="Sales"), role_name=NAME)
    assert refused.value.problem.code == "role_name_taken"


def test_disconnecting_gives_it_back_as_it_was(console: Console, aws: FakeAws, environment: Environment) -> None:
    theirs(aws, LAMBDA)
    held = copy.deepcopy(aws.home.roles)
    connect(console, environment, tags={"CostCenter": "4711", "team": "Ours"})
    run = console.disconnect(environment)
    assert run.state == Run.State.SUCCEEDED
    assert "given back" in run.doing
    given_back = copy.deepcopy(aws.home.roles)
    given_back[NAME.lower()].last_used = None
    assert given_back == held
    assert console.status(environment) == "disconnected"
    assert environment.api_key == ""


def test_with_a_policy_that_they_had_attached_themselves_giving_back_leaves_it_on(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    role = theirs(aws, LAMBDA)
    connect(console, environment, permissions="full")
    console.disconnect(environment)
    assert role.attached == [FULL_ACCESS]


def test_a_policy_that_we_attached_is_taken_off_again(console: Console, aws: FakeAws, environment: Environment) -> None:
    role = theirs(aws, LAMBDA, attached=[])
    connect(console, environment, permissions="full")
    assert role.attached == [FULL_ACCESS]
    console.disconnect(environment)
    assert role.attached == []


def test_vertesias_helper_script_role_is_adopted_cleanly(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    """Trust with only the subject, AmazonBedrockFullAccess attached, no tag of anybody."""
    role = theirs(aws, for_subject(environment.subject), tags={}, inline={})
    assert connect(console, environment).state == Run.State.SUCCEEDED
    [statement] = role.trust["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        "localhost:8000:aud": "bedrock",
        "localhost:8000:sub": environment.subject,
    }
    assert role.attached == [FULL_ACCESS]
    console.disconnect(environment)
    assert (role.attached, role.tags, role.inline) == ([FULL_ACCESS], {}, {})
    assert role.trust["Statement"] == [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]


def test_a_hole_that_they_close_themselves_is_not_opened_again_by_a_later_change(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    role = theirs(aws, EVERYBODY, LAMBDA)
    connect(console, environment)
    assert find_kept_holes(DesiredState.from_json(console.connection(environment).desired)) != []
    ours = role.trust["Statement"][-1]
    role.trust["Statement"] = [LAMBDA, ours]
    assert console.connect(environment, region="eu-west-1").state == Run.State.SUCCEEDED
    assert role.trust["Statement"] == [LAMBDA, ours]
    assert find_kept_holes(DesiredState.from_json(console.connection(environment).desired)) == []


def test_a_change_of_ids_takes_our_former_statement_out_and_leaves_theirs(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    role = theirs(aws, LAMBDA)
    connect(console, environment)
    console.connect(environment, environment_id="66a0c0ffee5a4db0c4b0e0ff")
    assert role.trust["Statement"][0] == LAMBDA
    assert len(role.trust["Statement"]) == 2
    assert "66a0c0ffee5a4db0c4b0e0ff" in str(role.trust["Statement"][1])


def test_another_role_name_gives_it_back_once_the_new_one_is_proven(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    role = theirs(aws, LAMBDA)
    held = copy.deepcopy(role)
    connect(console, environment)
    run = console.connect(environment, role_name="Another")
    assert run.state == Run.State.SUCCEEDED
    role.last_used = None
    assert role == held
    assert sorted(aws.home.roles) == ["another", NAME.lower()]


def test_a_role_of_ours_can_give_way_to_one_of_theirs_whose_policies_stay(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment, role_name="Old", permissions="full")
    role = theirs(aws, LAMBDA)
    assert connect(console, environment, permissions="invoke").state == Run.State.SUCCEEDED
    assert role.attached == [FULL_ACCESS]
    assert list(aws.home.roles) == [NAME.lower()]


def test_an_adopted_role_that_is_gone_is_replaced_by_one_of_ours(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    theirs(aws, LAMBDA, EVERYBODY)
    connect(console, environment)
    aws.home.roles.clear()
    assert console.connect(environment).state == Run.State.SUCCEEDED
    assert len(aws.home.role(NAME).trust["Statement"]) == 1
    assert ADOPTED_TAG not in aws.home.role(NAME).tags
    console.disconnect(environment)
    assert aws.home.roles == {}


def test_giving_back_resumes_where_it_was_cut_short(console: Console, aws: FakeAws, environment: Environment) -> None:
    role = theirs(aws, LAMBDA)
    connect(console, environment)
    aws.deny("iam:UntagRole")
    assert console.disconnect(environment).state == Run.State.FAILED
    aws.mend()
    assert console.disconnect(environment).state == Run.State.SUCCEEDED
    assert role.tags == {"Team": "Data"}
    assert NAME.lower() in aws.home.roles
