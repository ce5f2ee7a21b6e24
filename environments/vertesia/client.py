"""Vertesia's API over HTTP, as far as this console uses it. The services see `protocol.Vertesia`.

Paths, bodies and permissions: Vertesia's OpenAPI document, as carried by its Python client; `GET /accounts` is in its
TypeScript client only (packages/client/src/AccountsApi.ts of https://github.com/vertesia/composableai).
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from environments.ids import InvalidVertesiaId
from environments.vertesia.answers import (
    Account,
    AIModel,
    IssuedToken,
    Project,
    TokenClaims,
    VertesiaEnvironment,
    parse_account,
    parse_accounts,
    parse_environment,
    parse_environments,
    parse_models,
    parse_projects,
)
from environments.vertesia.errors import EnvironmentTokenRefused, Operation, UnexpectedAnswer, VertesiaError
from environments.vertesia.fields import WrongShape
from environments.vertesia.requests import CreateEnvironment, IssueEnvironmentToken, UpdateEnvironment
from environments.vertesia.sites import Site
from environments.vertesia.tokens import TokenSource
from environments.vertesia.wire import Wire

Read = TypeVar("Read")

_LIST_ACCOUNTS = Operation("list the organizations")
_READ_ACCOUNT = Operation("show the organization", "account:member")
_LIST_PROJECTS = Operation("list the projects", "account:member")
_LIST_ENVIRONMENTS = Operation("list the environments", "account:member")
_READ_ENVIRONMENT = Operation("show the environment")
_CREATE_ENVIRONMENT = Operation("create an environment", "environment:admin")
_UPDATE_ENVIRONMENT = Operation("change the environment", "environment:admin")
_LIST_MODELS = Operation("list the environment's models", "account:member")
_ISSUE_TOKEN = Operation("issue a token for the environment", brings_key=True)


class VertesiaClient:
    """`protocol.Vertesia` at `site`, with `tokens` made from one API key. As safe between threads as they are."""

    def __init__(self, site: Site, tokens: TokenSource, wire: Wire) -> None:
        self._site = site
        self._tokens = tokens
        self._wire = wire

    def __repr__(self) -> str:
        return f"<VertesiaClient of {self._site.api_root}>"

    def read_claims(self) -> TokenClaims:
        return self._tokens.read_claims()

    def list_accounts(self) -> tuple[Account, ...]:
        return self._ask(_LIST_ACCOUNTS, "GET", "/accounts", parse_accounts)

    def read_account(self) -> Account:
        return self._ask(_READ_ACCOUNT, "GET", "/account", parse_account)

    def list_projects(self, account_id: str = "") -> tuple[Project, ...]:
        path = f"/projects?{urlencode({'account': account_id})}" if account_id else "/account/projects"
        return self._ask(_LIST_PROJECTS, "GET", path, parse_projects)

    def list_environments(self, *, all: bool = True) -> tuple[VertesiaEnvironment, ...]:
        return self._ask(_LIST_ENVIRONMENTS, "GET", f"/environments{'?all=true' if all else ''}", parse_environments)

    def read_environment(self, environment_id: str) -> VertesiaEnvironment:
        return self._ask(_READ_ENVIRONMENT, "GET", _environment_path(environment_id), parse_environment)

    def create_environment(self, wanted: CreateEnvironment) -> VertesiaEnvironment:
        return self._ask(_CREATE_ENVIRONMENT, "POST", "/environments", parse_environment, wanted.to_json())

    def update_environment(self, environment_id: str, changes: UpdateEnvironment) -> VertesiaEnvironment:
        path = _environment_path(environment_id)
        return self._ask(_UPDATE_ENVIRONMENT, "PUT", path, parse_environment, changes.to_json())

    def list_models(self, environment_id: str) -> tuple[AIModel, ...]:
        return self._ask(_LIST_MODELS, "GET", f"{_environment_path(environment_id)}/models", parse_models)

    def issue_environment_token(self, wanted: IssueEnvironmentToken) -> IssuedToken:
        try:
            return self._tokens.issue(_ISSUE_TOKEN, wanted.to_json())
        except VertesiaError as error:
            if error.status != 403:
                raise
            raise EnvironmentTokenRefused(
                "Vertesia issues no token for the environment to this API key, which is usual. "
                "What Vertesia itself can do is seen by asking it for the models.",
                operation=_ISSUE_TOKEN,
                status=403,
                code=error.code,
                message=error.message,
            ) from error

    def _ask(
        self,
        operation: Operation,
        method: str,
        path: str,
        parse: Callable[[object], Read],
        body: Mapping[str, Any] | None = None,
    ) -> Read:
        token = self._tokens.get_token()
        try:
            document = self._wire.ask(operation, method, f"{self._site.api_root}{path}", bearer=token, body=body)
        except VertesiaError as error:
            if error.status == 401:
                self._tokens.forget(token)
            raise
        try:
            return parse(document)
        except WrongShape as error:
            raise UnexpectedAnswer(
                f"Vertesia was asked to {operation.what}, and its answer is not as documented: {error}.",
                operation=operation,
                status=200,
                may_have_been_done=True,
            ) from error


def _environment_path(environment_id: str) -> str:
    """`/environments/ID`, encoded. `.` and `..` would lead elsewhere, however they are encoded."""
    if environment_id in ("", ".", ".."):
        raise InvalidVertesiaId("An environment id is missing.")
    return f"/environments/{quote(environment_id, safe='')}"
