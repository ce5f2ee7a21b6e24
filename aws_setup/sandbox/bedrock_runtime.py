"""Bedrock's runtime: every model gives the same short answer, but only to whom AWS would let in.

Converse has no action of its own: it is authorised as InvokeModel, ConverseStream as
InvokeModelWithResponseStream, on the inference profile and on the model in every destination region.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Self

from aws_setup.sandbox.bedrock import find_profile
from aws_setup.sandbox.callers import Caller, path_segments
from aws_setup.sandbox.catalogue import Model, offer
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.model_refusals import check_model_access
from aws_setup.sandbox.permissions import Access, authorize
from aws_setup.sandbox.state import State
from aws_setup.sandbox.wire import AwsRequest, AwsResponse, Json, json_answer

ANSWER = "Hello from the sandbox. Nothing here touches AWS."
STREAM_TYPE = "application/vnd.amazon.eventstream"

OPERATIONS = {
    "converse": ("Converse", "bedrock:InvokeModel"),
    "converse-stream": ("ConverseStream", "bedrock:InvokeModelWithResponseStream"),
    "invoke": ("InvokeModel", "bedrock:InvokeModel"),
    "invoke-with-response-stream": ("InvokeModelWithResponseStream", "bedrock:InvokeModelWithResponseStream"),
}
"""Last path segment → operation, and the action that it is authorised as."""


def operation(request: AwsRequest) -> str | None:
    segments = path_segments(request)
    if request.method != "POST" or len(segments) != 3 or segments[0] != "model" or segments[2] not in OPERATIONS:
        return None
    return OPERATIONS[segments[2]][0]


def answer(request: AwsRequest, *, caller: Caller, state: State, region: str) -> AwsResponse:
    """Authorise and perform one call. Raises AwsError."""
    _, identifier, verb = path_segments(request)
    name, action = OPERATIONS[verb]
    model = _authorized_model(identifier, action, caller=caller, state=state, region=region)
    check_model_access(model, caller=caller, state=state, region=region)
    body = _body(request)
    if name.startswith("Converse"):
        if "TEXT" not in model.output or not isinstance(body.get("messages"), list):
            raise AwsError(
                "ValidationException",
                "This action doesn't support the model that you provided. "
                "Try again with a supported text or chat model.",
            )
        said = _Said.within(body)
        return _stream(_converse_events(said)) if name == "ConverseStream" else json_answer(_converse(said))
    if name == "InvokeModel":
        return json_answer(_completion(model))
    chunk = base64.b64encode(json.dumps(_completion(model)).encode()).decode()
    return _stream([("chunk", {"bytes": chunk})])


def _authorized_model(identifier: str, action: str, *, caller: Caller, state: State, region: str) -> Model:
    models = offer(region).models
    profile = find_profile(identifier, region, caller.account_id)
    if profile is not None:
        arn = profile.arn(region, caller.account_id)
        authorize(caller, Access(action, arn, region), state, is_delayed=True)
        for model_arn in profile.model_arns():
            destination = model_arn.split(":")[3] or "unspecified"
            access = Access(action, model_arn, destination, {"bedrock:inferenceprofilearn": arn})
            authorize(caller, access, state, is_delayed=True)
        return models[profile.model_id]
    prefix = f"arn:aws:bedrock:{region}::foundation-model/"
    model = models.get(identifier.removeprefix(prefix))
    if model is None:
        raise AwsError("ValidationException", "The provided model identifier is invalid.")
    authorize(caller, Access(action, model.arn(region), region), state, is_delayed=True)
    if "ON_DEMAND" not in model.inference_types:
        raise AwsError(
            "ValidationException",
            f"Invocation of model ID {identifier} with on-demand throughput isn\u2019t supported. Retry your request "
            "with the ID or ARN of an inference profile that contains this model.",
        )
    return model


def _body(request: AwsRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise AwsError("ValidationException", "Malformed input request, please reformat your input and try again.")
    return body


@dataclass(frozen=True)
class _Said:
    """As many words of the answer as were asked for: each counts as one token here."""

    words: list[str]
    is_whole: bool

    @classmethod
    def within(cls, body: dict[str, Any]) -> Self:
        """What `inferenceConfig.maxTokens` leaves of it. AwsError where that is no positive whole number."""
        words = ANSWER.split(" ")
        asked = body.get("inferenceConfig") or {}
        most = asked.get("maxTokens", len(words)) if isinstance(asked, dict) else None
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value '{most}' at 'inferenceConfig.maxTokens' failed to satisfy "
                "constraint: Member must have value greater than or equal to 1",
            )
        return cls(words[:most], most >= len(words))

    @property
    def stop_reason(self) -> str:
        return "end_turn" if self.is_whole else "max_tokens"

    @property
    def usage(self) -> dict[str, Json]:
        return {"inputTokens": 8, "outputTokens": len(self.words), "totalTokens": 8 + len(self.words)}


def _converse(said: _Said) -> Json:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": " ".join(said.words)}]}},
        "stopReason": said.stop_reason,
        "usage": said.usage,
        "metrics": {"latencyMs": 1},
    }


def _converse_events(said: _Said) -> list[tuple[str, Json]]:
    deltas: list[tuple[str, Json]] = [
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word if i == 0 else f" {word}"}})
        for i, word in enumerate(said.words)
    ]
    return [
        ("messageStart", {"role": "assistant"}),
        *deltas,
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": said.stop_reason}),
        ("metadata", {"usage": said.usage, "metrics": {"latencyMs": 1}}),
    ]


def _completion(model: Model) -> Json:
    if "EMBEDDING" in model.output:
        return {"embedding": [0.1, 0.2, 0.3, 0.4], "inputTextTokenCount": 8}
    if model.provider == "Anthropic":
        return {
            "id": "msg_sandbox",
            "type": "message",
            "role": "assistant",
            "model": model.id,
            "content": [{"type": "text", "text": ANSWER}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 8, "output_tokens": 12},
        }
    return {"outputs": [{"text": ANSWER, "stop_reason": "stop"}]}


def _stream(events: list[tuple[str, Json]]) -> AwsResponse:
    return AwsResponse(200, b"".join(_frame(name, payload) for name, payload in events), STREAM_TYPE)


def _frame(event: str, payload: Json) -> bytes:
    """One message of application/vnd.amazon.eventstream: lengths, headers, payload, two checksums.

    https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html
    """
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in ((":event-type", event), (":content-type", "application/json"), (":message-type", "event"))
    )
    data = json.dumps(payload).encode()
    prelude = struct.pack("!II", 12 + len(headers) + len(data) + 4, len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + data
    return message + struct.pack("!I", zlib.crc32(message))
