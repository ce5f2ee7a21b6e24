"""What the services need of AWS: a small protocol. The services see this, never boto3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from aws_setup.desired import DesiredState
from aws_setup.gateway.errors import AwsError
from aws_setup.observed import ObservedState
from aws_setup.plans.actions import Action


@dataclass(frozen=True)
class Caller:
    """Who AWS says the worker is. `source` is where the credentials came from, as botocore names it; never a key."""

    account_id: str
    arn: str
    source: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Performed:
    """What became of an action: created, updated, removed, or unchanged where AWS already held it.

    `role_id` is IAM's unique id of a role that was created.
    """

    outcome: str
    request_id: str = ""
    role_id: str = ""


@dataclass(frozen=True)
class RoleCredentials:
    """Short-lived credentials of the assumed role. Never stored, never shown: the repr holds no secret."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime = field(repr=True)


@dataclass(frozen=True)
class Exchange:
    """A token exchanged for credentials. `assumed_role_arn` lacks the role's path, as AWS drops it there."""

    credentials: RoleCredentials
    assumed_role_arn: str
    subject: str
    audience: str
    provider: str
    request_id: str


@dataclass(frozen=True)
class Answers:
    """The three answers of Bedrock, as botocore's dictionaries in AWS's order, each an AwsError where it failed.

    `foundation_models`: FoundationModelSummary; `custom_models`: CustomModelSummary;
    `inference_profiles`: InferenceProfileSummary (system-defined ones), all pages. `first_page` says by the same names
    how many of them came on the first page, which is all that Vertesia's driver reads; a listing that failed is not
    in it. `milliseconds` go by boto3's method.
    """

    foundation_models: list[dict[str, Any]] | AwsError
    custom_models: list[dict[str, Any]] | AwsError
    inference_profiles: list[dict[str, Any]] | AwsError
    milliseconds: Mapping[str, int]
    first_page: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Simulated:
    """What IAM's policy simulator says of one action on one resource. `denied_by`: the kind of policy, if known."""

    action: str
    resource: str
    is_allowed: bool
    denied_by: str = ""


@dataclass(frozen=True)
class ModelAvailability:
    """AWS's four answers about a foundation model, in AWS's own words, and whether Anthropic's form is missing.

    agreement: AVAILABLE, PENDING, NOT_AVAILABLE or ERROR; authorization: AUTHORIZED or NOT_AUTHORIZED; entitlement and
    region: AVAILABLE or NOT_AVAILABLE.
    """

    agreement: str
    authorization: str
    entitlement: str
    region: str
    needs_use_case_form: bool = False

    @property
    def in_words(self) -> str:
        form = ", use-case form not sent" if self.needs_use_case_form else ""
        return (
            f"agreement {self.agreement}, authorization {self.authorization}, entitlement {self.entitlement}, "
            f"region {self.region}{form}"
        )


@dataclass(frozen=True)
class OneToken:
    """A model's answer to a call for one token."""

    input_tokens: int
    output_tokens: int
    request_id: str
    milliseconds: int


class Gateway(Protocol):
    """One AWS account as the worker may act in it. Every method raises AwsError; none retries.

    What each promises, and the IAM actions it needs, stands with it in `iam`, `sts`, `bedrock` and `model_use`.
    """

    @property
    def calls(self) -> int:
        """How many calls were made to AWS through this gateway."""

    @property
    def seconds(self) -> float:
        """How long they took in all, from handing the request to boto3 to having its parsed answer."""

    def identify_caller(self) -> Caller: ...

    def read_account_alias(self) -> str: ...

    def observe(self, desired: DesiredState, *, with_quotas: bool = False) -> ObservedState: ...

    def read_audiences(self, provider_arn: str) -> tuple[str, ...]: ...

    def read_role_last_used(self, role_name: str) -> datetime | None: ...

    def perform(self, action: Action) -> Performed: ...

    def exchange(self, token: str, *, role_arn: str, session_name: str, region: str) -> Exchange: ...

    def list_models(self, credentials: RoleCredentials | None, *, region: str) -> Answers: ...

    def simulate_role(
        self, role_arn: str, *, actions: Sequence[str], resources: Sequence[str], region: str
    ) -> list[Simulated]: ...

    def read_availability(self, model_id: str, *, region: str) -> ModelAvailability: ...

    def ask_one_token(self, credentials: RoleCredentials, *, model_id: str, region: str) -> OneToken: ...
