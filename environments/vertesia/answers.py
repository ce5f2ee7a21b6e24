"""What is read of Vertesia's answers. Pure. All of it is somebody else's text: capped, and shown as text only.

Shapes: Account, ProjectRef, ExecutionEnvironment, AIModel and IssueTokenResponse of Vertesia's OpenAPI document, and
AuthTokenPayload (packages/common/src/apikey.ts of https://github.com/vertesia/composableai). Every `parse_…` takes JSON
and the path to it, and raises fields.WrongShape.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from environments.vertesia.fields import Fields, WrongShape, read_list

MAX_NAME = 200
MAX_MODEL_ID = 2048
MAX_TEXT = 500
MAX_TOKEN = 32 * 1024
MAX_PERMISSION = 100

_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
"""A JSON Web Token (RFC 7519), which any header can carry."""


@dataclass(frozen=True)
class Account:
    """An organization, which Vertesia's API calls account."""

    id: str
    name: str


@dataclass(frozen=True)
class Project:
    """A project. `is_restricted`: listed, but not for this key to use."""

    id: str
    name: str
    account_id: str
    is_restricted: bool


@dataclass(frozen=True)
class VertesiaEnvironment:
    """An execution environment as Vertesia has it. `endpoint_url` is the AWS region where the provider is `bedrock`.

    The API key itself is never kept: reads are masked, and what was read must not be written back. `apikey_hint` is
    its first and last characters, `has_api_key` whether there is one. `allowed_projects` None: Vertesia names none.
    `enabled_models` and `default_model` are model ids.
    """

    id: str
    account_id: str
    name: str
    provider: str
    description: str
    endpoint_url: str
    has_api_key: bool
    apikey_hint: str
    allowed_projects: tuple[str, ...] | None
    default_model: str
    enabled_models: tuple[str, ...]


@dataclass(frozen=True)
class AIModel:
    """A model as Vertesia lists it. For Bedrock `id` is the ARN. None: Vertesia does not say."""

    id: str
    name: str
    provider: str
    owner: str
    description: str
    is_custom: bool | None
    can_stream: bool | None
    tool_support: bool | None
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class IssuedToken:
    """A token of Vertesia's: a credential. Only `.value` shows it, and no queue can carry it.

    `expires_in`: seconds from when it was issued, None where Vertesia does not say.
    """

    value: str
    expires_in: float | None

    def __repr__(self) -> str:
        return "<IssuedToken>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A token is a credential and is not to be stored or sent to a queue.")


@dataclass(frozen=True)
class TokenClaims:
    """What a token of Vertesia's says, unverified. `project_id` is empty and the dates are None where it says nothing.

    `permissions` None: the token does not list them, which says nothing about what is allowed. `endpoints`: hosts or
    URLs by Vertesia's own names (studio, store, token, …), under `domain` where it is a single one.
    """

    account_id: str
    account_name: str
    project_id: str
    issuer: str
    expires_at: datetime | None
    permissions: tuple[str, ...] | None
    endpoints: Mapping[str, str] = field(default_factory=dict)


def parse_account(document: object, path: str = "account") -> Account:
    fields = Fields(document, path)
    return Account(id=fields.read_id("id"), name=fields.read_text("name", MAX_NAME))


def parse_accounts(document: object) -> tuple[Account, ...]:
    return read_list(document, "accounts", parse_account)


def parse_project(document: object, path: str = "project") -> Project:
    fields = Fields(document, path)
    return Project(
        id=fields.read_id("id"),
        name=fields.read_text("name", MAX_NAME),
        account_id=fields.read_id("account"),
        is_restricted=fields.find_flag("restricted") or False,
    )


def parse_projects(document: object) -> tuple[Project, ...]:
    """A bare array, as /projects answers, or one under `data`, as /account/projects does."""
    if isinstance(document, list):
        return read_list(document, "projects", parse_project)
    return Fields(document, "projects").read_list("data", parse_project)


def parse_environment(document: object, path: str = "environment") -> VertesiaEnvironment:
    fields = Fields(document, path)
    hint = fields.find_text("apikey_hint", MAX_NAME)
    return VertesiaEnvironment(
        id=fields.read_id("id"),
        account_id=fields.read_id("account"),
        name=fields.read_text("name", MAX_NAME),
        provider=fields.read_exact("provider", 100),
        description=fields.find_text("description", MAX_TEXT),
        endpoint_url=fields.find_text("endpoint_url", MAX_TEXT),
        has_api_key=bool(hint or fields.find_text("apiKey", MAX_NAME)),
        apikey_hint=hint,
        allowed_projects=fields.find_ids("allowed_projects"),
        default_model=fields.find_text("default_model", MAX_MODEL_ID),
        enabled_models=fields.find_list("enabled_models", _parse_model_id) or (),
    )


def parse_environments(document: object) -> tuple[VertesiaEnvironment, ...]:
    return read_list(document, "environments", parse_environment)


def parse_model(document: object, path: str = "model") -> AIModel:
    fields = Fields(document, path)
    return AIModel(
        id=_parse_model_id(document, path),
        name=fields.read_text("name", MAX_NAME),
        provider=fields.read_exact("provider", 100),
        owner=fields.find_text("owner", MAX_NAME),
        description=fields.find_text("description", MAX_TEXT),
        is_custom=fields.find_flag("is_custom"),
        can_stream=fields.find_flag("can_stream"),
        tool_support=fields.find_flag("tool_support"),
        input_modalities=fields.find_texts("input_modalities", 50),
        output_modalities=fields.find_texts("output_modalities", 50),
    )


def parse_models(document: object) -> tuple[AIModel, ...]:
    return read_list(document, "models", parse_model)


def parse_issued_token(document: object) -> IssuedToken:
    fields = Fields(document, "answer")
    token = fields.read_exact("token", MAX_TOKEN)
    if not _TOKEN.fullmatch(token):
        raise WrongShape("answer.token is not a JSON Web Token")
    return IssuedToken(value=token, expires_in=fields.find_number("expires_in"))


def parse_claims(document: object) -> TokenClaims:
    fields = Fields(document, "claims")
    account = fields.read_object("account")
    project = fields.find_object("project")
    endpoints = fields.find_texts_by_name("endpoints", MAX_TEXT, alone="domain")
    return TokenClaims(
        account_id=account.read_id("id"),
        account_name=account.find_text("name", MAX_NAME),
        project_id=project.read_id("id") if project else "",
        issuer=fields.read_exact("iss", MAX_TEXT),
        expires_at=_read_date(fields, "exp"),
        permissions=fields.find_texts("permissions", MAX_PERMISSION) if fields.has("permissions") else None,
        endpoints=endpoints,
    )


def _parse_model_id(document: object, path: str) -> str:
    return Fields(document, path).read_exact("id", MAX_MODEL_ID)


def _read_date(fields: Fields, name: str) -> datetime | None:
    """A NumericDate (RFC 7519, section 2)."""
    seconds = fields.find_number(name)
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise WrongShape(f"claims.{name} is not a date") from None
