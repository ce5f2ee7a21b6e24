"""Set-ups: against the AWS CLI, in a warm worker, and many at once."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.bench.figures import report
from tests.bench.running import asking_the_issuer
from tests.sandbox.process import ADMINISTRATORS, SECOND_ACCOUNT
from tests.stack import CHECKOUT, Stack

SAMPLES = 3
CONCURRENT = 50
ORGANIZATION = "66b1c0ffee5a4db0c4b0a001"
REGION = "us-east-1"


def environment_id(number: int) -> str:
    return f"66b1c0ffee5a4db0{number:08x}"


def connect(stack: Stack, number: int, *options: str) -> tuple[dict[str, Any], float]:
    """What `manage.py connect --yes` printed, and the seconds it took, start of the process included."""
    started = time.perf_counter()
    arguments = ("connect", ORGANIZATION, environment_id(number), "--region", REGION, "--name", f"Bench {number}")
    ended = stack.manage(*arguments, "--yes", "--json", *options)
    seconds = time.perf_counter() - started
    assert ended.returncode == 0, ended.stdout + ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer, seconds


def reset_sandbox(stack: Stack) -> None:
    request = urllib.request.Request(  # noqa: S310 - loopback only
        f"{stack.sandbox_url}/_sandbox/reset", data=b"{}", headers={"X-Sandbox-Control": "1"}
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - loopback only


class AwsCli:
    """The AWS CLI as a person types it: one process per command."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack = stack
        self.executable = directory / "bin" / "aws"
        if not self.executable.exists():
            subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
            pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
            subprocess.run([*pip, "--require-hashes", "-r", str(CHECKOUT / "requirements" / "bench.txt")], check=True)

    def run(self, *arguments: str, keys: tuple[str, ...]) -> dict[str, Any]:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "AWS_ENDPOINT_URL": self.stack.sandbox_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **dict(zip(names, keys, strict=False)),
        }
        command = [str(self.executable), *arguments, "--output", "json"]
        ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, (arguments[:2], ended.stderr)
        found: dict[str, Any] = json.loads(ended.stdout or "{}")
        return found

    def set_up(self, connected: dict[str, Any], *, token: str) -> float:
        """The steps of the set-up that `connected` reports, in the sandbox's second account; the seconds they took."""
        administrator = ADMINISTRATORS[SECOND_ACCOUNT]
        requests = {action["action"].rpartition(":")[2]: action["request"] for action in connected["actions"]}
        text = json.dumps(requests).replace(connected["account_id"], SECOND_ACCOUNT)
        requests = json.loads(text)
        role = requests["CreateRole"]
        policy = requests["PutRolePolicy"]
        started = time.perf_counter()
        self.run("sts", "get-caller-identity", keys=administrator)
        self.run(
            *("iam", "create-open-id-connect-provider", "--url", connected["issuer"]),
            *("--client-id-list", connected["audience"]),
            keys=administrator,
        )
        made = self.run(
            *("iam", "create-role", "--role-name", role["RoleName"]),
            *("--assume-role-policy-document", as_text(role["AssumeRolePolicyDocument"])),
            keys=administrator,
        )
        self.run(
            *("iam", "put-role-policy", "--role-name", role["RoleName"], "--policy-name", policy["PolicyName"]),
            *("--policy-document", as_text(policy["PolicyDocument"])),
            keys=administrator,
        )
        exchanged = self.run(
            *("sts", "assume-role-with-web-identity", "--role-arn", made["Role"]["Arn"]),
            *("--role-session-name", "bench", "--web-identity-token", token),
            keys=(),
        )["Credentials"]
        keys = (exchanged["AccessKeyId"], exchanged["SecretAccessKey"], exchanged["SessionToken"])
        self.run("sts", "get-caller-identity", keys=keys)
        for listing in ("list-foundation-models", "list-inference-profiles", "list-custom-models"):
            self.run("bedrock", listing, keys=keys)
        return time.perf_counter() - started


def as_text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def measure_against_cli(stack: Stack) -> None:
    """First set-ups, each in an empty sandbox; medians."""
    ours, theirs = [], []
    cli = AwsCli(stack, CHECKOUT / "var" / "bench-aws-cli")
    for number in range(SAMPLES):
        reset_sandbox(stack)
        connected, seconds = connect(stack, number)
        ours.append(seconds)
        token = stack.manage("issue_token", environment_id(number), check=True).stdout.strip()
        theirs.append(cli.set_up(connected, token=token))
    report("connect_seconds", statistics.median(ours), unit="s")
    report("aws_cli_seconds", statistics.median(theirs), unit="s")
    report("connect_against_aws_cli", statistics.median(ours) / statistics.median(theirs), 0.5)


def measure_calls(stack: Stack) -> None:
    """AWS calls of a first set-up, of a second environment of the account, and writes of a repeat."""
    reset_sandbox(stack)
    first, _ = connect(stack, 100)
    second, _ = connect(stack, 101)
    again, _ = connect(stack, 101)
    report("calls_first_set_up", first["aws_calls"], 16)
    report("calls_second_environment", second["aws_calls"], 15)
    report("calls_of_a_repeat", again["aws_calls"])
    report("writes_of_a_repeat", sum(action["outcome"] != "unchanged" for action in again["actions"]), 0)


def in_worker(stack: Stack, number: int, *, first: int) -> list[dict[str, Any]]:
    """Plan `number` environments, approve them all, let the stack's worker do them, and tell how each went."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.set_ups", str(number), str(first)],
        cwd=CHECKOUT,
        env={**stack.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=True,
    )
    runs: list[dict[str, Any]] = json.loads(ended.stdout)
    return runs


def measure_own_time(stack: Stack) -> None:
    """Wall time of a run in a warm worker less the time AWS took, as a share of the latter; the median of some."""
    shares = []
    for number in range(SAMPLES + 1):
        reset_sandbox(stack)
        [run] = in_worker(stack, 1, first=200 + number)
        assert run["state"] == "succeeded", run
        shares.append((run["seconds"] - run["aws_seconds"]) / run["aws_seconds"])
    report("own_time_against_aws", statistics.median(shares[1:]), 0.5)  # the first one warms the worker


def measure_concurrent(stack: Stack) -> None:
    """Many set-ups at once on SQLite, while the issuer is asked for its keys."""
    reset_sandbox(stack)
    started = time.perf_counter()
    with asking_the_issuer(stack):
        runs = in_worker(stack, CONCURRENT, first=1000)
    report(f"seconds_of_{CONCURRENT}_set_ups", time.perf_counter() - started, unit="s")
    report(f"failed_of_{CONCURRENT}_set_ups", sum(run["state"] != "succeeded" for run in runs), 0)
    report("database_is_locked", stack.output.count("database is locked"), 0)


def measure_all() -> None:
    with tempfile.TemporaryDirectory(prefix="console-bench-") as directory:
        stack = Stack(Path(directory) / "var", SANDBOX_PROPAGATION_SECONDS="0", SWEEP_SECONDS="15")
        with stack.start():
            measure_against_cli(stack)
            measure_calls(stack)
            measure_own_time(stack)
            measure_concurrent(stack)
