"""The only door to AWS. Everything else sees the Gateway protocol and its values."""

from collections.abc import Sequence
from datetime import datetime

from aws_setup.credentials import AwsSession
from aws_setup.desired import DesiredState
from aws_setup.gateway import bedrock, iam, model_use, sts
from aws_setup.gateway.protocol import (
    Answers,
    Caller,
    Exchange,
    Gateway,
    ModelAvailability,
    OneToken,
    Performed,
    RoleCredentials,
    Simulated,
)
from aws_setup.gateway.wire import Wire
from aws_setup.observed import ObservedState
from aws_setup.plans.actions import Action

__all__ = ["AwsGateway", "Gateway"]


class AwsGateway:
    """The Gateway on boto3, for one account."""

    def __init__(self, session: AwsSession) -> None:
        self._wire = Wire(session)

    @property
    def calls(self) -> int:
        return self._wire.calls

    @property
    def seconds(self) -> float:
        return self._wire.seconds

    def identify_caller(self) -> Caller:
        """Who the worker is in this account."""
        return sts.identify_caller(self._wire)

    def read_account_alias(self) -> str:
        """The account's alias, or empty. Needs iam:ListAccountAliases."""
        aliases = self._wire.call("iam", "list_account_aliases")["AccountAliases"]
        return str(aliases[0]) if aliases else ""

    def observe(self, desired: DesiredState, *, with_quotas: bool = False) -> ObservedState:
        """What the account holds of what `desired` names; see iam.read_provider and iam.read_role for the rights.

        `with_quotas` reads the account's room as well, as far as it may. Which other roles trust the identity provider
        is read only where it might be removed.
        """
        account_id = self.identify_caller().account_id
        role = iam.read_role(self._wire, desired.role_name)
        return ObservedState(
            account_id=account_id,
            provider=iam.read_provider(self._wire, desired.provider_arn),
            role=role,
            retired_roles=tuple(
                role for name in desired.retire_role_names if (role := iam.read_role(self._wire, name)) is not None
            ),
            other_providers={
                arn: provider
                for arn in desired.other_provider_arns
                if (provider := iam.read_provider(self._wire, arn)) is not None
            },
            quotas=iam.read_quotas(self._wire) if with_quotas else None,
            trusting_roles=iam.read_trusting_roles(self._wire, desired.provider_arn)
            if desired.removes_provider
            else None,
        )

    def read_audiences(self, provider_arn: str) -> tuple[str, ...]:
        """The audience list of a provider, empty where there is none. Needs iam:GetOpenIDConnectProvider."""
        provider = iam.read_provider(self._wire, provider_arn)
        return provider.audiences if provider else ()

    def read_role_last_used(self, role_name: str) -> datetime | None:
        """When IAM last saw the role used, up to four hours late; None where never. Needs iam:GetRole."""
        last_used = self._wire.call("iam", "get_role", RoleName=role_name)["Role"].get("RoleLastUsed", {})
        moment: datetime | None = last_used.get("LastUsedDate")
        return moment

    def perform(self, action: Action) -> Performed:
        """Send one action's exact request."""
        return iam.perform(self._wire, action)

    def exchange(self, token: str, *, role_arn: str, session_name: str, region: str) -> Exchange:
        """Exchange a token for the role's credentials."""
        return sts.exchange(self._wire, token, role_arn=role_arn, session_name=session_name, region=region)

    def list_models(self, credentials: RoleCredentials | None, *, region: str) -> Answers:
        """The three listings with the role's credentials, or (None) the worker's own."""
        return bedrock.list_models(self._wire, credentials, region=region)

    def simulate_role(
        self, role_arn: str, *, actions: Sequence[str], resources: Sequence[str], region: str
    ) -> list[Simulated]:
        """What the role may do, by IAM's policy simulator."""
        return model_use.simulate_role(self._wire, role_arn, actions=actions, resources=resources, region=region)

    def read_availability(self, model_id: str, *, region: str) -> ModelAvailability:
        """What AWS says of a foundation model, with the worker's rights."""
        return model_use.read_availability(self._wire, model_id, region=region)

    def ask_one_token(self, credentials: RoleCredentials, *, model_id: str, region: str) -> OneToken:
        """Let a model or inference profile answer with one token, with the role's rights. It costs money."""
        return model_use.ask_one_token(self._wire, credentials, model_id=model_id, region=region)
