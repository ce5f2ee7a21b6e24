"""Taking away what this console made: the role, the provider where nothing else uses it, and what a failed run left."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from aws_setup import planning
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, restart_draft
from aws_setup.findings import open_finding
from aws_setup.models import Connection, Draft, Finding, Plan, Run
from environments.models import Environment, Event
from tests.aws_setup.journeys import MONA, VERTESIA_ISSUER, Console, open_codes, outcomes
from tests.aws_setup.sandboxed import Sandbox
from tests.aws_setup.test_commands import Answer, run
from tests.fake_aws import HOME, SECOND, FakeAws, FakeProvider, FakeRole

PROVIDER = f"arn:aws:iam::{HOME}:oidc-provider/localhost:8000"


@pytest.fixture(autouse=True)
def _seen_at_once(settings: Settings) -> None:
    settings.PROPAGATION_WINDOW_SECONDS = 0


@pytest.fixture
def environment(console: Console) -> Environment:
    return console.environment(name="Marketing")


def plan(console: Console, environment: Environment, *, purpose: str = "disconnect", **answers: Any) -> Plan:
    draft = restart_draft(owner=None, environment=environment, purpose=purpose, actor=MONA, **answers)
    request_plan(draft, actor=MONA, now=console.clock())
    made = planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock())
    if made is None:
        draft.refresh_from_db()
        raise Blocked(Problem.from_json(draft.problem))
    return made


def disconnect(console: Console, environment: Environment, *, removes_provider: bool = True) -> Run:
    return console.finish(console.approve(plan(console, environment, removes_provider=removes_provider)))


def undo(console: Console, failed: Run) -> Run:
    made = plan(console, failed.connection.environment, purpose="undo", run=failed.pk)
    return console.finish(console.approve(made))


def why_kept(plan: Plan) -> str:
    [action] = [action for action in plan.actions if "OpenIDConnectProvider" in action["action"]]
    assert action["verb"] == "keep"
    return str(action["why"])


def trusting(name: str, **changes: Any) -> FakeRole:
    """Somebody else's role that trusts the same identity provider."""
    statement = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return FakeRole(f"arn:aws:iam::{HOME}:role/{name}", {"Version": "2012-10-17", "Statement": [statement]}, **changes)


# --- The identity provider ----------------------------------------------------------------------------------------


def test_by_default_the_provider_stays(console: Console, aws: FakeAws, environment: Environment) -> None:
    console.connect(environment)
    disconnect(console, environment, removes_provider=False)
    assert list(aws.home.providers) == [PROVIDER]


def test_what_nothing_else_uses_goes_with_the_role(console: Console, aws: FakeAws, environment: Environment) -> None:
    held = aws.snapshot()
    console.connect(environment)
    ended = disconnect(console, environment)
    assert ended.state == Run.State.SUCCEEDED
    assert outcomes(ended)[-1] == ("DeleteOpenIDConnectProvider", "removed")
    assert aws.snapshot() == held
    assert console.connection(environment).provider_arn == ""
    assert console.status(environment) == "disconnected"


def test_every_role_of_the_account_that_trusts_it_counts(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment)
    aws.home.roles["theirs"] = trusting("Theirs")
    assert why_kept(plan(console, environment, removes_provider=True)) == "Other roles trust it: Theirs."


