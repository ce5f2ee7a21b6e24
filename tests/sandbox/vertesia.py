"""The local Vertesia as any program would use it: over HTTP, with an API key or a token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from tests.sandbox.chain import LIST_AND_INVOKE
from tests.sandbox.process import ACCOUNT, SandboxProcess

ORGANIZATION = "66f2a1c08d4b3e9f17c0ac3e"
MARKETING, RESEARCH = "66f2a1c08d4b3e9f17c0b001", "66f2a1c08d4b3e9f17c0b002"
ADMIN_KEY_ID, ISSUING_KEY_ID = "66f2a1c08d4b3e9f17c0a001", "66f2a1c08d4b3e9f17c0a004"
VIRGINIA, IRELAND, TOKYO, OPENAI = (f"66f2a1c08d4b3e9f17c0e00{number}" for number in range(1, 5))
ADMIN, READER, REVOKED, ISSUING = (
    f"sk-sandbox-{name}-not-a-secret" for name in ("admin", "reader", "revoked", "issuing")
)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.body["message"]


class Vertesia:
    """A client with one API key, exchanged at once; `token` is what it got."""

    def __init__(self, sandbox: SandboxProcess, key: str = ADMIN) -> None:
        self.sandbox, self.url, self.key = sandbox, sandbox.vertesia_url, key
        self.token = ""

    def exchange(self) -> None:
        answer = self.issue()
        assert answer.status == 200, answer
        self.token = answer.body["token"]

    def issue(self, body: Any = None, *, bearer: str | None = None) -> Answer:
        """POST /token/issue; `bearer` None sends the key, an empty one nothing."""
        sent = self.key if bearer is None else bearer
        return self.send("POST", "/token/issue", body, headers={"Authorization": f"Bearer {sent}"} if sent else {})

    def call(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        """A call of the API, with the token. `path` is what follows `/api/v1/`."""
        return self.send(
            method, f"/api/v1/{path}", body, headers={"Authorization": f"Bearer {self.token}"} | (headers or {})
        )

    def send(self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=10)
        assert answer.headers["content-type"].startswith("application/json")
        return Answer(answer.status_code, answer.json(), answer.headers)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status == 200, answer
        return answer.body

    def environment_ids(self, query: str = "") -> list[str]:
        return [environment["id"] for environment in self.get(f"environments{query}")]

    def stored_api_key(self, environment_id: str) -> str:
        """What Vertesia would use, which it shows to nobody."""
        _, state = self.sandbox.control("GET", "vertesia/state")
        [found] = [one for one in state["environments"] if one["id"] == environment_id]
        return str(found["stored_api_key"])

    @contextmanager
    def fault(self, kind: str, **order: Any) -> Iterator[dict[str, Any]]:
        status, fault = self.sandbox.control("POST", "vertesia/faults", {"kind": kind, **order})
        assert status == 200, fault
        try:
            yield fault
        finally:
            self.sandbox.control("DELETE", "vertesia/faults")


def trust_vertesia(
    vertesia: Vertesia, environment_id: str, *, subject: str = "", account_id: str = ACCOUNT, policy: Any = None
) -> str:
    """What an AWS administrator makes for an environment: identity provider (if missing), role. Its ARN."""
    iam = vertesia.sandbox.admin("iam", account_id)
    host = vertesia.url.partition("://")[2]
    provider = f"arn:aws:iam::{account_id}:oidc-provider/{host}"
    known = [one["Arn"] for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    if provider not in known:
        iam.create_open_id_connect_provider(Url=vertesia.url, ClientIDList=["bedrock"])
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{host}:sub": subject or f"env:{ORGANIZATION}:{environment_id}",
                        f"{host}:aud": "bedrock",
                    }
                },
            }
        ],
    }
    name = f"Vertesia{environment_id}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(
        RoleName=name, PolicyName="VertesiaBedrock", PolicyDocument=json.dumps(policy or LIST_AND_INVOKE)
    )
    return str(role["Arn"])


def encoded(part: str) -> str:
    return quote(part, safe="")
