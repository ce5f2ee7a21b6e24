"""manage.py connect and verify, on a real sandbox: what they print, what they leave, how they exit."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from pytest_django import Settings

from aws_setup.models import Connection, Draft, Plan
from environments.issuer.keys import list_public_jwks
from environments.models import Environment, Event, Organization, Provider, SigningKey
from tests.aws_setup.journeys import VERTESIA_ISSUER, Console
from tests.aws_setup.sandboxed import Sandbox
from tests.sandbox.process import ACCOUNT

ORGANIZATION = "66a0c0ffee5a4db0c4b0a0aa"
ENVIRONMENT = "66a0c0ffee5a4db0c4b0e0aa"
IDS = (ORGANIZATION, ENVIRONMENT)
REGION = ("--region", "us-east-1")
KEYS = {
    "status", "fingerprint", "issuer", "audience", "subject", "account_id", "provider_arn", "role_arn", "actions",
    "checks", "models", "aws_calls", "problem",
}  # fmt: skip


@dataclass
class Answer:
    code: int
    said: str
    """What went wrong, in words; empty on success."""
    out: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture(autouse=True)
def console(db: None, sandbox: Sandbox, settings: Settings) -> Console:
    settings.SANDBOX_URL = sandbox.process.url
    return sandbox.console(settings)


def run(*arguments: str) -> Answer:
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except CommandError as error:
        return Answer(error.returncode, str(error), out.getvalue())
    return Answer(0, "", out.getvalue())


def connect(*arguments: str) -> Answer:
    return run("connect", *IDS, *REGION, *arguments)


def roles(sandbox: Sandbox) -> list[str]:
    _, state = sandbox.process.control("GET", "state")
    [account] = [account for account in state["accounts"] if account["account_id"] == ACCOUNT]
    return sorted(role["name"] for role in account["roles"] if role["name"].startswith("Vertesia"))


def test_connect_prints_the_whole_story_as_json_and_exits_with_zero(sandbox: Sandbox) -> None:
    answer = connect("--name", "Marketing", "--yes", "--json")
    told = answer.json
    assert (answer.code, set(told)) == (0, KEYS)
    assert (told["status"], told["problem"]) == ("connected", None)
    assert told["issuer"] == sandbox.issuer.url
    assert (told["audience"], told["subject"]) == ("bedrock", f"env:{ORGANIZATION}:{ENVIRONMENT}")
    assert told["account_id"] == ACCOUNT
    assert told["role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/VertesiaEnvironmentMarketing"
    assert told["provider_arn"].startswith(f"arn:aws:iam::{ACCOUNT}:oidc-provider/localhost:")
    assert [(action["action"], action["outcome"]) for action in told["actions"]] == [
        ("CreateOpenIDConnectProvider", "created"),
        ("CreateRole", "created"),
        ("PutRolePolicy", "created"),
    ]
    assert all(set(action) == {"action", "summary", "request", "outcome"} for action in told["actions"])
    assert {check["result"] for check in told["checks"]} == {"pass", "skipped"}
    assert [check["check"] for check in told["checks"] if check["result"] == "skipped"] == [
        "availability", "isolation_audience",
    ]  # fmt: skip
    assert all(
        set(check) == {"check", "result", "detail", "remedy", "needs", "evidence", "milliseconds"}
        for check in told["checks"]
    )
    assert len(told["models"]) > 60
    assert all(
        set(model) == {"id", "name", "publisher", "kind", "shown_in_studio", "reason"} for model in told["models"]
    )
    kinds = [model["kind"] for model in told["models"]]
    assert kinds == sorted(kinds, key=["foundation", "custom", "profile"].index)
    assert 10 <= told["aws_calls"] <= 26


def test_connect_again_changes_nothing_and_says_so() -> None:
    connect("--yes")
    told = connect("--yes", "--json").json
    assert {action["outcome"] for action in told["actions"]} == {"unchanged"}
    assert told["status"] == "connected"


def test_without_json_it_reads_as_a_person_reads() -> None:
    answer = connect("--yes")
    assert "create  Create the identity provider" in answer.out
    assert "Connected: Studio will show " in answer.out
    assert f"AWS accepts tokens for env:{ORGANIZATION}:{ENVIRONMENT}." in answer.out


def test_a_dry_run_prints_the_plan_and_leaves_nothing_behind(sandbox: Sandbox) -> None:
    before = roles(sandbox)
    answer = connect("--dry-run", "--json")
    assert answer.code == 0
    assert {action["outcome"] for action in answer.json["actions"]} == {"planned"}
    assert (answer.json["checks"], answer.json["models"]) == ([], [])
    assert roles(sandbox) == before
    assert not Plan.objects.exists()
    assert not Draft.objects.exists()
    assert not Environment.objects.filter(environment_id=ENVIRONMENT).exists()
    assert not Organization.objects.filter(organization_id=ORGANIZATION).exists()


def everything() -> dict[str, list[Any]]:
    """Whatever the console holds of organizations, environments and their history."""
    held = (Organization, Environment, Event, Draft, Plan, Connection)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in held}


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--dry-run",), 0),
        (("--approve", "0" * 64), 1),
        (("--dry-run", "--account", "999999999999"), 1),
        (("--region", "us-gov-west-1", "--yes"), 1),
        (("--region", "cn-north-1", "--yes"), 2),
        (("--policy", "junk", "--yes"), 2),
        (("--name", "n" * 201, "--yes"), 2),
    ],
)
def test_whenever_no_run_came_of_it_everything_is_as_it_was(known: bool, arguments: tuple[str, ...], code: int) -> None:
    ids = ("66a0c0ffee5a4db0c4b0a001", "66a0c0ffee5a4db0c4b0e001") if known else IDS
    changes = ("--region", "eu-west-1", "--name", "Another", "--issuer", VERTESIA_ISSUER)
    before = everything()
    answer = run("connect", *ids, *changes, *arguments)
    assert answer.code == code, answer.said
    assert everything() == before


def test_what_was_typed_about_a_known_environment_holds_from_the_approval_on() -> None:
    known = Environment.objects.get(name="Bedrock US")
    answer = run(
        "connect", known.organization.organization_id, known.environment_id, "--region", "eu-west-1",
        "--name", "Another", "--yes", "--json",
    )  # fmt: skip
    known.refresh_from_db()
    assert (known.name, known.endpoint_url) == ("Another", "eu-west-1")
    assert answer.json["role_arn"].endswith(":role/VertesiaEnvironmentAnother")


def test_an_unusual_id_is_warned_of_and_taken(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run("connect", ORGANIZATION, "my-env", *REGION, "--dry-run")
    assert answer.code == 0
    assert capsys.readouterr().err == (
        "The environment id my-env is not the usual 24 hexadecimal digits. Compare it with Studio once more.\n"
    )


def test_what_was_not_done_is_told_as_planned(sandbox: Sandbox) -> None:
    allowed = ["iam:Get*", "iam:List*", "iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", "sts:*"]
    sandbox.allow({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]})
    answer = connect("--yes", "--json")
    assert (answer.code, answer.json["problem"]["code"]) == (1, "worker_denied")
    assert [(action["action"], action["outcome"]) for action in answer.json["actions"]] == [
        ("CreateOpenIDConnectProvider", "created"),
        ("CreateRole", "planned"),
        ("PutRolePolicy", "planned"),
    ]


def test_the_fingerprint_of_a_dry_run_approves_that_plan_and_no_other(sandbox: Sandbox) -> None:
    fingerprint = connect("--dry-run", "--json").json["fingerprint"]
    refused = connect("--approve", "0" * 64, "--json")
    assert (refused.code, refused.json["problem"]["code"]) == (1, "other_plan")
    assert f"The plan made now is {fingerprint}" in refused.said
    changed = run("connect", *IDS, "--region", "eu-west-1", "--approve", fingerprint)
    assert changed.code == 1
    assert roles(sandbox) == ["VertesiaConsole"]
    assert not Connection.objects.exists()

    approved = connect("--approve", fingerprint, "--json")
    assert (approved.code, approved.json["fingerprint"]) == (0, fingerprint)


def test_a_fingerprint_holds_for_a_later_change_too() -> None:
    connect("--yes")
    fingerprint = connect("--policy", "full", "--dry-run", "--json").json["fingerprint"]
    approved = connect("--policy", "full", "--approve", fingerprint, "--json")
    assert (approved.code, approved.json["status"]) == (0, "connected")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("connect", *IDS, "--region", "cn-north-1"), "does not exist in AWS China"),
        (("connect", "org*", ENVIRONMENT, *REGION), "A Vertesia id holds only letters"),
        (("connect", ORGANIZATION, "env:x", *REGION), "A Vertesia id holds only letters"),
        (("connect", ORGANIZATION, ORGANIZATION, *REGION), "are the same"),
        (("connect", *IDS, "--region", "Virginia"), "A region looks like us-east-1"),
        (("connect", *IDS, *REGION, "--role-name", "not a name"), "A role name has 1 to 64"),
        (("connect", *IDS, *REGION, "--policy", "everything"), "A policy ARN looks like"),
        (("connect", *IDS, *REGION, "--policy", "arn:aws:iam::999999999999:policy/X"), "belongs to account 9999-"),
        (("connect", *IDS, *REGION, "--tag", "novalue"), "is not a tag"),
        (("connect", *IDS, *REGION, "--tag", "aws:x=1"), "kept for AWS"),
        (("connect", *IDS, *REGION, "--issuer", "https://evil.example"), "is not known here"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_with_two_and_writes_nothing(
    sandbox: Sandbox, arguments: tuple[str, ...], words: str
) -> None:
    answer = run(*arguments, "--yes")
    assert (answer.code, words in answer.said) == (2, True), answer.said
    assert roles(sandbox) == ["VertesiaConsole"]


def test_what_cannot_be_done_is_said_with_one_and_the_same_keys(sandbox: Sandbox) -> None:
    sandbox.allow({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]})
    answer = connect("--yes", "--json")
    assert (answer.code, set(answer.json)) == (1, KEYS)
    assert answer.json["problem"]["code"] == "worker_denied"
    assert (answer.json["fingerprint"], answer.json["actions"]) == (None, [])
    assert "The console may not call iam:" in answer.said


def test_a_sandbox_that_is_not_running_is_said(settings: Settings) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    answer = connect("--yes")
    assert answer.code == 1
    assert "The sandbox AWS does not answer." in answer.said


def test_an_environment_of_another_provider_is_refused() -> None:
    known = Environment.objects.get(name="Bedrock US")
    Environment.objects.filter(pk=known.pk).update(provider=Provider.OPENAI)
    answer = run("connect", known.organization.organization_id, known.environment_id, *REGION, "--yes")
    assert answer.code == 1
    assert "is an environment of OpenAI" in answer.said


def trust_vertesia(sandbox: Sandbox) -> None:
    """Its issuer is out of reach of a test; IAM was told of it before."""
    sandbox.process.admin("iam").create_open_id_connect_provider(
        Url=VERTESIA_ISSUER, ClientIDList=["bedrock"], ThumbprintList=["0" * 40]
    )


def test_vertesias_issuer_exits_with_three_and_says_what_to_do_in_studio(sandbox: Sandbox) -> None:
    trust_vertesia(sandbox)
    answer = connect("--issuer", VERTESIA_ISSUER, "--yes", "--json")
    assert (answer.code, answer.json["status"]) == (3, "waiting_for_vertesia")
    assert f"set the environment's API Key to {answer.json['role_arn']}" in answer.said
    results = {check["check"]: check["result"] for check in answer.json["checks"]}
    assert set(results.values()) == {"pass", "skipped"}
    assert {results[name] for name in ("token", "exchange", "identity", "foundation_models")} == {"skipped"}


def test_a_connected_environment_moves_to_another_issuer_by_one_plan(sandbox: Sandbox) -> None:
    connect("--yes")
    trust_vertesia(sandbox)
    told = connect("--issuer", VERTESIA_ISSUER, "--yes", "--json").json
    assert (told["issuer"], told["status"]) == (VERTESIA_ISSUER, "waiting_for_vertesia")
    assert ("UpdateAssumeRolePolicy", "updated") in [(act["action"], act["outcome"]) for act in told["actions"]]


def test_names_policy_and_tags_go_into_the_role(sandbox: Sandbox) -> None:
    connect("--role-name", "VertesiaMine", "--policy", "full", "--tag", "Team=Sales", "--tag", "Cost=a=b", "--yes")
    role = sandbox.process.stored_role("VertesiaMine")
    assert role["attached_policies"] == ["arn:aws:iam::aws:policy/AmazonBedrockFullAccess"]
    assert role["tags"].items() >= {"Team": "Sales", "Cost": "a=b"}.items()


def test_the_actor_is_the_operating_systems_user() -> None:
    connect("--yes")
    actors = set(Event.objects.filter(action__startswith="aws.").values_list("actor", flat=True))
    assert len(actors) == 1
    assert actors.pop().startswith("os:")


def test_verify_proves_anew(sandbox: Sandbox) -> None:
    connect("--yes")
    answer = run("verify", ENVIRONMENT, "--json")
    assert (answer.code, answer.json["status"]) == (0, "connected")
    assert set(answer.json) >= {"status", "checks", "models", "aws_calls"}
    assert len(answer.json["models"]) > 60
    assert "pass  exchange: STS lent role" in run("verify", ENVIRONMENT).out


def test_verify_names_the_cause_and_the_remedy_and_exits_with_one(sandbox: Sandbox) -> None:
    connect("--yes")
    sandbox.process.admin("iam").delete_open_id_connect_provider(
        OpenIDConnectProviderArn=Connection.objects.get().provider_arn
    )
    answer = run("verify", ENVIRONMENT, "--json")
    assert (answer.code, answer.json["status"]) == (1, "needs_attention")
    assert "has no identity provider" in answer.said
    assert "Plan the connection again" in answer.said


def test_a_lost_encryption_key_is_said_with_the_command_that_mends_it(sandbox: Sandbox, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["another key than the one that the console was prepared with"]
    answer = connect("--yes", "--json")
    problem = answer.json["problem"]
    assert (answer.code, problem["code"], problem["command"]) == (
        1, "signing_key_lost", "./manage.py prepare --new-signing-key",
    )  # fmt: skip
    assert answer.json["status"] == "needs_attention"
    assert answer.json["checks"][0]["result"] == "fail"
    with pytest.raises(CommandError, match="cannot be decrypted"):
        call_command("rotate_encryption_key")

    assert "signs with a new key" in run("prepare", "--new-signing-key").out
    sandbox.issuer.jwks = {"keys": list_public_jwks()}
    answer = run("verify", ENVIRONMENT, "--json")
    assert (answer.code, answer.json["status"]) == (0, "connected")
    call_command("rotate_encryption_key", stdout=StringIO())


def test_a_missing_signing_key_is_said_with_the_same_command() -> None:
    SigningKey.objects.all().delete()
    answer = connect("--yes", "--json")
    assert (answer.code, answer.json["problem"]["code"]) == (1, "signing_key_lost")
    assert "has no signing key" in answer.said


@pytest.mark.parametrize(
    ("environment_id", "words"),
    [("nobody", "No environment nobody is connected here"), ("not an id", "A Vertesia id holds only letters")],
)
def test_verify_refuses_what_is_not_connected(environment_id: str, words: str) -> None:
    answer = run("verify", environment_id)
    assert (answer.code, words in answer.said) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("connect", *IDS, *REGION, "--yes"), 1, "not prepared yet"),
        (("connect", *IDS, "--yes"), 2, "--region"),
        (("connect", *IDS, *REGION), 2, "--dry-run"),
    ],
)
def test_a_real_process_exits_so_and_shows_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = subprocess.run(
        [sys.executable, str(project.BASE_DIR / "manage.py"), *arguments],
        env=os.environ | {"VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_what_others_wrote_into_a_trust_policy_reaches_no_terminal_as_a_command_to_it(sandbox: Sandbox) -> None:
    role_name = connect("--name", "Marketing", "--yes", "--json").json["role_arn"].rsplit("/", 1)[-1]
    trust = sandbox.process.stored_role(role_name)["trust_policy"]
    [key] = [key for key in trust["Statement"][0]["Condition"]["StringEquals"] if key.endswith(":sub")]
    trust["Statement"][0]["Condition"]["StringEquals"][key] = "env:\x1b[2K\rConnected:\x07"
    sandbox.process.admin("iam").update_assume_role_policy(RoleName=role_name, PolicyDocument=json.dumps(trust))
    answer = run("verify", ENVIRONMENT)
    assert "trusts another subject" in answer.said
    assert not [sign for sign in answer.said + answer.out if sign < " " and sign != "\n"]
