"""Bedrock's control plane: what can be listed, looked up and asked about availability."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from aws_setup.sandbox.callers import Caller, path_segments
from aws_setup.sandbox.catalogue import Model, Profile, custom_models, offer
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.model_access import Standing
from aws_setup.sandbox.model_refusals import PAYMENT_MISSING
from aws_setup.sandbox.permissions import Access, authorize
from aws_setup.sandbox.state import State
from aws_setup.sandbox.wire import AwsRequest, Json

T = TypeVar("T")

OPERATIONS = {
    "foundation-models": ("ListFoundationModels", "GetFoundationModel"),
    "inference-profiles": ("ListInferenceProfiles", "GetInferenceProfile"),
    "custom-models": ("ListCustomModels", None),
    "foundation-model-availability": (None, "GetFoundationModelAvailability"),
}
"""First path segment → operation without and with a second one."""


def operation(request: AwsRequest) -> str | None:
    """The name of the control plane operation, None when it is not one of the sandbox's."""
    segments = path_segments(request)
    if request.method != "GET" or not 1 <= len(segments) <= 2 or segments[0] not in OPERATIONS:
        return None
    return OPERATIONS[segments[0]][len(segments) - 1]


def answer(request: AwsRequest, *, name: str, caller: Caller, state: State, region: str) -> Json:
    """Authorise and perform one call. Raises AwsError."""
    catalogue = offer(region)
    segments = path_segments(request)
    identifier = segments[1] if len(segments) == 2 else ""
    if name == "ListFoundationModels":
        _authorize(caller, state, Access(f"bedrock:{name}", "*", region, is_named=False))
        return {
            "modelSummaries": [
                _model_json(_standing_as(caller, state, model), region)
                for model in _filtered(request, list(catalogue.models.values()))
            ]
        }
    if name == "ListInferenceProfiles":
        resource = f"arn:aws:bedrock:{region}:{caller.account_id}:inference-profile/*"
        _authorize(caller, state, Access(f"bedrock:{name}", resource, region))
        is_system = _parameter(request, "type", "SYSTEM_DEFINED") == "SYSTEM_DEFINED"
        profiles, token = _page(request, list(catalogue.profiles.values()) if is_system else [], state)
        return {"inferenceProfileSummaries": [_profile_json(p, region, caller) for p in profiles]} | token
    if name == "ListCustomModels":
        _authorize(caller, state, Access(f"bedrock:{name}", "*", region, is_named=False))
        return _custom_models(request, caller.account_id, region, state)
    if name == "GetInferenceProfile":
        profile = find_profile(identifier, region, caller.account_id)
        profile_id = identifier.rsplit("/", 1)[-1]
        resource = f"arn:aws:bedrock:{region}:{caller.account_id}:inference-profile/{profile_id}"
        _authorize(caller, state, Access(f"bedrock:{name}", resource, region))
        if profile is None:
            raise AwsError("ResourceNotFoundException", f"Inference profile not found: {identifier}", 404)
        return _profile_json(profile, region, caller)
    model = catalogue.models.get(identifier.rsplit("/", 1)[-1])
    if name == "GetFoundationModel":
        resource = f"arn:aws:bedrock:{region}::foundation-model/{identifier.rsplit('/', 1)[-1]}"
        _authorize(caller, state, Access(f"bedrock:{name}", resource, region))
    else:
        _authorize(caller, state, Access(f"bedrock:{name}", "*", region, is_named=False))
    if model is None:
        raise AwsError(
            "ResourceNotFoundException",
            f"Could not resolve the foundation model from the model identifier: {identifier}",
            404,
        )
    if name == "GetFoundationModel":
        return {"modelDetails": _model_json(_standing_as(caller, state, model), region)}
    return _availability(model, state.model_access.standing(caller.account_id, model.id))


def find_profile(identifier: str, region: str, account_id: str) -> Profile | None:
    """A profile by id or by its ARN in this region and account."""
    if not identifier.startswith("arn:"):
        return offer(region).profiles.get(identifier)
    profile = offer(region).profiles.get(identifier.rsplit("/", 1)[-1])
    return profile if profile is not None and profile.arn(region, account_id) == identifier else None


