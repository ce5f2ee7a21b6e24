"""STS: who am I, assume a role, assume a role with a web identity."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import Any

from aws_setup.sandbox import emulator
from aws_setup.sandbox.callers import Caller
from aws_setup.sandbox.emulator import Record
from aws_setup.sandbox.errors import AwsError, invalid_token, validation_error, web_identity_denied
from aws_setup.sandbox.identity_providers import provider_arn
from aws_setup.sandbox.lateness import Place, role_place
from aws_setup.sandbox.parameters import Parameters
from aws_setup.sandbox.permissions import (
    Access,
    authorize,
    authorize_by_organization,
    is_denied_to_resource,
    refuse_by_resource_control_policy,
)
from aws_setup.sandbox.policy_documents import check_identity_policy
from aws_setup.sandbox.state import Session, State
from aws_setup.sandbox.webidentity import (
    MAX_TOKEN_LENGTH,
    check_certificate,
    check_claims,
    check_signature,
    read_token,
)
from aws_setup.sandbox.wire import Xml, iso_time

_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/(?:[\x21-\x7e]*/)?([\w+=,.@-]{1,64})", re.ASCII)
_SESSION_NAME = re.compile(r"[\w+=,.@-]*", re.ASCII)


def get_caller_identity(caller: Caller) -> Xml:
    """Needs no permission, and none can forbid it."""
    return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account_id}


def assume_role(parameters: Parameters, *, caller: Caller, state: State, region: str) -> Xml:
    """Both sides must agree: the caller's policies and the role's trust policy, `sts:ExternalId` included."""
    arn, account_id, name = _role_arn(parameters)
    session_name = _session_name(parameters)
    duration = parameters.number("DurationSeconds", default=3600, low=900, high=43200)
    state.regions.check_sts(caller.account_id, region)
    context = {"sts:rolesessionname": session_name}
    if "ExternalId" in parameters:
        context["sts:externalid"] = parameters.get("ExternalId")
    asked = Access("sts:AssumeRole", arn, context=context)
    authorize_by_organization(caller, asked, state)
    role = _trusted_role(arn, account_id, name, state)
    document = _seen_trust(account_id, name, role, state)
    refusal = AwsError(
        "AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}", 403
    )
    if document is None or not emulator.trust_allows(
        document, caller.arn, _trust_context("sts:AssumeRole", caller.arn, arn, context)
    ):
        # The caller's own policies are looked at first, and AWS says so when it is they that refuse.
        authorize(caller, asked, state)
        raise refusal
    if not (account_id == caller.account_id and f'"{caller.arn}"' in document):
        authorize(caller, asked, state)
    _check_duration(duration, role, is_chained=caller.session is not None)
    refuse_by_resource_control_policy(caller, asked, state)
    session = _new_session(role, account_id, session_name, _session_policy(parameters), state.clock.now() + duration)
    state.add_session(session)
    return _credentials(session) | _assumed_user(session)


async def assume_role_with_web_identity(parameters: Parameters, *, state: State, region: str) -> Xml:
    """Unsigned. Token first, then trust policy; AWS never says which condition failed."""
    arn, account_id, name = _role_arn(parameters)
    session_name = _session_name(parameters)
    duration = parameters.number("DurationSeconds", default=3600, low=900, high=43200)
    policy = _session_policy(parameters)
    state.regions.check_sts(account_id, region)
    token = read_token(_compact_token(parameters))
    provider = provider_arn(account_id, token.issuer)
    stored = emulator.providers.find(account_id, provider)
    current = tuple(stored["ClientIDList"]) if stored and stored["Url"] == token.issuer else None
    if state.lateness.seen_elsewhere(Place("provider", account_id, provider), stored) is None:
        current = None
    elif current is not None:
        late = state.lateness.seen_elsewhere(Place("audience", account_id, provider), {"ClientIDList": current})
        current = tuple(late["ClientIDList"])
    audiences = state.propagation.audiences.seen((account_id, provider), current=current)
    if audiences is None or current is None or stored is None:
        raise invalid_token(f"No OpenIDConnect provider found in your account for {token.issuer}")
    is_stopped = token.issuer in state.stopped_issuers
    if not is_stopped:
        check_certificate(state.private_certificates.get(token.issuer), configured=stored["ThumbprintList"])
    await check_signature(token, is_stopped=is_stopped)
    identity = check_claims(token, accepted_audiences=audiences, now=state.clock.now())
    role = _trusted_role(arn, account_id, name, state)
    document = _seen_trust(account_id, name, role, state)
    context = _trust_context(
        "sts:AssumeRoleWithWebIdentity",
        provider,
        arn,
        identity.condition_keys() | {"sts:rolesessionname": session_name, "aws:federatedprovider": provider},
    )
    if document is None or not emulator.trust_allows(document, provider, context):
        raise web_identity_denied()
    if is_denied_to_resource(context, account_id, state):
        raise web_identity_denied()
    _check_duration(duration, role)
    session = _new_session(role, account_id, session_name, policy, state.clock.now() + duration)
    role["RoleLastUsed"] = {"LastUsedDate": iso_time(datetime.now(UTC)), "Region": region}
    state.add_session(session)
    return (
        {"SubjectFromWebIdentityToken": identity.subject, "Audience": identity.audience}
        | _assumed_user(session)
        | _credentials(session)
        | {"Provider": provider}
    )


def account_of(parameters: Parameters) -> str:
    """The account of the role that is asked for, "-" where the ARN is none."""
    match = _ROLE_ARN.fullmatch(parameters.get("RoleArn"))
    return match.group(1) if match else "-"


def _trusted_role(arn: str, account_id: str, name: str, state: State) -> Record:
    """The role with exactly this ARN, path and case included; an empty record when there is none."""
    role = emulator.roles.find(account_id, name)
    if state.lateness.seen_elsewhere(role_place("role", account_id, name), role) is None:
        return {}
    return role if role is not None and role["Arn"] == arn else {}


def _seen_trust(account_id: str, name: str, role: Record, state: State) -> str | None:
    if not role:
        return None
    late = state.lateness.seen_elsewhere(role_place("trust", account_id, name), role)
    return state.propagation.trust.seen((account_id, name), current=late["AssumeRolePolicyDocument"])


def _trust_context(action: str, principal: str, role_arn: str, keys: dict[str, Any]) -> Any:
    return emulator.EvalContext(
        principal_arn=principal,
        principal_type="User",
        principal_account=principal.split(":")[4],
        action=action,
        resource_arn=role_arn,
        region="us-east-1",
        service_context=keys,
    )


def _role_arn(parameters: Parameters) -> tuple[str, str, str]:
    arn = parameters.required("RoleArn")
    if len(arn) < 20:
        raise validation_error(
            f"Value '{arn}' at 'roleArn' failed to satisfy constraint: "
            "Member must have length greater than or equal to 20"
        )
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        raise AwsError("ValidationError", f"{arn} is invalid")
    return arn, match.group(1), match.group(2)


def _session_name(parameters: Parameters) -> str:
    name = parameters.required("RoleSessionName")
    for is_wrong, constraint in (
        (len(name) < 2, "Member must have length greater than or equal to 2"),
        (len(name) > 64, "Member must have length less than or equal to 64"),
        (not _SESSION_NAME.fullmatch(name), r"Member must satisfy regular expression pattern: [\w+=,.@-]*"),
    ):
        if is_wrong:
            raise validation_error(f"Value '{name}' at 'roleSessionName' failed to satisfy constraint: {constraint}")
    return name


def _compact_token(parameters: Parameters) -> str:
    compact = parameters.required("WebIdentityToken")
    for is_wrong, constraint in (
        (len(compact) < 4, "Member must have length greater than or equal to 4"),
        (len(compact) > MAX_TOKEN_LENGTH, f"Member must have length less than or equal to {MAX_TOKEN_LENGTH}"),
    ):
        if is_wrong:
            raise validation_error(f"Value at 'webIdentityToken' failed to satisfy constraint: {constraint}")
    return compact


def _session_policy(parameters: Parameters) -> str:
    policy = parameters.get("Policy")
    if policy:
        check_identity_policy(policy)
    return policy


def _check_duration(duration: int, role: Record, *, is_chained: bool = False) -> None:
    if is_chained and duration > 3600:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
    if duration > role["MaxSessionDuration"]:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )


def _new_session(role: Record, account_id: str, name: str, policy: str, expires: float) -> Session:
    return Session(
        access_key_id="ASIA" + secrets.token_hex(8).upper(),
        secret=secrets.token_urlsafe(30),
        token="IQoJb3JpZ2luX2VjE" + secrets.token_urlsafe(120),
        account_id=account_id,
        role_name=role["RoleName"],
        role_id=role["RoleId"],
        name=name,
        expires=expires,
        policy=policy,
    )


def _credentials(session: Session) -> dict[str, Xml]:
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": iso_time(datetime.fromtimestamp(session.expires, UTC)),
        }
    }


def _assumed_user(session: Session) -> dict[str, Xml]:
    return {"AssumedRoleUser": {"AssumedRoleId": f"{session.role_id}:{session.name}", "Arn": session.arn}}
