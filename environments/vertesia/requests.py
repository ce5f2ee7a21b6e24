"""What is asked of Vertesia, as values. Pure.

Bodies are strict there: an unknown property, and every read-only one (id, account, apikey_hint, …), is answered with
400 (ExecutionEnvironmentCreatePayload, ExecutionEnvironmentUpdatePayload and EnvironmentTokenRequest of its OpenAPI
document). So each value knows the properties it may send, and sends no other.
"""

import re
from dataclasses import dataclass
from typing import Any

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,576}")


class NotARoleArn(ValueError):
    """The API key of a Bedrock environment is a role's ARN, and this text is none. The message does not repeat it."""

    def __init__(self) -> None:
        super().__init__(
            "The API key of a Bedrock environment is the ARN of an IAM role, and this is none. "
            "What Vertesia shows of an API key is masked and must not be written back."
        )


@dataclass(frozen=True)
class CreateEnvironment:
    """A new execution environment: `endpoint_url` is the AWS region, `allowed_projects` are project ids."""

    name: str
    endpoint_url: str
    allowed_projects: tuple[str, ...]
    description: str = ""
    provider: str = "bedrock"

    def to_json(self) -> dict[str, Any]:
        body = {
            "name": self.name,
            "provider": self.provider,
            "endpoint_url": self.endpoint_url,
            "allowed_projects": list(self.allowed_projects),
        }
        return body | ({"description": self.description} if self.description else {})


@dataclass(frozen=True)
class UpdateEnvironment:
    """A partial change of an environment: what is None stays as it is. `api_key` is the role's ARN, in clear.

    Raises NotARoleArn for another API key, which a masked one is, and ValueError where nothing is to change.
    """

    api_key: str | None = None
    endpoint_url: str | None = None
    name: str | None = None
    description: str | None = None
    allowed_projects: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.api_key is not None and not _ROLE_ARN.fullmatch(self.api_key):
            raise NotARoleArn
        if not self.to_json():
            raise ValueError("An update of an environment changes something.")

    def to_json(self) -> dict[str, Any]:
        body = {
            "apiKey": self.api_key,
            "endpoint_url": self.endpoint_url,
            "name": self.name,
            "description": self.description,
            "allowed_projects": None if self.allowed_projects is None else list(self.allowed_projects),
        }
        return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True)
class IssueEnvironmentToken:
    """A token such as Vertesia itself sends to AWS for an environment; `audience` is the issuer's, `bedrock`."""

    environment_id: str
    environment_name: str
    project_id: str
    account_id: str
    audience: str

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "environment",
            "environment_id": self.environment_id,
            "environment_name": self.environment_name,
            "project_id": self.project_id,
            "account_id": self.account_id,
            "audience": self.audience,
        }
