"""Issuer, identity provider, role: a chain of trust that holds, for tests to bend."""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.sandbox.issuer import Issuer
from tests.sandbox.process import ACCOUNT, SandboxProcess

ORGANIZATION = "6630c1f0a7d3e9b2c4d5e6f7"
LIST_AND_INVOKE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "bedrock:ListFoundationModels",
                "bedrock:ListInferenceProfiles",
                "bedrock:ListCustomModels",
                "bedrock:InvokeModel",
                "bedrock:InvokeModelWithResponseStream",
            ],
            "Resource": "*",
        }
    ],
}


class Chain:
    def __init__(self, sandbox: SandboxProcess, issuer: Issuer, *, account_id: str = ACCOUNT, path: str = "/") -> None:
        self.sandbox, self.issuer, self.account_id = sandbox, issuer, account_id
        self.iam = sandbox.admin("iam", account_id)
        environment = secrets.token_hex(12)[:-1] + "a"
        self.subject = f"env:{ORGANIZATION}:{environment}"
        self.role_name = f"VertesiaEnvironment{environment}"
        self.provider_arn: str = self.iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["bedrock"])[
            "OpenIDConnectProviderArn"
        ]
        self.role_arn: str = self.iam.create_role(
            RoleName=self.role_name, Path=path, AssumeRolePolicyDocument=json.dumps(self.trust())
        )["Role"]["Arn"]
        self.iam.put_role_policy(
            RoleName=self.role_name, PolicyName="VertesiaBedrock", PolicyDocument=json.dumps(LIST_AND_INVOKE)
        )

    def trust(self, condition: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        host = self.issuer.url.partition("://")[2]
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition or {"StringEquals": {f"{host}:sub": self.subject, f"{host}:aud": "bedrock"}},
        }
        return {"Version": "2012-10-17", "Statement": [statement | changes]}

    def set_trust(self, document: dict[str, Any]) -> None:
        self.iam.update_assume_role_policy(RoleName=self.role_name, PolicyDocument=json.dumps(document))

    def exchange(self, token: str | None = None, *, role_arn: str | None = None, **parameters: Any) -> Any:
        return self.sandbox.client("sts", None).assume_role_with_web_identity(
            RoleArn=role_arn or self.role_arn,
            RoleSessionName="vertesia-verify",
            WebIdentityToken=token or self.issuer.token(self.subject),
            **parameters,
        )

    def keys(self, **parameters: Any) -> tuple[str, str, str]:
        credentials = self.exchange(**parameters)["Credentials"]
        return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
