"""The printed IAM policy suffices for all the console does, and each action in it is needed: on a real sandbox."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings
from pytest_django import Settings

from aws_setup.diagnosis import Blocked, Problem
from aws_setup.gateway.errors import AwsError
from aws_setup.models import Run
from aws_setup.policies import PolicyDocument, provisioning_policy
from environments.models import Environment
from tests.aws_setup.journeys import VERTESIA_ISSUER, Console
from tests.aws_setup.sandboxed import Sandbox
from tests.sandbox.process import ACCOUNT

OWN_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/Own"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/Boundary"
ALLOW_BEDROCK = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]}


@pytest.fixture
def console(db: None, sandbox: Sandbox, settings: Settings) -> Console:
    made = sandbox.console(settings)
    for name in ("Own", "Boundary"):
        sandbox.process.admin("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOW_BEDROCK))
    return made


def policy(**arguments: Any) -> PolicyDocument:
    return provisioning_policy(partition="aws", account_id=ACCOUNT, **arguments)


def without(document: PolicyDocument, action: str) -> PolicyDocument:
    """The policy with one action taken away."""
    rest = copy.deepcopy(document)
    for statement in rest["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        statement["Action"] = [other for other in actions if other != action]
    rest["Statement"] = [statement for statement in rest["Statement"] if statement["Action"]]
    return rest


def actions_of(document: PolicyDocument) -> list[str]:
    found = []
    for statement in document["Statement"]:
        found += [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
    return sorted(found)


# --- what the console does --------------------------------------------------------------------------------------


def connect(console: Console, environment: Environment, **answers: Any) -> Problem | None:
    """The reason where it could not be planned or done; None where it was."""
    try:
        run = console.connect(environment, **answers)
    except Blocked as blocked:
        return blocked.problem
    assert run.state != Run.State.FAILED or run.problem is not None
    return Problem.from_json(run.problem) if run.problem else None


Flow = Callable[[Console, Sandbox, Callable[[], None]], str]
"""Prepares, calls what restricts the console's rights, acts; tells what went wrong, or nothing."""


