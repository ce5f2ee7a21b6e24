"""Which call a request is: its name, the permission it needs, and who answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from aws_setup.sandbox.vertesia import accounts, environments, token_service
from aws_setup.sandbox.vertesia.calls import Call
from aws_setup.sandbox.wire import AwsRequest, Json

API_ROOT = "/api/v1/"


@dataclass(frozen=True)
class Route:
    """`pattern` has a name in braces where a part of the path is given to the handler."""

    name: str
    method: str
    pattern: str
    permission: str
    answer: Callable[[Call], Awaitable[Json]]

    def match(self, method: str, segments: list[str]) -> dict[str, str] | None:
        wanted = self.pattern.split("/")
        if method != self.method or len(wanted) != len(segments):
            return None
        pairs = list(zip(wanted, segments, strict=True))
        if any(not want.startswith("{") and want != got for want, got in pairs):
            return None
        return {want.strip("{}"): got for want, got in pairs if want.startswith("{")}


MEMBER, ADMIN = "account:member", "environment:admin"
_ONE = "environments/{environment_id}"
ROUTES = (
    Route("GetAccount", "GET", "account", "", accounts.get_account),
    Route("ListAccountProjects", "GET", "account/projects", "", accounts.list_account_projects),
    Route("ListProjects", "GET", "projects", "", accounts.list_projects),
    Route("ListEnvironments", "GET", "environments", MEMBER, environments.list_environments),
    Route("CreateEnvironment", "POST", "environments", ADMIN, environments.create_environment),
    Route("GetEnvironment", "GET", _ONE, "", environments.get_environment),
    Route("UpdateEnvironment", "PUT", _ONE, ADMIN, environments.update_environment),
    Route("DeleteEnvironment", "DELETE", _ONE, ADMIN, environments.delete_environment),
    Route("UpdateEnvironmentConfig", "PUT", f"{_ONE}/config", ADMIN, environments.update_config),
    Route("ListEnvironmentModels", "GET", f"{_ONE}/models", MEMBER, environments.list_environment_models),
    Route("EnableEnvironmentModel", "POST", f"{_ONE}/models/enabled", ADMIN, environments.enable_model),
    Route(
        "DisableEnvironmentModel", "DELETE", f"{_ONE}/models/enabled/{{model_id}}", ADMIN, environments.disable_model
    ),
)
"""Permissions as in `x-vertesia-permissions` of the OpenAPI document."""

TOKEN_SERVICE = {
    ("POST", "/token/issue"): "IssueToken",
    ("GET", token_service.DISCOVERY_PATH): "GetDiscovery",
    ("GET", token_service.JWKS_PATH): "GetKeys",
}


def find_route(request: AwsRequest) -> tuple[Route, dict[str, str]] | None:
    """The route and the decoded parts of its path; a slash at the end counts for nothing, as some clients send one."""
    if not request.raw_path.startswith(API_ROOT):
        return None
    path = request.raw_path.removeprefix(API_ROOT).removesuffix("/")
    segments = [unquote(segment) for segment in path.split("/")]
    for route in ROUTES:
        parts = route.match(request.method, segments)
        if parts is not None:
            return route, parts
    return None


CALLS = (*TOKEN_SERVICE.values(), *(route.name for route in ROUTES))
"""Every call, by the name that its log and its faults use."""
