"""The list of environments: found by search, filter and order, all of it in the URL."""

import re
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from django.utils import timezone

from aws_setup.environment_list import ListQuery, list_regions
from environments.models import Environment, Provider, Status
from tests.factories import EnvironmentFactory, OrganizationFactory, UserFactory
from tests.web.page_rows import long_ago
from tests.web.wizard_rows import make_connected, prepare, signed_in_client

pytestmark = pytest.mark.django_db
URL = "/environments/"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(UserFactory())
    return client


def names(client: Client, query: str = "") -> list[str]:
    answer = client.get(URL + query)
    assert answer.status_code == 200
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', answer.content.decode())


def test_the_list_begins_with_what_needs_attention(client):
    EnvironmentFactory(name="A quiet one")
    EnvironmentFactory(name="Z broken").set_status(Status.NEEDS_ATTENTION)
    assert names(client) == ["Z broken", "A quiet one"]


@pytest.mark.parametrize(
    "text", ["payroll", "PAY", "66a0c0ffee5a4db0c4b0e009", "us-gov-west-1", "Globex", "role/PayRole"]
)
def test_search_finds_by_name_id_region_organization_and_role(client, text):
    EnvironmentFactory(name="Other")
    EnvironmentFactory(
        name="Payroll",
        environment_id="66a0c0ffee5a4db0c4b0e009",
        endpoint_url="us-gov-west-1",
        organization=OrganizationFactory(name="Globex"),
        api_key="arn:aws:iam::111122223333:role/PayRole",
    )
    assert names(client, f"?q={text}") == ["Payroll"]


def test_search_takes_every_word(client):
    EnvironmentFactory(name="Payroll Europe", endpoint_url="eu-west-1")
    EnvironmentFactory(name="Payroll America", endpoint_url="us-east-1")
    assert names(client, "?q=payroll+eu-west") == ["Payroll Europe"]


def test_a_percent_sign_is_looked_for_and_matches_not_everything(client):
    EnvironmentFactory(name="100% sure")
    EnvironmentFactory(name="Unsure")
    assert names(client, "?q=%25") == ["100% sure"]


def test_filters_by_organization_status_and_region_work_together(client):
    organization = OrganizationFactory()
    EnvironmentFactory(name="Wanted", organization=organization, endpoint_url="eu-west-1")
    EnvironmentFactory(name="Elsewhere", organization=organization, endpoint_url="us-east-1")
    EnvironmentFactory(name="Another's", endpoint_url="eu-west-1")
    assert names(client, f"?organization={organization.pk}&region=eu-west-1&status=not_connected") == ["Wanted"]


def test_the_account_filter_finds_what_is_connected_there():
    prepare()
    client = signed_in_client()
    make_connected(client, name="There")
    assert names(client, "?account=111122223333") == ["There"]
    assert names(client, "?account=444455556666") == []


def test_an_old_proof_is_found_as_old_and_not_as_connected(client):
    EnvironmentFactory(name="Fresh").set_status(Status.CONNECTED, verified_at=timezone.now())
    EnvironmentFactory(name="Stale").set_status(Status.CONNECTED, verified_at=long_ago())
    assert names(client, "?status=connected") == ["Fresh"]
    assert names(client, "?status=proof_is_old") == ["Stale"]
    assert "Proof is old" in client.get(URL).content.decode()


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("name", ["Alpha", "Beta"]), ("-name", ["Beta", "Alpha"]), ("region", ["Beta", "Alpha"])],
)
def test_columns_sort_both_ways(client, sort, expected):
    EnvironmentFactory(name="Alpha", endpoint_url="us-east-1")
    EnvironmentFactory(name="Beta", endpoint_url="eu-west-1")
    assert names(client, f"?sort={sort}") == expected


def test_fifty_stand_on_a_page_and_the_rest_on_the_next(client):
    EnvironmentFactory.create_batch(51, organization=OrganizationFactory())
    first = client.get(URL).content.decode()
    assert len(names(client)) == 50
    assert "1–50 of 51" in first
    assert 'href="/environments/?page=2"' in first or 'href="?page=2"' in first
    assert len(names(client, "?page=2")) == 1


def test_each_filter_in_force_is_a_chip_that_removes_it_alone(client):
    EnvironmentFactory(name="Payroll", endpoint_url="eu-west-1")
    page = client.get(URL + "?q=pay&region=eu-west-1").content.decode()
    assert 'href="/environments/?region=eu-west-1"' in page
    assert 'href="/environments/?q=pay"' in page


def test_a_search_that_finds_nothing_says_how_to_go_on(client):
    EnvironmentFactory()
    page = client.get(URL + "?q=zzz").content.decode()
    assert "No environment matches" in page
    assert "Show all environments" in page


def test_an_empty_list_says_what_to_do_first(client):
    assert "No environments yet" in client.get(URL).content.decode()


def test_typing_replaces_the_list_and_the_address(client):
    EnvironmentFactory(name="Payroll")
    answer = client.get(URL + "?q=pay&organization=&status=", headers={"HX-Request": "true"})
    assert b"<html" not in answer.content
    assert b'id="environment-list"' in answer.content
    assert answer["HX-Push-Url"] == "/environments/?q=pay"


@pytest.mark.parametrize(
    "rubbish",
    [
        "?page=0",
        "?page=-1",
        "?page=x",
        "?page=99999999999999999999",
        "?organization=1%27",
        "?organization=99999999999999999999",
        "?organization=²",
        "?status=green",
        "?sort=password",
        "?account=x",
        "?region=%00",
        "?q=%00",
        "?q=" + "a" * 5000,
    ],
)
def test_rubbish_in_the_address_is_left_out(client, rubbish):
    EnvironmentFactory(name="Payroll")
    assert client.get(URL + rubbish).status_code == 200


def test_an_environment_of_another_provider_says_that_it_cannot_be_connected(client):
    environment = EnvironmentFactory(provider=Provider.OPENAI, endpoint_url="")
    environment.set_status(Status.NOT_CONNECTABLE)
    assert "Not connectable" in client.get(URL).content.decode()


def test_the_page_takes_at_most_eight_queries(client, django_assert_max_num_queries):
    EnvironmentFactory.create_batch(60, organization=OrganizationFactory())
    with django_assert_max_num_queries(8):
        client.get(URL)
    with django_assert_max_num_queries(8):
        client.get(URL + "?q=environment&status=not_connected&sort=-verified")


def test_regions_are_each_named_once(client):
    for region in ("us-east-1", "eu-west-1", "us-east-1", ""):
        EnvironmentFactory(endpoint_url=region)
    assert sorted(list_regions()) == ["eu-west-1", "us-east-1"]
    Environment.objects.all().delete()
    assert list_regions() == []


def test_a_query_reads_back_what_it_writes():
    query = ListQuery(search="a b&c", organization="3", status="connected", region="eu-west-1", sort="-name", page=4)
    assert ListQuery.from_url(dict(parse_qsl(query.to_url()[1:]))) == query