def first_set_up(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    restrict()
    return tell(connect(console, console.environment()))


def second_environment(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    sandbox.process.admin("iam").create_open_id_connect_provider(Url=sandbox.issuer.url, ClientIDList=["blobs"])
    restrict()
    return tell(connect(console, console.environment()))


def look_again(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment) is None
    restrict()
    return tell(connect(console, environment))


def to_managed_policy(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment) is None
    restrict()
    return tell(connect(console, environment, permissions="policy", policy_arn=OWN_POLICY))


def back_to_generated_policy(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment, permissions="full") is None
    restrict()
    return tell(connect(console, environment, permissions="invoke"))


def rename(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment) is None
    restrict()
    return tell(connect(console, environment, role_name="VertesiaRenamed"))


def change_ids(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment) is None
    restrict()
    return tell(connect(console, environment, environment_id="66a0c0ffee5a4db0c4b0e0ff"))


def take_own_tags_back(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment, tags={"CostCenter": "4711"}) is None
    restrict()
    return tell(connect(console, environment, tags={}))


def disconnect(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment) is None
    restrict()
    return tell(connect(console, environment, purpose="disconnect"))


def require_boundary(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    """A role from before the boundary was required gets it."""
    environment = console.environment()
    with override_settings(ROLE_PERMISSIONS_BOUNDARY=""):
        assert connect(console, environment) is None
    restrict()
    with override_settings(ROLE_PERMISSIONS_BOUNDARY=BOUNDARY):
        return tell(connect(console, environment))


def read_alias(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    restrict()
    try:
        return "" if sandbox.open(None).read_account_alias() == "acme-sandbox" else "another alias"
    except AwsError as error:
        return str(error)


def see_what_the_region_offers(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    """Where only Vertesia can sign, the worker's own rights show what there is, and the checks say what they miss."""
    environment = console.environment(issuer=VERTESIA_ISSUER)
    assert connect(console, environment) is None
    restrict()
    details = [check.detail for check in console.verify(environment).checks.all()]
    return " ".join(detail for detail in details if detail.startswith("The worker may not look"))


def restore_session_length(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment) is None
    role_name = environment.connection.role_name
    sandbox.process.admin("iam").update_role(RoleName=role_name, MaxSessionDuration=7200)
    restrict()
    return tell(connect(console, environment))


def remove_provider(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    environment = console.environment()
    assert connect(console, environment) is None
    restrict()
    told = tell(connect(console, environment, purpose="disconnect", removes_provider=True))
    kept = sandbox.process.admin("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    steps = environment.connection.runs.first().steps.filter(action__action="DeleteOpenIDConnectProvider")
    why = steps.get().action["why"] if kept else ""
    return f"{told} {why}".strip()


def take_audience_back(console: Console, sandbox: Sandbox, restrict: Callable[[], None]) -> str:
    sandbox.process.admin("iam").create_open_id_connect_provider(Url=sandbox.issuer.url, ClientIDList=["blobs"])
    environment = console.environment()
    assert connect(console, environment) is None
    restrict()
    return tell(connect(console, environment, purpose="disconnect", removes_provider=True))


def tell(problem: Problem | None) -> str:
    return problem.sentence if problem else ""


FLOWS: tuple[Flow, ...] = (
    first_set_up,
    second_environment,
    look_again,
    to_managed_policy,
    back_to_generated_policy,
    rename,
    change_ids,
    take_own_tags_back,
    disconnect,
    read_alias,
    see_what_the_region_offers,
)
NEEDED_FOR: dict[str, Flow] = {
    "bedrock:ListCustomModels": see_what_the_region_offers,
    "bedrock:ListFoundationModels": see_what_the_region_offers,
    "bedrock:ListInferenceProfiles": see_what_the_region_offers,
    "iam:AddClientIDToOpenIDConnectProvider": second_environment,
    "iam:AttachRolePolicy": to_managed_policy,
    "iam:CreateOpenIDConnectProvider": first_set_up,
    "iam:CreateRole": first_set_up,
    "iam:DeleteRole": disconnect,
    "iam:DeleteRolePolicy": to_managed_policy,
    "iam:DetachRolePolicy": back_to_generated_policy,
    "iam:GetOpenIDConnectProvider": first_set_up,
    "iam:GetRole": first_set_up,
    "iam:GetRolePolicy": look_again,
    "iam:ListAccountAliases": read_alias,
    "iam:ListAttachedRolePolicies": look_again,
    "iam:ListRolePolicies": look_again,
    "iam:PutRolePermissionsBoundary": require_boundary,
    "iam:PutRolePolicy": first_set_up,
    "iam:TagOpenIDConnectProvider": first_set_up,
    "iam:TagRole": first_set_up,
    "iam:UntagRole": take_own_tags_back,
    "iam:UpdateAssumeRolePolicy": change_ids,
    "iam:UpdateRole": restore_session_length,
}
NOT_NEEDED = {
    "iam:GetAccountSummary",
    "iam:SimulatePrincipalPolicy",
    "bedrock:GetFoundationModelAvailability",
    "bedrock:GetUseCaseForModelAccess",
}
"""Without the first quotas are not read before a plan, and AWS then refuses what does not fit; without the others a
proof says what it could not ask.
"""


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_the_policy_suffices(console: Console, sandbox: Sandbox, flow: Flow) -> None:
    assert flow(console, sandbox, lambda: sandbox.allow(policy())) == ""


@pytest.mark.parametrize("action", NEEDED_FOR)
def test_without_any_one_action_something_fails_and_says_which(console: Console, sandbox: Sandbox, action: str) -> None:
    arguments = {"boundary_arn": BOUNDARY} if action == "iam:PutRolePermissionsBoundary" else {}
    said = NEEDED_FOR[action](console, sandbox, lambda: sandbox.allow(without(policy(**arguments), action)))
    assert action in said


NEEDED_TO_REMOVE_PROVIDERS: dict[str, tuple[Flow, str]] = {
    "iam:DeleteOpenIDConnectProvider": (remove_provider, "iam:DeleteOpenIDConnectProvider"),
    "iam:ListRoles": (remove_provider, "may not list the account's roles"),
    "iam:RemoveClientIDFromOpenIDConnectProvider": (take_audience_back, "iam:RemoveClientIDFromOpenIDConnectProvider"),
}


@pytest.mark.parametrize("flow", [remove_provider, take_audience_back], ids=lambda flow: flow.__name__)
def test_the_policy_suffices_to_remove_a_provider_where_that_is_wanted(
    console: Console, sandbox: Sandbox, flow: Flow
) -> None:
    assert flow(console, sandbox, lambda: sandbox.allow(policy(removes_providers=True))) == ""


@pytest.mark.parametrize("action", NEEDED_TO_REMOVE_PROVIDERS)
def test_without_any_one_action_a_provider_is_not_removed_and_that_is_said(
    console: Console, sandbox: Sandbox, action: str
) -> None:
    flow, words = NEEDED_TO_REMOVE_PROVIDERS[action]
    restricted = without(policy(removes_providers=True), action)
    assert words in flow(console, sandbox, lambda: sandbox.allow(restricted))


@pytest.mark.parametrize(
    ("action", "skipped"),
    [
        ("iam:SimulatePrincipalPolicy", "invoke_permission"),
        ("bedrock:GetFoundationModelAvailability", "availability"),
    ],
)
def test_a_proof_says_what_it_could_not_ask_and_blocks_nothing(
    console: Console, sandbox: Sandbox, action: str, skipped: str
) -> None:
    environment = console.environment()
    assert connect(console, environment) is None
    connection = console.connection(environment)
    connection.chosen_models = ["amazon.nova-lite-v1:0"]
    connection.save()
    sandbox.allow(without(policy(), action))
    proof = console.verify(environment)
    check = proof.checks.get(check_name=skipped)
    assert (proof.state, check.result) == ("proven", "skipped")
    assert action in check.detail


def test_without_the_quotas_everything_else_works(console: Console, sandbox: Sandbox) -> None:
    sandbox.allow(without(policy(), "iam:GetAccountSummary"))
    assert connect(console, console.environment()) is None


def test_no_action_of_the_policy_goes_untested() -> None:
    covered = {*NEEDED_FOR, *NEEDED_TO_REMOVE_PROVIDERS, *NOT_NEEDED}
    assert sorted(covered) == actions_of(policy(boundary_arn=BOUNDARY, removes_providers=True))


@pytest.mark.parametrize(
    "flow", [first_set_up, to_managed_policy, rename, disconnect, require_boundary], ids=lambda flow: flow.__name__
)
def test_the_policy_suffices_with_a_path_a_prefix_and_a_boundary(
    console: Console, sandbox: Sandbox, settings: Settings, flow: Flow
) -> None:
    settings.ROLE_PATH, settings.ROLE_PERMISSIONS_BOUNDARY = "/vertesia/", BOUNDARY
    bounded = policy(path="/vertesia/", prefix="Vertesia", boundary_arn=BOUNDARY)
    assert flow(console, sandbox, lambda: sandbox.allow(bounded)) == ""


def test_a_role_gets_the_path_and_the_boundary(console: Console, sandbox: Sandbox, settings: Settings) -> None:
    settings.ROLE_PATH, settings.ROLE_PERMISSIONS_BOUNDARY = "/vertesia/", BOUNDARY
    environment = console.environment()
    assert connect(console, environment) is None
    role = sandbox.process.stored_role(environment.connection.role_name)
    assert role["arn"] == f"arn:aws:iam::{ACCOUNT}:role/vertesia/{environment.connection.role_name}"
    assert role["permissions_boundary"] == BOUNDARY


def test_with_a_boundary_required_a_role_without_it_is_refused(console: Console, sandbox: Sandbox) -> None:
    sandbox.allow(policy(boundary_arn=BOUNDARY))
    assert "iam:CreateRole" in tell(connect(console, console.environment()))


def test_a_role_outside_the_prefix_is_refused(console: Console, sandbox: Sandbox) -> None:
    sandbox.allow(policy(prefix="Vertesia"))
    problem = connect(console, console.environment(), role_name="Another")
    assert problem is not None
    assert problem.code == "worker_denied"


def test_the_read_only_policy_suffices_for_planning_and_for_nothing_more(console: Console, sandbox: Sandbox) -> None:
    environment = console.environment()
    assert connect(console, environment) is None
    sandbox.allow(policy(read_only=True))
    assert {action["verb"] for action in console.plan(environment).actions} == {"keep"}
    plan = console.plan(console.environment())
    run = console.finish(console.approve(plan))
    assert run.problem is not None
    assert "iam:CreateRole" in run.problem["sentence"]
    assert console.verify(environment).state == "proven"
