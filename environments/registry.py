"""Taking up what Vertesia has: organizations and their environments, by the ids that Vertesia Studio shows."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from environments.history import Actor, record
from environments.ids import InvalidVertesiaId, build_subject, validate_plain_id
from environments.models import Environment, Issuer, Organization, Provider, Status

WHERE_ORGANIZATION_ID = "The organization id stands in Vertesia Studio under the user icon, top right."
WHERE_ENVIRONMENT_ID = "The environment id stands in Vertesia Studio on the environment's own page."
NAME_LENGTH = 200

AGREED = ~Q(api_key="") | Q(status=Status.SETTING_UP)
"""Environments for which a plan was or is being carried out: only another one changes ids, issuer and region."""


class NotRegistered(Exception):
    """What was typed cannot be taken up. `field` is the argument at fault, `sentence` is for the person."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


def check_ids(*, organization_id: str, environment_id: str, environment: Environment | None = None) -> None:
    """Raise NotRegistered where these ids cannot be an environment's, or contradict what is known here.

    `environment` is the one that would get them, where it is known here already.
    """
    for field, value in (("organization_id", organization_id), ("environment_id", environment_id)):
        try:
            validate_plain_id(value)
        except InvalidVertesiaId as error:
            raise NotRegistered(field, str(error)) from error
    try:
        build_subject(organization_id, environment_id)
    except InvalidVertesiaId as error:
        raise NotRegistered("environment_id", str(error)) from error

    others = Environment.objects.select_related("organization")
    if environment is not None:
        others = others.exclude(pk=environment.pk)
    if swapped := others.filter(environment_id=organization_id).first():
        raise NotRegistered(
            "organization_id",
            f"This is the id of the environment {swapped.name}, not of an organization. {WHERE_ORGANIZATION_ID}",
        )
    if organization := Organization.objects.filter(organization_id=environment_id).first():
        raise NotRegistered(
            "environment_id",
            f"This is the id of the organization {organization.name}, not of an environment. {WHERE_ENVIRONMENT_ID}",
        )
    known = others.filter(environment_id=environment_id).first()
    if known is None:
        return
    if known.organization.organization_id != organization_id:
        raise NotRegistered(
            "environment_id",
            f"This environment is known here as {known.name} of the organization {known.organization.name} "
            f"({known.organization.organization_id}). Check both ids in Vertesia Studio.",
        )
    if environment is not None:
        raise NotRegistered("environment_id", f"Another environment here, {known.name}, has this id already.")


def check_names(*, organization_name: str, name: str) -> None:
    """Raise NotRegistered where a name is longer than this console keeps."""
    for field, value in (("organization_name", organization_name), ("name", name)):
        if len(value) > NAME_LENGTH:
            raise NotRegistered(field, f"A name has at most {NAME_LENGTH} characters; this one has {len(value)}.")


def check_issuer(organization: Organization, *, issuer: Issuer) -> None:
    """Raise NotRegistered where the organization has another issuer, and roles in AWS trust it."""
    if organization.issuer_id != issuer.pk and organization.environments.filter(AGREED).exists():
        raise NotRegistered(
            "issuer",
            f"{organization.name} is connected, or being set up, with tokens of {organization.issuer}. "
            "To move it to another issuer, go to Issuers → Move an organization: step by step, and nothing breaks.",
        )


def get_or_create_organization(*, organization_name: str, organization_id: str, issuer: Issuer) -> Organization:
    """The organization with this id, created where it is new.

    Raises NotRegistered where it is known with another issuer and an environment of it is connected or being set up:
    roles in AWS trust the issuer it has. Otherwise the issuer given now is the one it gets.
    """
    organization, _ = Organization.objects.get_or_create(
        organization_id=organization_id,
        defaults={"name": organization_name or f"Organization {organization_id}", "issuer": issuer},
    )
    changes: dict[str, object] = {}
    if organization_name and organization.name != organization_name:
        changes["name"] = organization_name
    if organization.issuer_id != issuer.pk:
        check_issuer(organization, issuer=issuer)
        changes["issuer_id"] = issuer.pk
    if changes:
        Organization.objects.filter(pk=organization.pk).update(**changes)
        organization.refresh_from_db()
    return organization