def test_the_last_environment_takes_it_along_and_not_the_first(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    sibling = console.environment(name="Sales")
    console.connect(environment)
    console.connect(sibling)
    disconnect(console, environment)
    assert list(aws.home.providers) == [PROVIDER]
    disconnect(console, sibling)
    assert aws.home.providers == {}


def test_a_role_in_another_account_does_not_count(console: Console, aws: FakeAws, environment: Environment) -> None:
    console.connect(environment)
    aws.accounts[SECOND].roles["theirs"] = trusting("Theirs")
    disconnect(console, environment)
    assert aws.home.providers == {}


def test_a_statement_of_theirs_in_a_role_that_is_given_back_counts(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment, role_name="Shared")
    connection = console.connection(environment)
    role = aws.home.role("Shared")
    theirs = trusting("Shared").trust["Statement"]
    role.trust["Statement"] = [*theirs, *role.trust["Statement"]]
    agreed = connection.desired | {
        "is_adopted": True,
        "kept_trust": json.dumps({"Version": "2012-10-17", "Statement": theirs}),
    }
    Connection.objects.filter(pk=connection.pk).update(desired=agreed)
    assert why_kept(plan(console, environment, removes_provider=True)) == "Other roles trust it: Shared."


def test_with_other_audiences_only_ours_goes(console: Console, aws: FakeAws, environment: Environment) -> None:
    aws.home.providers[PROVIDER] = FakeProvider(PROVIDER, "http://localhost:8000", ["blobs"])
    console.connect(environment)
    assert aws.home.providers[PROVIDER].audiences == ["blobs", "bedrock"]
    ended = disconnect(console, environment)
    assert outcomes(ended)[-1] == ("RemoveClientIDFromOpenIDConnectProvider", "removed")
    assert aws.home.providers[PROVIDER].audiences == ["blobs"]


def test_a_provider_that_somebody_else_made_with_our_audience_stays(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    aws.home.providers[PROVIDER] = FakeProvider(PROVIDER, "http://localhost:8000", ["bedrock"])
    console.connect(environment)
    assert why_kept(plan(console, environment, removes_provider=True)) == "This console did not make it."


def test_where_the_roles_may_not_be_listed_nothing_is_known_and_it_stays(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment)
    aws.deny("iam:ListRoles")
    assert "who else trusts it is not known" in why_kept(plan(console, environment, removes_provider=True))


def test_a_role_that_somebody_made_after_the_approval_keeps_it(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment)
    approved = console.approve(plan(console, environment, removes_provider=True))
    aws.home.roles["theirs"] = trusting("Theirs")
    console.finish(approved)
    assert (approved.state, outcomes(approved)[-1][1]) == (Run.State.SUCCEEDED, "unchanged")
    assert list(aws.home.providers) == [PROVIDER]


def test_a_set_up_that_is_about_to_use_it_is_waited_for(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment)
    sibling = console.environment(name="Sales")
    joining = console.approve(console.plan(sibling))
    leaving = console.approve(plan(console, environment, removes_provider=True))
    assert console.advance(leaving) is not None
    assert "waiting for it" in leaving.doing
    console.finish(joining)
    console.clock.forward(2)
    console.finish(leaving)
    assert (joining.state, leaving.state) == (Run.State.SUCCEEDED, Run.State.SUCCEEDED)
    assert list(aws.home.providers) == [PROVIDER]


def test_what_is_gone_already_is_no_failure_and_the_history_stays(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment)
    before = set(Event.objects.filter(environment=environment).values_list("pk", flat=True))
    aws.home.roles.clear()
    aws.home.providers.clear()
    ended = disconnect(console, environment)
    assert {outcome for _, outcome in outcomes(ended)} == {"unchanged"}
    assert console.connection(environment).provider_arn == ""
    assert before < set(Event.objects.filter(environment=environment).values_list("pk", flat=True))


def test_disconnecting_closes_every_finding(console: Console, environment: Environment) -> None:
    console.connect(environment)
    for source in Finding.Source:
        found = Problem(code=f"found_by_{source}", sentence="Something.")
        open_finding(console.connection(environment), found, now=console.clock(), actor=MONA, source=source)
    disconnect(console, environment)
    assert open_codes(environment) == []
    assert console.status(environment) == "disconnected"


# --- What a failed run left ---------------------------------------------------------------------------------------


def test_what_a_first_set_up_made_before_it_failed_is_removed(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    held = aws.snapshot()
    aws.deny("iam:PutRolePolicy")
    failed = console.connect(environment)
    assert (failed.state, len(aws.home.roles)) == (Run.State.FAILED, 1)
    aws.mend()
    assert undo(console, failed).state == Run.State.SUCCEEDED
    assert aws.snapshot() == held
    assert open_codes(environment) == []
    assert console.status(environment) == "disconnected"
    assert environment.api_key == ""


def test_a_second_try_that_failed_too_takes_along_what_the_first_one_made(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    held = aws.snapshot()
    aws.deny("iam:CreateRole")
    console.connect(environment)
    aws.mend()
    aws.deny("iam:PutRolePolicy")
    failed = console.connect(environment)
    aws.mend()
    undo(console, failed)
    assert aws.snapshot() == held


def test_a_provider_that_was_there_before_stays(console: Console, aws: FakeAws, environment: Environment) -> None:
    console.connect(console.environment(name="Sales"))
    held = aws.snapshot()
    aws.deny("iam:PutRolePolicy")
    failed = console.connect(environment)
    aws.mend()
    undo(console, failed)
    assert aws.snapshot() == held


def test_a_role_that_failed_to_be_adopted_is_given_back(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    aws.home.roles["shared"] = trusting("Shared", tags={"Team": "Data"})
    with pytest.raises(Blocked):
        console.plan(environment, role_name="Shared")
    draft = Draft.objects.get(environment=environment)
    held = aws.snapshot()
    aws.deny("iam:PutRolePolicy")
    from_digest = planning.ObservedRole.from_json(draft.found["role"]).digest
    failed = console.connect(environment, role_name="Shared", adopts=from_digest)
    assert failed.state == Run.State.FAILED
    aws.mend()
    assert undo(console, failed).state == Run.State.SUCCEEDED
    assert aws.snapshot()[HOME]["roles"] == held[HOME]["roles"]


def test_after_a_change_that_failed_what_was_agreed_before_is_put_back(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment, role_name="Old", tags={"Team": "Sales"})
    held = aws.snapshot()
    aws.deny("bedrock:ListFoundationModels")
    failed = console.connect(environment, role_name="New", region="eu-west-1", tags={})
    assert (failed.state, sorted(aws.home.roles)) == (Run.State.FAILED, ["new", "old"])
    aws.mend()
    assert undo(console, failed).state == Run.State.SUCCEEDED
    assert aws.snapshot() == held
    environment.refresh_from_db()
    assert (environment.endpoint_url, environment.api_key.rsplit("/", 1)[-1]) == ("us-east-1", "Old")
    assert (console.status(environment), open_codes(environment)) == ("connected", [])


def test_a_change_of_the_same_role_is_put_back_in_place(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment, role_name="Old", tags={"Team": "Sales"})
    held = aws.snapshot()
    aws.deny("bedrock:ListFoundationModels")
    failed = console.connect(
        environment, permissions="full", environment_id="66a0c0ffee5a4db0c4b0e0ff", tags={"Cost": "1"}
    )
    aws.mend()
    assert undo(console, failed).state == Run.State.SUCCEEDED
    assert aws.snapshot() == held


def test_a_change_of_issuer_is_put_back(console: Console, aws: FakeAws, environment: Environment) -> None:
    console.connect(environment)
    trust = aws.home.role(console.connection(environment).role_name).trust
    aws.deny("iam:UpdateAssumeRolePolicy")
    failed = console.connect(environment, issuer_url=VERTESIA_ISSUER)
    aws.mend()
    undo(console, failed)
    environment.organization.refresh_from_db()
    assert environment.organization.issuer.is_builtin
    assert aws.home.role(console.connection(environment).role_name).trust == trust
    assert console.status(environment) == "connected"


def test_a_disconnect_that_failed_half_way_is_put_back(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment)
    aws.deny("iam:DeleteRole")
    failed = disconnect(console, environment, removes_provider=False)
    assert failed.state == Run.State.FAILED
    aws.mend()
    undo(console, failed)
    assert console.status(environment) == "connected"


@pytest.mark.parametrize("case", ["wrote nothing", "another came after it", "succeeded"])
def test_there_is_nothing_to_undo_of_a_run_that(
    console: Console, aws: FakeAws, environment: Environment, case: str
) -> None:
    aws.deny("iam:CreateOpenIDConnectProvider" if case == "wrote nothing" else "iam:PutRolePolicy")
    ended = console.connect(environment)
    aws.mend()
    if case != "wrote nothing":
        again = console.connect(environment)
        ended = again if case == "succeeded" else ended
    with pytest.raises(Blocked) as refused:
        plan(console, environment, purpose="undo", run=ended.pk)
    assert refused.value.problem.code == "nothing_to_undo"


# --- Without a browser --------------------------------------------------------------------------------------------

ORGANIZATION, ENVIRONMENT = "66a0c0ffee5a4db0c4b0a0bb", "66a0c0ffee5a4db0c4b0e0bb"
CONNECT = ("connect", ORGANIZATION, ENVIRONMENT, "--region", "us-east-1", "--name", "Teardown")


@pytest.fixture
def real(db: None, sandbox: Sandbox, settings: Settings) -> Sandbox:
    settings.SANDBOX_URL = sandbox.process.url
    sandbox.console(settings)
    return sandbox


def held(sandbox: Sandbox) -> tuple[list[str], list[str]]:
    _, state = sandbox.process.control("GET", "state")
    [account] = [account for account in state["accounts"] if account["account_id"] == HOME]
    names = sorted(role["name"] for role in account["roles"])
    return names, sorted(provider["arn"] for provider in account.get("providers", account.get("oidc_providers", [])))


def test_the_command_removes_what_connect_made_and_exits_with_zero(real: Sandbox) -> None:
    before = held(real)
    assert run(*CONNECT, "--yes").code == 0
    answer = run("disconnect", ENVIRONMENT, "--remove-provider", "--yes", "--json")
    assert (answer.code, answer.json["status"], answer.json["problem"]) == (0, "disconnected", None)
    assert [(action["action"], action["outcome"]) for action in answer.json["actions"]] == [
        ("DeleteRolePolicy", "removed"),
        ("DeleteRole", "removed"),
        ("DeleteOpenIDConnectProvider", "removed"),
    ]
    assert held(real) == before


def test_the_command_a_second_time_has_nothing_to_do_and_exits_with_zero(real: Sandbox) -> None:
    run(*CONNECT, "--yes")
    run("disconnect", ENVIRONMENT, "--yes")
    runs = Run.objects.count()
    answer = run("disconnect", ENVIRONMENT, "--yes", "--json")
    assert (answer.code, answer.json["status"], answer.json["actions"]) == (0, "disconnected", [])
    assert Run.objects.count() == runs
    assert "AWS holds nothing of this console's" in run("disconnect", ENVIRONMENT, "--yes").out


def test_a_provider_that_was_kept_first_can_still_be_removed(real: Sandbox) -> None:
    before = held(real)
    run(*CONNECT, "--yes")
    run("disconnect", ENVIRONMENT, "--yes")
    assert held(real) != before
    answer = run("disconnect", ENVIRONMENT, "--remove-provider", "--yes")
    assert (answer.code, held(real)) == (0, before)


def test_what_was_never_connected_is_disconnected(real: Sandbox) -> None:
    known = Environment.objects.get(name="Bedrock US")
    assert run("disconnect", known.environment_id, "--yes").code == 0


def test_a_dry_run_of_it_writes_nothing_and_its_fingerprint_approves_it(real: Sandbox) -> None:
    run(*CONNECT, "--yes")
    before, events = held(real), Event.objects.count()
    dry = run("disconnect", ENVIRONMENT, "--dry-run", "--json")
    assert (dry.code, held(real), Event.objects.count()) == (0, before, events)
    assert run("disconnect", ENVIRONMENT, "--approve", "0" * 64).code == 1
    assert run("disconnect", ENVIRONMENT, "--approve", dry.json["fingerprint"]).code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("not an id", "--yes"), "A Vertesia id holds only letters"), (("nobody", "--yes"), "known")],
)
def test_bad_input_exits_with_two(real: Sandbox, arguments: tuple[str, ...], words: str) -> None:
    answer = run("disconnect", *arguments)
    assert (answer.code, words in answer.said) == (2, True), answer.said


def test_what_aws_refuses_exits_with_one_and_the_reason(real: Sandbox) -> None:
    run(*CONNECT, "--yes")
    allowed = ["iam:Get*", "iam:List*", "sts:*"]
    real.allow({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]})
    answer = run("disconnect", ENVIRONMENT, "--yes", "--json")
    assert (answer.code, answer.json["problem"]["code"]) == (1, "worker_denied")
    assert "The console may not call iam:DeleteRolePolicy" in answer.said


FOREIGN = "VertesiaEnvironmentTeardown"


def make_foreign_role(sandbox: Sandbox) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    sandbox.process.admin("iam").create_role(RoleName=FOREIGN, AssumeRolePolicyDocument=json.dumps(trust))


def adopt(*arguments: str) -> Answer:
    return run(*CONNECT, *arguments)


def test_a_role_of_others_is_never_adopted_by_yes_alone(real: Sandbox) -> None:
    make_foreign_role(real)
    answer = adopt("--yes", "--json")
    assert (answer.code, answer.json["problem"]["code"]) == (1, "role_not_ours")
    assert answer.json["adoption"]["statements"][0]["becomes"] == "keeps"
    assert real.process.stored_role(FOREIGN)["tags"] == {}
    assert "--adopt " in adopt("--yes").out


def test_its_digest_is_the_consent_and_disconnecting_gives_it_back(real: Sandbox) -> None:
    make_foreign_role(real)
    before = real.process.stored_role(FOREIGN)
    digest = adopt("--dry-run", "--json").json["adoption"]["digest"]
    assert adopt("--yes", "--adopt", "0" * 64).code == 1
    answer = adopt("--yes", "--adopt", digest, "--json")
    assert (answer.code, answer.json["status"]) == (0, "connected")
    assert Event.objects.get(action="role.adoption_consented").actor.startswith("os:")
    assert run("disconnect", ENVIRONMENT, "--yes").code == 0
    after = real.process.stored_role(FOREIGN)
    same = ("name", "tags", "attached_policies", "inline_policies", "trust")
    assert {key: after.get(key) for key in same} == {key: before.get(key) for key in same}


# --- What was approved is what goes -------------------------------------------------------------------------------


def test_a_role_that_somebody_put_to_another_use_after_the_approval_is_not_deleted(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment)
    approved = console.approve(plan(console, environment))
    role = aws.home.role("VertesiaEnvironmentMarketing")
    role.trust["Statement"].append(
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    console.finish(approved)
    assert (approved.state, approved.problem["code"]) == (Run.State.FAILED, "plan_outdated")
    assert "vertesiaenvironmentmarketing" in aws.home.roles
    assert role.inline


def test_a_policy_that_somebody_rewrote_after_the_approval_is_not_removed_unseen(
    console: Console, aws: FakeAws, environment: Environment
) -> None:
    console.connect(environment)
    role = aws.home.role("VertesiaEnvironmentMarketing")
    role.inline["Theirs"] = {"Version": "2012-10-17", "Statement": []}
    approved = console.approve(plan(console, environment, purpose="repair"))
    rewritten = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    role.inline["Theirs"] = rewritten
    console.finish(approved)
    assert (approved.state, approved.problem["code"]) == (Run.State.FAILED, "plan_outdated")
    assert role.inline["Theirs"] == rewritten


def test_what_others_wrote_into_a_role_forges_no_line_of_the_answer(
    real: Sandbox,
) -> None:
    forged = "x\x1b[1A\x1b[2K\nTo consent to exactly this role: --adopt 0000\u202e"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts.example:sub": forged}},
            }
        ],
    }
    real.process.admin("iam").create_role(RoleName=FOREIGN, AssumeRolePolicyDocument=json.dumps(trust))
    lines = adopt("--dry-run").out.split("\n")
    assert all(line.isprintable() for line in lines)
    assert len([line for line in lines if line.startswith("To consent to exactly this role")]) == 1
