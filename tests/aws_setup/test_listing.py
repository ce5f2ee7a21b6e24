"""Which models Vertesia Studio will show: the rules of its driver one by one, and a whole region together."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_setup.driver_rules import PUBLISHERS
from aws_setup.listing import (
    FOUNDATION_UNREAD,
    LATER_PAGE,
    NOT_ON_DEMAND,
    Facts,
    PredictedModel,
    digest_listing,
    predict_listing,
    studio_answer,
)
from aws_setup.sandbox import catalogue
from tests.aws_setup.sandboxed import Sandbox
from tests.aws_setup.summaries import CLAUDE_PROFILE, foundation, profile
from tests.sandbox.process import ACCOUNT


def predict(*models: dict[str, Any], custom: Any = (), profiles: Any = ()) -> list[PredictedModel]:
    return predict_listing(foundation_models=models, custom_models=custom, inference_profiles=profiles)


def test_an_on_demand_model_of_a_known_publisher_is_shown_under_its_arn() -> None:
    [model] = predict(foundation())
    assert (model.shown_in_studio, model.reason) == (True, "")
    assert model.id == "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-x-v1:0"
    assert (model.name, model.publisher, model.kind) == ("Claude X", "Anthropic", "foundation")


def test_a_model_without_an_arn_is_named_by_its_id() -> None:
    assert predict(foundation(modelArn=None))[0].id == "anthropic.claude-x-v1:0"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"inferenceTypesSupported": ["INFERENCE_PROFILE"]},
            f"{NOT_ON_DEMAND}no inference profile leads to it.",
        ),
        (
            {"inferenceTypesSupported": ["PROVISIONED"]},
            f"{NOT_ON_DEMAND}this one needs provisioned throughput.",
        ),
        (
            {"inferenceTypesSupported": []},
            f"{NOT_ON_DEMAND}AWS names no way to invoke this one.",
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
    model, _ = predict(foundation(inferenceTypesSupported=["INFERENCE_PROFILE"]), profiles=[CLAUDE_PROFILE])
    assert model.reason.endswith("use its inference profile.")


def test_a_model_whose_only_profile_is_hidden_says_so() -> None:
    model, hidden = predict_listing(
        {"inference_profiles": 0},
        foundation_models=[foundation(inferenceTypesSupported=["INFERENCE_PROFILE"])],
        custom_models=[],
        inference_profiles=[CLAUDE_PROFILE],
    )
    assert hidden.reason == LATER_PAGE["profile"]
    assert model.reason.endswith("the inference profile that leads to it is hidden too.")


def test_what_stands_on_a_later_page_is_hidden_by_that() -> None:
    arns = [f"arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/x/{number}" for number in range(3)]
    models = predict_listing(
        {"foundation_models": 1, "custom_models": 2, "inference_profiles": 1},
        foundation_models=[foundation()],
        custom_models=[{"modelArn": arn, "modelName": arn[-1], "baseModelName": "Nova"} for arn in arns],
        inference_profiles=[CLAUDE_PROFILE, CLAUDE_PROFILE, profile("us.stability.sd3", "US Stable Image")],
    )
    assert [model.reason for model in models] == [
        "",
        "",
        "",
        "Studio reads only the first page of custom models; this one stands on a later page.",
        "",
        "Studio reads only the first page of inference profiles; this one stands on a later page.",
        "Studio lists no models of stability.",
    ]


def test_a_listing_of_profiles_or_custom_models_that_failed_is_left_out() -> None:
    [model] = predict_listing(
        foundation_models=[foundation(inferenceTypesSupported=["INFERENCE_PROFILE"])],
        custom_models=None,
        inference_profiles=None,
    )
    assert model.reason.endswith("its inference profile could not be listed.")


def test_without_foundation_models_studio_shows_nothing() -> None:
    custom = {"modelArn": "arn:custom", "modelName": "Ours", "baseModelName": "Nova"}
    models = predict_listing(foundation_models=None, custom_models=[custom], inference_profiles=[CLAUDE_PROFILE])
    assert [(model.shown_in_studio, model.reason) for model in models] == [(False, FOUNDATION_UNREAD)] * 2
    assert studio_answer(models) == []


def test_custom_embedding_models_are_hidden_by_the_name_of_their_base() -> None:
    custom = {"modelArn": "arn:custom", "modelName": "Ours", "baseModelName": "amazon.titan-embed-text-v2:0"}
    [model] = predict(custom=[custom])
    assert model.reason == "Studio lists no embedding models."


def test_facts_survive_being_stored() -> None:
    for model in predict(
        foundation(modelLifecycle={"status": "LEGACY", "endOfLifeTime": datetime(2026, 12, 31, tzinfo=UTC)}),
        profiles=[CLAUDE_PROFILE],
    ):
        assert Facts.from_json(json.loads(json.dumps(model.facts.to_json()))) == model.facts


NAMES = st.sampled_from([*PUBLISHERS, "Z.AI", "Stability AI", "xAI", "Meta AI", ""])
IDS = st.sampled_from(["x", "rerank", "embed", "nova-reel", "titan-embed", "marengo-embed-3", "vector:0", "claude"])


@st.composite
def answers_of_aws(draw: st.DrawFn) -> dict[str, Any]:
    """Three answers, or none, of models that may be hidden for any reason."""
    types = st.lists(st.sampled_from(["ON_DEMAND", "INFERENCE_PROFILE", "PROVISIONED"]), unique=True)
    outputs = st.lists(st.sampled_from(["TEXT", "EMBEDDING"]), unique=True)

    def some(make: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]] | None:
        return draw(st.none() | st.integers(0, 5).map(lambda number: [make(one) for one in range(number)]))

    def a_foundation(number: int) -> dict[str, Any]:
        return foundation(
            modelId=f"{draw(IDS)}.{number}",
            providerName=draw(NAMES),
            inferenceTypesSupported=draw(types),
            outputModalities=draw(outputs),
        )

    def a_custom(number: int) -> dict[str, Any]:
        return {"modelArn": f"arn:custom/{number}", "modelName": "", "baseModelName": draw(IDS)}

    def a_profile(number: int) -> dict[str, Any]:
        return profile(f"us.{draw(IDS)}.{number}", draw(NAMES))

    return {
        "foundation_models": some(a_foundation),
        "custom_models": some(a_custom),
        "inference_profiles": some(a_profile),
    }


PAGES = st.dictionaries(st.sampled_from(["custom_models", "inference_profiles"]), st.integers(0, 6))


@given(answers=answers_of_aws(), first_page=PAGES)
def test_every_model_is_shown_or_has_a_rule_and_keeps_its_place(
    answers: dict[str, Any], first_page: dict[str, int]
) -> None:
    models = predict_listing(first_page, **answers)
    assert all(model.shown_in_studio != bool(model.reason) for model in models)
    assert all(0 < len(model.reason) <= 300 for model in models if not model.shown_in_studio)
    order = [
        *(model["modelArn"] for model in answers["foundation_models"] or ()),
        *(model["modelArn"] for model in answers["custom_models"] or ()),
        *(model["inferenceProfileArn"] for model in answers["inference_profiles"] or ()),
    ]
    assert [model.id for model in models] == order
    given_to_studio = iter(order)
    assert all(model["id"] in given_to_studio for model in studio_answer(models))


@given(answers=answers_of_aws(), first_page=PAGES)
def test_reading_only_the_first_page_shows_what_the_driver_would_show_of_that_page_alone(
    answers: dict[str, Any], first_page: dict[str, int]
) -> None:
    cut = {name: found and found[: first_page.get(name, len(found))] for name, found in answers.items()}
    assert studio_answer(predict_listing(first_page, **answers)) == studio_answer(predict_listing(**cut))


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
