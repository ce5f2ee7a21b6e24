"""Breaking the sandbox on purpose, and the way from there to real AWS."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from aws_setup import hints
from aws_setup.views.real_aws import check_preparation
from environments.history import Actor, record
from environments.models import Event
from tests.factories import EnvironmentFactory
from tests.web.wizard_rows import make_connected, text_of

pytestmark = pytest.mark.django_db
URL = "/sandbox/"
FAILURES_URL = "/sandbox/failures/"


@pytest.fixture
def taken() -> Iterator[None]:
    """Messages count as taken, though no broker is there and nobody listens."""
    with hints.suppressed():
        yield


def test_with_nothing_connected_it_says_what_to_do_first(client):
    assert "Nothing to break yet" in text_of(client.get(URL))


def test_a_connected_environment_can_be_broken_in_five_ways_and_reset(client):
    connection = make_connected(client, name="Payroll")
    html = client.get(URL).content.decode()
    assert "Break Payroll" in html
    for kind in ("delete_provider", "remove_audience", "change_subject_case", "detach_policy", "stop_issuer", "reset"):
        assert f'name="kind" value="{kind}"' in html
    assert f'name="environment" value="{connection.environment_id}"' in html


def test_another_environment_can_be_chosen(client):
    make_connected(client, name="Alpha")
    second = make_connected(client, name="Beta")
    assert "Break Beta" in client.get(f"{URL}?environment={second.environment_id}").content.decode()
    assert "Break Alpha" in client.get(f"{URL}?environment=zzz").content.decode()


@pytest.mark.parametrize("kind", ["stop_issuer", "reset"])
def test_where_no_worker_can_be_told_the_page_says_that_nothing_was_broken(client, kind):
    connection = make_connected(client)
    answer = client.post(URL, {"kind": kind, "environment": connection.environment_id}, follow=True)
    assert "Nothing was broken or put back, because no worker could be told." in text_of(answer)
    assert not connection.verifications.filter(finished_at__isnull=True).exists()


@pytest.mark.usefixtures("taken")
def test_breaking_leads_to_the_environment_which_looks_out_for_the_proof(client):
    connection = make_connected(client)
    answer = client.post(URL, {"kind": "stop_issuer", "environment": connection.environment_id})
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{connection.environment.get_absolute_url()}?since=")


@pytest.mark.usefixtures("taken")
def test_reset_comes_back_to_the_page(client):
    answer = client.post(URL, {"kind": "reset"}, follow=True)
    assert "put back to how it was at first start" in text_of(answer)


@pytest.mark.parametrize(
    "order", [{}, {"kind": "rm -rf"}, {"kind": "stop_issuer"}, {"kind": "stop_issuer", "environment": "x"}]
)
def test_rubbish_breaks_nothing(client, order):
    assert client.post(URL, order).status_code == 404


def test_an_environment_without_a_role_cannot_be_broken(client):
    order = {"kind": "stop_issuer", "environment": EnvironmentFactory().pk}
    assert client.post(URL, order).status_code == 404


def test_with_real_aws_there_is_no_such_page_and_no_banner(client, settings):
    settings.AWS_SANDBOX = False
    assert client.get(URL).status_code == 404
    assert client.post(URL, {"kind": "reset"}).status_code == 404
    overview = client.get(reverse("overview")).content.decode()
    assert "nothing here touches AWS" not in overview
    assert URL not in overview
    assert not Event.objects.filter(action__startswith="sandbox.").exists()


@pytest.mark.usefixtures("taken")
def test_a_failure_is_chosen_by_kind_call_account_and_number(client):
    html = client.get(URL).content.decode()
    for option in ('value="answer_lost"', 'value="denied_scp"', 'value="CreateRole"', 'value="111122223333"'):
        assert f"<option {option}" in html
    assert "The organization forbids the action to the account." in html
    order = {"failure": "throttled", "call": "CreateRole", "account": "111122223333", "times": "2"}
    answer = client.post(FAILURES_URL, order, follow=True)
    assert "Asked for: Throttled, CreateRole in account 111122223333, twice." in text_of(answer)


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    ("more", "words"),
    [({"times": "0"}, "No answer, any call in any account, until cleared"), ({"clear": "1"}, "are being cleared")],
)
def test_failures_may_last_until_they_are_cleared(client, more, words):
    order = {"failure": "timeout", "call": "*", "account": "*"} | more
    assert words in text_of(client.post(FAILURES_URL, order, follow=True))


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize(
    "wrong",
    [{"failure": "meteor"}, {"call": "DeleteEverything"}, {"account": "1"}, {"times": "-1"}, {"times": "often"}],
)
def test_what_cannot_fail_is_said_beside_its_field(client, wrong):
    order = {"failure": "timeout", "call": "*", "account": "*", "times": "1"} | wrong
    answer = client.post(FAILURES_URL, order)
    assert answer.status_code == 200
    assert "field-error" in answer.content.decode()


@pytest.mark.parametrize("order", [{"clear": "1"}, {"failure": "timeout", "call": "*", "account": "*", "times": "1"}])
def test_where_no_worker_can_be_told_the_page_says_that_nothing_will_fail(client, order):
    assert "because no worker could be told." in text_of(client.post(FAILURES_URL, order, follow=True))


def test_failures_exist_in_the_sandbox_only_and_are_asked_for_by_post(client, settings):
    assert client.get(FAILURES_URL).status_code == 405
    settings.AWS_SANDBOX = False
    assert client.post(FAILURES_URL, {"clear": "1"}).status_code == 404


def test_who_may_not_administer_lets_nothing_fail(client):
    User.objects.update(is_staff=False)
    assert client.post(FAILURES_URL, {"clear": "1"}).status_code in (403, 404)


def test_the_page_shows_what_the_sandbox_was_told_last(client):
    record("sandbox.fault", "Sandbox: told to fail: Throttled, any call in any account, once.", actor=Actor("mona"))
    assert "Sandbox: told to fail: Throttled" in text_of(client.get(URL))


def test_the_way_to_real_aws_gives_the_exact_command(client):
    answer = client.get(reverse("real_aws"))
    assert 'data-copy-text="AWS_SANDBOX=0 make run"' in answer.content.decode()
    assert "This console runs in the sandbox world." in text_of(answer)


def test_variables_are_named_and_their_values_never_shown():
    secret = "canary-of-a-secret"
    checks = check_preparation(
        {"AWS_ACCESS_KEY_ID": secret, "AWS_SECRET_ACCESS_KEY": secret, "HOME": "/root"}, world="sandbox"
    )
    text = " ".join(check.detail for check in checks)
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in text
    assert "A long-lived access key is set." in text
    assert secret not in text
    assert "HOME" not in text


def test_an_endpoint_that_leads_elsewhere_is_pointed_out():
    failed = [
        check.title for check in check_preparation({"AWS_ENDPOINT_URL": "x"}, world="sandbox") if check.result == "fail"
    ]
    assert failed == ["Endpoint"]
