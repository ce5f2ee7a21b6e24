"""The policies, as golden files and as an independent checker reads them."""

import json
import warnings
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from aws_setup.policies import (
    full_access_policy_arn,
    invoke_policy,
    name_policy,
    provisioning_policy,
)
from tests.aws_setup.desires import desire
from tests.aws_setup.golden_files import assert_golden_json

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it still imports pkg_resources, which warns of its own end
    import parliament

ACCOUNT = "123456789012"
PARTITIONS = ("aws", "aws-us-gov", "aws-eusc")
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/VertesiaBoundary"
PROVISIONING: dict[str, dict[str, Any]] = {
    "plain": {},
    "with-boundary": {"boundary_arn": BOUNDARY},
    "with-path-and-prefix": {"path": "/vertesia/", "prefix": "Vertesia"},
    "read-only": {"read_only": True},
    "removing-providers": {"removes_providers": True},
}


@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_invoke_policy_is_the_reviewed_one(partition: str) -> None:
    assert_golden_json(f"invoke-{partition}.json", invoke_policy(partition=partition, account_id=ACCOUNT))


@pytest.mark.parametrize("name", PROVISIONING)
def test_the_provisioning_policy_is_the_reviewed_one(name: str) -> None:
    policy = provisioning_policy(partition="aws", account_id=ACCOUNT, **PROVISIONING[name])
    assert_golden_json(f"provisioning-{name}.json", policy)


def test_the_trust_policy_is_the_reviewed_one_and_checks_subject_and_audience() -> None:
    trust = desire(issuer_url="https://sts.vertesia.io/tenant").trust
    assert_golden_json("trust.json", trust)
    assert set(trust["Statement"][0]["Condition"]["StringEquals"]) == {
        "sts.vertesia.io/tenant:sub",
        "sts.vertesia.io/tenant:aud",
    }


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_resource_is_of_the_accounts_partition(partition: str) -> None:
    for policy in (
        invoke_policy(partition=partition, account_id=ACCOUNT),
        provisioning_policy(partition=partition, account_id=ACCOUNT),
    ):
        resources = json.dumps([statement["Resource"] for statement in policy["Statement"]])
        assert resources.count("arn:") == resources.count(f"arn:{partition}:") > 0
    assert full_access_policy_arn(partition) == f"arn:{partition}:iam::aws:policy/AmazonBedrockFullAccess"


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(invoke_policy(partition="aws", account_id=ACCOUNT), id="invoke"),
        *(
            pytest.param(provisioning_policy(partition="aws", account_id=ACCOUNT, **arguments), id=name)
            for name, arguments in PROVISIONING.items()
        ),
    ],
)
def test_an_independent_checker_knows_every_action_and_resource(policy: dict[str, Any]) -> None:
    findings = parliament.analyze_policy_string(json.dumps(policy)).findings
    assert [(finding.issue, finding.detail) for finding in findings if not is_noise(finding)] == []


def is_noise(finding: Any) -> bool:
    """What the checker reports of policies as AWS itself writes them."""
    if finding.issue == "MISMATCHED_TYPE_BUT_USABLE":
        return "given Arn" in finding.detail  # AWS's own examples compare iam:PermissionsBoundary by StringEquals
    # It wants every kind of resource that an action can take. Those that are meant must not be among the missing.
    missing = {(entry["action"], entry["required_format"].split(":", 5)[5].split("/")[0]) for entry in finding.detail}
    return finding.issue == "RESOURCE_MISMATCH" and not missing & {
        (action, kind)
        for action in ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
        for kind in ("foundation-model", "inference-profile", "application-inference-profile")
    }


def test_the_checker_would_find_a_resource_that_fits_no_action() -> None:
    policy = invoke_policy(partition="aws", account_id=ACCOUNT)
    policy["Statement"][2]["Resource"] = f"arn:aws:bedrock:*:{ACCOUNT}:foundation-model/*"
    findings = parliament.analyze_policy_string(json.dumps(policy)).findings
    assert [finding.issue for finding in findings if not is_noise(finding)] == ["RESOURCE_MISMATCH"]


def test_the_checker_would_find_an_action_that_does_not_exist() -> None:
    policy = invoke_policy(partition="aws", account_id=ACCOUNT)
    policy["Statement"][2]["Action"] = ["bedrock:Converse"]
    findings = parliament.analyze_policy_string(json.dumps(policy)).findings
    assert "UNKNOWN_ACTION" in [finding.issue for finding in findings]


@pytest.mark.parametrize("arguments", PROVISIONING.values(), ids=PROVISIONING)
def test_the_console_never_passes_a_role_and_deletes_a_provider_only_where_asked(
    arguments: dict[str, Any],
) -> None:
    policy = provisioning_policy(partition="aws", account_id=ACCOUNT, **arguments)
    actions = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert not {"iam:PassRole", "iam:CreateUser"} & set(actions)
    may_remove = arguments.get("removes_providers", False)
    assert ("iam:DeleteOpenIDConnectProvider" in actions) == may_remove
    assert not [action for action in actions if "*" in action]


def test_the_read_only_policy_reads_and_nothing_else() -> None:
    policy = provisioning_policy(partition="aws", account_id=ACCOUNT, read_only=True)
    for statement in policy["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert all(action.split(":")[1].startswith(("Get", "List", "Simulate")) for action in actions)


def test_with_a_boundary_nothing_that_widens_a_role_is_allowed_without_it() -> None:
    policy = provisioning_policy(partition="aws", account_id=ACCOUNT, boundary_arn=BOUNDARY)
    widening = {"iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"}
    for statement in policy["Statement"]:
        if widening & set(statement["Action"]):
            assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    assert "iam:DeleteRolePermissionsBoundary" not in json.dumps(policy)


def test_the_invoke_policy_fits_where_it_is_put() -> None:
    assert len(json.dumps(invoke_policy(partition="aws-us-gov", account_id=ACCOUNT))) < 10_240


def test_a_boundary_is_only_printed_with_a_path_or_prefix_of_its_own() -> None:
    boundary = "arn:aws:iam::111122223333:policy/Boundary"
    with pytest.raises(CommandError, match="A boundary alone binds nothing") as refused:
        call_command("provisioning_policy", "--boundary", boundary)
    assert refused.value.returncode == 2

    out = StringIO()
    call_command("provisioning_policy", "--boundary", boundary, "--path", "/vertesia/", stdout=out)
    assert f'"iam:PermissionsBoundary": "{boundary}"' in out.getvalue()


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::aws:policy/AmazonBedrockFullAccess", "AmazonBedrockFullAccess"),
        ("arn:aws:iam::aws:policy/service-role/Other", "service-role/Other"),
        (f"arn:aws:iam::{ACCOUNT}:policy/x/AmazonBedrockFullAccess",) * 2,
    ],
)
def test_a_policy_of_the_account_cannot_pass_for_one_of_awss(arn: str, name: str) -> None:
    assert name_policy(arn) == name
