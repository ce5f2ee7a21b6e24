"""Creating an execution environment in Vertesia: ordered by a person who saw the request, and made once."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction

from aws_setup import hints
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.leases import LeaseLost
from aws_setup.models import VertesiaAccess, VertesiaJob
from aws_setup.names import InvalidName
from aws_setup.regions import validate_bedrock_region
from environments.history import Actor, record
from environments.registry import NAME_LENGTH, NotRegistered, register_environment
from environments.vertesia.answers import VertesiaEnvironment
from environments.vertesia.errors import VertesiaError
from environments.vertesia.protocol import Vertesia
from environments.vertesia.requests import CreateEnvironment


class NotOrdered(Exception):
    """What was asked for cannot be ordered. `field` is the argument at fault, `sentence` is for the person."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


@transaction.atomic
def order_environment(
    access: VertesiaAccess,
    *,
    name: str,
    region: str,
    project_ids: Sequence[str],
    actor: Actor,
    now: datetime,
) -> VertesiaJob:
    """Have a worker create this environment in Vertesia, and take it up here. It grants nothing to anybody.

    The job's `order` is the request's exact body. Its description names the order, so that an environment whose answer
    was lost is found again and never made twice. Raises NotOrdered.
    """
    name = name.strip()
    organization = access.organization
    if organization is None:
        raise NotOrdered("", "The organization of this key has not been read yet.")
    if access.may_administer is False:
        raise NotOrdered("", "This API key may not create environments: it lacks the permission environment:admin.")
    if not name:
        raise NotOrdered("name", "Give the environment a name, as it is to stand in Studio.")
    if len(name) > NAME_LENGTH:
        raise NotOrdered("name", f"A name has at most {NAME_LENGTH} characters; this one has {len(name)}.")
    try:
        validate_bedrock_region(region)
    except InvalidName as error:
        raise NotOrdered("region", str(error)) from error
    known = {project["id"] for project in list_known_projects(access) if not project["is_restricted"]}
    if not project_ids or not set(project_ids) <= known:
        raise NotOrdered("project_ids", "Choose at least one project that may use it, of those the key can see.")
    wanted = CreateEnvironment(
        name=name,
        endpoint_url=region,
        allowed_projects=tuple(dict.fromkeys(project_ids)),
        description=f"Made by Vertesia AWS Setup, order {uuid.uuid4()}",
    )
    job = VertesiaJob.objects.create(
        access=access,
        kind=VertesiaJob.Kind.CREATE,
        order=wanted.to_json(),
        actor=actor,
        doing="Waiting for a worker",
        next_attempt_at=now,
    )
    record(
        "vertesia.environment_ordered",
        f"Asked for the environment {name} in {region}.",
        actor=actor,
        organization=organization,
        data={"order": job.order},
    )
    hints.send(hints.ADVANCE_VERTESIA_JOB, job.pk)
    return job


def list_known_projects(access: VertesiaAccess) -> list[dict[str, str | bool]]:
    """`id`, `name` and `is_restricted` of the organization's projects, as the last import read them."""
    last = access.jobs.filter(kind=VertesiaJob.Kind.IMPORT, state=VertesiaJob.State.DONE).first()
    projects: list[dict[str, str | bool]] = last.result["projects"] if last else []
    return projects


def create_environment(job: VertesiaJob, vertesia: Vertesia, clock: Callable[[], datetime]) -> None:
    """Make what was ordered, unless it is there already, and take it up here. Raises VertesiaError, and Blocked."""
    wanted = _read_order(job)
    _say(job, f"Looking whether Vertesia has {wanted.name} already")
    found = _find(vertesia, wanted)
    if found is None:
        _say(job, f"Creating {wanted.name} in Vertesia")
        found = _create(vertesia, wanted)
    _take_up(job, found, clock)


def _read_order(job: VertesiaJob) -> CreateEnvironment:
    return CreateEnvironment(**job.order | {"allowed_projects": tuple(job.order["allowed_projects"])})


def _say(job: VertesiaJob, doing: str) -> None:
    if not job.write(doing=doing[:300]):
        raise LeaseLost


def _find(vertesia: Vertesia, wanted: CreateEnvironment) -> VertesiaEnvironment | None:
    return next((one for one in vertesia.list_environments(all=True) if one.description == wanted.description), None)


def _create(vertesia: Vertesia, wanted: CreateEnvironment) -> VertesiaEnvironment:
    try:
        return vertesia.create_environment(wanted)
    except VertesiaError as error:
        # What is transient is looked for when it is tried again.
        if error.is_transient or not error.may_have_been_done or (found := _find(vertesia, wanted)) is None:
            raise
        return found


@transaction.atomic
def _take_up(job: VertesiaJob, made: VertesiaEnvironment, clock: Callable[[], datetime]) -> None:
    organization, actor = job.access.organization, Actor(job.actor)
    if organization is None:
        raise Blocked(_not_taken_up(made, "The organization was forgotten meanwhile."))
    try:
        environment = register_environment(
            organization_name="",
            organization_id=organization.organization_id,
            issuer=organization.issuer,
            environment_id=made.id,
            name=made.name,
            region=str(job.order["endpoint_url"]),
            provider=made.provider,
            actor=actor,
        )
    except NotRegistered as error:
        raise Blocked(_not_taken_up(made, error.sentence)) from error
    ended = job.write(
        state=VertesiaJob.State.DONE,
        finished_at=clock(),
        lease_until=None,
        doing="",
        problem=None,
        environment=environment,
        result={"environment_id": made.id, "name": made.name},
    )
    if not ended:
        raise LeaseLost
    record(
        "vertesia.environment_created",
        f"Created {environment.name} in Vertesia, with id {made.id}.",
        actor=actor,
        environment=environment,
        data={"environment_id": made.id, "order": job.order},
    )


def _not_taken_up(made: VertesiaEnvironment, sentence: str) -> Problem:
    return Problem(
        code="vertesia_environment_not_taken_up",
        sentence=f"Vertesia has the environment {made.name} ({made.id}), and it could not be taken up here.",
        why=sentence,
        remedy="Put right what is said here, then import the environments again: it is taken up with them.",
        evidence={"environment id": made.id},
    )
