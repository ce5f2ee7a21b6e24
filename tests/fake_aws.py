"""An AWS in memory that holds state: accounts with providers, roles and policies, and the Gateway into them.

It refuses as AWS does, with AWS's codes, and is held to that by the gateway's contract tests.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from aws_setup.desired import DesiredState
from aws_setup.gateway.errors import AwsBusy, AwsError, AwsRefused
from aws_setup.gateway.iam import OUTCOME
from aws_setup.gateway.protocol import (
    Answers,
    Caller,
    Exchange,
    ModelAvailability,
    OneToken,
    Performed,
    RoleCredentials,
    Simulated,
)
from aws_setup.models import Account
from aws_setup.names import parse_role_arn, strip_scheme
from aws_setup.observed import ObservedProvider, ObservedRole, ObservedState, Quotas
from aws_setup.plans.actions import Action
from aws_setup.trust.statements import trusts_provider
from environments.issuer.keys import list_public_jwks

HOME = "111122223333"
SECOND = "444455556666"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

FOUNDATION_MODELS: list[dict[str, Any]] = [
    {
        "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        "modelId": "amazon.nova-lite-v1:0",
        "modelName": "Nova Lite",
        "providerName": "Amazon",
        "inputModalities": ["TEXT", "IMAGE"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": True,
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "ACTIVE"},
    },
    {
        "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "modelId": "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "modelName": "Claude Sonnet 4.5",
        "providerName": "Anthropic",
        "inputModalities": ["TEXT", "IMAGE"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": True,
        "inferenceTypesSupported": ["INFERENCE_PROFILE"],
        "modelLifecycle": {"status": "ACTIVE"},
    },
]
INFERENCE_PROFILES: list[dict[str, Any]] = [
    {
        "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:{HOME}:inference-profile/"
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "inferenceProfileId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "inferenceProfileName": "US Anthropic Claude Sonnet 4.5",
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
        "models": [
            {"modelArn": f"arn:aws:bedrock:{region}::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0"}
            for region in ("us-east-1", "us-west-2")
        ],
    }
]
LISTINGS = {
    "ListFoundationModels": "list_foundation_models",
    "ListCustomModels": "list_custom_models",
    "ListInferenceProfiles": "list_inference_profiles",
}


_role_numbers = itertools.count(1)
"""IAM never gives a role's unique id again."""


@dataclass
class FakeProvider:
    arn: str
    url: str
    audiences: list[str]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeRole:
    arn: str
    trust: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    boundary_arn: str = ""
    inline: dict[str, dict[str, Any]] = field(default_factory=dict)
    attached: list[str] = field(default_factory=list)
    description: str = ""
    last_used: datetime | None = None
    role_id: str = field(default_factory=lambda: f"AROA{next(_role_numbers):016d}")
    max_session_seconds: int = 3600

    @property
    def name(self) -> str:
        return self.arn.rsplit("/", 1)[-1]


@dataclass
class FakeAccount:
    """Providers by ARN, roles by their name in lower case: IAM does not tell them apart by case."""

    account_id: str
    alias: str = ""
    providers: dict[str, FakeProvider] = field(default_factory=dict)
    roles: dict[str, FakeRole] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)
    roles_quota: int = 1000
    trust_size_quota: int = 2048

    def role(self, name: str) -> FakeRole:
        return self.roles[name.lower()]


class Clock:
    """A time that passes when it is told to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Crash(BaseException):
    """The worker's process ended at this very moment."""