@transaction.atomic
def register_environment(
    *,
    organization_name: str,
    organization_id: str,
    issuer: Issuer,
    environment_id: str,
    name: str,
    region: str,
    provider: str,
    actor: Actor,
) -> Environment:
    """The environment with these ids, taken up where it is new.

    One that is known already gets the name and, while it is not connected, the region; one that is connected or being
    set up keeps its region until a plan changes it. An empty `organization_name` leaves a known one as it is.
    Raises NotRegistered where ids, issuer or provider cannot be what they are said to be.
    """
    check_ids(organization_id=organization_id, environment_id=environment_id)
    check_names(organization_name=organization_name, name=name)
    if provider not in Provider.values:
        raise NotRegistered("provider", f"Vertesia has no provider {provider}.")
    organization = get_or_create_organization(
        organization_name=organization_name, organization_id=organization_id, issuer=issuer
    )
    environment, created = Environment.objects.select_related("organization__issuer").get_or_create(
        environment_id=environment_id,
        defaults={
            "organization": organization,
            "name": name or environment_id,
            "endpoint_url": region,
            "provider": provider,
        },
    )
    if created:
        if provider != Provider.BEDROCK:
            environment.set_status(Status.NOT_CONNECTABLE)
        record(
            "environment.registered",
            f"Took up {environment.name} of {organization.name}.",
            actor=actor,
            environment=environment,
            data={"organization_id": organization_id, "environment_id": environment_id, "region": region},
        )
        return environment
    if environment.provider != provider:
        raise NotRegistered(
            "provider", f"{environment.name} is known here with provider {environment.get_provider_display()}."
        )
    if name:
        rename_environment(environment, name=name, actor=actor)
    if region and region != environment.endpoint_url and not _is_agreed(environment):
        _set_region(environment, region=region, actor=actor)
    return environment


@transaction.atomic
def correct_environment(
    environment: Environment,
    *,
    organization_name: str,
    organization_id: str,
    issuer: Issuer,
    environment_id: str,
    name: str,
    region: str,
    actor: Actor,
) -> None:
    """Put right what was typed about an environment of which AWS holds nothing yet: ids, issuer, name and region.

    Raises NotRegistered as `register_environment` does, and where the environment is connected or being set up already.
    An organization that this leaves without environments is removed.
    """
    if _is_agreed(environment):
        raise NotRegistered(
            "environment_id",
            "This environment is connected, or being set up. Choose Change on its page: that is one plan.",
        )
    check_ids(organization_id=organization_id, environment_id=environment_id, environment=environment)
    check_names(organization_name=organization_name, name=name)
    left = environment.organization
    organization = get_or_create_organization(
        organization_name=organization_name, organization_id=organization_id, issuer=issuer
    )
    if (organization.pk, environment_id) != (left.pk, environment.environment_id):
        before = environment.subject
        environment.organization = organization
        environment.environment_id = environment_id
        Environment.objects.filter(pk=environment.pk).update(organization=organization, environment_id=environment_id)
        record(
            "environment.corrected",
            f"Corrected the ids of {environment.name}: {before} became {environment.subject}.",
            actor=actor,
            environment=environment,
        )
        if left.pk != organization.pk and not left.environments.exists():
            left.delete()
    environment.organization = organization
    rename_environment(environment, name=name or environment_id, actor=actor)
    if region != environment.endpoint_url:
        _set_region(environment, region=region, actor=actor)


def _is_agreed(environment: Environment) -> bool:
    """Whether a plan for it was agreed to meanwhile; nobody can agree to one until the transaction ends."""
    return Environment.objects.select_for_update().filter(AGREED, pk=environment.pk).first() is not None


def _set_region(environment: Environment, *, region: str, actor: Actor) -> None:
    before = environment.endpoint_url or "no region"
    Environment.objects.filter(pk=environment.pk).update(endpoint_url=region)
    environment.endpoint_url = region
    record("environment.region_set", f"Region: {before} became {region}.", actor=actor, environment=environment)


def rename_environment(environment: Environment, *, name: str, actor: Actor) -> bool:
    """Give the environment another display name; False where it has that name already. Nothing in AWS changes."""
    if not Environment.objects.filter(pk=environment.pk).exclude(name=name).update(name=name):
        return False
    before, environment.name = environment.name, name
    record("environment.renamed", f"{before} is now called {name}.", actor=actor, environment=environment)
    return True


@transaction.atomic
def forget_environment(
    environment: Environment,
    *,
    actor: Actor,
    left_in_aws: Sequence[str] = (),
    agreements: Sequence[dict[str, Any]] = (),
) -> None:
    """Delete the environment here and nowhere else. What AWS holds for it stays and is named in the history.

    `left_in_aws`: ARNs, beside the role ARN in `api_key`. `agreements`: what was approved for it and by whom, as JSON
    objects; the history keeps them, since their rows go.
    """
    arns = list(dict.fromkeys(filter(None, [environment.api_key, *left_in_aws])))
    left = f"AWS still holds {', '.join(arns)}." if arns else "AWS holds nothing of it that is known here."
    record(
        "environment.forgotten",
        f"Forgot {environment.name} ({environment.subject}). {left}",
        actor=actor,
        organization=environment.organization,
        data={"subject": environment.subject, "left_in_aws": arns, "agreements": list(agreements)},
    )
    environment.delete()
