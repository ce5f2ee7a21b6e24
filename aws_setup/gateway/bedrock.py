"""Bedrock: the three listings that Vertesia's driver makes, each on its own so that none hides another's failure."""

import time
from typing import Any

from aws_setup.gateway.errors import AwsError
from aws_setup.gateway.protocol import Answers, RoleCredentials
from aws_setup.gateway.wire import Wire


def list_models(wire: Wire, credentials: RoleCredentials | None, *, region: str) -> Answers:
    """What Bedrock offers in a region, with the role's credentials, or (None) with the worker's own.

    Needs bedrock:ListFoundationModels, bedrock:ListCustomModels and bedrock:ListInferenceProfiles. Foundation models
    come in one answer; of the other two all pages are read. Raises nothing: each failure stands in its place.
    """
    if credentials is None:
        return _list_with(wire, wire.open_client("bedrock", region=region))
    with wire.session.lent_client(
        "bedrock",
        region=region,
        access_key_id=credentials.access_key_id,
        secret_access_key=credentials.secret_access_key,
        session_token=credentials.session_token,
    ) as client:
        return _list_with(wire, client)


def _list_with(wire: Wire, client: Any) -> Answers:
    milliseconds: dict[str, int] = {}

    def read(method: str, items: str) -> list[dict[str, Any]] | AwsError:
        started = time.perf_counter()
        try:
            return _all_pages(wire, client, method, items)
        except AwsError as error:
            return error
        finally:
            milliseconds[method] = round((time.perf_counter() - started) * 1000)

    return Answers(
        foundation_models=read("list_foundation_models", "modelSummaries"),
        custom_models=read("list_custom_models", "modelSummaries"),
        inference_profiles=read("list_inference_profiles", "inferenceProfileSummaries"),
        milliseconds=milliseconds,
    )


def _all_pages(wire: Wire, client: Any, method: str, items: str) -> list[dict[str, Any]]:
    request: dict[str, Any] = {} if method == "list_foundation_models" else {"maxResults": 1000}
    found: list[dict[str, Any]] = []
    while True:
        answer = wire.call_with(client, method, **request)
        found += answer.get(items, [])
        if not answer.get("nextToken"):
            return found
        request["nextToken"] = answer["nextToken"]
