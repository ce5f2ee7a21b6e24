"""Signatures and policies: who may call what, and how AWS says no."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.chain import Chain
from tests.sandbox.process import ACCOUNT, CONSOLE, SECOND_ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
USER = f"arn:aws:iam::{ACCOUNT}:user/vertesia-console"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def allow(sandbox: SandboxProcess) -> Iterator[Callable[..., None]]:
    """Give the console's user exactly these statements."""

    def set_policy(*statements: dict[str, Any]) -> None:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"} | s for s in statements]}
        assert sandbox.control("POST", "caller_policy", {"policy": policy})[0] == 200

    yield set_policy
    sandbox.control("POST", "caller_policy", {"policy": None})


def test_the_console_user_is_an_administrator_at_first(sandbox: SandboxProcess) -> None:
    assert sandbox.client("sts").get_caller_identity()["Arn"] == USER
    assert sandbox.client("iam").list_roles()["Roles"]


@pytest.mark.parametrize(
    ("keys", "query_code", "json_code"),
    [
        ((CONSOLE[0], "wrong"), "SignatureDoesNotMatch", "InvalidSignatureException"),
        (("AKIANOBODY0000000000", "x"), "InvalidClientTokenId", "UnrecognizedClientException"),
        (("test", "test"), "InvalidClientTokenId", "UnrecognizedClientException"),
        ((*CONSOLE, "a-session-token"), "InvalidClientTokenId", "UnrecognizedClientException"),
        (None, "MissingAuthenticationToken", "MissingAuthenticationTokenException"),
    ],
)
def test_wrong_credentials_are_refused_everywhere(
    sandbox: SandboxProcess, refusal: Refused, keys: tuple[str, ...] | None, query_code: str, json_code: str
) -> None:
    assert refusal(sandbox.client("sts", keys).get_caller_identity)[0] == query_code
    assert refusal(sandbox.client("iam", keys).list_roles)[0] == query_code
    assert refusal(sandbox.client("bedrock", keys).list_foundation_models)[0] == json_code


def test_a_missing_permission_is_named_with_its_resource(
    sandbox: SandboxProcess, allow: Callable[..., None], refusal: Refused
) -> None:
    allow({"Action": "iam:GetRole"})
    iam = sandbox.client("iam")
    document = json.dumps(TRUST)
    assert refusal(iam.create_role, RoleName="New", Path="/vertesia/", AssumeRolePolicyDocument=document) == (
        "AccessDenied",
        f"User: {USER} is not authorized to perform: iam:CreateRole on resource: "
        f"arn:aws:iam::{ACCOUNT}:role/vertesia/New because no identity-based policy allows the iam:CreateRole action",
    )
    assert refusal(sandbox.client("bedrock").list_foundation_models) == (
        "AccessDeniedException",
        f"User: {USER} is not authorized to perform: bedrock:ListFoundationModels because no identity-based policy "
        "allows the bedrock:ListFoundationModels action",
    )
    assert refusal(sandbox.client("bedrock").list_inference_profiles)[1].endswith(
        f"on resource: arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/* because no identity-based policy "
        "allows the bedrock:ListInferenceProfiles action"
    )
    assert sandbox.client("sts").get_caller_identity()["Arn"] == USER


def test_an_explicit_deny_is_named(sandbox: SandboxProcess, allow: Callable[..., None], refusal: Refused) -> None:
    allow({"Action": "iam:*"}, {"Effect": "Deny", "Action": "iam:ListRoles"})
    code, message = refusal(sandbox.client("iam").list_roles)
    assert code == "AccessDenied"
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_a_policy_may_be_limited_to_a_path(
    sandbox: SandboxProcess, allow: Callable[..., None], refusal: Refused
) -> None:
    allow({"Action": "iam:CreateRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/vertesia/*"})
    iam, document = sandbox.client("iam"), json.dumps(TRUST)
    iam.create_role(RoleName="limited-inside", Path="/vertesia/", AssumeRolePolicyDocument=document)
    code, _ = refusal(iam.create_role, RoleName="limited-outside", AssumeRolePolicyDocument=document)
    assert code == "AccessDenied"


def test_creating_with_tags_needs_the_right_to_tag(
    sandbox: SandboxProcess, allow: Callable[..., None], refusal: Refused
) -> None:
    allow({"Action": "iam:CreateRole"})
    iam, tags = sandbox.client("iam"), [{"Key": "Application", "Value": "Vertesia"}]
    code, message = refusal(iam.create_role, RoleName="tagged", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=tags)
    assert (code, "iam:TagRole" in message) == ("AccessDenied", True)
    allow({"Action": ["iam:CreateRole", "iam:TagRole"]})
    iam.create_role(RoleName="tagged", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=tags)


