"""Signing in with name and password, and out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from environments.models import Event, SignInAttempt
from environments.signin import (
    ATTEMPTS_ALLOWED,
    ATTEMPTS_ALLOWED_PER_ADDRESS,
    ATTEMPTS_ALLOWED_PER_NAME,
    Attempt,
    checking_password,
    forget_attempts,
    may_attempt,
)
from tests.factories import PASSWORD, UserFactory

PAGE = "/environments/"


def sign_in(client: Client, *, username: str = "ada", password: str = PASSWORD, **fields: Any) -> HttpResponse:
    return client.post("/sign-in/", {"username": username, "password": password, **fields})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def ada(db: None) -> None:
    UserFactory(username="ada")


def test_the_right_password_signs_in(client: Client, ada: None) -> None:
    answer = sign_in(client)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_signed_in(client)
    assert list(Event.objects.values_list("actor", "action")) == [("ada", "person.signed_in")]


def test_the_page_is_shown_to_everybody(client: Client, db: None) -> None:
    answer = client.get("/sign-in/")

    assert answer.status_code == 200
    assert "manage.py signin_link" in answer.content.decode()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(client: Client, db: None, method: str) -> None:
    assert getattr(client, method)("/sign-in/").status_code == 405


def test_a_wrong_password_an_unknown_name_and_a_barred_person_get_the_same_answer(client: Client, ada: None) -> None:
    UserFactory(username="bob", is_active=False)

    answers = [
        sign_in(client, password="wrong").content.decode(),
        sign_in(client, username="eve").content.decode(),
        sign_in(client, username="bob").content.decode(),
    ]

    assert all("This name and password do not belong together" in answer for answer in answers)
    assert not is_signed_in(client)


@pytest.mark.parametrize("fields", [{}, {"username": "ada"}, {"username": "\0", "password": "x"}])
def test_rubbish_shows_the_form_again(client: Client, ada: None, fields: dict[str, str]) -> None:
    answer = client.post("/sign-in/", fields)

    assert answer.status_code == 200
    assert 'name="password"' in answer.content.decode()


def test_what_was_asked_for_is_shown_afterwards(client: Client, ada: None) -> None:
    asked = client.get(PAGE)
    assert asked.headers["Location"] == f"/sign-in/?next={PAGE}"
    assert f'name="next" value="{PAGE}"' in client.get(asked.headers["Location"]).content.decode()

    assert sign_in(client, next=PAGE).headers["Location"] == PAGE


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:///evil.example"],
)
def test_nobody_is_sent_to_another_site(client: Client, ada: None, elsewhere: str) -> None:
    assert sign_in(client, next=elsewhere).headers["Location"] == "/"
    assert client.get("/sign-in/", {"next": elsewhere}).headers["Location"] == "/"


def test_who_is_signed_in_already_goes_on(client: Client, ada: None) -> None:
    sign_in(client)

    assert client.get("/sign-in/", {"next": PAGE}).headers["Location"] == PAGE


def test_after_five_wrong_passwords_in_a_minute_even_the_right_one_waits(client: Client, ada: None) -> None:
    for _ in range(ATTEMPTS_ALLOWED):
        assert sign_in(client, password="wrong").status_code == 200

    answer = sign_in(client)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert "Too many tries" in answer.content.decode()
    assert not is_signed_in(client)


def test_an_unknown_name_is_slowed_down_all_the_same(client: Client, ada: None) -> None:
    for _ in range(ATTEMPTS_ALLOWED):
        sign_in(client, username="nobody")

    assert sign_in(client, username="nobody").status_code == 429


def test_another_address_is_not_slowed_down(client: Client, ada: None) -> None:
    for _ in range(ATTEMPTS_ALLOWED + 1):
        sign_in(client, password="wrong")

    assert sign_in(Client(REMOTE_ADDR="192.0.2.7")).status_code == 302


def test_writing_the_name_in_other_case_is_no_way_around(client: Client, ada: None) -> None:
    for name in ("ada", "Ada", "ADA", "aDa", "adA"):
        sign_in(client, username=name, password="wrong")

    assert sign_in(client).status_code == 429


def test_the_right_password_starts_the_count_anew(client: Client, ada: None) -> None:
    for _ in range(ATTEMPTS_ALLOWED - 1):
        sign_in(client, password="wrong")
    sign_in(client)
    client.logout()

    for _ in range(ATTEMPTS_ALLOWED - 1):
        assert sign_in(client, password="wrong").status_code == 200


def test_a_minute_later_it_may_be_tried_again_and_old_tries_are_gone(db: None) -> None:
    attempt = Attempt("ada", address="192.0.2.1")
    now = timezone.now()
    assert [may_attempt(attempt, now=now) for _ in range(7)] == [True] * 5 + [False] * 2
    assert SignInAttempt.objects.filter(source_sha256=attempt.source).count() == ATTEMPTS_ALLOWED

    assert may_attempt(attempt, now=now + timedelta(seconds=60))
    assert SignInAttempt.objects.filter(source_sha256=attempt.source).count() == 1
    assert not SignInAttempt.objects.filter(at=now).exists()


@pytest.mark.parametrize(
    "name",
    ["ada ", " ada", "ada" + " " * 40, "ada\u3000", "\uff41da", "a\uff24a"],
    ids=["after", "before", "long", "wide", "fullwidth", "both"],
)
def test_writing_the_name_so_that_it_is_found_all_the_same_is_no_way_around(
    client: Client, ada: None, name: str
) -> None:
    for _ in range(ATTEMPTS_ALLOWED):
        sign_in(client, password="wrong")

    assert sign_in(client, username=name).status_code == 429


def test_an_address_has_so_many_tries_whatever_names_it_makes_up(client: Client, ada: None) -> None:
    for number in range(ATTEMPTS_ALLOWED_PER_ADDRESS):
        may_attempt(Attempt(f"nobody{number}", address="127.0.0.1"), now=timezone.now())

    assert sign_in(client).status_code == 429
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7")).status_code == 302


def test_the_right_password_gives_an_address_no_further_tries(client: Client, ada: None) -> None:
    sign_in(client)
    client.logout()
    for number in range(ATTEMPTS_ALLOWED_PER_ADDRESS - 1):
        may_attempt(Attempt(f"nobody{number}", address="127.0.0.1"), now=timezone.now())

    assert sign_in(client).status_code == 429


def test_a_name_has_so_many_tries_from_wherever_they_come(client: Client, ada: None) -> None:
    for number in range(ATTEMPTS_ALLOWED_PER_NAME):
        may_attempt(Attempt("ADA", address=f"198.51.100.{number}"), now=timezone.now())

    assert sign_in(client).status_code == 429


def test_the_addresses_of_one_network_are_one(db: None) -> None:
    now = timezone.now()
    for number in range(ATTEMPTS_ALLOWED):
        may_attempt(Attempt("ada", address=f"2001:db8::{number:x}"), now=now)

    assert not may_attempt(Attempt("ada", address="2001:db8::ffff"), now=now)
    assert may_attempt(Attempt("ada", address="2001:db8:0:1::"), now=now)
    assert Attempt("ada", address="::ffff:192.0.2.1").source == Attempt("ada", address="192.0.2.1").source


def test_a_refused_try_is_neither_stored_nor_checked(client: Client, ada: None) -> None:
    for _ in range(ATTEMPTS_ALLOWED):
        may_attempt(Attempt("ada", address="127.0.0.1"), now=timezone.now())
    before = SignInAttempt.objects.count()

    with CaptureQueriesContext(connection) as queries:
        assert sign_in(client).status_code == 429

    assert SignInAttempt.objects.count() == before
    assert not [query for query in queries if not query["sql"].startswith("SELECT")]
    assert not [query for query in queries if "auth_user" in query["sql"]]


def test_more_passwords_than_the_processors_can_check_are_not_checked_at_once(client: Client, ada: None) -> None:
    with checking_password(), checking_password():
        answer = sign_in(client)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert "Too many are signing in at this moment" in answer.content.decode()
    assert sign_in(client).status_code == 302


def test_forgetting_touches_nobody_else(db: None) -> None:
    ada, bob = Attempt("ada", address="192.0.2.1"), Attempt("bob", address="192.0.2.1")
    for attempt in (ada, bob):
        may_attempt(attempt, now=timezone.now())
    before = set(SignInAttempt.objects.values_list("source_sha256", flat=True))

    forget_attempts(ada)

    assert set(SignInAttempt.objects.values_list("source_sha256", flat=True)) == before - {ada.source}


@pytest.mark.django_db(transaction=True)
def test_attempts_made_at_the_same_moment_cannot_slip_past_each_other() -> None:
    now = timezone.now()

    def attempt(_: int) -> bool:
        try:
            return may_attempt(Attempt("ada", address="192.0.2.1"), now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(attempt, range(24)))

    assert 1 <= allowed <= ATTEMPTS_ALLOWED


def test_behind_a_declared_proxy_the_proxys_word_counts(client: Client, ada: None, settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for number in range(ATTEMPTS_ALLOWED):
        claimed = f"198.51.100.{number}, 192.0.2.7"
        client.post("/sign-in/", {"username": "ada", "password": "x"}, headers={"X-Forwarded-For": claimed})

    answer = client.post(
        "/sign-in/", {"username": "ada", "password": "x"}, headers={"X-Forwarded-For": "198.51.100.99, 192.0.2.7"}
    )

    assert answer.status_code == 429


def test_without_a_declared_proxy_its_header_is_not_believed(client: Client, ada: None) -> None:
    for number in range(ATTEMPTS_ALLOWED + 1):
        answer = client.post(
            "/sign-in/",
            {"username": "ada", "password": "x"},
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        )

    assert answer.status_code == 429


def test_the_admins_own_form_is_not_offered(client: Client, ada: None) -> None:
    assert client.get("/admin/login/?next=/admin/").headers["Location"] == "/sign-in/?next=/admin/"
    answer = client.post("/admin/login/", {"username": "ada", "password": PASSWORD, "next": "/admin/"})

    assert answer.headers["Location"] == "/sign-in/?next=/admin/"
    assert not is_signed_in(client)


def test_a_person_without_rights_is_told_so_instead_of_sent_in_circles(client: Client, ada: None) -> None:
    UserFactory(username="bob", is_staff=False, is_superuser=False)
    sign_in(client, username="bob")

    assert client.get("/admin/login/?next=/admin/").status_code == 403


def test_signing_out_ends_the_session(client: Client, ada: None) -> None:
    sign_in(client)

    answer = client.post("/sign-out/")

    assert answer.headers["Location"] == "/sign-in/"
    assert not is_signed_in(client)


def test_signing_out_needs_a_form(client: Client, ada: None) -> None:
    sign_in(client)

    assert client.get("/sign-out/").status_code == 405
    assert is_signed_in(client)


def test_signing_out_without_having_signed_in_does_no_harm(client: Client, db: None) -> None:
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"


def test_a_panel_whose_session_ended_leads_the_whole_page_to_sign_in_and_back(client: Client, db: None) -> None:
    answer = client.get(
        PAGE,
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/environments/5/?tab=history"},
    )

    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"] == "/sign-in/?next=/environments/5/%3Ftab%3Dhistory"
    assert answer.content == b""


def test_a_panel_on_another_site_is_not_led_back_there(client: Client, db: None) -> None:
    answer = client.get(PAGE, headers={"HX-Request": "true", "HX-Current-URL": "https://evil.example/"})

    assert answer.headers["HX-Redirect"] == "/sign-in/?next=/"


def test_a_panel_of_a_person_who_is_signed_in_is_left_alone(client: Client, ada: None) -> None:
    sign_in(client)

    assert "HX-Redirect" not in client.get(PAGE, headers={"HX-Request": "true"}).headers
