"""The process: propagation, restarts, stopping, the log."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.sandbox.chain import Chain
from tests.sandbox.issuer import Issuer
from tests.sandbox.process import ACCOUNT, CONSOLE, SandboxProcess

Refused = Callable[..., tuple[str, str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., SandboxProcess]]:
    running: list[SandboxProcess] = []

    def begin(*arguments: str) -> SandboxProcess:
        running.append(SandboxProcess(tmp_path, *arguments))
        return running[-1]

    yield begin
    for sandbox in running:
        if sandbox.process.poll() is None:
            sandbox.stop()


def seconds_until_allowed(attempt: Callable[[], object], since: float, expected: set[str]) -> float:
    """How long a call goes on being refused, each time for one of the expected reasons."""
    reasons = set()
    while True:
        try:
            attempt()
        except Exception as error:
            reasons.add(error.response["Error"]["Code"])  # type: ignore[attr-defined]
            assert time.monotonic() - since < 10, reasons
            time.sleep(0.02)
        else:
            assert reasons == expected
            return time.monotonic() - since


def test_what_is_written_is_seen_by_sts_and_bedrock_only_after_a_while(
    start: Callable[..., SandboxProcess], issuer: Issuer
) -> None:
    sandbox = start("--propagation", "1.2")
    written = time.monotonic()
    chain = Chain(sandbox, issuer)
    assert chain.iam.get_role(RoleName=chain.role_name)["Role"]["RoleName"] == chain.role_name

    # Provider after half the time ("no provider" until then), role after all of it ("access denied").
    assert 1.15 < seconds_until_allowed(chain.exchange, written, {"InvalidIdentityToken", "AccessDenied"}) < 2.5

    bedrock = sandbox.client("bedrock", chain.keys())
    bedrock.list_foundation_models()
    chain.iam.put_role_policy(
        RoleName=chain.role_name,
        PolicyName="VertesiaBedrock",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:Get*", "Resource": "*"}]}
        ),
    )
    changed = time.monotonic()
    bedrock.list_foundation_models()
    delay = seconds_until_allowed(
        lambda: bedrock.get_foundation_model(modelIdentifier="amazon.nova-lite-v1:0"),
        changed,
        {"AccessDeniedException"},
    )
    assert 0.7 < delay < 2


def test_a_changed_trust_policy_and_audience_take_their_time_too(
    start: Callable[..., SandboxProcess], issuer: Issuer
) -> None:
    sandbox = start("--propagation", "0")
    chain = Chain(sandbox, issuer)
    sandbox.control("POST", "settings", {"propagation_seconds": 1})
    chain.set_trust(chain.trust(Action="sts:AssumeRole"))
    chain.exchange()
    chain.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=chain.provider_arn, ClientID="blobs")
    added = time.monotonic()
    host = issuer.url.partition("://")[2]
    chain.set_trust(chain.trust({"StringEquals": {f"{host}:sub": chain.subject}}))
    token = issuer.token(chain.subject, aud="blobs")
    waited = seconds_until_allowed(lambda: chain.exchange(token), added, {"InvalidIdentityToken", "AccessDenied"})
    assert 0.95 < waited < 2.5


def test_a_breakage_takes_effect_at_once(
    start: Callable[..., SandboxProcess], issuer: Issuer, refusal: Refused
) -> None:
    sandbox = start("--propagation", "0")
    chain = Chain(sandbox, issuer)
    sandbox.control("POST", "settings", {"propagation_seconds": 60})
    chain.set_trust(chain.trust())
    sandbox.control(
        "POST", "breakages", {"kind": "change_subject_case", "account_id": ACCOUNT, "role_name": chain.role_name}
    )
    assert refusal(chain.exchange)[0] == "AccessDenied"


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_state_and_address_survive_a_restart(start: Callable[..., SandboxProcess], issuer: Issuer, ending: str) -> None:
    sandbox = start("--propagation", "0")
    chain = Chain(sandbox, issuer)
    keys = chain.keys()
    before = sandbox.control("GET", "state")
    addresses = sandbox.url, sandbox.vertesia_url
    if ending == "kill":
        time.sleep(1)  # SIGKILL may lose what was written in the last second
        sandbox.kill()
    else:
        assert sandbox.stop() < 2
        assert not sandbox.url_file.exists()
        assert not sandbox.vertesia_url_file.exists()
    assert not psutil.pid_exists(sandbox.process.pid)

    sandbox.start()
    assert (sandbox.url, sandbox.vertesia_url) == addresses
    assert sandbox.control("GET", "state") == before
    sandbox.client("bedrock", keys).list_foundation_models()
    chain.exchange()


def test_it_starts_beside_another_when_its_port_is_taken(start: Callable[..., SandboxProcess], tmp_path: Path) -> None:
    first = start("--propagation", "0")
    second_home = tmp_path / "second"
    second_home.mkdir()
    (second_home / "state").mkdir()
    (second_home / "state" / "port").write_text(first.url.rpartition(":")[2])
    second = SandboxProcess(second_home, "--propagation", "0")
    try:
        assert second.url != first.url
        assert second.control("GET", "health")[0] == 200
    finally:
        second.stop()


def test_the_log_has_a_line_per_call_and_no_secret(
    start: Callable[..., SandboxProcess], issuer: Issuer, refusal: Refused
) -> None:
    sandbox = start("--propagation", "0")
    chain = Chain(sandbox, issuer)
    token = issuer.token(chain.subject)
    _, secret, session_token = chain.keys(token=token)
    refusal(chain.exchange, issuer.token("env:other:one"))
    sandbox.stop()
    log = sandbox.log_file.read_text()
    lines = [line.split(" ") for line in log.splitlines()]
    assert ["iam", "CreateRole", "200", ACCOUNT] in [[*line[:3], line[-1]] for line in lines]
    assert ["sts", "AssumeRoleWithWebIdentity", "403", "AccessDenied"] in [line[:4] for line in lines]
    for canary in (token, token.split(".")[1], secret, session_token, CONSOLE[1], "not-a-secret"):
        assert canary not in log


def test_it_listens_on_loopback_only_and_is_small(start: Callable[..., SandboxProcess]) -> None:
    sandbox = start()
    process = psutil.Process(sandbox.process.pid)
    listening = [c.laddr.ip for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1", "127.0.0.1"]
    assert process.memory_info().rss < 90 * 1024 * 1024
    assert sandbox.control("GET", "health") == (200, {"status": "ok", "propagation_seconds": 6})


def test_calls_on_one_connection_are_answered_at_once(sandbox: SandboxProcess) -> None:
    """No answer waits for the acknowledgement of its own headers, which comes 40 ms later."""
    took = []
    for _ in range(20):
        started = time.monotonic()
        sandbox.admin("iam").list_open_id_connect_providers()
        took.append(time.monotonic() - started)
    assert min(took[-10:]) < 0.035, took  # the first few are acknowledged at once whatever is sent


def test_a_second_sandbox_on_the_same_state_refuses_to_start(start: Callable[..., SandboxProcess]) -> None:
    first = start("--propagation", "0")
    command = [sys.executable, "-m", "aws_setup.sandbox", "--state-dir", str(first.state_dir)]
    second = subprocess.run(
        [*command, "--url-file", str(first.url_file)], capture_output=True, text=True, timeout=20, check=False
    )
    assert second.returncode == 1
    assert "another sandbox is running" in second.stdout
    assert first.url_file.read_text() == first.url
    assert first.control("GET", "health")[0] == 200


def test_the_propagation_time_may_come_from_the_environment(
    start: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_PROPAGATION_SECONDS", "2.5")
    assert start().control("GET", "health")[1]["propagation_seconds"] == 2.5


def test_fifty_environments_can_be_set_up_at_the_same_time(
    start: Callable[..., SandboxProcess], issuer: Issuer
) -> None:
    sandbox = start("--propagation", "0")
    iam, sts = sandbox.admin("iam"), sandbox.client("sts", None)
    shared = Chain(sandbox, issuer)

    def set_up(number: int) -> str:
        name, subject = f"Environment{number}", f"env:6630c1f0a7d3e9b2c4d5e6f7:{number:024x}"
        trust = json.dumps(shared.trust()).replace(shared.subject, subject)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        answer = sts.assume_role_with_web_identity(
            RoleArn=arn, RoleSessionName="vertesia-verify", WebIdentityToken=issuer.token(subject)
        )
        found: str = answer["SubjectFromWebIdentityToken"]
        return found

    with ThreadPoolExecutor(50) as workers:
        subjects = list(workers.map(set_up, range(50)))
    assert len(set(subjects)) == 50
    assert len(iam.list_roles()["Roles"]) == 52
