"""What Studio will lose without saying so, as the models page warns of it."""

from datetime import date
from typing import Any

import pytest

from aws_setup.listing import PredictedModel, predict_listing
from aws_setup.listing_warnings import ListingWarning, find_warnings
from tests.aws_setup.summaries import CLAUDE_PROFILE, foundation, profile

TODAY = date(2026, 11, 24)
ONLY_BY_PROFILE = {"inferenceTypesSupported": ["INFERENCE_PROFILE"]}


def warn(models: list[PredictedModel], **unread: int | None) -> list[ListingWarning]:
    return find_warnings(models, unread=unread, role_name="VertesiaProd", today=TODAY)


def listed(
    *models: dict[str, Any], custom: Any = (), profiles: Any = (), first_page: dict[str, int] | None = None
) -> list[PredictedModel]:
    return predict_listing(first_page, foundation_models=models, custom_models=custom, inference_profiles=profiles)


def ending(day: str, **changes: Any) -> dict[str, Any]:
    return foundation(modelLifecycle={"status": "LEGACY", "endOfLifeTime": day}, **changes)


def test_a_listing_that_loses_nothing_warns_of_nothing() -> None:
    assert warn(listed(foundation(), foundation(**ONLY_BY_PROFILE), profiles=[CLAUDE_PROFILE])) == []


def test_a_role_that_may_not_list_profiles_is_told_what_studio_will_lose() -> None:
    [warning] = warn(listed(foundation()), inference_profiles=45)
    assert warning.code == "inference_profiles_unread"
    assert warning.sentence == "Studio will leave out every inference profile, without a word."
    assert warning.why.endswith("Last time AWS listed 45.")
    assert warning.remedy.startswith("Role VertesiaProd must be allowed bedrock:ListInferenceProfiles")


@pytest.mark.parametrize("before", [None, 0])
def test_where_nothing_was_listed_before_no_number_is_named(before: int | None) -> None:
    [warning] = warn(listed(foundation()), custom_models=before)
    assert "Last time" not in warning.why
    assert "nothing is lost" in warning.why
    assert not warning.is_loss


def test_custom_models_that_were_there_last_time_are_a_loss() -> None:
    [warning] = warn(listed(foundation()), custom_models=2)
    assert warning.is_loss
    assert warning.why == "Last time AWS listed 2."


def test_without_foundation_models_there_is_but_one_thing_to_say() -> None:
    models = predict_listing(
        {"inference_profiles": 0}, foundation_models=None, custom_models=[], inference_profiles=[CLAUDE_PROFILE]
    )
    [warning] = warn(models, foundation_models=70)
    assert warning.sentence == "Studio will show no model at all."
    assert "“Foundation models not found”" in warning.why


def test_profiles_of_later_pages_are_counted_with_the_models_they_alone_lead_to() -> None:
    other = profile("us.anthropic.other", "US Other", "us-west-2")
    second = profile("eu.anthropic.claude-x-v1:0", "EU Anthropic Claude X", "eu-west-1")
    [warning] = warn(
        listed(
            foundation(**ONLY_BY_PROFILE),
            profiles=[CLAUDE_PROFILE, second, other],
            first_page={"inference_profiles": 1},
        )
    )
    assert warning.code == "profile_later_page"
    assert warning.sentence == "Studio will lose 2 of 3 inference profiles."
    assert "One model is then offered in no other way." in warning.why
    assert warning.models == ("EU Anthropic Claude X", "US Other")


def test_custom_models_of_later_pages_are_named() -> None:
    custom = [{"modelArn": f"arn:{name}", "modelName": name, "baseModelName": "Nova"} for name in "abcdefghi"]
    [warning] = warn(listed(custom=custom, first_page={"custom_models": 2}))
    assert warning.sentence == "Studio will lose 7 of 9 custom models."
    assert warning.models == tuple("cdefghi")
    assert "no other way" not in warning.why


def test_a_listed_publishers_model_whose_profile_is_hidden_is_out_of_reach() -> None:
    nameless = profile("us.unnamed.claude-x", "US Claude X", "us-west-2")
    nameless["models"] = CLAUDE_PROFILE["models"]
    [warning] = warn(listed(foundation(**ONLY_BY_PROFILE), profiles=[nameless]))
    assert (warning.code, warning.sentence) == ("profile_hidden", "One model is out of Studio's reach.")


def test_what_studio_never_lists_is_no_loss() -> None:
    stable = foundation(modelId="stability.sd3", providerName="Stability AI", **ONLY_BY_PROFILE)
    embed = foundation(
        modelId="cohere.embed-v4:0", providerName="Cohere", outputModalities=["EMBEDDING"], **ONLY_BY_PROFILE
    )
    profiles = [profile("us.stability.sd3", "US Stable"), profile("us.cohere.embed-v4:0", "US Cohere Embed")]
    assert warn(listed(stable, embed, profiles=profiles)) == []


@pytest.mark.parametrize(
    ("day", "is_warned"), [("2026-12-31", True), ("2026-01-01", True), ("2028-01-01", False), ("", False), ("x", False)]
)
def test_models_that_come_to_an_end_within_half_a_year_are_named(day: str, is_warned: bool) -> None:
    warnings = warn(listed(ending(day)))
    assert [warning.code for warning in warnings] == ["legacy"] * is_warned
    assert all(not warning.is_loss for warning in warnings)


def test_a_profile_ends_with_its_model_and_what_studio_hides_is_not_named() -> None:
    [warning] = warn(
        listed(
            ending("2026-12-31", **ONLY_BY_PROFILE),
            ending("2026-12-01", modelId="x.y", providerName="xAI"),
            profiles=[CLAUDE_PROFILE],
        )
    )
    assert warning.sentence == "One model comes to its end on 2026-12-31."
    assert warning.models == ("US Anthropic Claude X",)


def test_of_several_that_end_the_first_day_is_named() -> None:
    [warning] = warn(listed(ending("2027-02-01"), ending("2026-12-31", modelId="anthropic.claude-y", modelName="Y")))
    assert warning.sentence == "2 models come to their end soon, the first on 2026-12-31."
