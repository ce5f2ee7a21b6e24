"""Taking up what an organization has in Vertesia. Repeatable; nothing is deleted here, and nothing is written there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from aws_setup.diagnosis import Blocked
from aws_setup.diagnosis.vertesia import explain_issuer_unusable
from aws_setup.leases import LeaseLost
from aws_setup.models import VertesiaAccess, VertesiaJob
from aws_setup.names import InvalidName
from aws_setup.regions import validate_bedrock_region
from environments.history import Actor, record
from environments.issuer.address import find_broken_rule
from environments.models import Environment, Issuer, Organization, Provider
from environments.registry import NotRegistered, get_or_create_organization, register_environment
from environments.vertesia.answers import Account, Project, TokenClaims, VertesiaEnvironment
from environments.vertesia.protocol import Vertesia

ADMINISTERS = "environment:admin"


@dataclass
class Imported:
    """What came of it. `missing` are names here that Vertesia does not list; `refused` what could not be taken up."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: int = 0
    missing: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """`Read 4 environments of Acme: 3 new, 1 changed, 0 as before.`, and what is missing or refused."""
        number = len(self.created) + len(self.updated) + self.unchanged + len(self.refused)
        said = f"{number} environment{'' if number == 1 else 's'} in Vertesia: {len(self.created)} new here, "
        said += f"{len(self.updated)} changed, {self.unchanged} as before."
        if self.refused:
            said += f" {len(self.refused)} could not be taken up."
        if self.missing:
            said += f" {len(self.missing)} known here are not there; nothing was deleted."
        return said

    def to_json(self) -> dict[str, Any]:
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "missing": self.missing,
            "refused": self.refused,
        }


def import_organization(job: VertesiaJob, vertesia: Vertesia, clock: Callable[[], datetime]) -> None:
    """Read the organization and register its environments here. Raises VertesiaError, and Blocked.

    An organization that is known keeps its issuer, to which roles in AWS were made: a difference stands in the result,
    and Issuers offers the move.
    """
    _say(job, "Asking Vertesia whose key this is")
    claims = vertesia.read_claims()
    account = vertesia.read_account()
    _say(job, f"Reading the projects and environments of {account.name}")
    projects = vertesia.list_projects()
    found = vertesia.list_environments(all=True)
    organization = _take_up(job, claims, account, projects, now=clock())
    imported = Imported()
    for environment in found:
        _say(job, f"Taking up {environment.name}")
        _register(organization, environment, imported, actor=Actor(job.actor))
    there = {environment.id for environment in found}
    known = Environment.objects.filter(organization=organization).values_list("environment_id", "name")
    imported.missing = sorted(name for environment_id, name in known if environment_id not in there)
    _finish(job, organization, imported, projects, clock)


def _say(job: VertesiaJob, doing: str) -> None:
    if not job.write(doing=doing[:300]):
        raise LeaseLost


@transaction.atomic
def _take_up(
    job: VertesiaJob, claims: TokenClaims, account: Account, projects: tuple[Project, ...], *, now: datetime
) -> Organization:
    """The organization as it is known here from now on, with this access and what its key opens."""
    if not job.write(waiting_since=None):
        raise LeaseLost
    organization = Organization.objects.select_related("issuer").filter(organization_id=account.id).first()
    issuer = organization.issuer if organization else _issuer_of(claims.issuer)
    try:
        organization = get_or_create_organization(
            organization_name=account.name, organization_id=account.id, issuer=issuer
        )
    except NotRegistered as error:  # its issuer was changed a moment ago
        raise LeaseLost from error
    access, actor = job.access, Actor(job.actor)
    is_new = access.organization_id != organization.pk
    if is_new:
        _replace_former(access, organization, actor=actor)
    permissions = claims.permissions
    named = {project.id: project.name for project in projects}
    changes: dict[str, Any] = {
        "organization": organization,
        "issuer_seen": claims.issuer[:255],
        "project_name": named.get(claims.project_id, ""),
        "may_administer": None if permissions is None else ADMINISTERS in permissions,
        "checked_at": now,
    }
    VertesiaAccess.objects.filter(pk=access.pk).update(**changes)
    for name, value in changes.items():
        setattr(access, name, value)
    if is_new:
        record(
            "vertesia.connected",
            f"Connected {organization.name} with a Vertesia API key of project {access.project_name or 'unknown'}.",
            actor=actor,
            organization=organization,
            data={"site": access.site, "key_hint": access.key_hint, "issuer": access.issuer_seen},
        )
    return organization


