"""Whose rights: in the sandbox fixed keys and nothing of the machine's; in AWS the usual chain, or a role from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest

from aws_setup.credentials import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    SANDBOX_ACCESS_KEY,
    AccountAccess,
    AwsSessions,
    SandboxUnavailable,
    require_loopback,
)
from aws_setup.gateway import AwsGateway
from aws_setup.gateway.errors import AwsBusy, AwsUnreachable, CredentialsProblem
from aws_setup.gateway.protocol import RoleCredentials
from tests.fake_aws import NOON

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/VertesiaConsole"


@dataclass
class Request:
    """What really went over the wire."""

    path: str
    headers: dict[str, str]
    parameters: dict[str, str]

    @property
    def access_key(self) -> str:
        return self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]


class Endpoint:
    """A server on loopback that keeps every request and answers STS and Bedrock as far as they are asked."""

    def __init__(self) -> None:
        endpoint = self
        self.requests: list[Request] = []
        self.status = 200

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                parameters = {key: values[0] for key, values in parse_qs(body).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.requests.append(Request(self.path, headers, parameters))
                answer = endpoint.answer(parameters.get("Action", "")).encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, action: str) -> str:
        if self.status != 200:
            return "<ErrorResponse><Error><Code>Throttling</Code><Message>slow down</Message></Error></ErrorResponse>"
        if action == "GetCallerIdentity":
            return (
                "<GetCallerIdentityResponse><GetCallerIdentityResult>"
                f"<Arn>arn:aws:iam::{ACCOUNT}:user/console</Arn><Account>{ACCOUNT}</Account><UserId>A</UserId>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
        if action.startswith("AssumeRole"):
            return (
                f"<{action}Response><{action}Result><AssumedRoleUser>"
                f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/VertesiaConsole/x</Arn><AssumedRoleId>A:x</AssumedRoleId>"
                "</AssumedRoleUser><Credentials><AccessKeyId>ASIAASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                "<SessionToken>assumed-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
                f"</{action}Result></{action}Response>"
            )
        return "{}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    running = Endpoint()
    yield running
    running.close()


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which every way to configure AWS leads elsewhere."""
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(
        "[default]\nregion = eu-west-3\nendpoint_url = http://127.0.0.1:1\nuse_fips_endpoint = true\n"
        "[profile acme]\nregion = eu-west-3\ncredential_process = /bin/false\n"
    )
    credentials.write_text("[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = file\n")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAHOSTILE",
        "AWS_SECRET_ACCESS_KEY": "hostile",
        "AWS_SESSION_TOKEN": "hostile-token",
        "AWS_SECURITY_TOKEN": "hostile-token",
        "AWS_PROFILE": "there-is-no-such-profile",
        "AWS_DEFAULT_PROFILE": "there-is-no-such-profile",
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_REGION": "eu-west-3",
        "AWS_DEFAULT_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_BEDROCK": "http://127.0.0.1:1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_CA_BUNDLE": "/there/is/no/such/file",
        "AWS_MAX_ATTEMPTS": "9",
        "AWS_RETRY_MODE": "adaptive",
        "AWS_BEARER_TOKEN_BEDROCK": "hostile-bearer",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/there/is/no/such/file",
        "AWS_ROLE_ARN": ROLE,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "NO_PROXY": "",
        "no_proxy": "",
    }.items():
        monkeypatch.setenv(name, value)


def in_sandbox(endpoint: Endpoint, **access: str) -> AwsGateway:
    return AwsGateway(AwsSessions(find_sandbox_url=lambda: endpoint.url).open(AccountAccess(**access)))


BORROWED = RoleCredentials(
    access_key_id="ASIABORROWED", secret_access_key="borrowed", session_token="borrowed-token", expires_at=NOON
)


@pytest.mark.usefixtures("hostile")
def test_a_sandbox_session_uses_its_fixed_keys_whatever_the_machine_says(endpoint: Endpoint) -> None:
    gateway = in_sandbox(endpoint)
    caller = gateway.identify_caller()
    assert (caller.source, caller.expires_at) == ("sandbox", None)
    gateway.list_models(None, region="us-west-2")
    assert {request.access_key for request in endpoint.requests} == {SANDBOX_ACCESS_KEY}
    assert "us-west-2/bedrock" in endpoint.requests[-1].headers["authorization"]
    assert "us-east-1/sts" in endpoint.requests[0].headers["authorization"]
    assert "hostile" not in repr(endpoint.requests)


