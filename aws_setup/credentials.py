"""From an account to AWS clients: the worker's own credential chain, or a role assumed from it.

In the sandbox a session uses fixed fake keys, ignores every AWS variable, profile and metadata service, and refuses
an endpoint that is missing or not loopback.
"""

import ipaddress
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
    ReadOnlyCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.session import Session

SANDBOX_ACCESS_KEY = "AKIASANDBOXCONSOLE00"
SANDBOX_SECRET_KEY = "sandbox-console-secret-not-a-secret"
DEFAULT_REGION = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10


class SandboxUnavailable(RuntimeError):
    """The sandbox AWS has no address, or not one on this machine."""


@dataclass(frozen=True)
class AccountAccess:
    """How the worker gets into an account: by `role_arn` from its own chain, or (empty) as its own chain is."""

    role_arn: str = ""
    external_id: str = field(default="", repr=False)


def require_loopback(url: str) -> str:
    """The http address of this machine that `url` is, made anew of host and port; SandboxUnavailable otherwise.

    Nothing else may stand in it: readers of URLs differ in what they take for the host where `@` or `\\` is about.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    is_plain = url.rstrip("/") in (f"http://{host}:{port}", f"http://[{host}]:{port}")
    if not port or not is_plain or not _is_loopback(host):
        raise SandboxUnavailable(
            "The sandbox AWS is not running: it has no address on this machine. Start it with `make run`."
        )
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class AwsSession:
    """Clients of one account. Building a client costs tens of milliseconds, so they are kept for as long as this.

    `build_core` and `build_lent` are called at the first use: a configuration that is broken shows there, as botocore's
    exception, and again at the next use until it is mended.
    """

    def __init__(
        self, *, build_core: Callable[[], Session], build_lent: Callable[[], Session], endpoint_url: str | None
    ) -> None:
        self._build_core = build_core
        self._build_lent = build_lent
        self._endpoint_url = endpoint_url
        self._clients: dict[tuple[str, str, str], Any] = {}

    @cached_property
    def _core(self) -> Session:
        return self._build_core()

    @cached_property
    def _lent(self) -> Session:
        return self._build_lent()

    @cached_property
    def region(self) -> str:
        """The region of the account's own clients, where a call names none."""
        return str(self._core.get_config_variable("region") or DEFAULT_REGION["aws"])

    @property
    def source(self) -> str:
        """Where the credentials come from, as botocore names it, with the profile where one is used."""
        if self._endpoint_url:
            return "sandbox"
        credentials = self._core.get_credentials()
        method = str(credentials.method) if credentials else "none"
        profile = self._core.profile
        return f"{method} (profile {profile})" if profile else method

    @property
    def expires_at(self) -> datetime | None:
        """When the credentials run out; None where they do not, or where that is not known."""
        return getattr(self._core.get_credentials(), "_expiry_time", None)

    def client(self, service: str, *, region: str = "") -> Any:
        """A client with the account's own credentials."""
        return self._client("own", self._core, service, region=region or self.region, config=self._config())

    def unsigned_client(self, service: str, *, region: str) -> Any:
        """A client that signs nothing and sends no session token, as AssumeRoleWithWebIdentity wants it.

        AWS knows the region by the host; the sandbox, which has one for all, by the path where no signature tells it.
        Building it does not look for the account's credentials: a proof needs none, so that it fails for none.
        """
        config = self._config(signature_version=UNSIGNED)
        return self._client("unsigned", self._lent, service, region=region, config=config, path=f"/region/{region}")

    @contextmanager
    def lent_client(
        self, service: str, *, region: str, access_key_id: str, secret_access_key: str, session_token: str
    ) -> Iterator[Any]:
        """A client that signs with these short-lived credentials for as long as the context lasts, in this thread.

        The client is kept, with its open connections; the credentials are not.
        """
        token = _LENT.set(ReadOnlyCredentials(access_key_id, secret_access_key, session_token))
        try:
            yield self._client("lent", self._lent, service, region=region, config=self._config())
        finally:
            _LENT.reset(token)

    def _client(
        self, whose: str, session: Session, service: str, *, region: str, config: Config, path: str = ""
    ) -> Any:
        key = (whose, service, region)
        if key not in self._clients:
            endpoint_url = f"{self._endpoint_url}{path}" if self._endpoint_url else None
            self._clients[key] = session.create_client(
                service, region_name=region, endpoint_url=endpoint_url, config=config
            )
        return self._clients[key]

    def _config(self, **more: Any) -> Config:
        return _config(is_sandbox=bool(self._endpoint_url), **more)


