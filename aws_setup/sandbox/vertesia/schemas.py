"""Strictness: which bodies and query parameters are accepted, by the API version that a call names.

From version 20260803 on, and without a version, a property or parameter that is not known is refused
(CURRENT_API_VERSION in packages/common/src/versions.ts); before, it was ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from aws_setup.sandbox.vertesia.errors import ApiError, bad_request
from aws_setup.sandbox.wire import AwsRequest

STRICT_SINCE = "20260803"
PROVIDERS = (
    *("openai", "openai_compatible", "azure_openai", "azure_foundry", "huggingface_ie", "replicate", "bedrock"),
    *("bedrock_mantle", "vertexai", "togetherai", "mistralai", "groq", "watsonx", "xai", "anthropic", "openrouter"),
    *("virtual_lb", "virtual_mediator", "test"),
)

Check = Callable[[Any], bool]


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_text_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def is_provider(value: Any) -> bool:
    return value in PROVIDERS


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_model_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_model, value))


def is_anything(value: Any) -> bool:
    return True


def _is_model(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("id", "name", "provider"))


Fields = Mapping[str, tuple[Check, str]]
"""Property → whether its value is right, and what it must be."""

ENVIRONMENT: Fields = {
    "name": (is_text, "string"),
    "provider": (is_provider, f"one of {'|'.join(PROVIDERS)}"),
    "description": (is_text, "string"),
    "endpoint_url": (is_text, "string"),
    "default_model": (is_text, "string"),
    "enabled_models": (is_model_list, "AIModel[]"),
    "apiKey": (is_text, "string"),
    "config": (is_anything, "anything"),
    "settings": (is_object, "object"),
    "allowed_projects": (is_text_list, "string[]"),
}
"""What may be written; all else that is read (id, account, apikey_hint, created_by …) may not."""
ENVIRONMENT_CONFIG: Fields = {"enabled_models": (is_model_list, "AIModel[]"), "config": (is_object, "object")}
ENABLED_MODEL: Fields = {"model_id": (is_text, "string")}


def check_version(request: AwsRequest) -> None:
    """Raise ApiError 400 for a version that is no date."""
    version = request.headers.get("x-api-version", STRICT_SINCE)
    if not re.fullmatch(r"\d{8}", version, re.ASCII):
        raise bad_request(f"Invalid x-api-version: {version}")


def read_json(request: AwsRequest) -> dict[str, Any]:
    """The body as it was sent. Raises ApiError 415 or 400 where it is no JSON object."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ApiError(415, "Content-Type must be application/json")
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise bad_request("Request body is not valid JSON") from error
    if not isinstance(body, dict):
        raise bad_request("Invalid input: expected object")
    return body


def read_body(request: AwsRequest, fields: Fields, *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The known properties of the body. Raises ApiError as `read_json`, and 400 naming a property that is wrong."""
    body = read_json(request)
    known = {name: value for name, value in body.items() if name in fields}
    if len(known) < len(body) and is_strict(request):
        raise bad_request(_unrecognized(set(body) - set(fields)))
    for name in required:
        if name not in known:
            raise bad_request(f"Invalid input at {name}: required")
    for name, value in known.items():
        is_right, expected = fields[name]
        if not is_right(value):
            raise bad_request(f"Invalid input at {name}: expected {expected}")
    return known


def read_query(request: AwsRequest, *names: str) -> dict[str, str]:
    """The first value of each parameter. Raises ApiError 400 naming those that are not known."""
    if set(request.query) - set(names) and is_strict(request):
        raise bad_request(_unrecognized(set(request.query) - set(names)))
    return {name: values[0] for name, values in request.query.items() if name in names}


def is_strict(request: AwsRequest) -> bool:
    return request.headers.get("x-api-version", STRICT_SINCE) >= STRICT_SINCE


def _unrecognized(names: set[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in sorted(names))
    return f"Unrecognized key{'s' if len(names) > 1 else ''}: {quoted}"
