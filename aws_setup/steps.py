"""The steps of a run: each sends one action to AWS, and stores what became of it."""

from django.db import transaction
from django.db.models import Q

from aws_setup.desired import DesiredState
from aws_setup.gateway.errors import AwsError
from aws_setup.gateway.protocol import Gateway, Performed
from aws_setup.holdings import note_held
from aws_setup.leases import LeaseLost
from aws_setup.models import Clock, Connection, Run, Step
from aws_setup.plans.actions import Action
from aws_setup.progress import tell
from environments.history import Actor, record


def resources_written(steps: list[Step]) -> list[str]:
    """The ARNs that these steps write to, for `leases.hold`."""
    return [step.action["resource"] for step in steps if step.action["verb"] != "keep"]


def reopen(steps: list[Step], *, still_to_do: set[str]) -> list[Step]:
    """The steps that are not done, in order, with those that were and that AWS no longer shows."""
    undone = [
        step.pk for step in steps if step.state == Step.State.DONE and Action.from_json(step.action).key in still_to_do
    ]
    if undone:
        Step.objects.filter(pk__in=undone).update(state=Step.State.PENDING, started_at=None, finished_at=None)
    return [step for step in steps if step.state != Step.State.DONE or step.pk in undone]


def perform(run: Run, step: Step, gateway: Gateway, clock: Clock, *, is_still_to_do: bool) -> None:
    """Do one step, or note that AWS holds already what it would do; with a line of history where it changed something.

    Needs the step's own IAM action. Raises AwsError as the gateway does, and LeaseLost.
    """
    action = Action.from_json(step.action)
    if is_still_to_do:
        tell(run, action.summary)
        Step.objects.filter(pk=step.pk).update(state=Step.State.RUNNING, started_at=clock())
        performed = _write(run, action, gateway, clock)
    else:
        performed = Performed("unchanged")
    _store_step(run, step, action, performed, clock)


def _write(run: Run, action: Action, gateway: Gateway, clock: Clock) -> Performed:
    """Send one action. What it makes counts as held before the call: should this worker be lost in it, or no answer
    come, AWS may hold it and be spreading it all the same."""
    desired = DesiredState.from_json(run.plan.desired)
    spreading = Q(pk=run.connection_id)
    if action.resource == desired.provider_arn:  # shared: what its other connections prove may meet the change too
        spreading |= Q(provider_arn=action.resource)
    now = clock()
    Connection.objects.filter(spreading).update(last_write_at=now)
    run.connection.last_write_at = now
    known = {"role_arn": run.connection.role_arn, "provider_arn": run.connection.provider_arn}
    if action.verb != "remove":
        made = {"role_arn": desired.role_arn, "provider_arn": desired.provider_arn}
        note_held(run, {name: arn for name, arn in made.items() if arn == action.resource})
    try:
        performed = gateway.perform(action)
    except AwsError as error:
        if not (error.is_transient or error.is_already_there):  # AWS said no: nothing was made
            note_held(run, known)
        raise
    if performed.role_id:
        note_held(run, {"role_id": performed.role_id})
    if action.action == "DeleteOpenIDConnectProvider":
        Connection.objects.filter(provider_arn=action.resource).update(provider_arn="")
        run.connection.provider_arn = ""
    return performed


@transaction.atomic
def _store_step(run: Run, step: Step, action: Action, performed: Performed, clock: Clock) -> None:
    if not run.write(waiting_since=None):
        raise LeaseLost
    is_new = performed.outcome != "unchanged" or not step.outcome
    Step.objects.filter(pk=step.pk).update(
        state=Step.State.DONE,
        finished_at=clock(),
        **({"outcome": performed.outcome, "request_id": performed.request_id} if is_new else {}),
    )
    if performed.outcome != "unchanged":
        record(
            f"aws.{action.action}",
            f"{action.summary}: {performed.outcome}.",
            actor=Actor(run.actor),
            environment=run.plan.environment,
            data={"resource": action.resource, "request_id": performed.request_id},
        )