def _issuer_of(url: str) -> Issuer:
    if rule := find_broken_rule(url, is_sandbox=settings.AWS_SANDBOX):
        raise Blocked(explain_issuer_unusable(url, rule))
    issuer, _ = Issuer.objects.get_or_create(
        url=url, defaults={"hosting": Issuer.Hosting.VERTESIA, "label": "Vertesia, as its token says"}
    )
    return issuer


def _replace_former(access: VertesiaAccess, organization: Organization, *, actor: Actor) -> None:
    """The new key takes the former one's place, now that Vertesia has accepted it. What was asked stays known."""
    former = VertesiaAccess.objects.filter(organization=organization).exclude(pk=access.pk).first()
    if former is None:
        return
    former.jobs.exclude(kind=VertesiaJob.Kind.IMPORT, state=VertesiaJob.State.RUNNING).update(access=access)
    former.delete()
    record(
        "vertesia.key_replaced",
        f"Another Vertesia API key takes the place of the one ending in {former.key_hint}.",
        actor=actor,
        organization=organization,
    )


def _register(organization: Organization, there: VertesiaEnvironment, imported: Imported, *, actor: Actor) -> None:
    before = Environment.objects.filter(environment_id=there.id).values_list("name", "endpoint_url").first()
    if there.account_id != organization.organization_id:
        imported.refused.append({"name": there.name, "sentence": "It belongs to another organization."})
        return
    try:
        environment = register_environment(
            organization_name="",
            organization_id=organization.organization_id,
            issuer=organization.issuer,
            environment_id=there.id,
            name=there.name,
            region=region_of(there),
            provider=there.provider,
            actor=actor,
        )
    except NotRegistered as error:
        imported.refused.append({"name": there.name, "sentence": error.sentence})
        return
    if before is None:
        imported.created.append(environment.name)
    elif before != (environment.name, environment.endpoint_url):
        imported.updated.append(environment.name)
    else:
        imported.unchanged += 1


def region_of(there: VertesiaEnvironment) -> str:
    """The AWS region of a Bedrock environment; empty for other providers, and where what stands there is none."""
    if there.provider != Provider.BEDROCK:
        return ""
    try:
        validate_bedrock_region(there.endpoint_url)
    except InvalidName:
        return ""
    return there.endpoint_url


@transaction.atomic
def _finish(
    job: VertesiaJob,
    organization: Organization,
    imported: Imported,
    projects: tuple[Project, ...],
    clock: Callable[[], datetime],
) -> None:
    seen = job.access.issuer_seen
    result = imported.to_json() | {
        "organization": {"id": organization.organization_id, "name": organization.name},
        "projects": [
            {"id": project.id, "name": project.name, "is_restricted": project.is_restricted} for project in projects
        ],
        "issuer": {"expected": organization.issuer.url, "actual": seen} if organization.issuer.url != seen else None,
        "sentence": imported.sentence,
    }
    ended = job.write(
        state=VertesiaJob.State.DONE, finished_at=clock(), lease_until=None, doing="", problem=None, result=result
    )
    if not ended:
        raise LeaseLost
    record(
        "vertesia.imported",
        imported.sentence,
        actor=Actor(job.actor),
        organization=organization,
        data={"created": imported.created, "updated": imported.updated, "missing": imported.missing},
    )