@pytest.mark.usefixtures("hostile")
def test_a_sandbox_session_into_another_account_is_as_deaf(endpoint: Endpoint) -> None:
    gateway = in_sandbox(endpoint, role_arn=ROLE, external_id="acme-42")
    gateway.identify_caller()
    assume, identify = endpoint.requests
    assert assume.parameters["Action"] == "AssumeRole"
    assert (assume.parameters["RoleArn"], assume.parameters["ExternalId"]) == (ROLE, "acme-42")
    assert (assume.access_key, identify.access_key) == (SANDBOX_ACCESS_KEY, "ASIAASSUMED")
    assert identify.headers["x-amz-security-token"] == "assumed-token"
    assert "hostile" not in repr(endpoint.requests)


@pytest.mark.usefixtures("hostile")
def test_a_role_is_assumed_once_for_many_calls_and_accounts_do_not_mix(endpoint: Endpoint) -> None:
    sessions = AwsSessions(find_sandbox_url=lambda: endpoint.url)
    AwsGateway(sessions.open(AccountAccess(role_arn=ROLE))).identify_caller()
    AwsGateway(sessions.open(AccountAccess(role_arn=ROLE))).identify_caller()
    AwsGateway(sessions.open(AccountAccess())).identify_caller()
    actions = [(request.parameters["Action"], request.access_key) for request in endpoint.requests]
    assert actions == [
        ("AssumeRole", SANDBOX_ACCESS_KEY),
        ("GetCallerIdentity", "ASIAASSUMED"),
        ("GetCallerIdentity", "ASIAASSUMED"),
        ("GetCallerIdentity", SANDBOX_ACCESS_KEY),
    ]


@pytest.mark.usefixtures("hostile")
def test_a_web_identity_is_exchanged_without_signature_and_without_session_token(endpoint: Endpoint) -> None:
    in_sandbox(endpoint).exchange("a.b.c", role_arn=ROLE, session_name="test", region="eu-central-1")
    [request] = endpoint.requests
    assert request.parameters["WebIdentityToken"] == "a.b.c"
    assert request.parameters["DurationSeconds"] == "900"
    assert "authorization" not in request.headers
    assert "x-amz-security-token" not in request.headers


@pytest.mark.usefixtures("hostile")
def test_models_are_listed_with_the_borrowed_credentials_and_no_bearer_token(endpoint: Endpoint) -> None:
    in_sandbox(endpoint).list_models(BORROWED, region="us-east-1")
    assert len(endpoint.requests) == 3
    for request in endpoint.requests:
        assert request.access_key == "ASIABORROWED"
        assert request.headers["x-amz-security-token"] == "borrowed-token"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://127.0.0.1:4566",
        "http://127.0.0.1",
        "http://169.254.169.254:80",
        "http://10.0.0.1:4566",
        "http://localhost.evil.example:4566",
        "http://127.0.0.1.evil.example:4566",
        "http://user@evil.example:80",
        "https://sts.amazonaws.com",
        "http://127.0.0.1:9911\\@127.0.0.1:8000",
        "http://127.0.0.1:9911@127.0.0.1:8000",
        "http://evil.example\\@127.0.0.1:8000",
        "http://127.0.0.1:4566/path",
        "http://127.0.0.1:4566?query",
        "http://127.0.0.1:4566#fragment",
        "http://127.0.0.1:4566\n.evil.example",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://[::1",
    ],
)
def test_the_sandbox_must_be_on_this_machine(url: str) -> None:
    with pytest.raises(SandboxUnavailable, match="make run"):
        AwsSessions(find_sandbox_url=lambda: url).open(AccountAccess())


@pytest.mark.parametrize("url", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
def test_addresses_of_this_machine_are_taken(url: str) -> None:
    assert require_loopback(url) == url
    assert require_loopback(f"{url}/") == url


def test_a_sandbox_that_moved_is_found_at_its_new_address(endpoint: Endpoint) -> None:
    addresses = ["http://127.0.0.1:1", endpoint.url]
    sessions = AwsSessions(find_sandbox_url=lambda: addresses.pop(0))
    with pytest.raises(AwsUnreachable):
        AwsGateway(sessions.open(AccountAccess())).identify_caller()
    assert AwsGateway(sessions.open(AccountAccess())).identify_caller().account_id == ACCOUNT


def test_an_answer_that_may_be_better_later_is_asked_for_once(endpoint: Endpoint) -> None:
    """Retrying is the services' part, who can say so."""
    endpoint.status = 503
    gateway = in_sandbox(endpoint)
    with pytest.raises(AwsBusy):
        gateway.identify_caller()
    assert (len(endpoint.requests), gateway.calls) == (1, 1)
    with pytest.raises(AwsBusy):
        in_sandbox(endpoint, role_arn=ROLE).identify_caller()
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize("access", [{}, {"role_arn": ROLE}])
def test_no_client_waits_longer_than_its_timeouts_or_tries_twice(endpoint: Endpoint, access: dict[str, str]) -> None:
    session = AwsSessions(find_sandbox_url=lambda: endpoint.url).open(AccountAccess(**access))
    for client in (session.client("iam"), session.unsigned_client("sts", region="us-east-1")):
        config = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)
        assert config.retries["total_max_attempts"] == 1
    assert (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS) == (3, 10)


