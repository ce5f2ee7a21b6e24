"""What a role may do with models: simulated, as AWS tells of each model, and by a call of one token."""

import time
from collections.abc import Sequence
from typing import Any

from aws_setup.gateway.errors import AwsRefused
from aws_setup.gateway.protocol import ModelAvailability, OneToken, RoleCredentials, Simulated
from aws_setup.gateway.wire import Wire

RESOURCES_AT_ONCE = 100
"""With the console's four actions well below the 1,000 combinations that the simulator takes (believed)."""


def simulate_role(
    wire: Wire, role_arn: str, *, actions: Sequence[str], resources: Sequence[str], region: str
) -> list[Simulated]:
    """What IAM's policy simulator says of each action on each resource, asked for in `region`.

    Needs iam:SimulatePrincipalPolicy on the role. Service control policies count, resource control policies do not
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
    """
    context = [{"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [region], "ContextKeyType": "string"}]
    found: list[Simulated] = []
    for start in range(0, len(resources), RESOURCES_AT_ONCE):
        answers = wire.pages(
            "iam",
            "simulate_principal_policy",
            "EvaluationResults",
            PolicySourceArn=role_arn,
            ActionNames=list(actions),
            ResourceArns=list(resources[start : start + RESOURCES_AT_ONCE]),
            ContextEntries=context,
        )
        for answer in answers:
            found += _read_result(answer)
    return found


def _read_result(answer: dict[str, Any]) -> list[Simulated]:
    """AWS tells of several resources as results of their own, or within one."""
    within = answer.get("ResourceSpecificResults") or [
        {"EvalResourceName": answer.get("EvalResourceName", "*"), "EvalResourceDecision": answer["EvalDecision"]}
    ]
    return [
        Simulated(
            action=answer["EvalActionName"],
            resource=one["EvalResourceName"],
            is_allowed=one["EvalResourceDecision"] == "allowed",
            denied_by=_denied_by(answer | one),
        )
        for one in within
    ]


def _denied_by(answer: dict[str, Any]) -> str:
    if not answer.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return "service control policy"
    if not answer.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        return "permissions boundary"
    return ""


def read_availability(wire: Wire, model_id: str, *, region: str) -> ModelAvailability:
    """AWS's four answers about a foundation model, and for Anthropic's whether the use-case form is missing.

    Needs bedrock:GetFoundationModelAvailability; and bedrock:GetUseCaseForModelAccess, without which the form counts
    as sent.
    """
    answer = wire.call("bedrock", "get_foundation_model_availability", region=region, modelId=model_id)
    return ModelAvailability(
        agreement=answer["agreementAvailability"]["status"],
        authorization=answer["authorizationStatus"],
        entitlement=answer["entitlementAvailability"],
        region=answer["regionAvailability"],
        needs_use_case_form="anthropic." in model_id and _lacks_use_case_form(wire, region=region),
    )


def _lacks_use_case_form(wire: Wire, *, region: str) -> bool:
    try:
        wire.call("bedrock", "get_use_case_for_model_access", region=region)
    except AwsRefused as error:
        return error.code == "ResourceNotFoundException"
    return False


def ask_one_token(wire: Wire, credentials: RoleCredentials, *, model_id: str, region: str) -> OneToken:
    """One Converse call for one token. Needs bedrock:InvokeModel on the model or profile, of the role. Costs money."""
    started = time.perf_counter()
    with wire.session.lent_client(
        "bedrock-runtime",
        region=region,
        access_key_id=credentials.access_key_id,
        secret_access_key=credentials.secret_access_key,
        session_token=credentials.session_token,
    ) as client:
        answer = wire.call_with(
            client,
            "converse",
            modelId=model_id,
            messages=[{"role": "user", "content": [{"text": "Hi"}]}],
            inferenceConfig={"maxTokens": 1},
        )
    return OneToken(
        input_tokens=answer["usage"]["inputTokens"],
        output_tokens=answer["usage"]["outputTokens"],
        request_id=answer["ResponseMetadata"].get("RequestId", ""),
        milliseconds=round((time.perf_counter() - started) * 1000),
    )