class FakeAws:
    """All accounts. `writes` lists the actions that changed something, `fail` and `before` bend single operations."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        caller_account: str = HOME,
        published_keys: Callable[[], list[dict[str, Any]]] = list_public_jwks,
    ) -> None:
        self.clock = clock or Clock()
        self.caller_account = caller_account
        self.published_keys = published_keys
        self.accounts = {account_id: FakeAccount(account_id) for account_id in (HOME, SECOND)}
        self.accounts[HOME].alias = "acme"
        self.writes: list[str] = []
        self.operations: list[str] = []
        self.tokens: list[str] = []
        self.propagation = timedelta(0)
        self.availability: dict[str, ModelAvailability] = {}
        self.custom_models: list[dict[str, Any]] = []
        self.page_size = 1000
        """How many custom models or inference profiles Bedrock gives to whoever asks for no number."""
        self._written_at = NOON - timedelta(days=1)
        self._failures: list[tuple[str, BaseException, int]] = []
        self._hooks: dict[str, Callable[[], None]] = {}

    @property
    def home(self) -> FakeAccount:
        return self.accounts[HOME]

    def open(self, account: Account | None) -> FakeGateway:
        """As accounts.OpenGateway."""
        reached = account.account_id if account is not None and account.role_arn else self.caller_account
        return FakeGateway(self, self.accounts[reached])

    def fail(self, operation: str, error: BaseException, *, times: int = 1) -> None:
        """Answer the next `times` calls of an operation (as in `iam:CreateRole`) with this error."""
        self._failures.append((operation, error, times))

    def deny(self, operation: str, *, times: int = 1_000_000) -> None:
        self.fail(operation, denied(operation), times=times)

    def mend(self) -> None:
        """No operation fails any more."""
        self._failures.clear()

    def before(self, operation: str, hook: Callable[[], None]) -> None:
        """Do something just before the next call of an operation."""
        self._hooks[operation] = hook

    def meet(self, operation: str) -> None:
        self.operations.append(operation)
        if hook := self._hooks.pop(operation, None):
            hook()
        for index, (failing, error, times) in enumerate(self._failures):
            if failing == operation:
                if times == 1:
                    del self._failures[index]
                else:
                    self._failures[index] = (failing, error, times - 1)
                raise error

    def wrote(self, action: str) -> None:
        self.writes.append(action)
        self._written_at = self.clock()

    @property
    def is_spreading(self) -> bool:
        """Whether STS and Bedrock do not see the last write yet."""
        return self.clock() < self._written_at + self.propagation

    def snapshot(self) -> dict[str, Any]:
        """Everything that is held, as comparable data, without last use and IAM's ids."""
        held = copy.deepcopy(self.accounts)
        for account in held.values():
            for role in account.roles.values():
                role.last_used = None
                role.role_id = ""  # what is made anew has another
        return {account_id: vars(account) for account_id, account in held.items()}


def denied(operation: str) -> AwsRefused:
    code = "AccessDenied" if operation.startswith(("iam:", "sts:")) else "AccessDeniedException"
    return AwsRefused(
        f"User: arn:aws:iam::{HOME}:user/console is not authorized to perform: {operation} because no identity-based "
        f"policy allows the {operation} action",
        operation=operation,
        code=code,
        request_id="req-denied",
    )


