"""Bedrock: the three listings that Vertesia's driver makes, each on its own so that none hides another's failure."""

import time
from typing import Any

from aws_setup.gateway.errors import AwsError
from aws_setup.gateway.protocol import Answers, RoleCredentials
from aws_setup.gateway.wire import Wire


def list_models(wire: Wire, credentials: RoleCredentials | None, *, region: str) -> Answers:
    """What Bedrock offers in a region, with the role's credentials, or (None) with the worker's own.

    Needs bedrock:ListFoundationModels, bedrock:ListCustomModels and bedrock:ListInferenceProfiles. Foundation models
    come in one answer; of the other two all pages are read. The first request of each is the driver's very own, with
    no parameter at all, so that its first page is what Studio sees. Raises nothing: each failure stands in its place.
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
    first_page: dict[str, int] = {}

    def read(name: str, items: str) -> list[dict[str, Any]] | AwsError:
        method, started = f"list_{name}", time.perf_counter()
        try:
            pages = _read_pages(wire, client, method, items)
        except AwsError as error:
            return error
        finally:
            milliseconds[method] = round((time.perf_counter() - started) * 1000)
        first_page[name] = len(pages[0])
        return [item for page in pages for item in page]

    return Answers(
        foundation_models=read("foundation_models", "modelSummaries"),
        custom_models=read("custom_models", "modelSummaries"),
        inference_profiles=read("inference_profiles", "inferenceProfileSummaries"),
        milliseconds=milliseconds,
        first_page=first_page,
    )


def _read_pages(wire: Wire, client: Any, method: str, items: str) -> list[list[dict[str, Any]]]:
    answer = wire.call_with(client, method)
    pages: list[list[dict[str, Any]]] = [answer.get(items, [])]
    while token := answer.get("nextToken"):
        answer = wire.call_with(client, method, nextToken=token)
        pages.append(answer.get(items, []))
    return pages