def test_a_policy_may_ask_for_tags_and_for_a_boundary(
    sandbox: SandboxProcess, allow: Callable[..., None], refusal: Refused
) -> None:
    boundary = "arn:aws:iam::aws:policy/AmazonBedrockReadOnly"
    allow(
        {
            "Action": ["iam:CreateRole", "iam:TagRole"],
            "Condition": {
                "StringEquals": {"aws:RequestTag/Application": "Vertesia", "iam:PermissionsBoundary": boundary}
            },
        }
    )
    iam = sandbox.client("iam")
    role = {"RoleName": "conditional", "AssumeRolePolicyDocument": json.dumps(TRUST)}
    tags = [{"Key": "Application", "Value": "Vertesia"}]
    assert refusal(iam.create_role, **role, Tags=tags)[0] == "AccessDenied"
    assert refusal(iam.create_role, **role, PermissionsBoundary=boundary)[0] == "AccessDenied"
    iam.create_role(**role, Tags=tags, PermissionsBoundary=boundary)
    found = sandbox.admin("iam").get_role(RoleName="conditional")["Role"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary


def test_the_console_assumes_its_role_in_another_account(
    sandbox: SandboxProcess, allow: Callable[..., None], refusal: Refused
) -> None:
    arn = f"arn:aws:iam::{SECOND_ACCOUNT}:role/VertesiaConsole"
    credentials = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName="console")["Credentials"]
    keys = (credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    assert sandbox.client("sts", keys).get_caller_identity()["Account"] == SECOND_ACCOUNT
    assert sandbox.client("iam", keys).list_account_aliases()["AccountAliases"] == ["acme-sandbox-two"]

    allow({"Action": "iam:*"})
    code, message = refusal(sandbox.client("sts").assume_role, RoleArn=arn, RoleSessionName="console")
    assert code == "AccessDenied"
    assert f"is not authorized to perform: sts:AssumeRole on resource: {arn}" in message


def test_an_external_id_in_the_trust_policy_is_asked_for(sandbox: SandboxProcess, refusal: Refused) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "acme-42"}},
            }
        ],
    }
    arn = sandbox.admin("iam").create_role(RoleName="WithExternalId", AssumeRolePolicyDocument=json.dumps(trust))[
        "Role"
    ]["Arn"]
    sts = sandbox.client("sts")
    expected = ("AccessDenied", f"User: {USER} is not authorized to perform: sts:AssumeRole on resource: {arn}")
    assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="console") == expected
    assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="console", ExternalId="acme-43") == expected
    sts.assume_role(RoleArn=arn, RoleSessionName="console", ExternalId="acme-42")


def test_a_role_may_do_what_its_policies_say_and_no_more(chain: Chain, refusal: Refused) -> None:
    keys = chain.keys()
    bedrock = chain.sandbox.client("bedrock", keys)
    assert bedrock.list_foundation_models()["modelSummaries"]
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{chain.role_name}/vertesia-verify"
    assert refusal(bedrock.get_foundation_model, modelIdentifier="amazon.nova-lite-v1:0") == (
        "AccessDeniedException",
        f"User: {session} is not authorized to perform: bedrock:GetFoundationModel on resource: "
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows "
        "the bedrock:GetFoundationModel action",
    )
    assert refusal(chain.sandbox.client("iam", keys).list_roles)[0] == "AccessDenied"

    chain.iam.delete_role_policy(RoleName=chain.role_name, PolicyName="VertesiaBedrock")
    assert refusal(bedrock.list_foundation_models)[0] == "AccessDeniedException"
    chain.iam.attach_role_policy(RoleName=chain.role_name, PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockFullAccess")
    assert bedrock.list_foundation_models()["modelSummaries"]


def test_a_permissions_boundary_limits_a_role(chain: Chain, refusal: Refused) -> None:
    arn = chain.iam.create_policy(
        PolicyName=f"boundary-{chain.role_name}",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "bedrock:ListFoundationModels", "Resource": "*"}],
            }
        ),
    )["Policy"]["Arn"]
    chain.iam.put_role_permissions_boundary(RoleName=chain.role_name, PermissionsBoundary=arn)
    bedrock = chain.sandbox.client("bedrock", chain.keys())
    bedrock.list_foundation_models()
    assert refusal(bedrock.list_custom_models)[1].endswith(
        "because no permissions boundary allows the bedrock:ListCustomModels action"
    )
    chain.iam.delete_role_permissions_boundary(RoleName=chain.role_name)
    bedrock.list_custom_models()


def test_a_session_policy_limits_a_session(chain: Chain, refusal: Refused) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "bedrock:ListFoundationModels", "Resource": "*"}],
    }
    bedrock = chain.sandbox.client("bedrock", chain.keys(Policy=json.dumps(policy)))
    bedrock.list_foundation_models()
    assert refusal(bedrock.list_custom_models)[1].endswith(
        "because no session policy allows the bedrock:ListCustomModels action"
    )


def test_the_simulator_agrees_with_what_happens(chain: Chain) -> None:
    results = chain.iam.simulate_principal_policy(
        PolicySourceArn=chain.role_arn, ActionNames=["bedrock:ListFoundationModels", "iam:ListRoles"]
    )["EvaluationResults"]
    assert {result["EvalActionName"]: result["EvalDecision"] for result in results} == {
        "bedrock:ListFoundationModels": "allowed",
        "iam:ListRoles": "implicitDeny",
    }