class FakeGateway:
    """The Gateway protocol on a FakeAccount."""

    def __init__(self, aws: FakeAws, account: FakeAccount) -> None:
        self._aws = aws
        self._account = account
        self.calls = 0
        self.seconds = 0.0

    def _call(self, operation: str) -> str:
        """Count a call; returns its request id."""
        self.calls += 1
        self.seconds += 0.001
        self._aws.meet(operation)
        return f"req-{len(self._aws.operations)}"

    def identify_caller(self) -> Caller:
        self._call("sts:GetCallerIdentity")
        account_id = self._account.account_id
        return Caller(account_id=account_id, arn=f"arn:aws:iam::{account_id}:user/console", source="fake")

    def read_account_alias(self) -> str:
        self._call("iam:ListAccountAliases")
        return self._account.alias

    def observe(self, desired: DesiredState, *, with_quotas: bool = False) -> ObservedState:
        account_id = self.identify_caller().account_id
        role = self._read_role(desired.role_name)
        return ObservedState(
            account_id=account_id,
            provider=self._read_provider(desired.provider_arn),
            role=role,
            retired_roles=tuple(
                role for name in desired.retire_role_names if (role := self._read_role(name)) is not None
            ),
            other_providers={
                arn: provider
                for arn in desired.other_provider_arns
                if (provider := self._read_provider(arn)) is not None
            },
            quotas=self._read_quotas() if with_quotas else None,
            trusting_roles=self._read_trusting_roles(desired) if desired.removes_provider else None,
        )

    def _read_quotas(self) -> Quotas | None:
        try:
            self._call("iam:GetAccountSummary")
        except AwsRefused as error:
            if error.is_denied:
                return None
            raise
        account = self._account
        return Quotas(len(account.roles), account.roles_quota, account.trust_size_quota)

    def _read_trusting_roles(self, desired: DesiredState) -> tuple[str, ...] | None:
        try:
            self._call("iam:ListRoles")
        except AwsRefused as error:
            if error.is_denied:
                return None
            raise
        return tuple(
            other.arn for other in self._account.roles.values() if trusts_provider(other.trust, desired.provider_arn)
        )

    def _read_provider(self, arn: str) -> ObservedProvider | None:
        self._call("iam:GetOpenIDConnectProvider")
        provider = self._account.providers.get(arn)
        return provider and ObservedProvider(arn=arn, audiences=tuple(provider.audiences), tags=dict(provider.tags))

    def _read_role(self, name: str) -> ObservedRole | None:
        self._call("iam:GetRole")
        role = self._account.roles.get(name.lower())
        if role is None:
            return None
        self._call("iam:ListRolePolicies")
        self._call("iam:ListAttachedRolePolicies")
        for _ in role.inline:
            self._call("iam:GetRolePolicy")
        held = copy.deepcopy(role)
        return ObservedRole(
            arn=held.arn,
            trust=held.trust,
            tags=held.tags,
            boundary_arn=held.boundary_arn,
            inline=held.inline,
            attached=tuple(held.attached),
            role_id=held.role_id,
            max_session_seconds=held.max_session_seconds,
        )

    def read_audiences(self, provider_arn: str) -> tuple[str, ...]:
        provider = self._read_provider(provider_arn)
        return provider.audiences if provider else ()

    def read_role_last_used(self, role_name: str) -> datetime | None:
        self._call("iam:GetRole")
        return self._role(role_name, "iam:GetRole").last_used

    # --- writing ------------------------------------------------------------------------------------------------

    def perform(self, action: Action) -> Performed:
        operation = f"iam:{action.action}"
        request_id = self._call(operation)
        try:
            getattr(self, f"_do_{action.action}")(operation, **action.request)
        except AwsRefused as error:
            if action.verb == "remove" and error.code == "NoSuchEntity":
                return Performed("unchanged", request_id)
            raise
        self._aws.wrote(action.action)
        made = self._account.roles.get(action.request.get("RoleName", "").lower()) if action.verb == "create" else None
        role_id = made.role_id if made is not None and action.action == "CreateRole" else ""
        return Performed(OUTCOME[action.verb], request_id, role_id=role_id)

    def _role(self, name: str, operation: str) -> FakeRole:
        role = self._account.roles.get(name.lower())
        if role is None:
            raise _refused("NoSuchEntity", f"The role with name {name} cannot be found.", operation)
        return role

    def _provider(self, arn: str, operation: str) -> FakeProvider:
        provider = self._account.providers.get(arn)
        if provider is None:
            raise _refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", operation)
        return provider

    def _check_policy(self, arn: str, operation: str) -> None:
        if ":iam::aws:policy/" not in arn and arn not in self._account.policies:
            raise _refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", operation)

    def _do_CreateOpenIDConnectProvider(
        self, operation: str, *, Url: str, ClientIDList: list[str], Tags: list[dict[str, str]]
    ) -> None:
        arn = f"arn:aws:iam::{self._account.account_id}:oidc-provider/{strip_scheme(Url)}"
        if arn in self._account.providers:
            raise _refused("EntityAlreadyExists", f"Provider with url {Url} already exists.", operation)
        self._account.providers[arn] = FakeProvider(arn, Url, list(ClientIDList), _tags(Tags))

    def _do_AddClientIDToOpenIDConnectProvider(
        self, operation: str, *, OpenIDConnectProviderArn: str, ClientID: str
    ) -> None:
        provider = self._provider(OpenIDConnectProviderArn, operation)
        if ClientID not in provider.audiences:
            provider.audiences.append(ClientID)

    def _do_RemoveClientIDFromOpenIDConnectProvider(
        self, operation: str, *, OpenIDConnectProviderArn: str, ClientID: str
    ) -> None:
        provider = self._provider(OpenIDConnectProviderArn, operation)
        provider.audiences = [audience for audience in provider.audiences if audience != ClientID]

    def _do_DeleteOpenIDConnectProvider(self, operation: str, *, OpenIDConnectProviderArn: str) -> None:
        self._account.providers.pop(OpenIDConnectProviderArn, None)  # IAM says nothing where there is none

    def _do_CreateRole(
        self,
        operation: str,
        *,
        RoleName: str,
        Path: str,
        AssumeRolePolicyDocument: str,
        Description: str,
        Tags: list[dict[str, str]],
        PermissionsBoundary: str = "",
        MaxSessionDuration: int = 3600,
    ) -> None:
        if RoleName.lower() in self._account.roles:
            raise _refused("EntityAlreadyExists", f"Role with name {RoleName} already exists.", operation)
        if PermissionsBoundary:
            self._check_policy(PermissionsBoundary, operation)
        self._account.roles[RoleName.lower()] = FakeRole(
            arn=f"arn:aws:iam::{self._account.account_id}:role{Path}{RoleName}",
            trust=json.loads(AssumeRolePolicyDocument),
            tags=_tags(Tags),
            boundary_arn=PermissionsBoundary,
            description=Description,
            max_session_seconds=MaxSessionDuration,
        )

    def _do_UpdateRole(self, operation: str, *, RoleName: str, MaxSessionDuration: int) -> None:
        self._role(RoleName, operation).max_session_seconds = MaxSessionDuration

    def _do_UpdateAssumeRolePolicy(self, operation: str, *, RoleName: str, PolicyDocument: str) -> None:
        self._role(RoleName, operation).trust = json.loads(PolicyDocument)

    def _do_TagRole(self, operation: str, *, RoleName: str, Tags: list[dict[str, str]]) -> None:
        self._role(RoleName, operation).tags |= _tags(Tags)

    def _do_UntagRole(self, operation: str, *, RoleName: str, TagKeys: list[str]) -> None:
        tags = self._role(RoleName, operation).tags
        for key in TagKeys:
            tags.pop(key, None)

    def _do_PutRolePermissionsBoundary(self, operation: str, *, RoleName: str, PermissionsBoundary: str) -> None:
        role = self._role(RoleName, operation)
        self._check_policy(PermissionsBoundary, operation)
        role.boundary_arn = PermissionsBoundary

    def _do_PutRolePolicy(self, operation: str, *, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
        self._role(RoleName, operation).inline[PolicyName] = json.loads(PolicyDocument)

    def _do_DeleteRolePolicy(self, operation: str, *, RoleName: str, PolicyName: str) -> None:
        if self._role(RoleName, operation).inline.pop(PolicyName, None) is None:
            raise _refused("NoSuchEntity", f"The role policy with name {PolicyName} cannot be found.", operation)

    def _do_AttachRolePolicy(self, operation: str, *, RoleName: str, PolicyArn: str) -> None:
        role = self._role(RoleName, operation)
        self._check_policy(PolicyArn, operation)
        if PolicyArn not in role.attached:
            role.attached.append(PolicyArn)

    def _do_DetachRolePolicy(self, operation: str, *, RoleName: str, PolicyArn: str) -> None:
        role = self._role(RoleName, operation)
        if PolicyArn not in role.attached:
            raise _refused("NoSuchEntity", f"Policy {PolicyArn} was not found.", operation)
        role.attached.remove(PolicyArn)

    def _do_DeleteRole(self, operation: str, *, RoleName: str) -> None:
        role = self._role(RoleName, operation)
        if role.inline or role.attached:
            raise _refused("DeleteConflict", "Cannot delete entity, must delete policies first.", operation)
        del self._account.roles[RoleName.lower()]

    # --- proving ------------------------------------------------------------------------------------------------

    def exchange(self, token: str, *, role_arn: str, session_name: str, region: str) -> Exchange:
        operation = "sts:AssumeRoleWithWebIdentity"
        request_id = self._call(operation)
        self._aws.tokens.append(token)
        identity = parse_role_arn(role_arn)
        claims = _read_claims(token, operation, now=self._aws.clock(), keys=self._aws.published_keys())
        account = self._aws.accounts[identity.account_id]
        provider = next((p for p in account.providers.values() if p.url == claims["iss"]), None)
        if provider is None:
            raise _refused(
                "InvalidIdentityToken",
                f"No OpenIDConnect provider found in your account for {claims['iss']}",
                operation,
            )
        if claims["aud"] not in provider.audiences:
            raise _refused("InvalidIdentityToken", "Incorrect token audience", operation)
        role = account.roles.get(identity.name.lower())
        if role is None or role.arn != role_arn or self._aws.is_spreading or not _trusts(role.trust, provider, claims):
            raise _refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", operation)
        role.last_used = self._aws.clock()
        return Exchange(
            credentials=RoleCredentials(
                access_key_id=f"ASIA/{role_arn}",
                secret_access_key="the-secret-of-the-role",
                session_token="the-session-token-of-the-role",
                expires_at=self._aws.clock() + timedelta(seconds=900),
            ),
            assumed_role_arn=f"arn:aws:sts::{identity.account_id}:assumed-role/{role.name}/{session_name}",
            subject=claims["sub"],
            audience=claims["aud"],
            provider=provider.arn,
            request_id=request_id,
        )

    def list_models(self, credentials: RoleCredentials | None, *, region: str) -> Answers:
        role = None
        if credentials is not None:
            identity = parse_role_arn(credentials.access_key_id.removeprefix("ASIA/"))
            role = self._aws.accounts[identity.account_id].roles[identity.name.lower()]

        def read(action: str, found: list[dict[str, Any]]) -> list[dict[str, Any]] | AwsError:
            operation = f"bedrock:{action}"
            try:
                self._call(operation)
            except AwsError as error:
                return error
            if role is not None and (self._aws.is_spreading or not _allows(role, operation)):
                return denied(operation)
            return copy.deepcopy(found)

        foundation_models = read("ListFoundationModels", FOUNDATION_MODELS)
        paged = {
            "custom_models": read("ListCustomModels", self._aws.custom_models),
            "inference_profiles": read("ListInferenceProfiles", INFERENCE_PROFILES),
        }
        first_page = {
            name: min(len(answer), self._aws.page_size)
            for name, answer in paged.items()
            if not isinstance(answer, AwsError)
        }
        if not isinstance(foundation_models, AwsError):
            first_page["foundation_models"] = len(foundation_models)
        return Answers(
            foundation_models=foundation_models,
            **paged,
            milliseconds=dict.fromkeys(LISTINGS.values(), 1),
            first_page=first_page,
        )

    def simulate_role(
        self, role_arn: str, *, actions: Sequence[str], resources: Sequence[str], region: str
    ) -> list[Simulated]:
        operation = "iam:SimulatePrincipalPolicy"
        self._call(operation)
        role = self._role(parse_role_arn(role_arn).name, operation)
        return [Simulated(action, resource, _allows(role, action)) for action in actions for resource in resources]

    def read_availability(self, model_id: str, *, region: str) -> ModelAvailability:
        self._call("bedrock:GetFoundationModelAvailability")
        return self._aws.availability.get(
            model_id, ModelAvailability("AVAILABLE", "AUTHORIZED", "AVAILABLE", "AVAILABLE")
        )

    def ask_one_token(self, credentials: RoleCredentials, *, model_id: str, region: str) -> OneToken:
        operation = "bedrock-runtime:Converse"
        request_id = self._call(operation)
        identity = parse_role_arn(credentials.access_key_id.removeprefix("ASIA/"))
        role = self._aws.accounts[identity.account_id].roles[identity.name.lower()]
        if not _allows(role, "bedrock:InvokeModel"):
            raise denied("bedrock:InvokeModel")
        return OneToken(input_tokens=8, output_tokens=1, request_id=request_id, milliseconds=1)


def throttled(operation: str) -> AwsBusy:
    return AwsBusy("Rate exceeded", operation=operation, code="Throttling", request_id="req-throttled")


def _refused(code: str, message: str, operation: str) -> AwsRefused:
    return AwsRefused(message, operation=operation, code=code, request_id="req-refused")


def _tags(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _read_claims(token: str, operation: str, *, now: datetime, keys: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        kid = jwt.get_unverified_header(token)["kid"]
        [jwk] = [jwk for jwk in keys if jwk["kid"] == kid]
        claims: dict[str, Any] = jwt.decode(
            token,
            key=jwt.PyJWK(jwk),
            options={"verify_exp": False, "verify_nbf": False, "verify_aud": False, "verify_iat": False},
        )
    except jwt.InvalidSignatureError as error:
        raise _refused("InvalidIdentityToken", "Token signature invalid", operation) from error
    except jwt.DecodeError as error:
        raise _refused("InvalidIdentityToken", "The ID Token provided is not a valid JWT.", operation) from error
    if claims["exp"] < now.timestamp():
        raise _refused("ExpiredTokenException", "Token expired: current date/time must be before exp", operation)
    return claims


def _trusts(trust: dict[str, Any], provider: FakeProvider, claims: dict[str, Any]) -> bool:
    """StringEquals alone: what this console writes."""
    prefix = strip_scheme(claims["iss"]).lower()
    context = {f"{prefix}:{name}": claims[name] for name in ("sub", "aud")}
    for statement in trust["Statement"]:
        wanted = statement.get("Condition", {}).get("StringEquals", {})
        if (
            statement["Effect"] == "Allow"
            and statement["Action"] == "sts:AssumeRoleWithWebIdentity"
            and statement["Principal"].get("Federated") == provider.arn
            and all(context.get(key.lower()) == value for key, value in wanted.items())
        ):
            return True
    return False


def _allows(role: FakeRole, operation: str) -> bool:
    statements = [statement for policy in role.inline.values() for statement in policy["Statement"]]
    return any(operation in statement["Action"] for statement in statements) or any(
        arn.endswith(("/AmazonBedrockFullAccess", "/BedrockForVertesia")) for arn in role.attached
    )
