"""What AWS holds, or may hold, of what was made for a connection, as far as this console's own record goes."""

from typing import Any

from django.db import transaction

from aws_setup.desired import DesiredState
from aws_setup.leases import LeaseLost
from aws_setup.models import Connection, Plan, Run, Step
from aws_setup.observed import ObservedState
from environments.models import Environment


def held_arns(connection: Connection) -> list[str]:
    """The roles of `held_role_arns`, then the identity provider, which outlives them: other roles may trust it."""
    return [*held_role_arns(connection), *filter(None, [connection.provider_arn])]


def held_role_arns(connection: Connection) -> list[str]:
    """The agreed role, and those that the last run was to delete and did not come to.

    Empty exactly where `has_aws_resources` is False: `role_arn` is the last to go.
    """
    if not connection.has_aws_resources:
        return []
    last = connection.runs.first()
    left = last.steps.exclude(state=Step.State.DONE).filter(action__action="DeleteRole") if last else ()
    return list(dict.fromkeys([connection.role_arn, *(step.action["resource"] for step in left)]))


def ids_of(observed: ObservedState, desired: DesiredState) -> dict[str, str]:
    """Role and provider as AWS spells them, where it holds them; a role's path and case may not be the wanted ones.

    A role that somebody else made counts from the moment on when it carries this console's tags.
    """
    found = {"provider_arn": observed.provider.arn} if observed.provider else {}
    role = observed.role
    if role is None or (desired.is_adopted and not role.is_ours(desired.installation_id)):
        return found
    return found | {"role_arn": role.arn, "role_id": role.role_id}


@transaction.atomic
def note_held(run: Run, ids: dict[str, str]) -> None:
    """Write down `role_arn`, `role_id`, `provider_arn`, where given, as the connection's; the ARN is the API key too.

    Raises LeaseLost where another worker has taken the run over.
    """
    connection = run.connection
    changed = {name: arn for name, arn in ids.items() if getattr(connection, name) != arn}
    if not changed:
        return
    if not run.write(doing=run.doing):
        raise LeaseLost
    Connection.objects.filter(pk=connection.pk).update(**changed)
    for name, arn in changed.items():
        setattr(connection, name, arn)
    if "role_arn" in changed:
        Environment.objects.filter(pk=run.plan.environment_id).update(api_key=changed["role_arn"])


def describe_agreements(environment: Environment) -> list[dict[str, Any]]:
    """What was approved for an environment, by whom and when, with every request: evidence for when its rows go."""
    approved = Plan.objects.filter(environment=environment, approved_at__isnull=False).order_by("id")
    return [
        {
            "fingerprint": plan.fingerprint,
            "asked_by": plan.asked_by,
            "approved_by": plan.approved_by,
            "approved_at": plan.approved_at.isoformat() if plan.approved_at else "",
            "desired": plan.desired,
            "requests": [{"action": action["action"], "request": action["request"]} for action in plan.actions],
        }
        for plan in approved
    ]
