"""What Vertesia Studio will show of a region's models, in its order, and the rule that hides each other one. Pure.

The rules are those of Vertesia's Bedrock driver (vertesia/llumiverse, drivers/src/bedrock/index.ts, August 2026):
foundation models, then custom models, then inference profiles, each in AWS's order; no sorting.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["foundation", "custom", "profile"]

PUBLISHERS = (
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
)
"""Publishers the driver lists, in the order in which it looks for them."""

EXCLUDED_BY_PUBLISHER = {
    "amazon": ("titan-image-generator", "nova-reel", "nova-sonic", "rerank"),
    "cohere": ("rerank", "embed"),
    "twelvelabs": ("marengo",),
}
"""Parts of model ids that the driver leaves out, by publisher."""

NOT_ON_DEMAND = "Studio lists foundation models only where they can be invoked on demand; use its inference profile."
NOT_ON_DEMAND_ALONE = (
    "Studio lists foundation models only where they can be invoked on demand; this one needs provisioned throughput."
)
EMBEDDING = "Studio lists no embedding models."


@dataclass(frozen=True)
class Facts:
    """What else is known of a model; None where AWS does not say."""

    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    inference_types: tuple[str, ...] = ()
    lifecycle: str = ""
    streaming: bool | None = None
    destination_regions: tuple[str, ...] = ()
    arn: str = ""
    model_id: str = ""
    foundation_model_arns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


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
    *,
    foundation_models: Iterable[Mapping[str, Any]],
    custom_models: Iterable[Mapping[str, Any]],
    inference_profiles: Iterable[Mapping[str, Any]],
) -> list[PredictedModel]:
    """Every model AWS listed, in Studio's order. Arguments are Bedrock's summaries as botocore gives them."""
    profiles = list(inference_profiles)
    reachable = {arn for profile in profiles for arn in _foundation_arns(profile)}
    reachable_ids = {arn.rsplit("/", 1)[-1] for arn in reachable}
    return [
        *(_predict_foundation(model, reachable_ids) for model in foundation_models),
        *(_predict_custom(model) for model in custom_models),
        *(_predict_profile(profile) for profile in profiles),
    ]


def digest_listing(models: Iterable[PredictedModel]) -> str:
    """SHA-256 of everything that is known of these models, in their order: equal for equal listings."""
    return hashlib.sha256("\n".join(map(repr, models)).encode()).hexdigest()


def _predict_foundation(model: Mapping[str, Any], reachable_ids: set[str]) -> PredictedModel:
    provider = str(model.get("providerName", ""))
    model_id = str(model["modelId"])
    types = tuple(model.get("inferenceTypesSupported", ()))
    reason = ""
    if "ON_DEMAND" not in types:
        reason = NOT_ON_DEMAND if model_id in reachable_ids else NOT_ON_DEMAND_ALONE
    elif "EMBEDDING" in model.get("outputModalities", ()):
        reason = EMBEDDING
    else:
        reason = _publisher_rule(model_id, re.sub(r"[^a-z0-9]", "", provider.lower()), provider)
    return PredictedModel(
        id=str(model.get("modelArn") or model_id),
        name=f"{provider} {model.get('modelName', model_id)}".strip(),
        publisher=provider,
        kind="foundation",
        shown_in_studio=not reason,
        reason=reason,
        facts=Facts(
            input_modalities=tuple(model.get("inputModalities", ())),
            output_modalities=tuple(model.get("outputModalities", ())),
            inference_types=types,
            lifecycle=str(model.get("modelLifecycle", {}).get("status", "")),
            streaming=model.get("responseStreamingSupported"),
            arn=str(model.get("modelArn", "")),
            model_id=model_id,
        ),
    )


def _predict_custom(model: Mapping[str, Any]) -> PredictedModel:
    arn = str(model["modelArn"])
    return PredictedModel(
        id=arn,
        name=str(model.get("modelName") or arn),
        publisher="custom",
        kind="custom",
        shown_in_studio=True,
        reason="",
        facts=Facts(
            arn=arn,
            model_id=arn,
            lifecycle=str(model.get("modelStatus", "")),
            foundation_model_arns=tuple(filter(None, [model.get("baseModelArn")])),
        ),
    )


def _predict_profile(profile: Mapping[str, Any]) -> PredictedModel:
    arn, profile_id = str(profile["inferenceProfileArn"]), str(profile.get("inferenceProfileId", ""))
    name = str(profile.get("inferenceProfileName", ""))
    searched = (name.lower(), profile_id.lower())
    publisher = next((known for known in PUBLISHERS if any(known in text for text in searched)), "")
    reason = _publisher_rule(profile_id, publisher, _publisher_in_id(profile_id))
    arns = _foundation_arns(profile)
    return PredictedModel(
        id=arn,
        name=name or arn,
        publisher=publisher or _publisher_in_id(profile_id),
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


def _publisher_rule(model_id: str, normalized: str, as_written: str) -> str:
    """The publisher rule that hides a model, or an empty string where none does."""
    publisher = next((known for known in PUBLISHERS if known in normalized), "")
    if not publisher:
        return f"Studio lists no models of {as_written or 'this publisher'}."
    for part in EXCLUDED_BY_PUBLISHER.get(publisher, ()):
        if part in model_id.lower():
            return f"Studio leaves out {as_written or publisher} models whose id contains “{part}”."
    return ""


def _publisher_in_id(profile_id: str) -> str:
    """`anthropic` in `us.anthropic.claude-sonnet-4-5-20250929-v1:0`; the first part where there are fewer dots."""
    parts = profile_id.split(".")
    return parts[1] if len(parts) > 2 else parts[0]


def _foundation_arns(profile: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(model["modelArn"] for model in profile.get("models", ()) if model.get("modelArn"))
