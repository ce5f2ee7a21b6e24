"""Execution environments: listed, made, read, written in part, deleted; and their enabled models."""

from __future__ import annotations

from typing import Any

from aws_setup.sandbox.vertesia.calls import Call
from aws_setup.sandbox.vertesia.errors import bad_request, not_found
from aws_setup.sandbox.vertesia.listing import list_models
from aws_setup.sandbox.vertesia.records import Environment
from aws_setup.sandbox.vertesia.schemas import ENABLED_MODEL, ENVIRONMENT, ENVIRONMENT_CONFIG, read_body, read_query
from aws_setup.sandbox.wire import Json


async def list_environments(call: Call) -> Json:
    """A bare array, without pages: those allowed for the token's project, with `all=true` the whole account's."""
    wanted = read_query(call.request, "all").get("all", "false")
    if wanted not in ("true", "false"):
        raise bad_request("Invalid input at all: expected boolean")
    return [
        _to_json(call, environment)
        for environment in call.studio.environments.values()
        if wanted == "true" or call.caller.project.id in environment.allowed_projects
    ]


async def create_environment(call: Call) -> Json:
    read_query(call.request)
    body = read_body(call.request, ENVIRONMENT, required=("name", "provider"))
    _check_projects(call, body)
    return _to_json(call, call.studio.add_environment(body, by=call.caller.name, now=call.now))


async def get_environment(call: Call) -> Json:
    read_query(call.request)
    return _to_json(call, call.environment())


async def update_environment(call: Call) -> Json:
    """What the body leaves out stays as it is."""
    read_query(call.request)
    environment = call.environment()
    body = read_body(call.request, ENVIRONMENT)
    _check_projects(call, body)
    return _written(call, environment, body)


async def update_config(call: Call) -> Json:
    """`enabled_models` is replaced, `config` is merged into what is there."""
    read_query(call.request)
    environment = call.environment()
    body = read_body(call.request, ENVIRONMENT_CONFIG)
    if "config" in body:
        body["config"] = (environment.fields.get("config") or {}) | body["config"]
    return _written(call, environment, body)


async def delete_environment(call: Call) -> Json:
    read_query(call.request)
    environment = call.environment()
    del call.studio.environments[environment.id]
    return {"id": environment.id}


async def list_environment_models(call: Call) -> Json:
    """A bare array. The parameters are accepted and change nothing: Bedrock's driver supports no search."""
    read_query(call.request, "text", "type", "tags", "owner")
    return await list_models(call, call.environment())


async def enable_model(call: Call) -> Json:
    """The model is looked for in the environment's listing, which is therefore made anew."""
    read_query(call.request)
    environment = call.environment()
    model_id = read_body(call.request, ENABLED_MODEL, required=("model_id",))["model_id"]
    found = [model for model in await list_models(call, environment) if model["id"] == model_id]
    if not found:
        raise not_found("Model")
    others = [model for model in environment.fields["enabled_models"] if model["id"] != model_id]
    return _written(call, environment, {"enabled_models": [*others, found[0]]})


async def disable_model(call: Call) -> Json:
    read_query(call.request)
    environment = call.environment()
    enabled = environment.fields["enabled_models"]
    others = [model for model in enabled if model["id"] != call.parts["model_id"]]
    if len(others) == len(enabled):
        raise not_found("Model")
    return _written(call, environment, {"enabled_models": others})


def _written(call: Call, environment: Environment, changes: dict[str, Any]) -> Json:
    environment.write(changes, by=call.caller.name, now=call.now)
    return _to_json(call, environment)


def _to_json(call: Call, environment: Environment) -> Json:
    return environment.to_json(call.studio.account.id)


def _check_projects(call: Call, body: dict[str, Any]) -> None:
    """That projects of others are refused with 400 is believed."""
    for project_id in body.get("allowed_projects", []):
        if project_id not in call.studio.projects:
            raise bad_request(f"Invalid input at allowed_projects: no project {project_id} in this account")
