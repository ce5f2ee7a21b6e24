"""People in Django's admin: looked up there, let in no more from there, and nothing else."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from environments.models import Event
from tests.web.wizard_rows import person_of, signed_in_client, text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/auth/user/"


@pytest.fixture
def client() -> Client:
    return signed_in_client()


def deactivate(client: Client, *people: User) -> str:
    form = {"action": "deactivate", "_selected_action": [person.pk for person in people]}
    return text_of(client.post(LIST, form, follow=True))


def test_the_list_says_how_people_are_added_and_shows_no_password(client):
    person = User.objects.create_user("grace", password=None)
    assert "manage.py signin_link" in text_of(client.get(LIST))
    assert person.password not in client.get(reverse("admin:auth_user_change", args=[person.pk])).content.decode()


@pytest.mark.parametrize("path", ["add/", "{pk}/change/", "{pk}/delete/"])
def test_nobody_is_added_changed_or_deleted_round_the_history(client, path):
    person = User.objects.create(username="grace")
    form = {"username": "ghost", "is_active": "on", "is_staff": "on", "post": "yes"}
    assert client.post(LIST + path.format(pk=person.pk), form).status_code == 403
    person.refresh_from_db()
    assert (person.username, person.is_staff) == ("grace", False)
    assert User.objects.count() == 2


@pytest.mark.parametrize("path", ["/admin/auth/group/", "/admin/auth/user/1/password/", "/admin/password_change/"])
def test_groups_and_the_admins_own_way_to_change_passwords_are_not_offered(client, path):
    assert client.get(path).status_code in (302, 404)
    assert client.post(path, {"new_password1": "x", "new_password2": "x"}).status_code in (302, 404)
    assert 'name="new_password1"' not in client.get(path, follow=True).content.decode()


def test_a_person_is_deactivated_and_history_says_by_whom(client):
    other = signed_in_client()
    assert "1 person may sign in no more" in deactivate(client, person_of(other))
    event = Event.objects.get(action="person.deactivated")
    assert event.actor == person_of(client).username
    assert person_of(other).username in event.sentence
    assert other.get("/")["Location"].startswith("/sign-in/")


def test_the_last_active_administrator_stays(client):
    User.objects.create(username="barred", is_staff=True, is_active=False)
    User.objects.create(username="guest", is_staff=False)
    assert "is the last active administrator" in deactivate(client, person_of(client))
    assert person_of(client).is_active
    assert not Event.objects.exists()


def test_of_all_administrators_at_once_one_stays(client):
    other = signed_in_client()
    assert "is the last active administrator" in deactivate(client, person_of(client), person_of(other))
    assert User.objects.filter(is_active=True, is_staff=True).count() == 1


def test_who_is_deactivated_already_makes_no_second_line_of_history(client):
    barred = User.objects.create(username="barred", is_staff=True, is_active=False)
    assert "0 people may sign in no more" in deactivate(client, barred)
    assert not Event.objects.exists()
