"""What Vertesia Studio will show of a region's models, in its order, and the rule that hides each other one. Pure.

The rules are those of Vertesia's Bedrock driver as published in @llumiverse/drivers 1.5.0, September 2026
(https://github.com/vertesia/llumiverse/blob/main/drivers/src/bedrock/index.ts, `_listModels`), with what it takes from
@llumiverse/common 1.5.0 (model-directory.ts and capability/bedrock-models.ts) to know an embedding model by its id.
It lists foundation models, then custom models, then inference profiles, each in AWS's order, without sorting, and of
each only the first page. A listing that fails is left out without a word; without foundation models it shows nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self

from aws_setup.driver_rules import (
    EMBEDDING,
    find_publisher,
    find_publisher_rule,
    find_rule,
    is_embedding,
    publisher_in_id,
)

Kind = Literal["foundation", "custom", "profile"]

NOT_ON_DEMAND = "Studio lists foundation models only where they can be invoked on demand; "
LATER_PAGE = {
    "custom": "Studio reads only the first page of custom models; this one stands on a later page.",
    "profile": "Studio reads only the first page of inference profiles; this one stands on a later page.",
}
FOUNDATION_UNREAD = "Studio shows nothing at all where foundation models could not be listed."


@dataclass(frozen=True)
class Facts:
    """What else is known of a model; None where AWS does not say. `end_of_life` is a date as in `2026-12-31`."""

    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    inference_types: tuple[str, ...] = ()
    lifecycle: str = ""
    end_of_life: str = ""
    streaming: bool | None = None
    destination_regions: tuple[str, ...] = ()
    arn: str = ""
    model_id: str = ""
    foundation_model_arns: tuple[str, ...] = ()
    base_model_name: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The facts that `to_json` gave, as they come back from a database."""
        facts: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in value.items()}
        return cls(**facts)


@dataclass(frozen=True)
class PredictedModel:
    """A model as Studio will list it (`id`, `name`, `publisher` are Studio's), or the reason why it will not."""

    id: str
    name: str
    publisher: str
    kind: Kind
    shown_in_studio: bool
    reason: str
    facts: Facts


def predict_listing(
    first_page: Mapping[str, int] | None = None,
    /,
    *,
    foundation_models: Iterable[Mapping[str, Any]] | None,
    custom_models: Iterable[Mapping[str, Any]] | None,
    inference_profiles: Iterable[Mapping[str, Any]] | None,
) -> list[PredictedModel]:
    """Every model AWS listed, in Studio's order. Arguments are Bedrock's summaries as botocore gives them, all pages.

    None stands for a listing that failed. `first_page` says by these arguments' names how many came on the first page;
    what it does not name came on one.
    """
    first_page = first_page or {}
    profiles = [
        _predict_profile(profile, is_later=position >= first_page.get("inference_profiles", position + 1))
        for position, profile in enumerate(inference_profiles or ())
    ]
    custom = [
        _predict_custom(model, is_later=position >= first_page.get("custom_models", position + 1))
        for position, model in enumerate(custom_models or ())
    ]
    if foundation_models is None:
        return [_hide(model, FOUNDATION_UNREAD) for model in (*custom, *profiles)]
    ways = _Ways(profiles, is_unread=inference_profiles is None)
    return [*(_predict_foundation(model, ways) for model in foundation_models), *custom, *profiles]


def studio_answer(models: Iterable[PredictedModel]) -> list[dict[str, Any]]:
    """The AIModels that the driver gives to Studio, in its order, as its JSON has them.

    Modalities and tool support are left out: Vertesia takes them from a catalogue of its own, not from AWS.
    """
    return [_to_studio(model) for model in models if model.shown_in_studio]


def digest_listing(models: Iterable[PredictedModel]) -> str:
    """SHA-256 of everything that is known of these models, in their order: equal for equal listings."""
    return hashlib.sha256("\n".join(map(repr, models)).encode()).hexdigest()


def _to_studio(model: PredictedModel) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": model.id,
        "name": model.name,
        "provider": "bedrock",
        "owner": model.publisher,
    }
    if model.kind == "foundation":
        answer["can_stream"] = bool(model.facts.streaming)
    if model.kind == "custom":
        base = model.facts.base_model_name or "undefined"  # as JavaScript writes it
        answer |= {"description": f"Custom model from {base}", "is_custom": True}
    return answer


def _hide(model: PredictedModel, reason: str) -> PredictedModel:
    """Hidden by this rule, unless one of its own hides it already."""
    return replace(model, shown_in_studio=False, reason=model.reason or reason)


