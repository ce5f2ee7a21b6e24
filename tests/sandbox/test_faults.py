"""The fault lab: calls that fail, wait or lose their answer because the sandbox was told so, as boto3 meets them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.sandbox.chain import Chain
from tests.sandbox.process import ACCOUNT, ADMINISTRATORS, CONSOLE, SECOND_ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
Order = Callable[..., int]

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
OTHER_TRUST = TRUST.replace("ec2", "lambda")
NOTHING_ALLOWED = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
USER_ARN = f"arn:aws:iam::{ACCOUNT}:user/administrator"


@pytest.fixture(autouse=True)
def clean(sandbox: SandboxProcess) -> Iterator[None]:
    yield
    assert sandbox.control("DELETE", "faults") == (200, {"faults": []})
    sandbox.control("POST", "reset", {})


@pytest.fixture
def order(sandbox: SandboxProcess) -> Order:
    def send(kind: str, action: str = "*", **more: Any) -> int:
        status, fault = sandbox.control("POST", "faults", {"kind": kind, "action": action} | more)
        assert status == 200, fault
        return int(fault["id"])

    return send


@pytest.fixture
def iam(sandbox: SandboxProcess) -> Any:
    return sandbox.admin("iam")


@pytest.fixture
def in_background() -> Iterator[Callable[..., Future[Any]]]:
    with ThreadPoolExecutor(4) as threads:
        yield threads.submit


def the_fault(sandbox: SandboxProcess, fault_id: int) -> dict[str, Any]:
    _, answer = sandbox.control("GET", "faults")
    [fault] = [fault for fault in answer["faults"] if fault["id"] == fault_id]
    found: dict[str, Any] = fault
    return found


def wait_until_held(sandbox: SandboxProcess, fault_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while not (holding := the_fault(sandbox, fault_id)["holding"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    held: dict[str, Any] = holding[0]
    return held


def role_names(sandbox: SandboxProcess, account_id: str = ACCOUNT) -> list[str]:
    """What IAM really holds."""
    _, state = sandbox.control("GET", "state")
    [account] = [account for account in state["accounts"] if account["account_id"] == account_id]
    return [role["name"] for role in account["roles"]]


@pytest.mark.parametrize(
    ("kind", "code", "status", "words"),
    [
        ("throttled", "Throttling", 400, "Rate exceeded"),
        ("unavailable", "ServiceUnavailable", 503, "The request has failed due to a temporary failure of the server."),
        ("internal_error", "InternalFailure", 500, "unknown error, exception or failure"),
        ("concurrent_modification", "ConcurrentModification", 409, "multiple requests to change this object"),
        ("limit_exceeded", "LimitExceeded", 409, "Cannot exceed quota for RolesPerAccount: 1000"),
        ("credentials_expired", "ExpiredToken", 403, "The security token included in the request is expired"),
        ("clock_skewed", "SignatureDoesNotMatch", 403, "Signature expired: "),
    ],
)
def test_iam_fails_in_its_own_words_and_then_goes_on(
    sandbox: SandboxProcess, iam: Any, order: Order, kind: str, code: str, status: int, words: str
) -> None:
    fault_id = order(kind, "CreateRole")
    with pytest.raises(ClientError) as caught:
        iam.create_role(RoleName="Once", AssumeRolePolicyDocument=TRUST)
    assert caught.value.response["Error"]["Code"] == code
    assert words in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert "Once" not in role_names(sandbox)
    iam.create_role(RoleName="Once", AssumeRolePolicyDocument=TRUST)
    assert the_fault(sandbox, fault_id)["met"] == 1


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttled", "ThrottlingException", 429),
        ("unavailable", "ServiceUnavailableException", 503),
        ("internal_error", "InternalServerException", 500),
        ("credentials_expired", "ExpiredTokenException", 403),
        ("clock_skewed", "InvalidSignatureException", 403),
        ("unknown_operation", "ValidationException", 400),
        ("operation_not_allowed", "ValidationException", 400),
    ],
)
def test_bedrock_fails_in_its_own_words(
    sandbox: SandboxProcess, order: Order, kind: str, code: str, status: int
) -> None:
    order(kind, "ListFoundationModels")
    with pytest.raises(ClientError) as caught:
        sandbox.admin("bedrock").list_foundation_models()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_list_that_a_region_does_not_offer_is_no_denial(
    sandbox: SandboxProcess, order: Order, refusal: Refused
) -> None:
    order("unknown_operation", "ListCustomModels", times=None)
    bedrock = sandbox.admin("bedrock")
    assert refusal(bedrock.list_custom_models) == ("ValidationException", "Unknown operation")
    bedrock.list_foundation_models()
    refused = {"kind": "operation_not_allowed", "action": "ListRoles"}
    assert sandbox.control("POST", "faults", refused)[0] == 400


def test_the_exchange_of_a_token_can_be_throttled(chain: Chain, order: Order, refusal: Refused) -> None:
    order("throttled", "AssumeRoleWithWebIdentity", account_id=ACCOUNT)
    assert refusal(chain.exchange) == ("Throttling", "Rate exceeded")
    chain.exchange()


def test_the_skewed_clock_names_both_times(iam: Any, order: Order, refusal: Refused) -> None:
    order("clock_skewed")
    _, message = refusal(iam.list_roles)
    assert re.fullmatch(
        r"Signature expired: T is now earlier than T \(T - 15 min\.\)", re.sub(r"\d{8}T\d{6}Z", "T", message)
    )


def test_it_strikes_as_often_as_told_after_those_that_pass(
    sandbox: SandboxProcess, iam: Any, order: Order, refusal: Refused
) -> None:
    fault_id = order("throttled", "ListRoles", skip=1, times=2)
    iam.list_roles()
    iam.list_open_id_connect_providers()
    for _ in range(2):
        assert refusal(iam.list_roles)[0] == "Throttling"
    iam.list_roles()
    assert the_fault(sandbox, fault_id)["met"] == 2


def test_it_strikes_in_its_account_only_until_it_is_cleared(
    sandbox: SandboxProcess, iam: Any, order: Order, refusal: Refused
) -> None:
    fault_id = order("unavailable", account_id=SECOND_ACCOUNT, times=None)
    iam.list_roles()
    for _ in range(3):
        assert refusal(sandbox.admin("iam", SECOND_ACCOUNT).list_roles)[0] == "ServiceUnavailable"
    assert sandbox.control("DELETE", f"faults/{fault_id}") == (200, {"faults": []})
    sandbox.admin("iam", SECOND_ACCOUNT).list_roles()


def test_two_faults_are_met_one_after_the_other(iam: Any, order: Order, refusal: Refused) -> None:
    order("throttled", "ListRoles")
    order("unavailable", "ListRoles")
    assert [refusal(iam.list_roles)[0] for _ in range(2)] == ["Throttling", "ServiceUnavailable"]
    iam.list_roles()


def test_a_concurrent_change_disturbs_writes_only(iam: Any, order: Order, refusal: Refused) -> None:
    order("concurrent_modification")
    iam.list_roles()
    assert refusal(iam.create_role, RoleName="Twice", AssumeRolePolicyDocument=TRUST)[0] == "ConcurrentModification"


@pytest.mark.parametrize(
    ("layer", "ending"),
    [
        ("identity", "because no identity-based policy allows the iam:CreateRole action"),
        ("boundary", "because no permissions boundary allows the iam:CreateRole action"),
        ("session", "because no session policy allows the iam:CreateRole action"),
        ("scp", "with an explicit deny in a service control policy"),
        ("rcp", "with an explicit deny in a resource control policy"),
    ],
)
def test_a_denial_names_the_layer_as_aws_names_it(
    iam: Any, order: Order, refusal: Refused, layer: str, ending: str
) -> None:
    order("denied", "CreateRole", layer=layer)
    resource = f"arn:aws:iam::{ACCOUNT}:role/Denied"
    assert refusal(iam.create_role, RoleName="Denied", AssumeRolePolicyDocument=TRUST) == (
        "AccessDenied",
        f"User: {USER_ARN} is not authorized to perform: iam:CreateRole on resource: {resource} {ending}",
    )


def test_a_denial_may_name_no_layer(sandbox: SandboxProcess, order: Order, refusal: Refused) -> None:
    order("denied", "ListFoundationModels", layer="unstated")
    assert refusal(sandbox.admin("bedrock").list_foundation_models) == (
        "AccessDeniedException",
        f"User: {USER_ARN} is not authorized to perform: bedrock:ListFoundationModels",
    )


@pytest.mark.parametrize("layer", ["identity", "scp"])
def test_a_denied_exchange_never_says_why(chain: Chain, order: Order, refusal: Refused, layer: str) -> None:
    order("denied", "AssumeRoleWithWebIdentity", layer=layer)
    assert refusal(chain.exchange) == ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def test_a_role_that_may_not_be_assumed_names_the_policy(
    sandbox: SandboxProcess, order: Order, refusal: Refused
) -> None:
    order("denied", "AssumeRole", layer="scp")
    arn = f"arn:aws:iam::{ACCOUNT}:role/VertesiaConsole"
    code, message = refusal(sandbox.admin("sts").assume_role, RoleArn=arn, RoleSessionName="test")
    assert code == "AccessDenied"
    assert message.endswith(f"sts:AssumeRole on resource: {arn} with an explicit deny in a service control policy")


@pytest.mark.parametrize("kind", ["reset_connection", "answer_lost"])
def test_boto_sees_a_broken_connection_and_the_role_is_there_only_if_the_answer_was_lost(
    sandbox: SandboxProcess, iam: Any, order: Order, kind: str
) -> None:
    order(kind, "CreateRole")
    with pytest.raises(ConnectionClosedError):
        iam.create_role(RoleName="Lost", AssumeRolePolicyDocument=TRUST)
    assert ("Lost" in role_names(sandbox)) is (kind == "answer_lost")
    iam.list_roles()


def test_a_call_that_times_out_is_not_performed(sandbox: SandboxProcess, order: Order) -> None:
    order("timeout", "CreateRole")
    hasty = impatient(sandbox, read_timeout=0.5)
    with pytest.raises(ReadTimeoutError):
        hasty.create_role(RoleName="Never", AssumeRolePolicyDocument=TRUST)
    assert "Never" not in role_names(sandbox)


def test_who_outlasts_the_time_out_finds_the_connection_dropped(
    sandbox: SandboxProcess, iam: Any, order: Order
) -> None:
    order("timeout", "CreateRole", seconds=0.5)
    started = time.monotonic()
    with pytest.raises(ConnectionClosedError):
        iam.create_role(RoleName="Never", AssumeRolePolicyDocument=TRUST)
    assert 0.45 < time.monotonic() - started < 5
    assert "Never" not in role_names(sandbox)


def impatient(sandbox: SandboxProcess, *, read_timeout: float) -> Any:

    access_key, secret = ADMINISTRATORS[ACCOUNT]
    return boto3.client(
        "iam",
        endpoint_url=sandbox.url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
    )


@pytest.mark.parametrize(("kind", "is_done_meanwhile"), [("hold_before", False), ("hold_after", True)])
def test_a_held_call_goes_on_when_its_fault_is_deleted(
    sandbox: SandboxProcess,
    iam: Any,
    order: Order,
    in_background: Callable[..., Future[Any]],
    kind: str,
    is_done_meanwhile: bool,
) -> None:
    fault_id = order(kind, "CreateRole")
    created = in_background(iam.create_role, RoleName="Held", AssumeRolePolicyDocument=TRUST)
    assert wait_until_held(sandbox, fault_id)["call"] == "CreateRole"
    assert ("Held" in role_names(sandbox)) is is_done_meanwhile
    assert not created.done()
    sandbox.control("DELETE", f"faults/{fault_id}")
    assert created.result(timeout=5)["Role"]["RoleName"] == "Held"
    assert "Held" in role_names(sandbox)


def test_nobody_is_held_longer_than_told(sandbox: SandboxProcess, iam: Any, order: Order) -> None:
    fault_id = order("hold_before", "CreateRole", seconds=0.3)
    iam.create_role(RoleName="Patient", AssumeRolePolicyDocument=TRUST)
    assert the_fault(sandbox, fault_id) | {"met": 1, "holding": []} == the_fault(sandbox, fault_id)


@pytest.mark.parametrize(("kind", "is_done"), [("hold_before", False), ("hold_after", True)])
def test_the_process_behind_a_held_call_is_found_by_its_port_and_its_death_is_noticed(
    sandbox: SandboxProcess, order: Order, kind: str, is_done: bool
) -> None:
    fault_id = order(kind, "CreateRole")
    program = (
        "import sys, boto3\n"
        "iam = boto3.client('iam', endpoint_url=sys.argv[1], region_name='us-east-1',"
        " aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3])\n"
        "iam.create_role(RoleName='Orphan', AssumeRolePolicyDocument=sys.argv[4])\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", program, sandbox.url, *CONSOLE, TRUST])
    held = wait_until_held(sandbox, fault_id)
    assert held["client_port"] in ports_of(caller.pid)
    caller.kill()
    caller.wait(timeout=5)
    sandbox.control("DELETE", f"faults/{fault_id}")
    time.sleep(0.3)
    assert ("Orphan" in role_names(sandbox)) is is_done


def ports_of(pid: int) -> list[int]:

    return [connection.laddr.port for connection in psutil.Process(pid).net_connections(kind="tcp")]


def test_a_sandbox_that_stops_answers_what_it_held(tmp_path: Any, in_background: Callable[..., Future[Any]]) -> None:
    sandbox = SandboxProcess(tmp_path, "--propagation", "0")
    _, fault = sandbox.control("POST", "faults", {"kind": "hold_before", "action": "ListRoles"})
    listed = in_background(sandbox.admin("iam").list_roles)
    wait_until_held(sandbox, fault["id"])
    assert sandbox.stop() < 3
    assert listed.result(timeout=5)["Roles"]


def test_a_late_role_is_not_there_for_iam_itself(chain: Chain, order: Order, refusal: Refused) -> None:
    iam = chain.iam
    order("late", "CreateRole", what="role", seconds=3)
    iam.create_role(RoleName="Late", AssumeRolePolicyDocument=json.dumps(chain.trust()))
    for call in (
        lambda: iam.get_role(RoleName="Late"),
        lambda: iam.list_role_policies(RoleName="Late"),
        lambda: iam.put_role_policy(RoleName="Late", PolicyName="P", PolicyDocument=NOTHING_ALLOWED),
        lambda: iam.tag_role(RoleName="late", Tags=[{"Key": "a", "Value": "b"}]),
        lambda: iam.update_assume_role_policy(RoleName="Late", PolicyDocument=TRUST),
    ):
        assert refusal(call)[0] == "NoSuchEntity"
    assert "Late" not in [role["RoleName"] for role in iam.list_roles()["Roles"]]
    assert refusal(iam.create_role, RoleName="Late", AssumeRolePolicyDocument=TRUST)[0] == "EntityAlreadyExists"
    arn = chain.role_arn.replace(chain.role_name, "Late")
    assert refusal(chain.exchange, role_arn=arn)[0] == "AccessDenied"
    time.sleep(3)
    iam.put_role_policy(RoleName="Late", PolicyName="P", PolicyDocument=NOTHING_ALLOWED)
    assert "Late" in [role["RoleName"] for role in iam.list_roles()["Roles"]]
    chain.exchange(role_arn=arn)


def test_a_role_deleted_late_still_shows(iam: Any, order: Order, refusal: Refused) -> None:
    iam.create_role(RoleName="Ghost", AssumeRolePolicyDocument=TRUST)
    order("late", what="role", seconds=1.5)
    iam.delete_role(RoleName="Ghost")
    assert iam.get_role(RoleName="Ghost")["Role"]["RoleName"] == "Ghost"
    assert "Ghost" in [role["RoleName"] for role in iam.list_roles()["Roles"]]
    time.sleep(1.6)
    assert refusal(iam.get_role, RoleName="Ghost")[0] == "NoSuchEntity"


def test_a_late_trust_policy_shows_the_old_one_to_everybody(chain: Chain, order: Order, refusal: Refused) -> None:
    order("late", what="trust", seconds=2)
    chain.set_trust(json.loads(TRUST))
    shown = chain.iam.get_role(RoleName=chain.role_name)["Role"]["AssumeRolePolicyDocument"]
    assert shown == chain.trust()
    chain.exchange()
    time.sleep(2)
    shown = chain.iam.get_role(RoleName=chain.role_name)["Role"]["AssumeRolePolicyDocument"]
    assert shown == json.loads(TRUST)
    assert refusal(chain.exchange)[0] == "AccessDenied"


def test_late_policies_show_the_old_ones_to_everybody(chain: Chain, order: Order, refusal: Refused) -> None:
    iam, name = chain.iam, chain.role_name
    bedrock = chain.sandbox.client("bedrock", chain.keys())
    order("late", what="policy", seconds=3, times=3)
    iam.put_role_policy(RoleName=name, PolicyName="VertesiaBedrock", PolicyDocument=NOTHING_ALLOWED)
    iam.put_role_policy(RoleName=name, PolicyName="More", PolicyDocument=NOTHING_ALLOWED)
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockReadOnly")
    assert "bedrock:InvokeModel" in str(iam.get_role_policy(RoleName=name, PolicyName="VertesiaBedrock"))
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["VertesiaBedrock"]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    assert refusal(iam.get_role_policy, RoleName=name, PolicyName="More")[0] == "NoSuchEntity"
    assert refusal(iam.delete_role_policy, RoleName=name, PolicyName="More")[0] == "NoSuchEntity"
    bedrock.list_inference_profiles()
    time.sleep(3)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["More", "VertesiaBedrock"]
    assert len(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]) == 1
    assert "bedrock:InvokeModel" not in str(iam.get_role_policy(RoleName=name, PolicyName="VertesiaBedrock"))


def test_a_late_provider_is_not_there_for_iam_itself(chain: Chain, order: Order, refusal: Refused) -> None:
    iam, arn = chain.iam, chain.provider_arn
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    order("late", what="provider", seconds=3)
    iam.create_open_id_connect_provider(Url=chain.issuer.url, ClientIDList=["bedrock"])
    assert refusal(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)[0] == "NoSuchEntity"
    assert {"Arn": arn} not in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert (
        refusal(iam.add_client_id_to_open_id_connect_provider, OpenIDConnectProviderArn=arn, ClientID="x")[0]
        == "NoSuchEntity"
    )
    again = refusal(iam.create_open_id_connect_provider, Url=chain.issuer.url, ClientIDList=["bedrock"])
    assert again[0] == "EntityAlreadyExists"
    assert refusal(chain.exchange)[1].startswith("No OpenIDConnect provider found")
    time.sleep(3)
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    chain.exchange()


def test_a_late_audience_is_not_listed_yet(chain: Chain, order: Order, refusal: Refused) -> None:
    named = {"OpenIDConnectProviderArn": chain.provider_arn}
    order("late", "AddClientIDToOpenIDConnectProvider", what="audience", seconds=2)
    chain.iam.add_client_id_to_open_id_connect_provider(**named, ClientID="blobs")
    assert chain.iam.get_open_id_connect_provider(**named)["ClientIDList"] == ["bedrock"]
    host = chain.issuer.url.partition("://")[2]
    chain.set_trust(chain.trust({"StringEquals": {f"{host}:sub": chain.subject}}))
    token = chain.issuer.token(chain.subject, aud="blobs")
    assert refusal(chain.exchange, token) == ("InvalidIdentityToken", "Incorrect token audience")
    time.sleep(2)
    assert chain.iam.get_open_id_connect_provider(**named)["ClientIDList"] == ["bedrock", "blobs"]
    chain.exchange(token)


def test_a_flapping_trust_policy_shows_new_and_old_in_turn_and_then_settles(iam: Any, order: Order) -> None:
    iam.create_role(RoleName="Flag", AssumeRolePolicyDocument=TRUST)
    order("flapping", what="trust", seconds=2)
    iam.update_assume_role_policy(RoleName="Flag", PolicyDocument=OTHER_TRUST)

    def shown() -> str:
        document = iam.get_role(RoleName="Flag")["Role"]["AssumeRolePolicyDocument"]
        return str(document["Statement"][0]["Principal"]["Service"]).partition(".")[0]

    assert [shown() for _ in range(4)] == ["lambda", "ec2", "lambda", "ec2"]
    time.sleep(2)
    assert [shown() for _ in range(3)] == ["lambda"] * 3


def test_a_flapping_role_comes_and_goes(iam: Any, order: Order) -> None:
    order("flapping", "CreateRole", what="role", seconds=60)
    iam.create_role(RoleName="Blink", AssumeRolePolicyDocument=TRUST)
    seen = ["Blink" in [role["RoleName"] for role in iam.list_roles()["Roles"]] for _ in range(4)]
    assert seen == [True, False, True, False]


def test_a_write_that_fails_uses_no_lateness_up(sandbox: SandboxProcess, iam: Any, order: Order) -> None:
    fault_id = order("late", "CreateRole", what="role", seconds=0.1)
    with pytest.raises(ClientError):
        iam.create_role(RoleName="Wrong", AssumeRolePolicyDocument="{}")
    assert the_fault(sandbox, fault_id)["met"] == 0


def test_a_service_control_policy_denies_every_principal_of_its_account(
    sandbox: SandboxProcess, chain: Chain, refusal: Refused
) -> None:
    bedrock = sandbox.client("bedrock", chain.keys())
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["bedrock:List*", "iam:CreateRole"], "Resource": "*"},
        ],
    }
    set_policy(sandbox, policy)
    words = "with an explicit deny in a service control policy"
    assert refusal(bedrock.list_foundation_models)[1].endswith(f"bedrock:ListFoundationModels {words}")
    assert refusal(chain.iam.create_role, RoleName="X", AssumeRolePolicyDocument=TRUST)[1].endswith(words)
    chain.iam.list_roles()
    sandbox.admin("iam", SECOND_ACCOUNT).create_role(RoleName="X", AssumeRolePolicyDocument=TRUST)
    set_policy(sandbox, None)
    bedrock.list_foundation_models()


def test_what_a_service_control_policy_does_not_allow_is_denied_and_simulated_so(
    sandbox: SandboxProcess, iam: Any, refusal: Refused
) -> None:
    allowed = {"Effect": "Allow", "Action": ["iam:List*", "iam:Simulate*"], "Resource": "*"}
    set_policy(sandbox, {"Version": "2012-10-17", "Statement": [allowed]})
    iam.list_roles()
    code, message = refusal(iam.create_role, RoleName="X", AssumeRolePolicyDocument=TRUST)
    assert code == "AccessDenied"
    assert message.endswith("because no service control policy allows the iam:CreateRole action")
    arn = f"arn:aws:iam::{ACCOUNT}:role/VertesiaConsole"
    sts = sandbox.admin("sts")
    assert "no service control policy" in refusal(sts.assume_role, RoleArn=arn, RoleSessionName="test")[1]
    [create, listing] = iam.simulate_principal_policy(
        PolicySourceArn=USER_ARN, ActionNames=["iam:CreateRole", "iam:ListRoles"]
    )["EvaluationResults"]
    assert create["EvalDecision"] == "implicitDeny"
    assert create["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    assert listing["EvalDecision"] == "allowed"


def set_policy(sandbox: SandboxProcess, policy: Any) -> None:
    order = {"account_id": ACCOUNT, "service_control_policy": policy}
    assert sandbox.control("POST", "organization_policies", order) == (200, order)


def test_quotas_can_be_lowered_and_are_told_and_kept(sandbox: SandboxProcess, chain: Chain, refusal: Refused) -> None:
    iam = chain.iam
    quotas = {"RolesQuota": 2, "AssumeRolePolicySizeQuota": 150, "ClientIdsPerOpenIdConnectProvider": 1}
    assert sandbox.control("POST", "settings", {"quotas": quotas, "account_id": ACCOUNT})[0] == 200
    summary = iam.get_account_summary()["SummaryMap"]
    assert {"Roles": 2, "RolesQuota": 2, "AssumeRolePolicySizeQuota": 150, "Providers": 1}.items() <= summary.items()
    assert refusal(iam.create_role, RoleName="Third", AssumeRolePolicyDocument=TRUST) == (
        "LimitExceeded",
        "Cannot exceed quota for RolesPerAccount: 2",
    )
    assert refusal(chain.set_trust, chain.trust()) == (
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 150",
    )
    spacious = json.dumps(json.loads(TRUST), indent=40)
    assert len(spacious) > 150
    iam.update_assume_role_policy(RoleName=chain.role_name, PolicyDocument=spacious)
    named = {"OpenIDConnectProviderArn": chain.provider_arn}
    assert refusal(iam.add_client_id_to_open_id_connect_provider, **named, ClientID="second") == (
        "LimitExceeded",
        "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 1",
    )
    sandbox.admin("iam", SECOND_ACCOUNT).create_role(RoleName="Free", AssumeRolePolicyDocument=TRUST)
    sandbox.control("POST", "settings", {"quotas": {"RolesQuota": None}, "account_id": ACCOUNT})
    assert iam.get_account_summary()["SummaryMap"]["RolesQuota"] == 1000


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({}, "kind must be one of throttled, "),
        ({"kind": "earthquake"}, "kind must be one of"),
        ({"kind": "throttled", "action": "BuildRole"}, "action must be * or a call that the sandbox offers"),
        ({"kind": "throttled", "account_id": "1234"}, "account_id must be 12 digits or *"),
        ({"kind": "throttled", "times": 0}, "times must be a whole number"),
        ({"kind": "throttled", "times": True}, "times must be a whole number"),
        ({"kind": "throttled", "skip": -1}, "skip must be a whole number"),
        ({"kind": "timeout", "seconds": "long"}, "seconds of timeout must be a number"),
        ({"kind": "hold_before", "seconds": 61}, "seconds of hold_before must be a number above 0, at most 60"),
        ({"kind": "denied", "layer": "moon"}, "layer must be one of identity, "),
        ({"kind": "denied", "action": "GetCallerIdentity"}, "GetCallerIdentity cannot be denied"),
        ({"kind": "late"}, "what must be one of "),
        ({"kind": "late", "what": "role", "action": "GetRole"}, "GetRole cannot be late with role"),
        ({"kind": "limit_exceeded", "action": "ListRoles"}, "ListRoles cannot be limit_exceeded"),
        ({"kind": "throttled", "probability": 0.5}, "there is no probability in a fault"),
    ],
)
def test_a_fault_that_is_none_is_refused_with_a_sentence(
    sandbox: SandboxProcess, order: dict[str, Any], sentence: str
) -> None:
    status, answer = sandbox.control("POST", "faults", order)
    assert status == 400
    assert sentence in answer["error"]
    assert sandbox.control("GET", "faults") == (200, {"faults": []})


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("organization_policies", {"account_id": ACCOUNT}),
        ("organization_policies", {"account_id": "999999999999", "service_control_policy": None}),
        ("organization_policies", {"account_id": ACCOUNT, "service_control_policy": {"Statement": "x"}}),
        ("settings", {"quotas": {"MoonQuota": 1}}),
        ("settings", {"quotas": {"RolesQuota": -1}}),
        ("settings", {"quotas": [], "account_id": ACCOUNT}),
        ("settings", {"quotas": {"RolesQuota": 1}, "account_id": "1"}),
    ],
)
def test_other_rubbish_is_refused_too(sandbox: SandboxProcess, name: str, order: dict[str, Any]) -> None:
    assert sandbox.control("POST", name, order)[0] == 400


def test_a_fault_that_is_not_there_cannot_be_deleted(sandbox: SandboxProcess) -> None:
    assert sandbox.control("DELETE", "faults/12345") == (404, {"error": "there is no fault 12345"})
    assert sandbox.control("DELETE", "faults/x")[0] == 404


def test_state_shows_the_standing_faults_and_reset_clears_everything(
    sandbox: SandboxProcess, iam: Any, order: Order
) -> None:
    order("throttled", "CreateRole", account_id=ACCOUNT, times=None)
    order("late", "CreateRole", what="role")
    sandbox.control("POST", "settings", {"quotas": {"RolesQuota": 0}})
    set_policy(sandbox, json.loads(NOTHING_ALLOWED))
    _, state = sandbox.control("GET", "state")
    assert [(fault["kind"], fault["met"]) for fault in state["faults"]] == [("throttled", 0), ("late", 0)]
    assert state["accounts"][0]["quotas"]["RolesQuota"] == 0
    assert state["accounts"][0]["service_control_policy"] == json.loads(NOTHING_ALLOWED)
    sandbox.control("POST", "reset", {})
    _, state = sandbox.control("GET", "state")
    assert state["faults"] == []
    iam.create_role(RoleName="Again", AssumeRolePolicyDocument=TRUST)
    iam.get_role(RoleName="Again")
