"""AWS's wire formats: the request as the sandbox sees it, and answers in query XML and REST JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from aws_setup.sandbox.errors import AwsError

NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}

JSON_CODES = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "IncompleteSignature": "IncompleteSignatureException",
}
"""How REST JSON services spell the codes of a failed authentication or authorisation."""


@dataclass(frozen=True)
class Entries:
    """A map as the query protocol writes it: `<entry><key>…</key><value>…</value></entry>`."""

    values: Mapping[str, int]


Xml = str | int | bool | None | Entries | Mapping[str, "Xml"] | Sequence["Xml"]
Json = str | int | float | bool | None | Mapping[str, "Json"] | Sequence["Json"]


@dataclass(frozen=True)
class AwsRequest:
    """One HTTP request. `raw_path` is as sent, still percent-encoded; header names are in lower case."""

    method: str
    raw_path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class AwsResponse:
    status: int
    body: bytes
    content_type: str
    error_code: str = ""


def to_xml(value: Xml) -> str:
    """Elements from dicts, `<member>` from lists, escaped text from the rest; None is left out."""
    if isinstance(value, Mapping):
        return "".join(f"<{k}>{to_xml(v)}</{k}>" for k, v in value.items() if v is not None)
    if isinstance(value, Entries):
        return "".join(f"<entry>{to_xml({'key': k, 'value': v})}</entry>" for k, v in value.values.items())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return escape(str(value))
    if value is None:
        return ""
    return "".join(f"<member>{to_xml(item)}</member>" for item in value)


def query_answer(request: AwsRequest, *, service: str, action: str, result: Xml) -> AwsResponse:
    """A successful IAM or STS answer. A `result` of None means that the action has no result element."""
    inner = "" if result is None else f"<{action}Result>{to_xml(result)}</{action}Result>"
    body = (
        f'<{action}Response xmlns="{NAMESPACES[service]}">{inner}'
        f"<ResponseMetadata><RequestId>{request.request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return AwsResponse(200, body.encode(), "text/xml")


def query_error(request: AwsRequest, *, service: str, error: AwsError) -> AwsResponse:
    fault = "Sender" if error.status < 500 else "Receiver"
    body = (
        f'<ErrorResponse xmlns="{NAMESPACES.get(service, NAMESPACES["sts"])}">'
        f"<Error><Type>{fault}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{request.request_id}</RequestId></ErrorResponse>"
    )
    return AwsResponse(error.status, body.encode(), "text/xml", error.code)


def json_answer(payload: Json, status: int = 200) -> AwsResponse:
    return AwsResponse(status, json.dumps(payload).encode(), "application/json")


def json_error(error: AwsError) -> AwsResponse:
    code = JSON_CODES.get(error.code, error.code)
    return AwsResponse(error.status, json.dumps({"message": error.message}).encode(), "application/json", code)


def iso_time(moment: datetime) -> str:
    """A UTC time as AWS writes it, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
