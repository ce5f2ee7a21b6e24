"""System checks: what a deployment is told, and that one machine is left in peace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from config.checks import file_system_of

SECRET = "kD4vX0pQ8sT2wZ6bF1nJ5mR9cH3gL7yAaUeIoYxW"
PRODUCTION = {
    "AWS_SANDBOX": False,
    "ALLOW_BUILTIN_ISSUER": False,
    "PUBLIC_URL": "https://console.example.com",
    "ALLOWED_HOSTS": ["console.example.com"],
    "SECRET_KEY": SECRET,
    "ENCRYPTION_KEYS": [SECRET[::-1]],
    "ISSUER_URL": "http://localhost:8000",
    "CELERY_BROKER_URL": "rediss://broker.example.com/0",
    "ROLE_PERMISSIONS_BOUNDARY": "arn:aws:iam::111122223333:policy/VertesiaBoundary",
    "HAS_MAIL_SERVER": True,
    "NOTIFY_EMAILS": ["ops@example.com"],
    "NOTIFY_WEBHOOK_URL": "https://hooks.example.com/vertesia?key=1",
    "NOTIFY_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
POSTGRESQL = {"ENGINE": "django.db.backends.postgresql", "NAME": "console"}
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/console/console.sqlite3"}


@pytest.fixture
def production(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings of a deployment in which nothing is wrong."""
    for name, value in PRODUCTION.items():
        setattr(settings, name, value)
    monkeypatch.setitem(settings.DATABASES, "default", POSTGRESQL)
    return settings


