"""A real sandbox process, and boto3 clients that use it as any program would."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

ACCOUNT = "111122223333"
SECOND_ACCOUNT = "444455556666"
CONSOLE = ("AKIASANDBOXCONSOLE00", "sandbox-console-secret-not-a-secret")
ADMINISTRATORS = {
    ACCOUNT: ("AKIASANDBOXADMIN0000", "sandbox-admin-secret-not-a-secret"),
    SECOND_ACCOUNT: ("AKIASANDBOXADMIN0002", "sandbox-admin-two-secret-not-a-secret"),
    "777788889999": ("AKIASANDBOXADMIN0003", "sandbox-admin-three-secret-not-a-secret"),
}
ONE_ATTEMPT = Config(parameter_validation=False, retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=10)


class SandboxProcess:
    def __init__(self, directory: Path, *arguments: str) -> None:
        self.state_dir = directory / "state"
        self.url_file = directory / "sandbox.url"
        self.vertesia_url_file = directory / "vertesia.url"
        self.log_file = directory / "sandbox.log"
        self._arguments = arguments
        self._clients: dict[tuple[str, ...], Any] = {}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "aws_setup.sandbox"]
        command += ["--state-dir", str(self.state_dir), "--url-file", str(self.url_file), *self._arguments]
        log_size = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 15
        while "answers at" not in self.log_file.read_text()[log_size:]:
            assert self.process.poll() is None, self.log_file.read_text()
            assert time.monotonic() < deadline, self.log_file.read_text()
            time.sleep(0.01)
        self.url = self.url_file.read_text()
        self.vertesia_url = self.vertesia_url_file.read_text()

    def stop(self) -> float:
        """Seconds that a polite stop took."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=10)
        return time.monotonic() - started

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)

    def client(self, service: str, keys: tuple[str, ...] | None = CONSOLE, *, region: str = "us-east-1") -> Any:
        """A boto3 client for access key, secret and, if there is one, session token; None for unsigned calls."""
        cache_key = (self.url, service, region, *(keys or ()))
        if cache_key not in self._clients:
            access_key, secret, token = (*(keys or ()), None, None, None)[:3]
            self._clients[cache_key] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=ONE_ATTEMPT if keys else ONE_ATTEMPT.merge(Config(signature_version=UNSIGNED)),
            )
        return self._clients[cache_key]

    def admin(self, service: str, account_id: str = ACCOUNT, *, region: str = "us-east-1") -> Any:
        return self.client(service, ADMINISTRATORS[account_id], region=region)

    def control(self, method: str, name: str, body: Any = None, *, header: str | None = "1") -> tuple[int, Any]:
        request = urllib.request.Request(  # noqa: S310 - loopback only
            f"{self.url}/_sandbox/{name}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={} if header is None else {"X-Sandbox-Control": header},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback only
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def stored_role(self, name: str, account_id: str = ACCOUNT) -> dict[str, Any]:
        _, state = self.control("GET", "state")
        [account] = [account for account in state["accounts"] if account["account_id"] == account_id]
        [role] = [role for role in account["roles"] if role["name"] == name]
        found: dict[str, Any] = role
        return found
