"""Desired states for tests, complete but for what a test is about."""

from dataclasses import replace
from typing import Any

from aws_setup.desired import DesiredState
from aws_setup.observed import ObservedProvider, ObservedRole, ObservedState
from aws_setup.plans.actions import Action

ACCOUNT = "111122223333"
INSTALLATION = "5f0c1c0e-9d1c-4f5e-8a55-0d4e8a3c2b11"
ORGANIZATION = "66a0c0ffee5a4db0c4b0a001"
ENVIRONMENT = "66a0c0ffee5a4db0c4b0e001"


def desire(**changes: Any) -> DesiredState:
    """What a first connection with the generated policy wants; the subject follows the ids."""
    organization_id = changes.get("organization_id", ORGANIZATION)
    environment_id = changes.get("environment_id", ENVIRONMENT)
    state = DesiredState(
        installation_id=INSTALLATION,
        partition="aws",
        account_id=ACCOUNT,
        region="us-east-1",
        issuer_url="https://sts.vertesia.io",
        audience="bedrock",
        organization_id=organization_id,
        environment_id=environment_id,
        subject=f"env:{organization_id}:{environment_id}",
        role_name="VertesiaEnvironmentAcme",
        permissions="invoke",
        description=f"Lets Vertesia environment {environment_id} use Amazon Bedrock",
        tags=(("Application", "Vertesia"),),
    )
    return replace(state, **changes)


def observe_nothing(desired: DesiredState) -> ObservedState:
    return ObservedState(account_id=desired.account_id, provider=None, role=None)


def provider_of(desired: DesiredState, **changes: Any) -> ObservedProvider:
    provider = ObservedProvider(
        arn=desired.provider_arn, audiences=(desired.audience,), tags=dict(desired.provider_tags)
    )
    return replace(provider, **changes)


def role_of(desired: DesiredState, **changes: Any) -> ObservedRole:
    """The role exactly as desired."""
    role = ObservedRole(
        arn=desired.role_arn,
        trust=desired.trust,
        tags=dict(desired.role_tags),
        boundary_arn=desired.boundary_arn,
        inline={"VertesiaBedrock": desired.inline_policy} if desired.inline_policy else {},
        attached=(desired.attached_policy_arn,) if desired.attached_policy_arn else (),
    )
    return replace(role, **changes)


def observe_all(desired: DesiredState, **changes: Any) -> ObservedState:
    """AWS holds exactly what is desired."""
    state = ObservedState(account_id=desired.account_id, provider=provider_of(desired), role=role_of(desired))
    return replace(state, **changes)


def print_plan(actions: list[Action]) -> str:
    """A plan as a person reads it, for golden files."""
    lines = []
    for action in actions:
        when = " (after the proof)" if action.after_proof else ""
        lines += [f"{action.verb:>6}  {action.action}{when}: {action.summary}", f"        {action.why}"]
    return "\n".join(lines) + "\n"
