"""IAM roles and their policies, with AWS's checks and words."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.process import ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/sts.example.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"sts.example.com:sub": "env:a:b"}},
        }
    ],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:List*", "Resource": "*"}]}


@pytest.fixture
def iam(sandbox: SandboxProcess) -> Any:
    return sandbox.admin("iam")


@pytest.fixture
def role_name(iam: Any) -> str:
    name = f"Role-{secrets.token_hex(4)}"
    iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Description="Bedrock for <Research & Development>",
        Tags=[{"Key": "Application", "Value": "Vertesia"}],
    )
    return name


def changed(**changes: Any) -> str:
    statement = TRUST["Statement"][0] | changes  # type: ignore[operator]
    return json.dumps(TRUST | {"Statement": {k: v for k, v in statement.items() if v is not None}})


def test_a_role_is_read_back_as_it_was_created(iam: Any, role_name: str) -> None:
    role = iam.get_role(RoleName=role_name)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/{role_name}"
    assert role["AssumeRolePolicyDocument"] == TRUST
    assert role["Description"] == "Bedrock for <Research & Development>"
    assert role["MaxSessionDuration"] == 3600
    assert role["Tags"] == [{"Key": "Application", "Value": "Vertesia"}]


def test_role_names_are_unique_regardless_of_case(iam: Any, role_name: str, refusal: Refused) -> None:
    name = role_name.upper()
    assert refusal(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST)) == (
        "EntityAlreadyExists",
        f"Role with name {name} already exists.",
    )
    assert iam.get_role(RoleName=name)["Role"]["RoleName"] == role_name


def test_a_role_that_is_not_there_is_named(iam: Any, refusal: Refused) -> None:
    for call in (iam.get_role, iam.delete_role, iam.list_role_policies, iam.list_attached_role_policies):
        assert refusal(call, RoleName="Nobody") == ("NoSuchEntity", "The role with name Nobody cannot be found.")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "This policy contains invalid Json"),
        (json.dumps({"Version": "2012-10-17"}), "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        (json.dumps(TRUST | {"Version": ["2012-10-17"]}), "The policy must contain a valid version string"),
        (changed(Effect="Maybe"), "Syntax errors in policy."),
        (changed(Principal={"AWS": {"x": 1}}), "Syntax errors in policy."),
        (changed(Condition={"StringEquals": {"a:b": {"c": 1}}}), "Syntax errors in policy."),
        (changed(Surprise="x"), "Syntax errors in policy."),
        (changed(Principal=None), "Missing required field Principal"),
        (changed(Principal={"Federated": "arn:nonsense"}), 'Invalid principal in policy: "FEDERATED":"arn:nonsense"'),
        (
            changed(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/Nobody"}),
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:role/Nobody"',
        ),
        (changed(Action="bedrock:InvokeModel"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (changed(Resource="*"), "Has prohibited field Resource"),
        (changed(Condition={"StringIs": {"a:b": "c"}}), "Invalid Condition type : StringIs."),
    ],
)
def test_a_malformed_trust_policy_is_refused(
    iam: Any, role_name: str, refusal: Refused, document: str, message: str
) -> None:
    expected = ("MalformedPolicyDocument", message)
    assert refusal(iam.create_role, RoleName="New", AssumeRolePolicyDocument=document) == expected
    assert refusal(iam.update_assume_role_policy, RoleName=role_name, PolicyDocument=document) == expected


def test_a_trust_policy_holds_2048_characters(iam: Any, role_name: str, refusal: Refused) -> None:
    many = [f"env:6630c1f0a7d3e9b2c4d5e6f7:{number:024x}" for number in range(40)]
    document = changed(Condition={"StringEquals": {"sts.example.com:sub": many}})
    assert refusal(iam.update_assume_role_policy, RoleName=role_name, PolicyDocument=document) == (
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 2048",
    )


@pytest.mark.parametrize("name", ["has spaces", "x" * 65, "slash/ed"])
def test_a_role_name_that_aws_would_not_take_is_refused(iam: Any, refusal: Refused, name: str) -> None:
    assert refusal(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))[0] == "ValidationError"


def test_a_role_is_deleted_only_without_policies(iam: Any, role_name: str, refusal: Refused) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"
    iam.attach_role_policy(RoleName=role_name, PolicyArn=arn)
    assert refusal(iam.delete_role, RoleName=role_name) == (
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    )
    iam.detach_role_policy(RoleName=role_name, PolicyArn=arn)
    iam.put_role_policy(RoleName=role_name, PolicyName="p", PolicyDocument=json.dumps(POLICY))
    assert refusal(iam.delete_role, RoleName=role_name)[0] == "DeleteConflict"
    iam.delete_role_policy(RoleName=role_name, PolicyName="p")
    iam.delete_role(RoleName=role_name)
    assert refusal(iam.get_role, RoleName=role_name)[0] == "NoSuchEntity"


def test_inline_policies_are_put_read_listed_and_deleted(iam: Any, role_name: str, refusal: Refused) -> None:
    iam.put_role_policy(RoleName=role_name, PolicyName="VertesiaBedrock", PolicyDocument=json.dumps(POLICY))
    assert iam.get_role_policy(RoleName=role_name, PolicyName="VertesiaBedrock")["PolicyDocument"] == POLICY
    assert iam.list_role_policies(RoleName=role_name)["PolicyNames"] == ["VertesiaBedrock"]
    assert refusal(iam.get_role_policy, RoleName=role_name, PolicyName="Other") == (
        "NoSuchEntity",
        "The role policy with name Other cannot be found.",
    )


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({"Effect": "Allow", "Action": "bedrock:*"}, "Policy statement must contain resources."),
        ({"Effect": "Allow", "Resource": "*"}, "Policy statement must contain actions."),
        (
            {"Effect": "Allow", "Action": "InvokeModel", "Resource": "*"},
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            {"Effect": "Allow", "Action": "bedrock:*", "Resource": "everything"},
            'Resource everything must be in ARN format or "*".',
        ),
        (
            {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*", "Principal": "*"},
            "Policy document should not specify a principal.",
        ),
    ],
)
def test_a_malformed_inline_policy_is_refused(
    iam: Any, role_name: str, refusal: Refused, statement: dict[str, Any], message: str
) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for call, name in ((iam.put_role_policy, {"RoleName": role_name}), (iam.create_policy, {})):
        assert refusal(call, PolicyName="p", PolicyDocument=document, **name) == ("MalformedPolicyDocument", message)


def test_inline_policies_hold_10240_characters_together(iam: Any, role_name: str, refusal: Refused) -> None:
    large = {"Version": "2012-10-17", "Statement": [POLICY["Statement"][0] | {"Sid": "x" * 6000}]}  # type: ignore[index]
    iam.put_role_policy(RoleName=role_name, PolicyName="one", PolicyDocument=json.dumps(large))
    assert refusal(iam.put_role_policy, RoleName=role_name, PolicyName="two", PolicyDocument=json.dumps(large)) == (
        "LimitExceeded",
        f"Maximum policy size of 10240 bytes exceeded for role {role_name}",
    )


def test_only_a_policy_that_exists_is_attached(iam: Any, role_name: str, refusal: Refused) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonBedrockFulAccess"
    assert refusal(iam.attach_role_policy, RoleName=role_name, PolicyArn=arn) == (
        "NoSuchEntity",
        f"Policy {arn} does not exist or is not attachable.",
    )
    assert refusal(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", f"Policy {arn} was not found.")


def test_a_managed_policy_of_ones_own_is_created_attached_and_read(iam: Any, role_name: str) -> None:
    arn = iam.create_policy(PolicyName=f"{role_name}-policy", PolicyDocument=json.dumps(POLICY), Description="R&D")[
        "Policy"
    ]["Arn"]
    iam.attach_role_policy(RoleName=role_name, PolicyArn=arn)
    assert [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName=role_name)["AttachedPolicies"]] == [arn]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Description"] == "R&D"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == POLICY


def test_the_bedrock_policy_of_aws_can_be_read(iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == ["bedrock:*"]


def test_roles_are_listed_by_the_page(iam: Any, sandbox: SandboxProcess) -> None:
    prefix = f"/{secrets.token_hex(4)}/"
    names = [f"paged-{secrets.token_hex(4)}" for _ in range(5)]
    for name in names:
        iam.create_role(RoleName=name, Path=prefix, AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix=prefix, PaginationConfig={"PageSize": 2}))
    assert [len(page["Roles"]) for page in pages] == [2, 2, 1]
    assert sorted(role["RoleName"] for page in pages for role in page["Roles"]) == sorted(names)


def test_tags_description_and_session_length_are_changed(iam: Any, role_name: str) -> None:
    iam.tag_role(RoleName=role_name, Tags=[{"Key": "application", "Value": "Other"}, {"Key": "Cost", "Value": "42"}])
    iam.untag_role(RoleName=role_name, TagKeys=["Cost"])
    iam.update_role(RoleName=role_name, Description="new", MaxSessionDuration=7200)
    role = iam.get_role(RoleName=role_name)["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 7200)
    assert iam.list_role_tags(RoleName=role_name)["Tags"] == [{"Key": "application", "Value": "Other"}]


def test_the_boundary_must_exist(iam: Any, role_name: str, refusal: Refused) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/Nothing"
    assert refusal(iam.put_role_permissions_boundary, RoleName=role_name, PermissionsBoundary=arn) == (
        "NoSuchEntity",
        f"Scope ARN: {arn} does not exist or is not attachable.",
    )


def test_the_account_tells_its_alias_and_quotas(sandbox: SandboxProcess) -> None:
    expected = {ACCOUNT: "acme-sandbox", "444455556666": "acme-sandbox-two", "777788889999": "acme-sandbox-three"}
    for account_id, alias in expected.items():
        iam = sandbox.admin("iam", account_id)
        assert iam.list_account_aliases()["AccountAliases"] == [alias]
        summary = iam.get_account_summary()["SummaryMap"]
        assert (summary["RolesQuota"], summary["AssumeRolePolicySizeQuota"]) == (1000, 2048)


@pytest.mark.parametrize("marker", ["LTU=", "x", "\u00ff"])
def test_a_marker_that_nobody_gave_is_refused(iam: Any, refusal: Refused, marker: str) -> None:
    assert refusal(iam.list_roles, Marker=marker)[0] == "ValidationError"
