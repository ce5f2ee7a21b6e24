"""The single-use way in: printed on the machine that runs the console, used by one person, once."""

import hashlib
import os
import pwd
from datetime import timedelta
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from environments.history import Actor, operating_system_actor
from environments.models import Event, Installation, SignInLink
from environments.signin import find_link, make_link, use_link
from tests.factories import PASSWORD, UserFactory

LINK_PATH = "/sign-in/link/"


@pytest.fixture
def token(db: None) -> str:
    return read_token(make_link(created_by=Actor("os:ada"), now=timezone.now()))


def read_token(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def test_the_command_prints_a_link_of_the_public_url(installation: Installation, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://console.example.com"
    out = StringIO()

    call_command("signin_link", stdout=out, stderr=StringIO())

    assert out.getvalue().startswith("https://console.example.com/sign-in/link/?token=")
    assert find_link(read_token(out.getvalue().strip()), now=timezone.now()) is not None


def test_the_command_refuses_a_database_that_was_never_started(db: None) -> None:
    with pytest.raises(CommandError, match=r"manage\.py prepare"):
        call_command("signin_link", stdout=StringIO(), stderr=StringIO())


def test_the_database_holds_only_the_hash(token: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM environments_signinlink")
        stored = str(cursor.fetchall())

    assert token not in stored
    assert hashlib.sha256(token.encode()).hexdigest() in stored


def test_it_makes_an_administrator_and_signs_in(client: Client, token: str) -> None:
    answer = client.post(LINK_PATH, {"token": token, "username": "ada", "password": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    person = User.objects.get(username="ada")
    assert (person.is_active, person.is_staff, person.is_superuser) == (True, True, True)
    assert person.check_password(PASSWORD)
    assert client.session["_auth_user_id"] == str(person.pk)
    assert list(Event.objects.values_list("actor", "action")) == [("ada", "person.signed_in"), ("ada", "person.added")]


def test_it_needs_nobody_signed_in_to_be_seen(client: Client, token: str) -> None:
    answer = client.get(LINK_PATH, {"token": token})

    assert answer.status_code == 200
    assert "Choose a name and password" in answer.content.decode()


def test_opening_it_does_not_use_it_up(client: Client, token: str) -> None:
    for _ in range(3):
        client.get(LINK_PATH, {"token": token})
        client.head(LINK_PATH, {"token": token})

    assert SignInLink.objects.get().used_at is None
    assert client.post(LINK_PATH, {"token": token, "username": "ada", "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client: Client, token: str, method: str) -> None:
    assert getattr(client, method)(f"{LINK_PATH}?token={token}").status_code == 405


def test_the_second_use_is_refused_with_the_command_to_make_another(client: Client, token: str) -> None:
    client.post(LINK_PATH, {"token": token, "username": "ada", "password": PASSWORD})

    answer = Client().post(LINK_PATH, {"token": token, "username": "eve", "password": PASSWORD})

    assert answer.status_code == 410
    assert "manage.py signin_link" in answer.content.decode()
    assert not User.objects.filter(username="eve").exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_it_at_once_only_one_gets_in() -> None:
    token = read_token(make_link(created_by=Actor("os:ada"), now=timezone.now()))
    now = timezone.now()
    first, second = find_link(token, now=now), find_link(token, now=now)
    assert first is not None
    assert second is not None

    winner = use_link(first, username="ada", password=PASSWORD, now=now)
    loser = use_link(second, username="eve", password=PASSWORD, now=now)

    assert winner == User.objects.get()
    assert loser is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_after_fifteen_minutes_it_is_refused(client: Client, db: None, method: str) -> None:
    long_ago = timezone.now() - timedelta(minutes=15, seconds=1)
    token = read_token(make_link(created_by=Actor("os:ada"), now=long_ago))

    answer = getattr(client, method)(LINK_PATH, {"token": token, "username": "ada", "password": PASSWORD})

    assert answer.status_code == 410
    assert not User.objects.exists()


@pytest.mark.parametrize("rubbish", ["", "rubbish", "\0", "é" * 5000])
def test_a_token_that_never_was_is_refused(client: Client, db: None, rubbish: str) -> None:
    assert client.get(LINK_PATH, {"token": rubbish}).status_code == 410
    assert client.post(LINK_PATH, {"token": rubbish, "username": "ada", "password": PASSWORD}).status_code == 410
    assert client.get(LINK_PATH).status_code == 410


@pytest.mark.parametrize(
    ("username", "password", "sentence"),
    [
        ("", PASSWORD, "This field is required"),
        ("ada", "", "This field is required"),
        ("ada", "short", "at least 10 characters"),
        ("ada", "1234567890123", "entirely numeric"),
        ("ada lovelace", PASSWORD, "Enter a valid username"),
        ("a" * 151, PASSWORD, "at most 150 characters"),
        ("console", PASSWORD, "Choose another name"),
        ("Console ", PASSWORD, "Choose another name"),
        ("os:root", PASSWORD, "Enter a valid username"),
    ],
)
def test_a_name_or_password_that_will_not_do_leaves_the_link_unused(
    client: Client, token: str, username: str, password: str, sentence: str
) -> None:
    answer = client.post(LINK_PATH, {"token": token, "username": username, "password": password})

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not User.objects.exists()
    assert SignInLink.objects.get().used_at is None


def test_an_existing_persons_password_is_replaced_only_after_saying_so(client: Client, token: str) -> None:
    UserFactory(username="ada", is_staff=False, is_superuser=False)
    other_browser = Client()
    other_browser.login(username="ada", password=PASSWORD)
    new = {"token": token, "username": "ada", "password": "another long password"}

    asked = client.post(LINK_PATH, new)
    assert "There is already a person named ada" in asked.content.decode()
    assert User.objects.get().check_password(PASSWORD)

    client.post(LINK_PATH, {**new, "replace": "ada"})
    person = User.objects.get()
    assert person.check_password("another long password")
    assert person.is_staff
    assert client.session["_auth_user_id"] == str(person.pk)
    assert other_browser.get("/admin/").status_code == 302
    assert Event.objects.filter(action="person.password_changed", actor="ada").exists()


def test_agreeing_to_one_name_does_not_replace_another(client: Client, token: str) -> None:
    UserFactory(username="ada")
    UserFactory(username="bob")

    client.post(LINK_PATH, {"token": token, "username": "bob", "password": "another long password", "replace": "ada"})

    assert User.objects.get(username="bob").check_password(PASSWORD)


def test_the_token_stays_out_of_referers_logs_and_caches(
    client: Client, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    page = client.get(LINK_PATH, {"token": token})
    strict = Client(enforce_csrf_checks=True)
    strict.post(f"{LINK_PATH}?token={token}", {"token": token})
    client.put(f"{LINK_PATH}?token={token}")

    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert "no-store" in page.headers["Cache-Control"]
    assert "Method Not Allowed" in caplog.text
    assert "CSRF cookie not set" in caplog.text
    assert token not in caplog.text


def test_a_form_of_another_site_is_refused(token: str) -> None:
    strict = Client(enforce_csrf_checks=True)

    answer = strict.post(LINK_PATH, {"token": token, "username": "eve", "password": PASSWORD})

    assert answer.status_code == 403
    assert not User.objects.exists()


def test_the_actor_of_a_command_is_who_the_kernel_says_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")

    assert operating_system_actor() == f"os:{pwd.getpwuid(os.getuid()).pw_name}"
