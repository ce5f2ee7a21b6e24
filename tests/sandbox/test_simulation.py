"""The policy simulator answers in AWS's shape, and agrees with what happens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.session import get_session

from tests.sandbox.chain import LIST_AND_INVOKE, Chain
from tests.sandbox.process import ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
NOVA = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
TITAN = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"


@pytest.fixture(autouse=True)
def no_organization(sandbox: SandboxProcess) -> Iterator[None]:
    yield
    policies = {"service_control_policy": None, "resource_control_policy": None}
    assert sandbox.control("POST", "organization_policies", {"account_id": ACCOUNT} | policies)[0] == 200


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"} | s for s in statements]}


def simulate(chain: Chain, *actions: str, **more: Any) -> list[dict[str, Any]]:
    answer = chain.iam.simulate_principal_policy(PolicySourceArn=chain.role_arn, ActionNames=list(actions), **more)
    results: list[dict[str, Any]] = answer["EvaluationResults"]
    return results


def put(chain: Chain, document: dict[str, Any]) -> None:
    chain.iam.put_role_policy(
        RoleName=chain.role_name, PolicyName="VertesiaBedrock", PolicyDocument=json.dumps(document)
    )


def test_each_action_has_one_result_and_each_resource_one_inside(chain: Chain) -> None:
    put(chain, policy({"Action": "bedrock:InvokeModel", "Resource": NOVA}))
    invoke, listing = simulate(chain, "bedrock:InvokeModel", "bedrock:ListCustomModels", ResourceArns=[NOVA, TITAN])
    assert (invoke["EvalActionName"], invoke["EvalResourceName"]) == ("bedrock:InvokeModel", "*")
    assert {r["EvalResourceName"]: r["EvalResourceDecision"] for r in invoke["ResourceSpecificResults"]} == {
        NOVA: "allowed",
        TITAN: "implicitDeny",
    }
    assert listing["EvalDecision"] == "implicitDeny"

    [alone] = simulate(chain, "bedrock:InvokeModel", ResourceArns=[TITAN])
    assert (alone["EvalResourceName"], alone["EvalDecision"]) == (TITAN, "implicitDeny")
    assert [r["EvalResourceName"] for r in alone["ResourceSpecificResults"]] == [TITAN]

    [everywhere] = simulate(chain, "bedrock:InvokeModel")
    assert (everywhere["EvalResourceName"], everywhere["EvalDecision"]) == ("*", "implicitDeny")
    assert "ResourceSpecificResults" not in everywhere


def test_a_condition_that_the_call_does_not_fill_is_told_as_missing(chain: Chain) -> None:
    condition = {"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}
    put(chain, policy({"Action": "bedrock:InvokeModel"} | condition))
    [result] = simulate(chain, "bedrock:InvokeModel")
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:RequestedRegion"])
    [result] = simulate(chain, "bedrock:InvokeModel", ResourceArns=[NOVA])
    assert result["MissingContextValues"] == []
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == ["aws:RequestedRegion"]

    for region, decision in (("eu-west-1", "allowed"), ("us-east-1", "implicitDeny")):
        given = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [region], "ContextKeyType": "string"}
        [result] = simulate(chain, "bedrock:InvokeModel", ContextEntries=[given])
        assert (result["EvalDecision"], result["MissingContextValues"]) == (decision, [])


def test_the_service_control_policy_and_the_boundary_have_their_say(chain: Chain) -> None:
    no_invoke = policy({"Action": "*"}, {"Effect": "Deny", "Action": "bedrock:InvokeModel"})
    order = {"account_id": ACCOUNT, "service_control_policy": no_invoke}
    assert chain.sandbox.control("POST", "organization_policies", order)[0] == 200
    invoke, listing = simulate(chain, "bedrock:InvokeModel", "bedrock:ListCustomModels")
    assert (invoke["EvalDecision"], invoke["OrganizationsDecisionDetail"]) == (
        "explicitDeny",
        {"AllowedByOrganizations": False},
    )
    assert (listing["EvalDecision"], listing["OrganizationsDecisionDetail"]) == (
        "allowed",
        {"AllowedByOrganizations": True},
    )
    order = {"kind": "bound_role", "account_id": ACCOUNT, "role_name": chain.role_name}
    assert chain.sandbox.control("POST", "breakages", order)[0] == 200
    [listing] = simulate(chain, "bedrock:ListCustomModels", ResourceArns=["*"])
    assert listing["EvalDecision"] == "implicitDeny"
    for result in (listing, listing["ResourceSpecificResults"][0]):
        assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_the_resource_control_policy_has_none(chain: Chain) -> None:
    denying = policy({"Effect": "Deny", "Principal": "*", "Action": "sts:*"})
    order = {"account_id": ACCOUNT, "resource_control_policy": denying}
    assert chain.sandbox.control("POST", "organization_policies", order)[0] == 200
    put(chain, policy({"Action": "sts:AssumeRole"}))
    [result] = simulate(chain, "sts:AssumeRole", ResourceArns=[chain.role_arn])
    assert result["EvalDecision"] == "allowed"


def test_results_come_in_pages(chain: Chain) -> None:
    actions = LIST_AND_INVOKE["Statement"][0]["Action"]
    pages = list(
        chain.iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=chain.role_arn, ActionNames=actions, PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["EvaluationResults"]) for page in pages] == [2, 2, 1]
    assert [r["EvalActionName"] for page in pages for r in page["EvaluationResults"]] == actions


def test_every_field_is_one_that_botocore_knows(chain: Chain) -> None:
    shape = get_session().get_service_model("iam").operation_model("SimulatePrincipalPolicy").output_shape
    member = shape.members["EvaluationResults"].member
    [result] = simulate(chain, "bedrock:InvokeModel", ResourceArns=[NOVA])
    assert set(member.required_members) <= set(result) <= set(member.members)
    inner = member.members["ResourceSpecificResults"].member
    assert set(inner.required_members) <= set(result["ResourceSpecificResults"][0]) <= set(inner.members)


def test_the_caller_needs_the_right_to_simulate(chain: Chain, refusal: Refused) -> None:
    iam = chain.sandbox.client("iam", chain.keys())
    asked = {"PolicySourceArn": chain.role_arn, "ActionNames": ["bedrock:InvokeModel"]}
    code, message = refusal(iam.simulate_principal_policy, **asked)
    assert code == "AccessDenied"
    assert f"is not authorized to perform: iam:SimulatePrincipalPolicy on resource: {chain.role_arn}" in message
    assert refusal(chain.iam.simulate_principal_policy, **asked | {"ActionNames": []})[0] == "ValidationError"