# --- real AWS: the chain that people know, here led to a server of this machine ----------------------------------


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: Endpoint) -> pytest.MonkeyPatch:
    """No credentials anywhere, and every endpoint is `endpoint`."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    return monkeypatch


def in_aws(**access: str) -> AwsGateway:
    return AwsGateway(AwsSessions(find_sandbox_url=None).open(AccountAccess(**access)))


def test_real_aws_uses_the_environment_and_names_its_source_but_never_a_key(
    real: pytest.MonkeyPatch, endpoint: Endpoint
) -> None:
    real.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    real.setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
    real.setenv("AWS_REGION", "eu-west-1")
    real.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    caller = in_aws().identify_caller()
    assert caller.source == "env"
    assert "AKIAOWN" not in repr(caller)
    assert endpoint.requests[0].access_key == "AKIAOWN"
    assert "eu-west-1/sts" in endpoint.requests[0].headers["authorization"]


def test_real_aws_uses_a_profile_and_names_it(real: pytest.MonkeyPatch, endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[acme]\naws_access_key_id = AKIAACME\naws_secret_access_key = x\n")
    real.setenv("AWS_PROFILE", "acme")
    assert in_aws().identify_caller().source == "shared-credentials-file (profile acme)"
    assert endpoint.requests[0].access_key == "AKIAACME"


def test_real_aws_assumes_a_role_from_its_own_chain(real: pytest.MonkeyPatch, endpoint: Endpoint) -> None:
    real.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    real.setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
    caller = in_aws(role_arn=ROLE).identify_caller()
    assert caller.source == "assume-role"
    assert caller.expires_at is not None
    assert [request.access_key for request in endpoint.requests] == ["AKIAOWN", "ASIAASSUMED"]


def test_a_bearer_token_of_the_machine_never_stands_in_for_the_roles_credentials(
    real: pytest.MonkeyPatch, endpoint: Endpoint
) -> None:
    real.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    real.setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
    real.setenv("AWS_BEARER_TOKEN_BEDROCK", "a-bearer-token")
    in_aws().list_models(BORROWED, region="us-east-1")
    assert [request.access_key for request in endpoint.requests] == ["ASIABORROWED"] * 3


def test_a_web_identity_is_exchanged_unsigned_in_real_aws_too(real: pytest.MonkeyPatch, endpoint: Endpoint) -> None:
    real.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    real.setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
    real.setenv("AWS_SESSION_TOKEN", "own-token")
    in_aws().exchange("a.b.c", role_arn=ROLE, session_name="test", region="eu-central-1")
    [request] = endpoint.requests
    assert {"authorization", "x-amz-security-token"} & set(request.headers) == set()


def test_a_proof_gets_by_without_the_workers_credentials(
    real: pytest.MonkeyPatch, endpoint: Endpoint, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = /bin/false\n")
    for aws in (in_aws(), in_aws(role_arn=ROLE)):
        with pytest.raises(CredentialsProblem):
            aws.identify_caller()
        aws.exchange("a.b.c", role_arn=ROLE, session_name="test", region="eu-central-1")
        aws.list_models(BORROWED, region="eu-central-1")
    assert [request.access_key for request in endpoint.requests] == ["", *["ASIABORROWED"] * 3] * 2


def test_without_credentials_the_first_call_says_so(real: pytest.MonkeyPatch) -> None:
    with pytest.raises(CredentialsProblem) as problem:
        in_aws().identify_caller()
    assert problem.value.code == "NoCredentialsError"
    with pytest.raises(CredentialsProblem):
        in_aws(role_arn=ROLE).identify_caller()


def test_a_profile_that_does_not_exist_is_a_problem_of_credentials(real: pytest.MonkeyPatch) -> None:
    real.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CredentialsProblem) as problem:
        in_aws().identify_caller()
    assert problem.value.code == "ProfileNotFound"


def test_renewed_credentials_are_seen_after_forgetting(real: pytest.MonkeyPatch, endpoint: Endpoint) -> None:
    real.setenv("AWS_ACCESS_KEY_ID", "AKIAFIRST")
    real.setenv("AWS_SECRET_ACCESS_KEY", "x")
    sessions = AwsSessions(find_sandbox_url=None)
    AwsGateway(sessions.open(AccountAccess())).identify_caller()
    real.setenv("AWS_ACCESS_KEY_ID", "AKIASECOND")
    AwsGateway(sessions.open(AccountAccess())).identify_caller()
    sessions.forget()
    AwsGateway(sessions.open(AccountAccess())).identify_caller()
    assert [request.access_key for request in endpoint.requests] == ["AKIAFIRST", "AKIAFIRST", "AKIASECOND"]