class _Ways:
    """How a foundation model that cannot be invoked on demand can be reached: the end of a sentence."""

    def __init__(self, profiles: Sequence[PredictedModel], *, is_unread: bool) -> None:
        self._is_unread = is_unread
        self._all = _model_ids(profiles)
        self._shown = _model_ids(profile for profile in profiles if profile.shown_in_studio)

    def describe(self, model_id: str, types: tuple[str, ...]) -> str:
        if model_id in self._shown:
            return "use its inference profile."
        if model_id in self._all:
            return "the inference profile that leads to it is hidden too."
        if "INFERENCE_PROFILE" in types:
            return (
                "its inference profile could not be listed." if self._is_unread else "no inference profile leads to it."
            )
        if "PROVISIONED" in types:
            return "this one needs provisioned throughput."
        return "AWS names no way to invoke this one."


def _model_ids(profiles: Iterable[PredictedModel]) -> set[str]:
    return {arn.rsplit("/", 1)[-1] for profile in profiles for arn in profile.facts.foundation_model_arns}


def _predict_foundation(model: Mapping[str, Any], ways: _Ways) -> PredictedModel:
    provider, model_id = str(model.get("providerName", "")), str(model["modelId"])
    types = tuple(model.get("inferenceTypesSupported", ()))
    lifecycle = model.get("modelLifecycle", {})
    if "ON_DEMAND" not in types:
        reason = NOT_ON_DEMAND + ways.describe(model_id, types)
    elif "EMBEDDING" in model.get("outputModalities", ()):
        reason = EMBEDDING
    else:
        reason = find_publisher_rule(model_id, provider)
    return PredictedModel(
        id=_first(model.get("modelArn"), model_id),
        name=_first(model.get("modelName"), model_id),
        publisher=provider,
        kind="foundation",
        shown_in_studio=not reason,
        reason=reason,
        facts=Facts(
            input_modalities=tuple(model.get("inputModalities", ())),
            output_modalities=tuple(model.get("outputModalities", ())),
            inference_types=types,
            lifecycle=str(lifecycle.get("status", "")),
            end_of_life=_date(lifecycle.get("endOfLifeTime")),
            streaming=model.get("responseStreamingSupported"),
            arn=str(model.get("modelArn", "")),
            model_id=model_id,
        ),
    )


def _predict_custom(model: Mapping[str, Any], *, is_later: bool) -> PredictedModel:
    arn = str(model["modelArn"])
    reason = EMBEDDING if is_embedding(_first(model.get("baseModelName"), arn)) else ""
    reason = reason or (LATER_PAGE["custom"] if is_later else "")
    return PredictedModel(
        id=arn,
        name=_first(model.get("modelName"), arn),
        publisher="custom",
        kind="custom",
        shown_in_studio=not reason,
        reason=reason,
        facts=Facts(
            arn=arn,
            model_id=arn,
            lifecycle=str(model.get("modelStatus", "")),
            foundation_model_arns=tuple(filter(None, [model.get("baseModelArn")])),
            base_model_name=str(model.get("baseModelName", "")),
        ),
    )


def _predict_profile(profile: Mapping[str, Any], *, is_later: bool) -> PredictedModel:
    arn, profile_id = str(profile["inferenceProfileArn"]), str(profile.get("inferenceProfileId", ""))
    name = str(profile.get("inferenceProfileName", ""))
    publisher, written = find_publisher(name, profile_id), publisher_in_id(profile_id)
    reason = find_rule(profile_id, publisher, written=written)
    reason = reason or (EMBEDDING if is_embedding(arn) else "") or (LATER_PAGE["profile"] if is_later else "")
    arns = tuple(model["modelArn"] for model in profile.get("models", ()) if model.get("modelArn"))
    return PredictedModel(
        id=arn,
        name=_first(profile.get("inferenceProfileName"), arn),
        publisher=publisher or written,
        kind="profile",
        shown_in_studio=not reason,
        reason=reason,
        facts=Facts(
            inference_types=("INFERENCE_PROFILE",),
            lifecycle=str(profile.get("status", "")),
            destination_regions=tuple(dict.fromkeys(arn.split(":")[3] for arn in arns if arn.split(":")[3])),
            arn=arn,
            model_id=profile_id,
            foundation_model_arns=arns,
        ),
    )


def _first(value: Any, otherwise: str) -> str:
    """As JavaScript's `??`: an empty text counts as given."""
    return otherwise if value is None else str(value)


def _date(value: Any) -> str:
    """The day of a time as botocore gives it, empty where there is none."""
    return value.date().isoformat() if isinstance(value, datetime) else str(value or "")[:10]
