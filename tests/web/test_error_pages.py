"""Error pages: designed, each with an id to quote, and drawn without the database."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory

from config import errors
from tests.factories import UserFactory

HANDLERS = {
    400: lambda request: errors.bad_request(request, Exception()),
    403: lambda request: errors.permission_denied(request, PermissionDenied()),
    404: lambda request: errors.not_found(request, Exception()),
    500: errors.server_error,
}


@pytest.mark.parametrize("status", HANDLERS)
def test_each_is_drawn_without_a_question_to_the_database(status):
    answer = HANDLERS[status](RequestFactory().get("/x"))
    html = answer.content.decode()
    assert answer.status_code == status
    assert re.search(r"quote this id: <code>[0-9a-f]{8}</code>", html)
    assert "Go to the overview" in html


@pytest.mark.django_db
def test_an_unknown_address_gets_the_designed_page():
    client = Client()
    client.force_login(UserFactory())
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert b"Nothing here" in answer.content


@pytest.mark.django_db
def test_a_form_that_is_too_old_says_what_to_do():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory())
    answer = client.post("/accounts/check/")
    assert answer.status_code == 403
    assert b"This form is too old" in answer.content


def test_the_id_on_the_page_stands_in_the_log(caplog):
    html = errors.server_error(RequestFactory().get("/broken")).content.decode()
    error_id = re.search(r"<code>([0-9a-f]{8})</code>", html)[1]
    assert error_id in caplog.text
    assert "/broken" in caplog.text


def test_an_address_can_write_no_line_of_its_own_into_the_log(caplog):
    errors.server_error(RequestFactory().get("/x%0AERROR%20forged%1B[2J%C2%9B"))
    [line] = [record.getMessage() for record in caplog.records if "error page" in record.getMessage()]
    assert line.isprintable()
    assert "forged" in line
