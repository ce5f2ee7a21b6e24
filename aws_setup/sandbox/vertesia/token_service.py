"""The token service: API keys exchanged for tokens, tokens for environments, and the issuer's public documents."""

from __future__ import annotations

from typing import Any

from aws_setup.sandbox.vertesia.calls import Addresses, bearer
from aws_setup.sandbox.vertesia.errors import bad_request, issuance_forbidden, unauthorized
from aws_setup.sandbox.vertesia.records import ApiKey, Environment, Project
from aws_setup.sandbox.vertesia.schemas import Fields, is_text, read_body, read_json
from aws_setup.sandbox.vertesia.signing import ALGORITHMS, DEFAULT_ALGORITHM
from aws_setup.sandbox.vertesia.studio import Studio
from aws_setup.sandbox.wire import AwsRequest, Json

DISCOVERY_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/.well-known/jwks"
AWS_AUDIENCE = "bedrock"
ENVIRONMENT_TOKEN_SECONDS = 3600

_COMMON: Fields = {
    "type": (is_text, "string"),
    "audience": (is_text, "string"),
    "algorithm": (lambda value: value in ALGORITHMS, "ES256|RS256"),
}
_API_KEY: Fields = {**_COMMON, "key": (is_text, "string")}
_ENVIRONMENT_NAMES = ("environment_id", "environment_name", "project_id", "account_id")
_ENVIRONMENT: Fields = {**_COMMON, **dict.fromkeys(_ENVIRONMENT_NAMES, (is_text, "string"))}
_FORBIDDEN_TYPES = ("user", "project", "agent", "service_account")


def discovery(addresses: Addresses) -> Json:
    return {
        "issuer": addresses.own,
        "jwks_uri": addresses.own + JWKS_PATH,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "name", "account", "project"],
    }


def issue_token(request: AwsRequest, *, studio: Studio, addresses: Addresses, now: float) -> Json:
    """IssueTokenResponse. Raises ApiError: 400 for what is asked for, 401 for who asks, 403 with an errorCode.

    The key may be sent as bearer token, in the body, or in both; a body is optional.
    """
    kind = read_json(request).get("type") if request.body else "apikey"
    if kind == "apikey":
        body = read_body(request, _API_KEY, required=("type", "key")) if request.body else {}
        key = _valid_key(body.get("key") or bearer(request), studio)
        claims = key_claims(key, studio=studio, addresses=addresses, now=now)
        seconds = studio.token_seconds
    elif kind == "environment":
        body = read_body(request, _ENVIRONMENT, required=("type", *_ENVIRONMENT_NAMES))
        key = _valid_key(bearer(request), studio)
        project, environment = _requested_scope(body, key, studio)
        if body["environment_name"] != environment.fields["name"]:
            raise issuance_forbidden("requested_scope_unavailable")
        claims = environment_claims(environment, project, studio=studio, addresses=addresses, now=now)
        seconds = ENVIRONMENT_TOKEN_SECONDS
    elif kind in _FORBIDDEN_TYPES:
        _valid_key(bearer(request), studio)
        raise issuance_forbidden("token_issuance_forbidden")
    else:
        raise bad_request("Invalid input at type: expected apikey|user|project|environment|agent|service_account")
    claims |= {"aud": body["audience"]} if body.get("audience") else {}
    token = studio.signing.sign(claims, algorithm=body.get("algorithm", DEFAULT_ALGORITHM))
    return {"token": token, "token_type": "Bearer", "expires_in": seconds}


def key_claims(key: ApiKey, *, studio: Studio, addresses: Addresses, now: float) -> dict[str, Any]:
    """AuthTokenPayload of packages/common/src/apikey.ts. `sub` and `aud` of such a token are not public: believed."""
    account = studio.account.to_ref()
    return {
        "iss": addresses.own,
        "aud": addresses.own,
        "sub": f"apikey:{key.id}",
        "name": key.name,
        "type": "apikey",
        "account": account,
        "account_roles": [key.role],
        "accounts": [account],
        "project": studio.project_of(key).to_ref(),
        "project_roles": [key.role],
        "apps": [],
        "permissions": list(key.permissions),
        "endpoints": {"studio": addresses.own, "store": addresses.own, "token": addresses.own},
        "iat": int(now),
        "exp": int(now) + studio.token_seconds,
    }


def environment_claims(
    environment: Environment, project: Project, *, studio: Studio, addresses: Addresses, now: float
) -> dict[str, Any]:
    """What AWS is shown. Known are `sub`, `aud`, `name`, `account.id` and `project.id`; its type is not public."""
    return {
        "iss": addresses.own,
        "aud": AWS_AUDIENCE,
        "sub": f"env:{studio.account.id}:{environment.id}",
        "name": environment.fields["name"],
        "account": studio.account.to_ref(),
        "project": project.to_ref(),
        "iat": int(now),
        "exp": int(now) + ENVIRONMENT_TOKEN_SECONDS,
    }


def _valid_key(value: str, studio: Studio) -> ApiKey:
    if not value:
        raise unauthorized("Missing API key")
    key = studio.find_key(value)
    if key is None or not key.is_enabled:
        raise unauthorized("Invalid API key")
    return key


def _requested_scope(body: dict[str, Any], key: ApiKey, studio: Studio) -> tuple[Project, Environment]:
    if not key.may_issue_environment_tokens:
        raise issuance_forbidden("token_issuance_forbidden")
    project = studio.projects.get(body["project_id"])
    environment = studio.environments.get(body["environment_id"])
    if body["account_id"] != studio.account.id or project is None or environment is None:
        raise issuance_forbidden("requested_scope_unavailable")
    if project.id not in environment.allowed_projects:
        raise issuance_forbidden("restricted_environment")
    return project, environment
