"""Which models Vertesia Studio will show: the rules of its driver one by one, and a whole region together."""

from collections import Counter
from typing import Any

import pytest

from aws_setup.listing import PUBLISHERS, PredictedModel, digest_listing, predict_listing
from aws_setup.sandbox import catalogue
from tests.aws_setup.sandboxed import Sandbox
from tests.sandbox.process import ACCOUNT


def foundation(**changes: Any) -> dict[str, Any]:
    model_id = changes.pop("modelId", "anthropic.claude-x-v1:0")
    return {
        "modelId": model_id,
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{model_id}",
        "modelName": "Claude X",
        "providerName": "Anthropic",
        "inputModalities": ["TEXT"],
        "outputModalities": ["TEXT"],
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "ACTIVE"},
        **changes,
    }


def profile(profile_id: str, name: str, *regions: str) -> dict[str, Any]:
    model_id = profile_id.split(".", 1)[1]
    return {
        "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{profile_id}",
        "inferenceProfileId": profile_id,
        "inferenceProfileName": name,
        "status": "ACTIVE",
        "models": [
            {"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model_id}"} for region in regions or ("",)
        ],
    }


def predict(*models: dict[str, Any], custom: Any = (), profiles: Any = ()) -> list[PredictedModel]:
    return predict_listing(foundation_models=models, custom_models=custom, inference_profiles=profiles)


def test_an_on_demand_model_of_a_known_publisher_is_shown_under_its_arn() -> None:
    [model] = predict(foundation())
    assert (model.shown_in_studio, model.reason) == (True, "")
    assert model.id == "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-x-v1:0"
    assert (model.name, model.publisher, model.kind) == ("Anthropic Claude X", "Anthropic", "foundation")


def test_a_model_without_an_arn_is_named_by_its_id() -> None:
    assert predict(foundation(modelArn=None))[0].id == "anthropic.claude-x-v1:0"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"inferenceTypesSupported": ["INFERENCE_PROFILE"]},
            "Studio lists foundation models only where they can be invoked on demand; this one needs provisioned "
            "throughput.",
        ),
        (
            {"inferenceTypesSupported": []},
            "Studio lists foundation models only where they can be invoked on demand; this one needs provisioned "
            "throughput.",
        ),
        ({"outputModalities": ["EMBEDDING"]}, "Studio lists no embedding models."),
        ({"providerName": "Stability AI", "modelId": "stability.sd3"}, "Studio lists no models of Stability AI."),
        ({"providerName": "Luma AI", "modelId": "luma.ray-v2:0"}, "Studio lists no models of Luma AI."),
        ({"providerName": "xAI", "modelId": "xai.grok"}, "Studio lists no models of xAI."),
        *(
            (
                {"providerName": "Amazon", "modelId": model_id},
                f"Studio leaves out Amazon models whose id contains “{part}”.",
            )
            for model_id, part in (
                ("amazon.titan-image-generator-v2:0", "titan-image-generator"),
                ("amazon.nova-reel-v1:1", "nova-reel"),
                ("amazon.nova-sonic-v1:0", "nova-sonic"),
                ("amazon.rerank-v1:0", "rerank"),
            )
        ),
        (
            {"providerName": "Cohere", "modelId": "cohere.rerank-v3-5:0"},
            "Studio leaves out Cohere models whose id contains “rerank”.",
        ),
        (
            {"providerName": "Cohere", "modelId": "cohere.embed-v4:0"},
            "Studio leaves out Cohere models whose id contains “embed”.",
        ),
        (
            {"providerName": "TwelveLabs", "modelId": "twelvelabs.marengo-v1:0"},
            "Studio leaves out TwelveLabs models whose id contains “marengo”.",
        ),
    ],
    ids=lambda value: value.get("modelId", "") if isinstance(value, dict) else "",
)
def test_each_rule_hides_a_model_and_says_so(changes: dict[str, Any], reason: str) -> None:
    [model] = predict(foundation(**changes))
    assert (model.shown_in_studio, model.reason) == (False, reason)


def test_a_model_that_is_reached_through_a_profile_says_where() -> None:
    model, _ = predict(
        foundation(inferenceTypesSupported=["INFERENCE_PROFILE"]),
        profiles=[profile("us.anthropic.claude-x-v1:0", "US Anthropic Claude X", "us-west-2")],
    )
    assert model.reason.endswith("use its inference profile.")


@pytest.mark.parametrize("lifecycle", ["ACTIVE", "LEGACY"])
def test_lifecycle_hides_nothing(lifecycle: str) -> None:
    [model] = predict(foundation(modelLifecycle={"status": lifecycle}))
    assert model.shown_in_studio
    assert model.facts.lifecycle == lifecycle


