"""One call on its way through the local Vertesia, and who makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_setup.sandbox.vertesia.errors import not_found, unauthorized
from aws_setup.sandbox.vertesia.records import ApiKey, Environment, Project
from aws_setup.sandbox.vertesia.studio import Studio
from aws_setup.sandbox.wire import AwsRequest


@dataclass(frozen=True)
class Addresses:
    """`own` is issuer, token service and API in one; `aws` is where its calls to AWS go."""

    own: str
    aws: str


@dataclass(frozen=True)
class Caller:
    """Permissions are those of the token, so that a key's new role counts from the next token on."""

    key: ApiKey
    project: Project
    permissions: frozenset[str]

    @property
    def name(self) -> str:
        """As `created_by` has it: believed; of people it is known to be `user:ID`."""
        return f"apikey:{self.key.id}"


@dataclass(frozen=True)
class Call:
    """Authorised already when a handler gets it. `now` is in seconds since 1970, by Vertesia's own clock."""

    name: str
    request: AwsRequest
    parts: Mapping[str, str]
    caller: Caller
    studio: Studio
    addresses: Addresses
    now: float

    def environment(self) -> Environment:
        """The one that the path names. Raises ApiError 404."""
        found = self.studio.environments.get(self.parts["environment_id"])
        if found is None:
            raise not_found("Environment")
        return found


def bearer(request: AwsRequest) -> str:
    """What follows `Bearer` in the Authorization header; empty where there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def identify(request: AwsRequest, *, studio: Studio, addresses: Addresses) -> Caller:
    """The caller behind an API token. Raises ApiError 401, also for an API key that was not exchanged."""
    token = bearer(request)
    if not token:
        raise unauthorized("Missing bearer token")
    claims = studio.signing.read(token, issuer=addresses.own, audience=addresses.own)
    key = studio.api_keys.get(str(claims["sub"]).removeprefix("apikey:"))
    if claims.get("type") != "apikey" or key is None or key.are_tokens_refused:
        raise unauthorized("Invalid token")
    return Caller(key, studio.project_of(key), frozenset(claims["permissions"]))