def _authorize(caller: Caller, state: State, access: Access) -> None:
    authorize(caller, access, state, is_delayed=True)


def _parameter(request: AwsRequest, name: str, default: str = "") -> str:
    return request.query.get(name, [default])[0]


def _filtered(request: AwsRequest, models: list[Model]) -> list[Model]:
    provider = _parameter(request, "byProvider").lower()
    modality = _parameter(request, "byOutputModality")
    inference_type = _parameter(request, "byInferenceType")
    customization = _parameter(request, "byCustomizationType")
    return [
        model
        for model in models
        if (not provider or provider == model.provider.lower())
        and (not modality or modality in model.output)
        and (not inference_type or inference_type in model.inference_types)
        and (not customization or customization in model.customizations)
    ]


def _page(request: AwsRequest, items: Sequence[T], state: State) -> tuple[Sequence[T], dict[str, Json]]:
    """One page by maxResults and nextToken; the length of one without maxResults is a setting."""
    try:
        limit = int(_parameter(request, "maxResults", str(state.default_page_size)))
        start = int(base64.urlsafe_b64decode(_parameter(request, "nextToken") or b"MA=="))
    except (ValueError, binascii.Error) as error:
        raise AwsError("ValidationException", "The provided nextToken is invalid.") from error
    if start < 0:
        raise AwsError("ValidationException", "The provided nextToken is invalid.")
    if not 1 <= limit <= 1000:
        raise AwsError("ValidationException", f"Value '{limit}' at 'maxResults' failed to satisfy constraint")
    following = start + limit
    if following >= len(items):
        return items[start:], {}
    return items[start:following], {"nextToken": base64.urlsafe_b64encode(str(following).encode()).decode()}


def _model_json(model: Model, region: str) -> dict[str, Json]:
    return {
        "modelArn": model.arn(region),
        "modelId": model.id,
        "modelName": model.name,
        "providerName": model.provider,
        "inputModalities": model.input,
        "outputModalities": model.output,
        "responseStreamingSupported": model.is_streaming,
        "customizationsSupported": model.customizations,
        "inferenceTypesSupported": model.inference_types,
        "modelLifecycle": model.lifecycle,
    }


def _profile_json(profile: Profile, region: str, caller: Caller) -> dict[str, Json]:
    return {
        "inferenceProfileName": profile.name,
        "description": profile.description,
        "createdAt": profile.created,
        "updatedAt": profile.created,
        "inferenceProfileArn": profile.arn(region, caller.account_id),
        "models": [{"modelArn": arn} for arn in profile.model_arns()],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


def _custom_models(request: AwsRequest, account_id: str, region: str, state: State) -> Json:
    name = _parameter(request, "nameContains")
    found, token = _page(request, [m for m in custom_models(account_id, region) if name in m.name], state)
    summaries: list[Json] = [
        {
            "modelArn": model.arn,
            "modelName": model.name,
            "creationTime": model.created,
            "baseModelArn": model.base_arn,
            "baseModelName": model.base_name,
            "customizationType": model.customization,
            "ownerAccountId": account_id,
            "modelStatus": "Active",
        }
        for model in found
    ]
    return {"modelSummaries": summaries} | token


def _standing_as(caller: Caller, state: State, model: Model) -> Model:
    lifecycle = state.model_access.standing(caller.account_id, model.id).lifecycle
    return model if lifecycle is None else replace(model, lifecycle=model.lifecycle | {"status": lifecycle})


def _availability(model: Model, standing: Standing) -> Json:
    agreement = {"status": standing.agreement}
    if standing.agreement == "ERROR":
        agreement["errorMessage"] = PAYMENT_MISSING
    return {
        "modelId": model.id,
        "agreementAvailability": agreement,
        "authorizationStatus": standing.authorization,
        "entitlementAvailability": standing.entitlement,
        "regionAvailability": standing.region,
    }