@pytest.mark.parametrize("publisher", ["Mistral AI", "AI21 Labs", "DeepSeek", "Moonshot AI", "MiniMax", "Z.AI", "Qwen"])
def test_publishers_are_known_however_they_are_written(publisher: str) -> None:
    assert predict(foundation(providerName=publisher, modelId="x.y"))[0].shown_in_studio


def test_the_publishers_are_those_of_the_driver() -> None:
    assert set(PUBLISHERS) == {
        "amazon",
        "anthropic",
        "cohere",
        "ai21",
        "mistral",
        "meta",
        "deepseek",
        "writer",
        "openai",
        "twelvelabs",
        "qwen",
        "google",
        "minimax",
        "moonshot",
        "moonshotai",
        "nvidia",
        "zai",
    }


def test_custom_models_are_all_shown() -> None:
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/amazon.nova/abc"
    [model] = predict(custom=[{"modelArn": arn, "modelName": "Ours", "baseModelArn": "arn:base"}])
    assert (model.id, model.name, model.publisher, model.kind, model.shown_in_studio) == (
        arn,
        "Ours",
        "custom",
        "custom",
        True,
    )


def test_a_profile_is_shown_with_its_destinations_by_a_publisher_in_name_or_id() -> None:
    [model] = predict(
        profiles=[profile("us.anthropic.claude-x-v1:0", "US Claude", "us-east-1", "us-west-2", "us-east-1")]
    )
    assert (model.shown_in_studio, model.publisher, model.kind) == (True, "anthropic", "profile")
    assert model.facts.destination_regions == ("us-east-1", "us-west-2")


@pytest.mark.parametrize(
    ("profile_id", "name", "reason"),
    [
        ("us.stability.sd3", "US Stable Image", "Studio lists no models of stability."),
        (
            "us.twelvelabs.marengo-v2:7",
            "US TwelveLabs Marengo",
            "Studio leaves out twelvelabs models whose id contains “marengo”.",
        ),
        (
            "global.cohere.embed-v4:0",
            "Global Cohere Embed",
            "Studio leaves out cohere models whose id contains “embed”.",
        ),
    ],
)
def test_profiles_are_hidden_by_the_same_rules(profile_id: str, name: str, reason: str) -> None:
    [model] = predict(profiles=[profile(profile_id, name)])
    assert (model.shown_in_studio, model.reason) == (False, reason)


def test_the_order_is_foundation_custom_profiles_each_as_aws_gave_it() -> None:
    found = predict(
        foundation(modelId="meta.b", providerName="Meta"),
        foundation(modelId="amazon.a", providerName="Amazon"),
        custom=[{"modelArn": "arn:custom:z"}, {"modelArn": "arn:custom:a"}],
        profiles=[profile("us.meta.b", "Z"), profile("us.amazon.a", "A")],
    )
    assert [(model.kind, model.facts.model_id) for model in found] == [
        ("foundation", "meta.b"),
        ("foundation", "amazon.a"),
        ("custom", "arn:custom:z"),
        ("custom", "arn:custom:a"),
        ("profile", "us.meta.b"),
        ("profile", "us.amazon.a"),
    ]


def test_equal_listings_have_equal_digests_and_order_matters() -> None:
    first, second = foundation(modelId="meta.b"), foundation(modelId="meta.a")
    assert digest_listing(predict(first, second)) == digest_listing(predict(first, second))
    assert digest_listing(predict(first, second)) != digest_listing(predict(second, first))


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "us-west-2"])
def test_a_whole_region_is_told_apart_completely(sandbox: Sandbox, region: str) -> None:
    answers = sandbox.open(None).list_models(None, region=region)
    assert isinstance(answers.foundation_models, list)
    assert isinstance(answers.custom_models, list)
    assert isinstance(answers.inference_profiles, list)
    models = predict_listing(
        foundation_models=answers.foundation_models,
        custom_models=answers.custom_models,
        inference_profiles=answers.inference_profiles,
    )
    offer = catalogue.offer(region)
    custom = catalogue.custom_models(ACCOUNT, region)
    kinds = Counter(model.kind for model in models)
    assert kinds["foundation"] == len(offer.models)
    assert kinds["profile"] == len(offer.profiles)
    assert kinds["custom"] == len(custom)
    assert all(model.shown_in_studio != bool(model.reason) for model in models)
    shown = {model.facts.model_id for model in models if model.shown_in_studio and model.kind == "foundation"}
    assert shown == {
        model.id
        for model in offer.models.values()
        if "ON_DEMAND" in model.inference_types
        and "EMBEDDING" not in model.output
        and model.provider not in ("Stability AI", "Luma AI", "xAI")
        and not any(
            part in model.id
            for part in ("titan-image-generator", "nova-reel", "nova-sonic", "rerank", "cohere.embed", "marengo")
        )
    }
