"""What the database itself refuses, whatever the code above it does."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from environments.models import Environment, Installation, Issuer, Status
from tests.factories import EnvironmentFactory, IssuerFactory, OrganizationFactory


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"url": "https://sts.example.com/"}, "issuer_url_no_trailing_slash"),
        ({"url": "http://sts.example.com"}, "issuer_url_https_builtin_or_local"),
    ],
)
def test_an_issuer_that_aws_could_not_trust_is_refused(db: None, fields: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Issuer.objects.create(hosting=Issuer.Hosting.VERTESIA, **fields)


@pytest.mark.parametrize("bad", ["", "*", "bed?rock", "${sts.example.com:aud}", "a b", "a\n", "\x7f", "é"])
def test_an_audience_that_would_change_the_meaning_of_a_trust_policy_is_refused(db: None, bad: str) -> None:
    with pytest.raises(IntegrityError, match="issuer_audience_is_plain"), transaction.atomic():
        IssuerFactory(audience=bad)


def test_an_audience_may_be_a_url(db: None) -> None:
    assert IssuerFactory(audience="https://vertesia.io/a-b_c~(d)=#!&%+,;:@[]|").pk


def test_a_second_built_in_issuer_is_refused(db: None) -> None:
    IssuerFactory(builtin=True)

    with pytest.raises(IntegrityError), transaction.atomic():
        Issuer.objects.create(url="https://console.example.com", hosting=Issuer.Hosting.BUILTIN)


def test_one_url_is_one_issuer(db: None) -> None:
    IssuerFactory(url="https://sts.vertesia.io")

    with pytest.raises(IntegrityError), transaction.atomic():
        Issuer.objects.create(url="https://sts.vertesia.io", hosting=Issuer.Hosting.VERTESIA)


@pytest.mark.parametrize("bad", ["", "*", "a*", "a?", "${aws:userid}", "a:b", "a b", "a\n", "é"])
def test_an_id_that_would_change_the_meaning_of_a_trust_policy_is_refused(db: None, bad: str) -> None:
    with pytest.raises(IntegrityError, match="organization_id_is_plain"), transaction.atomic():
        OrganizationFactory(organization_id=bad)
    with pytest.raises(IntegrityError, match="environment_id_is_plain"), transaction.atomic():
        EnvironmentFactory(environment_id=bad)


def test_an_environment_id_is_known_once_in_all_organizations(db: None) -> None:
    environment = EnvironmentFactory()

    with pytest.raises(IntegrityError), transaction.atomic():
        EnvironmentFactory(environment_id=environment.environment_id)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"status": "green"}, "environment_status_known"),
        ({"status": Status.CONNECTED}, "environment_connected_is_proven"),
        ({"status": Status.CONFIRMED}, "environment_confirmed_by_a_person"),
        ({"status": Status.CONFIRMED, "confirmed_at": timezone.now()}, "environment_confirmed_by_a_person"),
        ({"status": Status.CONFIRMED, "confirmed_by": "ada"}, "environment_confirmed_by_a_person"),
    ],
)
def test_no_environment_is_green_by_assumption(db: None, fields: dict[str, Any], constraint: str) -> None:
    environment = EnvironmentFactory()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Environment.objects.filter(pk=environment.pk).update(**fields)


def test_a_database_is_one_installation(installation: Installation) -> None:
    with pytest.raises(IntegrityError, match="installation_is_one_row"), transaction.atomic():
        Installation.objects.create(id=2, world="sandbox")


def test_a_third_world_is_refused(db: None) -> None:
    with pytest.raises(IntegrityError, match="installation_world_known"), transaction.atomic():
        Installation.objects.create(world="moon")
