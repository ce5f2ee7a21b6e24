"""Bedrock's calls by which an administrator opens models to an account: use case form, offers, agreements."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from aws_setup.sandbox.callers import Caller, path_segments
from aws_setup.sandbox.catalogue import Model, offer
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.model_access import needs_agreement
from aws_setup.sandbox.permissions import Access, authorize
from aws_setup.sandbox.state import State
from aws_setup.sandbox.wire import AwsRequest, AwsResponse, json_answer

OPERATIONS = {
    ("GET", "use-case-for-model-access", 1): "GetUseCaseForModelAccess",
    ("POST", "use-case-for-model-access", 1): "PutUseCaseForModelAccess",
    ("GET", "list-foundation-model-agreement-offers", 2): "ListFoundationModelAgreementOffers",
    ("POST", "create-foundation-model-agreement", 1): "CreateFoundationModelAgreement",
}
"""Method, first segment of the path and number of segments → operation."""
FORM_BYTES = range(10, 16385)
FORM_MISSING = "You have not filled out the request form. Fill out the form before getting access."
"""As GetUseCaseForModelAccess is reported to say; that the other calls say the same is believed."""


def operation(request: AwsRequest) -> str | None:
    segments = path_segments(request)
    return OPERATIONS.get((request.method, segments[0], len(segments))) if segments else None


def answer(request: AwsRequest, *, name: str, caller: Caller, state: State, region: str) -> AwsResponse:
    """Authorise and perform one call. Raises AwsError."""
    authorize(caller, Access(f"bedrock:{name}", "*", region, is_named=False), state, is_delayed=True)
    if name == "GetUseCaseForModelAccess":
        return json_answer({"formData": _form(caller, state)})
    if name == "PutUseCaseForModelAccess":
        return _put_form(request, caller, state)
    if name == "ListFoundationModelAgreementOffers":
        return _list_offers(_model(path_segments(request)[1], region), caller, state)
    authorize(caller, Access("aws-marketplace:Subscribe", "*", region, is_named=False), state, is_delayed=True)
    return _create_agreement(request, caller, state, region)


def _form(caller: Caller, state: State) -> str:
    form = state.model_access.form(caller.account_id)
    if form is None:
        raise AwsError("ResourceNotFoundException", FORM_MISSING, 404)
    return form


def _put_form(request: AwsRequest, caller: Caller, state: State) -> AwsResponse:
    form = _text(request, "formData")
    try:
        length = len(base64.b64decode(form, validate=True))
    except (ValueError, binascii.Error) as error:
        raise AwsError("ValidationException", "formData is not valid Base64") from error
    if length not in FORM_BYTES:
        raise AwsError("ValidationException", "Value at 'formData' failed to satisfy constraint: length 10 to 16384")
    state.model_access.put_form(caller.account_id, form)
    state.changed()
    return AwsResponse(201, b"", "application/json")


def _list_offers(model: Model, caller: Caller, state: State) -> AwsResponse:
    """That a model which is not sold has no offers is believed."""
    if not needs_agreement(model.id):
        return json_answer({"modelId": model.id, "offers": []})
    if model.provider == "Anthropic":
        _form(caller, state)
    return json_answer(
        {
            "modelId": model.id,
            "offers": [
                {
                    "offerId": f"offer-{_offer_token(model)[:13]}",
                    "offerToken": _offer_token(model),
                    "termDetails": {
                        "usageBasedPricingTerm": {"rateCard": []},
                        "legalTerm": {"url": "https://aws.amazon.com/legal/bedrock/third-party-models/"},
                        "supportTerm": {"refundPolicyDescription": "Nothing here touches AWS."},
                    },
                }
            ],
        }
    )


def _create_agreement(request: AwsRequest, caller: Caller, state: State, region: str) -> AwsResponse:
    model = _model(_text(request, "modelId"), region)
    if not needs_agreement(model.id) or _text(request, "offerToken") != _offer_token(model):
        raise AwsError("ValidationException", "The provided offer token is invalid.")
    if model.provider == "Anthropic":
        _form(caller, state)
    if state.model_access.standing(caller.account_id, model.id).agreement == "AVAILABLE":
        raise AwsError("ConflictException", "An agreement already exists for this model.", 400)
    state.model_access.change(caller.account_id, model.id, {"agreement": "AVAILABLE"})
    state.changed()
    return json_answer({"modelId": model.id}, 202)


def _model(identifier: str, region: str) -> Model:
    model = offer(region).models.get(identifier)
    if model is None:
        raise AwsError(
            "ResourceNotFoundException",
            f"Could not resolve the foundation model from the model identifier: {identifier}",
            404,
        )
    return model


def _offer_token(model: Model) -> str:
    return hashlib.sha256(model.id.encode()).hexdigest()


def _text(request: AwsRequest, name: str) -> str:
    try:
        body: Any = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str):
        raise AwsError(
            "ValidationException", f"Value at '{name}' failed to satisfy constraint: Member must not be null"
        )
    return value
