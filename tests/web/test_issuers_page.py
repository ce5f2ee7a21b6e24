"""Issuers: whose tokens AWS is told to trust."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from environments.models import Event, Issuer, SigningKey
from tests.web.wizard_rows import text_of

pytestmark = pytest.mark.django_db
URL = "/issuers/"


def add(client: Client, **fields: str):
    return client.post(reverse("issuer_add"), {"url": "https://sts.ca1.vertesia.io", "audience": "bedrock"} | fields)


def test_each_issuer_stands_with_audience_hosting_and_number_of_organizations(client):
    answer = client.get(URL)
    for url in ("https://sts.becomposable.com", "https://sts.vertesia.io", "https://sts.jp1.vertesia.io"):
        assert f'data-copy-text="{url}"' in answer.content.decode()
    assert "This console bedrock 1 organization" in text_of(answer)


def test_the_built_in_one_shows_its_discovery_address_and_key_ids(client):
    answer = client.get(URL)
    assert f'href="{settings.ISSUER_URL}/.well-known/openid-configuration"' in answer.content.decode()
    assert f'data-copy-text="{SigningKey.objects.get().kid}"' in answer.content.decode()


def test_no_private_key_is_shown(client):
    html = client.get(URL).content
    assert bytes(SigningKey.objects.get().private_key_encrypted) not in html
    assert b"private" not in html


def test_an_address_that_moved_is_a_finding_with_both_remedies(client, settings):
    settings.ISSUER_URL = "http://localhost:9999"
    text = text_of(client.get(URL))
    assert "The console was started as http://localhost:9999" in text
    assert "Or take the new address" in text


def test_the_new_address_is_taken_at_one_click_and_recorded(client, settings):
    before = settings.ISSUER_URL
    settings.ISSUER_URL = "http://localhost:9999"
    text = text_of(client.post(reverse("issuer_move"), follow=True))
    assert f"Roles still trust {before}" in text
    assert "The console was started as" not in text
    assert Issuer.objects.get(hosting="builtin").url == "http://localhost:9999"
    assert Event.objects.filter(action="issuer.moved").count() == 1


def test_another_issuer_is_added_exactly_as_typed(client):
    answer = add(client, label="Canada")
    assert answer["Location"] == URL
    issuer = Issuer.objects.get(url="https://sts.ca1.vertesia.io")
    assert (issuer.label, issuer.audience, issuer.hosting) == ("Canada", "bedrock", "vertesia")
    assert Event.objects.filter(action="issuer.added").count() == 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "Type the issuer's URL."),
        ("http://sts.example.com", "starts with https://"),
        ("https://sts.example.com/", "Leave out the slash at the end"),
        ("https://sts.example.com:443", "takes no port"),
        ("https://sts.example.com?x=1", "takes no query"),
        ("https://sts.example.com/a#b", "takes no query and no fragment"),
        ("https://Sts.example.com", "Write the host in lower case"),
        ("https://user@sts.example.com", "holds no user name"),
        ("https://localhost", "public host name"),
        ("https://10.0.0.1", "public host name"),
        ("https://sts.corp.internal", "not a public name"),
        ("https://sts.example.com/*", "none of * $"),
        ("https://[::1", "This is no URL"),
        ("https://sts.example.com:abc", "This is no URL"),
        ("https://sts.vertesia.io", "in the list already"),
        ("https://sts.example.com/" + "a" * 300, "at most 255 characters"),
    ],
)
def test_what_aws_would_not_take_is_refused_beside_its_field(client, url, sentence):
    before = Issuer.objects.count()
    answer = add(client, url=url)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert Issuer.objects.count() == before


@pytest.mark.parametrize("audience", ["", "with space", "é", "${sts.example.com:aud}", "*", "bedroc?", "a\x00b"])
def test_an_audience_that_cannot_be_is_refused(client, audience):
    assert add(client, audience=audience).status_code == 422
