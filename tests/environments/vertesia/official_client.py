"""Asks a Vertesia with its own Python package. A program: the package takes seconds and 120 MB to import.

Reads {url, key, environment_id, account_id, create, update, environment_token, issued_token} from standard input, and
writes what the package knows and what it made of the answers to standard output.
"""

import json
import sys

from vertesia_client.client import (
    DEFAULT_API_VERSION,
    TOKEN_REFRESH_WINDOW_SECONDS,
    Client,
    ClientOptions,
    _resolve_client_endpoints,
)
from vertesia_client.openapi import models

order = json.load(sys.stdin)


def required(model: type) -> list[str]:
    """The JSON names of what an answer must hold."""
    return sorted(field.alias or name for name, field in model.model_fields.items() if field.is_required())


def documented(model: type) -> list[str]:
    """The JSON names of all properties; a request may hold no others."""
    return sorted(field.alias or name for name, field in model.model_fields.items() if name != "additional_properties")


client = Client(server_url=order["url"], store_url=order["url"], token_server_url=order["url"], api_key=order["key"])
# Not from_dict: that adds "config": null, which an update would send.
create = models.ExecutionEnvironmentCreatePayload.model_validate(order["create"])
update = models.ExecutionEnvironmentUpdatePayload.model_validate(order["update"])
# Not asked for over the wire: of this call the package takes the host from its document, sts.{region}.vertesia.io.
token = models.EnvironmentTokenRequest.from_dict(order["environment_token"])
answers = [
    client.accounts.get_current_account(),
    client.projects.list_projects(account=order["account_id"]),
    client.accounts.list_account_projects(),
    client.environments.list_environments(all=True),
    client.environments.list_environments(),
    client.environments.get_environment(order["environment_id"]),
    client.environments.create_environment(create),
    client.environments.update_environment(order["environment_id"], update),
    client.environments.list_environment_models(order["environment_id"]),
    models.IssueTokenResponse.from_dict(order["issued_token"]),
]
json.dump(
    {
        "api_version": DEFAULT_API_VERSION,
        "refresh_before": TOKEN_REFRESH_WINDOW_SECONDS,
        "sites": {
            region or "global": [found.studio_url, found.token_server_url]
            for region in (None, "us1", "eu1", "jp1")
            for found in [_resolve_client_endpoints(ClientOptions(region=region))]
        },
        "required": {
            model.__name__: required(model)
            for model in (models.Account, models.ProjectRef, models.ExecutionEnvironment, models.AIModel)
        },
        "documented": {
            model.__name__: documented(model)
            for model in (
                models.ExecutionEnvironmentCreatePayload,
                models.ExecutionEnvironmentUpdatePayload,
                models.EnvironmentTokenRequest,
                models.ErrorResponse,
                models.IssueTokenForbiddenResponse,
                models.IssueTokenUnavailableResponse,
            )
        },
        "environment_token": token.to_dict(),
        "answers": [
            [item.to_dict() for item in answer] if isinstance(answer, list) else answer.to_dict() for answer in answers
        ],
    },
    sys.stdout,
    default=str,
)