def _config(*, is_sandbox: bool, **more: Any) -> Config:
    """One attempt per call: retrying is the services' affair, who know what is worth it and can say so.

    The sandbox is on this machine, so whatever proxy the machine uses is not for it.
    """
    if is_sandbox:
        more["proxies"] = {}
    # Said here, because a bearer token in AWS_BEARER_TOKEN_BEDROCK would otherwise stand in for the credentials given.
    more.setdefault("signature_version", "v4")
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"total_max_attempts": 1, "mode": "standard"},
        user_agent_extra="vertesia-aws-setup",
        **more,
    )


_LENT: ContextVar[ReadOnlyCredentials | None] = ContextVar("lent_credentials", default=None)


class _LentCredentials(Credentials):
    """Whatever was lent to this thread at this moment; nothing at any other."""

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        lent = _LENT.get()
        if lent is None:
            raise NoCredentialsError
        return lent


class _Lent(CredentialProvider):
    """Hands out the lent credentials, which are asked for anew at every signature."""

    METHOD = "lent"

    def load(self) -> Credentials:
        return _LentCredentials("lent", "lent")


class _AssumedRole(CredentialProvider):
    """Credentials of a role assumed from another session, renewed before they run out."""

    METHOD = "assume-role"

    def __init__(self, fetcher: AssumeRoleCredentialFetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    def load(self) -> Credentials:
        return DeferredRefreshableCredentials(method=self.METHOD, refresh_using=self._fetcher.fetch_credentials)


class AwsSessions:
    """Opens sessions, and keeps them so that a warm worker pays for clients once.

    `find_sandbox_url` is None for real AWS. `forget` drops what is kept, so that renewed credentials are seen.
    """

    def __init__(self, *, find_sandbox_url: Callable[[], str] | None) -> None:
        self._find_sandbox_url = find_sandbox_url
        self._sessions: dict[tuple[AccountAccess, str], AwsSession] = {}
        self._loader: Any = None

    def forget(self) -> None:
        """Read the credential chain anew at the next use."""
        self._sessions.clear()

    def open(self, access: AccountAccess) -> AwsSession:
        """The session for an account. Raises SandboxUnavailable; all else shows at the first call."""
        sandbox_url = require_loopback(self._find_sandbox_url()) if self._find_sandbox_url else ""
        key = (access, sandbox_url)
        if key not in self._sessions:
            build = partial(self._assumed, access) if access.role_arn else self._own_chain
            self._sessions[key] = AwsSession(
                build_core=partial(build, sandbox_url),
                build_lent=partial(self._with_providers, [_Lent()], sandbox_url),
                endpoint_url=sandbox_url or None,
            )
        return self._sessions[key]

    def _own_chain(self, sandbox_url: str) -> Session:
        session = self._without_credentials(sandbox_url)
        if sandbox_url:
            session.set_credentials(SANDBOX_ACCESS_KEY, SANDBOX_SECRET_KEY)
        return session

    def _with_providers(self, providers: list[CredentialProvider], sandbox_url: str) -> Session:
        session = self._without_credentials(sandbox_url)
        session.register_component("credential_provider", CredentialResolver(providers))
        return session

    def _without_credentials(self, sandbox_url: str) -> Session:
        if not sandbox_url:
            return self._share_loader(Session())
        deaf = {name: (None, None, value[2], value[3]) for name, value in Session.SESSION_VARIABLES.items()}
        session = Session(session_vars=deaf)
        session.set_config_variable("config_file", os.devnull)
        session.set_config_variable("credentials_file", os.devnull)
        session.set_config_variable("region", DEFAULT_REGION["aws"])
        return self._share_loader(session)

    def _assumed(self, access: AccountAccess, sandbox_url: str) -> Session:
        source = self._own_chain(sandbox_url)
        credentials = source.get_credentials()
        if credentials is None:  # with nothing to assume the role with, the first call says that there is nothing
            return self._with_providers([], sandbox_url)
        extra = {"RoleSessionName": "vertesia-aws-setup"}
        if access.external_id:
            extra["ExternalId"] = access.external_id
        region = source.get_config_variable("region") or DEFAULT_REGION["aws"]
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=partial(
                source.create_client,
                region_name=region,
                endpoint_url=sandbox_url or None,
                config=_config(is_sandbox=bool(sandbox_url)),
            ),
            source_credentials=credentials,
            role_arn=access.role_arn,
            extra_args=extra,
        )
        session = self._with_providers([_AssumedRole(fetcher)], sandbox_url)
        session.set_config_variable("region", region)
        return session

    def _share_loader(self, session: Session) -> Session:
        """Service descriptions are megabytes of JSON: one process reads each once."""
        if self._loader is None:
            self._loader = session.get_component("data_loader")
        else:
            session.register_component("data_loader", self._loader)
        return session
