"""Bedrock's catalogue and runtime as boto3 sees them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.session import get_session

from tests.sandbox.chain import Chain
from tests.sandbox.process import ACCOUNT, SECOND_ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
MESSAGES = [{"role": "user", "content": [{"text": "Say hello."}]}]
MAIN_REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1"]


@pytest.fixture
def bedrock(sandbox: SandboxProcess) -> Any:
    return sandbox.client("bedrock")


@pytest.fixture
def runtime(sandbox: SandboxProcess) -> Any:
    return sandbox.client("bedrock-runtime")


def test_the_catalogue_is_as_broad_as_a_real_regions(bedrock: Any) -> None:
    models = bedrock.list_foundation_models()["modelSummaries"]
    assert len(models) >= 60
    assert len({model["providerName"] for model in models}) >= 8
    assert {tuple(model["inferenceTypesSupported"]) for model in models} >= {("ON_DEMAND",), ("INFERENCE_PROFILE",)}
    assert {modality for model in models for modality in model["outputModalities"]} >= {
        "TEXT", "IMAGE", "VIDEO", "EMBEDDING", "SPEECH",
    }  # fmt: skip
    assert {model["modelLifecycle"]["status"] for model in models} == {"ACTIVE", "LEGACY"}
    assert {model["responseStreamingSupported"] for model in models} == {True, False}
    assert any("rerank" in model["modelId"] for model in models)


def test_regions_differ_and_an_unknown_one_is_empty(sandbox: SandboxProcess) -> None:
    listed = {
        region: frozenset(
            model["modelId"]
            for model in sandbox.client("bedrock", region=region).list_foundation_models()["modelSummaries"]
        )
        for region in [*MAIN_REGIONS, "ap-southeast-2", "me-south-1"]
    }
    assert len(set(listed.values())) == len(listed)
    assert listed["me-south-1"] == frozenset()


@pytest.mark.parametrize("region", MAIN_REGIONS)
def test_every_profile_leads_to_a_model_of_its_region(sandbox: SandboxProcess, region: str) -> None:
    bedrock = sandbox.client("bedrock", region=region)
    models = {model["modelArn"]: model for model in bedrock.list_foundation_models()["modelSummaries"]}
    profiles = bedrock.list_inference_profiles()["inferenceProfileSummaries"]
    prefixes = {profile["inferenceProfileId"].split(".")[0] for profile in profiles}
    assert prefixes >= {"global", {"us": "us", "eu": "eu", "ap": "apac"}[region[:2]]}
    for profile in profiles:
        assert profile["inferenceProfileArn"] == (
            f"arn:aws:bedrock:{region}:{ACCOUNT}:inference-profile/{profile['inferenceProfileId']}"
        )
        assert any(model["modelArn"] in models for model in profile["models"])
    reachable = {model["modelArn"] for profile in profiles for model in profile["models"]}
    only_by_profile = {
        arn for arn, model in models.items() if model["inferenceTypesSupported"] == ["INFERENCE_PROFILE"]
    }
    assert only_by_profile <= reachable


def test_every_field_is_one_that_botocore_knows(bedrock: Any) -> None:
    service = get_session().get_service_model("bedrock")
    for operation, key, listed in (
        ("ListFoundationModels", "modelSummaries", bedrock.list_foundation_models()),
        ("ListInferenceProfiles", "inferenceProfileSummaries", bedrock.list_inference_profiles()),
        ("ListCustomModels", "modelSummaries", bedrock.list_custom_models()),
    ):
        shape = service.operation_model(operation).output_shape.members[key].member
        for row in listed[key]:
            assert set(shape.required_members) <= set(row) <= set(shape.members)


def test_models_are_filtered_as_asked(bedrock: Any) -> None:
    def ids(**filters: str) -> set[str]:
        return {model["modelId"] for model in bedrock.list_foundation_models(**filters)["modelSummaries"]}

    assert {model_id.split(".")[0] for model_id in ids(byProvider="anthropic")} == {"anthropic"}
    assert "cohere.embed-english-v3" in ids(byOutputModality="EMBEDDING")
    assert "amazon.nova-lite-v1:0" not in ids(byOutputModality="EMBEDDING")
    assert "anthropic.claude-sonnet-4-6" not in ids(byInferenceType="ON_DEMAND")
    assert "amazon.nova-lite-v1:0" in ids(byCustomizationType="FINE_TUNING")


def test_profiles_and_custom_models_come_in_pages(sandbox: SandboxProcess, bedrock: Any) -> None:
    whole = bedrock.list_inference_profiles()["inferenceProfileSummaries"]
    pages = list(bedrock.get_paginator("list_inference_profiles").paginate(maxResults=10))
    assert [len(page["inferenceProfileSummaries"]) for page in pages[:-1]] == [10] * (len(pages) - 1)
    assert [row for page in pages for row in page["inferenceProfileSummaries"]] == whole
    assert bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"] == []

    pages = list(bedrock.get_paginator("list_custom_models").paginate(maxResults=1))
    assert [len(page["modelSummaries"]) for page in pages] == [1, 1]
    assert sandbox.admin("bedrock", SECOND_ACCOUNT).list_custom_models()["modelSummaries"] == []


def test_a_page_is_as_long_as_it_is_told_where_the_call_names_no_length(sandbox: SandboxProcess, bedrock: Any) -> None:
    whole = bedrock.list_inference_profiles()["inferenceProfileSummaries"]
    try:
        assert sandbox.control("POST", "settings", {"default_page_size": 1})[0] == 200
        first = bedrock.list_inference_profiles()
        assert (first["inferenceProfileSummaries"], "nextToken" in first) == (whole[:1], True)
        assert len(bedrock.list_custom_models()["modelSummaries"]) == 1
        assert bedrock.list_inference_profiles(maxResults=1000)["inferenceProfileSummaries"] == whole
        pages = bedrock.get_paginator("list_inference_profiles").paginate()
        assert [row for page in pages for row in page["inferenceProfileSummaries"]] == whole
        assert sandbox.control("POST", "settings", {"default_page_size": 1001})[0] == 400
    finally:
        sandbox.control("POST", "settings", {"default_page_size": 1000})


def test_a_model_and_a_profile_are_looked_up_by_id_and_by_arn(bedrock: Any, refusal: Refused) -> None:
    model = bedrock.get_foundation_model(modelIdentifier="amazon.nova-lite-v1:0")["modelDetails"]
    assert bedrock.get_foundation_model(modelIdentifier=model["modelArn"])["modelDetails"] == model
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier="us.anthropic.claude-sonnet-4-6")
    assert {arn["modelArn"].split(":")[3] for arn in profile["models"]} == {"us-east-1", "us-east-2", "us-west-2"}
    by_arn = bedrock.get_inference_profile(inferenceProfileIdentifier=profile["inferenceProfileArn"])
    assert by_arn["inferenceProfileId"] == "us.anthropic.claude-sonnet-4-6"
    availability = bedrock.get_foundation_model_availability(modelId="amazon.nova-lite-v1:0")
    assert availability["authorizationStatus"] == "AUTHORIZED"
    for call, name in (
        (bedrock.get_foundation_model, "modelIdentifier"),
        (bedrock.get_inference_profile, "inferenceProfileIdentifier"),
        (bedrock.get_foundation_model_availability, "modelId"),
    ):
        assert refusal(call, **{name: "acme.nothing-v1:0"})[0] == "ResourceNotFoundException"


def test_a_model_answers_in_all_four_ways(runtime: Any) -> None:
    answer = runtime.converse(modelId="us.anthropic.claude-sonnet-4-6", messages=MESSAGES)
    assert answer["output"]["message"]["content"][0]["text"].startswith("Hello")
    events = list(runtime.converse_stream(modelId="amazon.nova-lite-v1:0", messages=MESSAGES)["stream"])
    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    assert text == answer["output"]["message"]["content"][0]["text"]
    assert "usage" in events[-1]["metadata"]
    body = json.dumps({"inputText": "hello"})
    embedded = json.load(runtime.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=body)["body"])
    assert embedded["embedding"]
    chunks = list(runtime.invoke_model_with_response_stream(modelId="amazon.nova-lite-v1:0", body=body)["body"])
    assert json.loads(chunks[0]["chunk"]["bytes"])["outputs"]


def test_a_model_that_only_a_profile_reaches_says_so(runtime: Any, refusal: Refused) -> None:
    assert refusal(runtime.converse, modelId="anthropic.claude-sonnet-4-6", messages=MESSAGES) == (
        "ValidationException",
        "Invocation of model ID anthropic.claude-sonnet-4-6 with on-demand throughput isn\u2019t supported. Retry your "
        "request with the ID or ARN of an inference profile that contains this model.",
    )


def test_an_unknown_model_is_invalid(runtime: Any, refusal: Refused) -> None:
    assert refusal(runtime.converse, modelId="acme.nothing-v1:0", messages=MESSAGES) == (
        "ValidationException",
        "The provided model identifier is invalid.",
    )


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_json_object_is_malformed(runtime: Any, refusal: Refused, body: bytes) -> None:
    assert refusal(runtime.invoke_model, modelId="amazon.nova-lite-v1:0", body=body) == (
        "ValidationException",
        "Malformed input request, please reformat your input and try again.",
    )


@pytest.mark.parametrize("page", [{"maxResults": 0}, {"nextToken": "LTU="}, {"nextToken": "x"}])
def test_a_page_that_cannot_be_is_refused(bedrock: Any, refusal: Refused, page: dict[str, Any]) -> None:
    assert refusal(bedrock.list_inference_profiles, **page)[0] == "ValidationException"


def with_policy(chain: Chain, action: str, *resources: str) -> Any:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": list(resources)}],
    }
    chain.iam.put_role_policy(RoleName=chain.role_name, PolicyName="VertesiaBedrock", PolicyDocument=json.dumps(policy))
    return chain.sandbox.client("bedrock-runtime", chain.keys())


PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.anthropic.claude-sonnet-4-6"
MODEL = "foundation-model/anthropic.claude-sonnet-4-6"


def test_converse_is_authorised_as_invoke_model(chain: Chain, refusal: Refused) -> None:
    model = {"modelId": "amazon.nova-lite-v1:0", "messages": MESSAGES}
    runtime = with_policy(chain, "bedrock:Converse*", "*")
    assert "bedrock:InvokeModel on resource" in refusal(runtime.converse, **model)[1]
    assert "bedrock:InvokeModelWithResponseStream on resource" in refusal(runtime.converse_stream, **model)[1]
    runtime = with_policy(chain, "bedrock:InvokeModel", "*")
    runtime.converse(**model)
    assert refusal(runtime.converse_stream, **model)[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("resources", "missing"),
    [
        ([PROFILE], f"arn:aws:bedrock:us-east-1::{MODEL}"),
        ([f"arn:aws:bedrock:*::{MODEL}"], PROFILE),
        ([PROFILE, f"arn:aws:bedrock:us-east-1::{MODEL}"], f"arn:aws:bedrock:us-east-2::{MODEL}"),
    ],
)
def test_a_profile_needs_its_own_arn_and_the_model_in_every_destination(
    chain: Chain, refusal: Refused, resources: list[str], missing: str
) -> None:
    runtime = with_policy(chain, "bedrock:InvokeModel", *resources)
    code, message = refusal(runtime.converse, modelId="us.anthropic.claude-sonnet-4-6", messages=MESSAGES)
    assert code == "AccessDeniedException"
    assert f"on resource: {missing} because" in message
    runtime = with_policy(chain, "bedrock:InvokeModel", PROFILE, f"arn:aws:bedrock:*::{MODEL}")
    runtime.converse(modelId="us.anthropic.claude-sonnet-4-6", messages=MESSAGES)
