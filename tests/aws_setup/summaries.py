"""Bedrock's summaries as botocore gives them, each one on demand and shown unless a test says otherwise."""

from typing import Any

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


CLAUDE_PROFILE = profile("us.anthropic.claude-x-v1:0", "US Anthropic Claude X", "us-west-2")
