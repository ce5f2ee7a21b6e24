"""Who is calling: SigV4 signatures checked against users' keys and assumed roles' sessions."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from ministack.core import sigv4

from aws_setup.sandbox import emulator
from aws_setup.sandbox.errors import INVALID_TOKEN, AwsError
from aws_setup.sandbox.state import Session, State
from aws_setup.sandbox.wire import AwsRequest


@dataclass(frozen=True)
class Caller:
    """A principal whose signature was checked. `name` is the user's or the role's name."""

    account_id: str
    arn: str
    user_id: str
    name: str
    session: Session | None = None
    denied_by: str | None = None
    """The layer that refuses whatever this call asks for, by a fault: see `fault_refusals.DENIALS`."""


@dataclass(frozen=True)
class CredentialScope:
    """What an Authorization header claims, before anything is checked."""

    access_key_id: str
    region: str
    service: str


def credential_scope(request: AwsRequest) -> CredentialScope | None:
    """The scope of the signature, None for an unsigned call; AwsError when the header is not well formed."""
    if not request.headers.get("authorization", ""):
        return None
    parsed = sigv4.parse_header_signature(request.headers)
    if isinstance(parsed, tuple):
        raise AwsError(parsed[0], parsed[1], 400)
    return CredentialScope(parsed.access_key_id, parsed.region, parsed.service)


def identify(request: AwsRequest, state: State) -> Caller:
    """The caller behind a signed request.

    AwsError MissingAuthenticationToken, InvalidClientTokenId, ExpiredToken or SignatureDoesNotMatch otherwise.
    """
    scope = credential_scope(request)
    if scope is None:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    session = state.sessions.get(scope.access_key_id)
    if session is not None:
        return _identify_session(request, session, now=state.clock.moment())
    return _identify_user(request, scope.access_key_id, now=state.clock.moment())


def _identify_session(request: AwsRequest, session: Session, *, now: datetime) -> Caller:
    token = request.headers.get("x-amz-security-token", "")
    if not hmac.compare_digest(token.encode(), session.token.encode()):
        raise AwsError("InvalidClientTokenId", INVALID_TOKEN, 403)
    if session.expires < now.timestamp():
        raise AwsError("ExpiredToken", "The security token included in the request is expired", 403)
    _check_signature(request, session.secret, now=now)
    role = emulator.roles.find(session.account_id, session.role_name)
    if role is None or role["RoleId"] != session.role_id:
        raise AwsError("InvalidClientTokenId", INVALID_TOKEN, 403)
    return Caller(
        session.account_id, session.arn, f"{session.role_id}:{session.name}", session.role_name, session=session
    )


def _identify_user(request: AwsRequest, access_key_id: str, *, now: datetime) -> Caller:
    account_id, key = _active_key(access_key_id)
    user = emulator.users.find(account_id, key["UserName"])
    if user is None or request.headers.get("x-amz-security-token"):
        raise AwsError("InvalidClientTokenId", INVALID_TOKEN, 403)
    _check_signature(request, key["SecretAccessKey"], now=now)
    return Caller(account_id, user["Arn"], user["UserId"], user["UserName"])


def _active_key(access_key_id: str) -> tuple[str, emulator.Record]:
    """The account and record of a user's key."""
    for (account_id, key_id), key in emulator.access_keys.everything().items():
        if key_id == access_key_id and key["Status"] == "Active":
            return account_id, key
    raise AwsError("InvalidClientTokenId", INVALID_TOKEN, 403)


def _check_signature(request: AwsRequest, secret: str, *, now: datetime) -> None:
    signature = sigv4.parse_header_signature(request.headers)
    if isinstance(signature, tuple):
        raise AwsError(signature[0], signature[1], 400)
    failure = sigv4.request_time_failure(signature, now=now) or sigv4.header_signature_failure(
        signature, secret, request.method, request.raw_path, request.query, request.headers, request.body
    )
    if failure is not None:
        raise AwsError("SignatureDoesNotMatch", failure[1], 403)


def path_segments(request: AwsRequest) -> list[str]:
    """The decoded segments of the path: an ARN in one of them keeps its slashes."""
    return [unquote(segment) for segment in request.raw_path.split("/") if segment]
