"""manage.py issue_token, as a shell sees it."""

import getpass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from environments.installation import prepare_installation
from environments.issuer.tokens import verify_token
from environments.models import Environment, Event, Installation, Issuer, Organization, SigningKey


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("issue_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def get_environment() -> Environment:
    return Environment.objects.order_by("id")[0]


def test_it_prints_the_token_alone(installation: Installation) -> None:
    environment = get_environment()

    out, err = run(environment.environment_id)

    assert verify_token(out.rstrip("\n"), audience="bedrock")["sub"] == environment.subject
    assert out.count("\n") == 1
    assert "A credential for five minutes" in err
    assert out.strip() not in err


def test_its_actor_is_the_operating_systems_user(installation: Installation) -> None:
    run(get_environment().environment_id)

    assert Event.objects.get(action="token.issued").actor == f"os:{getpass.getuser()}"


def test_another_audience_can_be_asked_for(installation: Installation) -> None:
    out, _ = run(get_environment().environment_id, "--audience", "blobs")

    assert verify_token(out.strip(), audience="blobs")["aud"] == "blobs"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["68b1779130afe5403a1589ff"], "No environment 68b1779130afe5403a1589ff is known here"),
        (["env:*"], "holds only letters, digits, hyphens and underscores"),
        ([""], "holds only letters"),
        (["68b1779130afe5403a1589ff", "--audience", " "], "An audience cannot be empty"),
    ],
)
def test_bad_input_exits_2_with_a_sentence(installation: Installation, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as refused:
        run(*arguments)

    assert refused.value.returncode == 2
    assert not Event.objects.filter(action="token.issued").exists()


def test_vertesias_issuer_exits_1_with_a_sentence(installation: Installation) -> None:
    Organization.objects.update(issuer=Issuer.objects.get(url="https://sts.vertesia.io"))

    with pytest.raises(CommandError, match=r"Only Vertesia can sign for https://sts\.vertesia\.io") as refused:
        run(get_environment().environment_id)

    assert refused.value.returncode == 1


def test_a_key_that_cannot_be_read_exits_1_with_a_sentence(db: None, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["old"]
    prepare_installation(now=timezone.now())
    settings.ENCRYPTION_KEYS = ["new"]

    with pytest.raises(CommandError, match="was ENCRYPTION_KEYS changed") as refused:
        run(get_environment().environment_id)

    assert refused.value.returncode == 1


def test_a_missing_key_exits_1_with_the_command(installation: Installation) -> None:
    SigningKey.objects.all().delete()

    with pytest.raises(CommandError, match=r"manage\.py prepare"):
        run(get_environment().environment_id)


def test_the_other_world_exits_1_with_a_sentence(installation: Installation, settings: Settings) -> None:
    settings.WORLD = "aws"

    with pytest.raises(CommandError, match="belongs to the sandbox"):
        run(get_environment().environment_id)
