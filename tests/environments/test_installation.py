"""First start, later starts, and starts that are refused."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from environments.installation import (
    NotPrepared,
    WrongWorld,
    check_world,
    default_issuer,
    issuer_mismatch,
    prepare_installation,
)
from environments.issuer.address import UnusableIssuerUrl
from environments.models import Environment, Event, Installation, Issuer, Organization, SigningKey

VERTESIAS = [
    "https://sts.becomposable.com",
    "https://sts.vertesia.io",
    "https://sts.us1.vertesia.io",
    "https://sts.eu1.vertesia.io",
    "https://sts.jp1.vertesia.io",
]


@pytest.fixture
def real_aws(settings: Settings) -> Settings:
    settings.AWS_SANDBOX = False
    settings.WORLD = "aws"
    return settings


def count_rows() -> dict[str, int]:
    models = (Installation, Issuer, Organization, Environment, SigningKey, Event)
    return {model.__name__: model._default_manager.count() for model in models}


def test_the_first_start_of_the_sandbox_makes_acme_ready_to_connect(installation: Installation) -> None:
    organization = Organization.objects.get()
    environments = Environment.objects.order_by("environment_id")

    assert organization.name == "Acme (sandbox)"
    assert organization.issuer.is_builtin
    assert organization.has_usual_id
    assert [(e.provider, e.endpoint_url, e.status) for e in environments] == [
        ("bedrock", "us-east-1", "not_connected"),
        ("bedrock", "eu-west-1", "not_connected"),
    ]
    assert all(environment.has_usual_id for environment in environments)
    assert all(environment.subject for environment in environments)


def test_the_first_start_lists_vertesias_issuers_and_the_built_in_one(
    installation: Installation, settings: Settings
) -> None:
    assert list(Issuer.objects.values_list("url", flat=True)) == [*VERTESIAS, settings.ISSUER_URL]
    assert set(Issuer.objects.values_list("audience", flat=True)) == {"bedrock"}
    assert installation.issuer_url == settings.ISSUER_URL
    assert default_issuer().url == settings.ISSUER_URL


def test_starting_again_changes_nothing(installation: Installation) -> None:
    before = count_rows()

    again = prepare_installation(now=timezone.now())

    assert again.installation_id == installation.installation_id
    assert count_rows() == before


def test_what_a_person_removed_does_not_come_back(installation: Installation) -> None:
    Environment.objects.all().delete()
    Organization.objects.all().delete()

    prepare_installation(now=timezone.now())

    assert not Organization.objects.exists()


def test_real_aws_starts_empty_and_without_an_issuer_of_ours(db: None, real_aws: Settings) -> None:
    installation = prepare_installation(now=timezone.now())

    assert (installation.world, installation.issuer_url) == ("aws", "")
    assert list(Issuer.objects.values_list("url", flat=True)) == VERTESIAS
    assert not SigningKey.objects.exists()
    assert not Organization.objects.exists()
    assert default_issuer().url == "https://sts.becomposable.com"
    assert issuer_mismatch() is None


def test_the_built_in_issuer_can_be_allowed_later_and_says_its_limit(db: None, real_aws: Settings) -> None:
    prepare_installation(now=timezone.now())
    real_aws.ALLOW_BUILTIN_ISSUER = True
    real_aws.ISSUER_URL = "https://console.example.com"

    installation = prepare_installation(now=timezone.now())

    issuer = Issuer.objects.get(hosting=Issuer.Hosting.BUILTIN)
    assert (issuer.url, issuer.label) == ("https://console.example.com", "Built in, not usable by Vertesia")
    assert installation.issuer_url == "https://console.example.com"
    assert SigningKey.objects.filter(is_signing=True).exists()
    assert default_issuer().url == "https://sts.becomposable.com"


def test_an_address_that_aws_cannot_fetch_is_refused_and_nothing_is_written(db: None, real_aws: Settings) -> None:
    real_aws.ALLOW_BUILTIN_ISSUER = True
    real_aws.ISSUER_URL = "http://localhost:8000"

    with pytest.raises(UnusableIssuerUrl, match="must be a public https URL"):
        prepare_installation(now=timezone.now())

    assert not Installation.objects.exists()


def test_a_database_of_the_sandbox_is_not_started_for_aws(installation: Installation, real_aws: Settings) -> None:
    for start in (check_world, lambda: prepare_installation(now=timezone.now())):
        with pytest.raises(WrongWorld, match=r"belongs to the sandbox.*started for real AWS.*AWS_SANDBOX=1"):
            start()


def test_a_database_of_aws_is_not_started_in_the_sandbox(db: None, real_aws: Settings) -> None:
    prepare_installation(now=timezone.now())
    real_aws.AWS_SANDBOX = True
    real_aws.WORLD = "sandbox"

    with pytest.raises(WrongWorld, match=r"belongs to real AWS.*started for the sandbox.*AWS_SANDBOX=0"):
        check_world()


def test_the_same_world_passes(installation: Installation) -> None:
    assert check_world() == installation


def test_a_database_that_was_never_started_names_the_command(db: None) -> None:
    for ask in (check_world, default_issuer):
        with pytest.raises(NotPrepared, match=r"manage\.py prepare"):
            ask()


def test_another_address_is_told_with_both_remedies(installation: Installation, settings: Settings) -> None:
    before = settings.ISSUER_URL
    assert issuer_mismatch() is None
    settings.ISSUER_URL = "http://localhost:9999"

    mismatch = issuer_mismatch()

    assert mismatch is not None
    assert mismatch.sentence == f"The console was started as http://localhost:9999, but roles trust {before}."
    assert mismatch.remedies == (
        f"Start the console again with ISSUER_URL={before}",
        "Or take the new address, http://localhost:9999, and plan each environment again",
    )
    assert mismatch.environments == 2


def test_another_address_leaves_the_stored_one_alone(installation: Installation, settings: Settings) -> None:
    before = settings.ISSUER_URL
    settings.ISSUER_URL = "http://localhost:9999"

    assert prepare_installation(now=timezone.now()).issuer_url == before
    assert Issuer.objects.get(hosting=Issuer.Hosting.BUILTIN).url == before


def test_the_command_prepares_with_the_algorithm_asked_for(db: None) -> None:
    out = StringIO()

    call_command("prepare", "--key-algorithm", "ES256", stdout=out)

    assert "Ready for Sandbox" in out.getvalue()
    assert SigningKey.objects.get().algorithm == "ES256"


def test_the_command_tells_of_another_address(installation: Installation, settings: Settings) -> None:
    settings.ISSUER_URL = "http://localhost:9999"
    err = StringIO()

    call_command("prepare", stdout=StringIO(), stderr=err)

    assert "The console was started as http://localhost:9999" in err.getvalue()


def test_the_command_refuses_the_other_world_in_a_sentence(installation: Installation, real_aws: Settings) -> None:
    with pytest.raises(CommandError, match="belongs to the sandbox"):
        call_command("prepare", stdout=StringIO())
