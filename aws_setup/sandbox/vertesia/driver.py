"""What Vertesia's Bedrock driver makes of AWS's three listings (llumiverse, drivers/src/bedrock/index.ts). Pure.

Written from the driver, and from nothing else that predicts it, so that one can be held against the other. Modalities
and tool support are left out: the driver takes them from Vertesia's own catalogue, which is not public in full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aws_setup.sandbox.wire import Json

Summaries = Sequence[Mapping[str, Any]]
Model = dict[str, Json]

PUBLISHERS = (
    *("amazon", "anthropic", "cohere", "ai21", "mistral", "meta", "deepseek", "writer", "openai", "twelvelabs"),
    *("qwen", "google", "minimax", "moonshot", "moonshotai", "nvidia", "zai"),
)
LEFT_OUT = {
    "amazon": re.compile("nova-reel|nova-sonic|titan-image-generator|rerank"),
    "cohere": re.compile("rerank|embed"),
    "twelvelabs": re.compile("marengo"),
}
_EMBEDDING_FAMILY = re.compile("nova-2-multimodal-embeddings|titan-embed|cohere[.]embed|marengo-embed")
_EMBEDDING_WORD = re.compile(r"(^|[-_.:])(embed|embedding|vector)([-_.:]|$)")


def to_models(foundation: Summaries | None, custom: Summaries | None, profiles: Summaries | None) -> list[Model] | None:
    """AIModels in AWS's order. None stands for a listing that failed; without foundation models there is no answer."""
    if foundation is None:
        return None
    return [
        *(_foundation_model(one) for one in foundation if _is_foundation_offered(one)),
        *(_custom_model(one) for one in custom or () if not _is_embedding(_given(one, "baseModelName", "modelArn"))),
        *(_profile_model(one) for one in profiles or () if _is_profile_offered(one)),
    ]


def _is_foundation_offered(summary: Mapping[str, Any]) -> bool:
    if "ON_DEMAND" not in summary.get("inferenceTypesSupported", ()):
        return False
    if "EMBEDDING" in summary.get("outputModalities", ()):
        return False
    provider = re.sub("[^a-z0-9]", "", summary.get("providerName", "").lower())
    return _is_offered(_publisher_within(provider), summary["modelId"])


def _is_profile_offered(summary: Mapping[str, Any]) -> bool:
    profile_id = summary.get("inferenceProfileId")
    if not profile_id:
        return False
    return _is_offered(_profile_publisher(summary), profile_id) and not _is_embedding(summary["inferenceProfileArn"])


def _is_offered(publisher: str | None, model_id: str) -> bool:
    if publisher is None:
        return False
    left_out = LEFT_OUT.get(publisher)
    return left_out is None or not left_out.search(model_id.lower())


def _publisher_within(*texts: str) -> str | None:
    return next((name for name in PUBLISHERS if any(name in text for text in texts)), None)


def _profile_publisher(summary: Mapping[str, Any]) -> str | None:
    return _publisher_within(
        summary.get("inferenceProfileName", "").lower(), summary.get("inferenceProfileId", "").lower()
    )


def _is_embedding(name: str) -> bool:
    """By the whole name, and by what follows its last slash."""
    whole = name.strip().lower()
    ending = whole.split("/")[-1]
    return any(_EMBEDDING_WORD.search(text) for text in (whole, ending)) or bool(_EMBEDDING_FAMILY.search(ending))


def _foundation_model(summary: Mapping[str, Any]) -> Model:
    return {
        "id": _given(summary, "modelArn", "modelId"),
        "name": _given(summary, "modelName", "modelId"),
        "provider": "bedrock",
        "owner": summary["providerName"],
        "can_stream": bool(summary.get("responseStreamingSupported")),
    }


def _custom_model(summary: Mapping[str, Any]) -> Model:
    return {
        "id": summary["modelArn"],
        "name": _given(summary, "modelName", "modelArn"),
        "provider": "bedrock",
        "owner": "custom",
        "description": f"Custom model from {summary.get('baseModelName', 'undefined')}",
        "is_custom": True,
    }


def _profile_model(summary: Mapping[str, Any]) -> Model:
    return {
        "id": summary["inferenceProfileArn"],
        "name": _given(summary, "inferenceProfileName", "inferenceProfileArn"),
        "provider": "bedrock",
        "owner": _profile_publisher(summary),
    }


def _given(summary: Mapping[str, Any], name: str, otherwise: str) -> str:
    """JavaScript's `??`: an empty text is a value."""
    value = summary.get(name)
    return str(summary[otherwise] if value is None else value)
