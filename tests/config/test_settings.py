"""Settings as an operator meets them: variables, files, and the list of both."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ONLY_FOR_TESTS = {"TEST_DATABASE_FILE"}
SMTP = "django.core.mail.backends.smtp.EmailBackend"


def read_setting(name: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What a fresh process says that a setting is."""
    return subprocess.run(
        [sys.executable, "-c", f"from django.conf import settings; print(settings.{name})"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_variable_is_listed_once_and_nothing_else_is() -> None:
    source = (CHECKOUT / "config" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', source)) | set(re.findall(r'make_secret\(\s*"(\w+)"', source))
    listed = re.findall(r"^#(\w+)=", (CHECKOUT / ".env.example").read_text(), re.MULTILINE)

    assert sorted(listed) == sorted(read - ONLY_FOR_TESTS)


@pytest.mark.parametrize("name", ["HSTS_INCLUDE_SUBDOMAINS", "HSTS_PRELOAD"])
def test_other_hosts_are_bound_to_https_only_where_that_is_asked_for(tmp_path: Path, name: str) -> None:
    public = {"VAR_DIR": str(tmp_path), "PUBLIC_URL": "https://console.example.com"}

    assert read_setting(f"SECURE_{name}", **public).stdout.strip() == "False"
    assert read_setting(f"SECURE_{name}", **public, **{name: "1"}).stdout.strip() == "True"


def test_a_variable_can_be_read_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")

    found = read_setting("SECRET_KEY", VAR_DIR=str(tmp_path), SECRET_KEY_FILE=str(secret))

    assert found.stdout.strip() == "from-a-file"


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ENCRYPTION_KEYS"])
def test_with_a_database_of_one_s_own_no_secret_is_made_up(tmp_path: Path, missing: str) -> None:
    given = {name: "x" * 50 for name in ("SECRET_KEY", "ENCRYPTION_KEYS") if name != missing}

    refused = read_setting("SECRET_KEY", VAR_DIR=str(tmp_path), DATABASE_URL="postgres://db.example.com/c", **given)

    assert refused.returncode != 0
    assert f"{missing} is not set" in refused.stderr
    assert list(tmp_path.rglob("*")) == []


def test_secrets_of_one_machine_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    first = read_setting("SECRET_KEY", VAR_DIR=str(tmp_path)).stdout
    second = read_setting("SECRET_KEY", VAR_DIR=str(tmp_path)).stdout

    assert len(first.strip()) > 40
    assert second == first
    assert (tmp_path / "sandbox" / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ["django.core.mail.backends.dummy.EmailBackend", "", None, "", False, False]),
        ("smtp+tls://me:p%40ss@mail.example.com:587", [SMTP, "mail.example.com", 587, "p@ss", True, False]),
        ("smtp+ssl://mail.example.com:465", [SMTP, "mail.example.com", 465, "", False, True]),
    ],
)
def test_the_mail_server_is_read_from_one_address(tmp_path: Path, url: str, expected: list[object]) -> None:
    names = ("BACKEND", "HOST", "PORT", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    wanted = ", ".join(f"settings.EMAIL_{name}" for name in names)
    found = read_setting(f"EMAIL_TIMEOUT, [{wanted}]", VAR_DIR=str(tmp_path), EMAIL_URL=url)

    assert found.stdout.strip() == f"10 {expected}"


@pytest.mark.parametrize("url", ["mail.example.com", "smtp+tls://me:pa/canary@mail.example.com", "smtp://m:no-port"])
def test_an_address_of_a_mail_server_that_is_not_understood_is_not_quoted(tmp_path: Path, url: str) -> None:
    refused = read_setting("EMAIL_HOST", VAR_DIR=str(tmp_path), EMAIL_URL=url)

    assert refused.returncode != 0
    assert "EMAIL_URL is not understood. An example: smtp+tls://" in refused.stderr
    assert "canary" not in refused.stderr
    assert "'pa'" not in refused.stderr