@pytest.fixture
def on_sqlite(production: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same, but for its database."""
    monkeypatch.setitem(production.DATABASES, "default", SQLITE)
    return production


def our_ids(*, deploy: bool = True) -> list[str]:
    found = run_checks(include_deployment_checks=deploy)
    return sorted(str(message.id) for message in found if str(message.id).startswith("console."))


def test_a_right_deployment_is_left_in_peace(production: Any) -> None:
    assert our_ids() == []


def test_one_machine_in_the_sandbox_is_left_in_peace() -> None:
    assert our_ids(deploy=False) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"AWS_SANDBOX": True, "ISSUER_URL": "http://localhost:8000"}, "console.E001"),
        ({"PUBLIC_URL": "http://console.example.com"}, "console.E002"),
        ({"SECRET_KEY": "short"}, "console.E003"),
        ({"SECRET_KEY": "a" * 60}, "console.E003"),
        ({"ENCRYPTION_KEYS": [SECRET[::-1], "old"]}, "console.E003"),
        ({"ENCRYPTION_KEYS": [SECRET]}, "console.E004"),
        ({"ALLOWED_HOSTS": ["*"]}, "console.E005"),
        ({"ALLOWED_HOSTS": ["localhost"]}, "console.E006"),
        ({"CELERY_BROKER_URL": "redis://broker.example.com/0"}, "console.W004"),
        ({"ROLE_PERMISSIONS_BOUNDARY": ""}, "console.W005"),
        ({"HAS_MAIL_SERVER": False}, "console.W010"),
        ({"NOTIFY_EMAILS": ["ops@example.com", "rubbish"]}, "console.W011"),
        ({"NOTIFY_WEBHOOK_URL": "http://hooks.example.com/"}, "console.W012"),
        ({"NOTIFY_WEBHOOK_URL": "http://localhost:9000/"}, "console.W012"),
        ({"NOTIFY_WEBHOOK_URL": "https://me:password@hooks.example.com/"}, "console.W012"),
        ({"NOTIFY_WEBHOOK_URL": "https://hooks.example.com/a b"}, "console.W012"),
        ({"NOTIFY_WEBHOOK_SECRET": ""}, "console.W013"),
        ({"NOTIFY_WEBHOOK_SECRET": "whsec_c2hvcnQ="}, "console.W014"),
    ],
)
def test_what_is_wrong_is_found_once(production: Any, changes: dict[str, Any], expected: str) -> None:
    for name, value in changes.items():
        setattr(production, name, value)

    assert our_ids() == [expected]


@pytest.mark.parametrize(
    "url",
    [
        "redis://:word@broker.example.com/0",
        "rediss://broker.example.com/0",
        "redis://localhost:6379/0",
        "redis://127.0.0.1:6379/0",
        "redis://[::1]:6379/0",
        "redis+socket:///run/redis.sock",
    ],
)
def test_a_broker_that_is_closed_to_others_is_no_matter(production: Any, url: str) -> None:
    production.CELERY_BROKER_URL = url

    assert our_ids() == []


@pytest.mark.parametrize("host", [".example.com", "console.example.com"])
def test_the_public_host_may_be_allowed_by_its_domain(production: Any, host: str) -> None:
    production.ALLOWED_HOSTS = [host]

    assert our_ids() == []


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example.com",
        "https://issuer.example.com:8443",
        "https://issuer.example.com?tenant=1",
        "https://issuer.example.com/",
        "https://localhost",
    ],
)
def test_an_issuer_that_aws_would_not_take_is_refused_at_every_start(production: Any, url: str) -> None:
    production.ALLOW_BUILTIN_ISSUER = True
    production.ISSUER_URL = url

    assert our_ids(deploy=False) == ["console.E007"]


def test_the_built_in_issuer_with_real_aws_is_explained(production: Any) -> None:
    production.ALLOW_BUILTIN_ISSUER = True
    production.ISSUER_URL = "https://issuer.example.com"

    assert our_ids() == ["console.W001"]


@pytest.mark.parametrize(
    ("hosts", "broker", "expected"),
    [
        (["console.example.com"], "redis://127.0.0.1:6379/0", []),
        (["console.example.com", "other.example.com"], "redis://127.0.0.1:6379/0", ["console.W003"]),
        (["console.example.com"], "rediss://broker.example.com/0", ["console.W003"]),
    ],
)
def test_sqlite_serves_one_host_only(on_sqlite: Any, hosts: list[str], broker: str, expected: list[str]) -> None:
    on_sqlite.ALLOWED_HOSTS = hosts
    on_sqlite.CELERY_BROKER_URL = broker

    assert our_ids() == expected


def test_the_file_system_is_the_one_of_the_deepest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n/dev/sdb1 /home/with\\040space/var xfs rw 0 0\n"
    )

    assert file_system_of(Path("/srv/console"), mounts=mounts) == "ext4"
    assert file_system_of(Path("/home/console"), mounts=mounts) == "nfs4"
    assert file_system_of(Path("/home/with space/var/sandbox"), mounts=mounts) == "xfs"
    assert file_system_of(Path("/srv"), mounts=tmp_path / "not-linux") is None


def test_in_the_sandbox_a_receiver_on_this_machine_needs_no_tls(settings: Any) -> None:
    settings.NOTIFY_WEBHOOK_SECRET = PRODUCTION["NOTIFY_WEBHOOK_SECRET"]
    settings.NOTIFY_WEBHOOK_URL = "http://localhost:9000/"
    assert our_ids(deploy=False) == []
    settings.NOTIFY_WEBHOOK_URL = "http://hooks.example.com/"
    assert our_ids(deploy=False) == ["console.W012"]


@pytest.mark.parametrize(
    ("every", "counts_for", "expected"),
    [(6, 24, []), (0, 24, []), (21, 24, []), (22, 24, ["console.W006"]), (24, 24, ["console.W006"])],
)
def test_what_works_is_proven_again_before_its_proof_is_too_old(
    settings: Any, every: int, counts_for: int, expected: list[str]
) -> None:
    settings.VERIFICATION_INTERVAL_HOURS, settings.PROOF_MAX_AGE_HOURS = every, counts_for
    assert our_ids(deploy=False) == expected
