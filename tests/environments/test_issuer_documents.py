"""What the issuer publishes, read the way AWS and somebody else's OpenID Connect client read it."""

from typing import Any

import pytest
import requests
from authlib.oidc.discovery import OpenIDProviderMetadata
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet
from pytest_django import DjangoAssertNumQueries, Settings
from pytest_django.live_server_helper import LiveServer

from environments.history import Actor
from environments.installation import prepare_installation
from environments.issuer.keys import make_signing_key
from environments.issuer.tokens import issue_token
from environments.models import Environment, SigningKey
from tests.factories import PASSWORD, UserFactory

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/.well-known/jwks.json"


@pytest.fixture
def issuer_url(live_server: LiveServer, settings: Settings) -> str:
    """The address of a console that is started under exactly that address."""
    settings.ISSUER_URL = live_server.url
    prepare_installation(now=timezone.now())
    return live_server.url


def fetch(url: str, **options: Any) -> requests.Response:
    return requests.get(url, timeout=5, **options)


def test_somebody_elses_client_accepts_the_discovery_document(issuer_url: str) -> None:
    metadata = OpenIDProviderMetadata(fetch(f"{issuer_url}{DISCOVERY}").json())

    metadata.validate()

    assert metadata["issuer"] == issuer_url
    assert {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "account", "name"} <= set(metadata["claims_supported"])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_somebody_elses_client_accepts_a_token(issuer_url: str, algorithm: str) -> None:
    make_signing_key(algorithm=algorithm)
    metadata = fetch(f"{issuer_url}{DISCOVERY}").json()
    keys = KeySet.import_key_set(fetch(metadata["jwks_uri"]).json())
    environment = Environment.objects.first()
    assert environment is not None
    issued = issue_token(environment, actor=Actor("ada"), now=timezone.now())

    token = jwt.decode(issued.value, keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]},
        sub={"essential": True, "value": environment.subject},
        aud={"essential": True, "value": "bedrock"},
        exp={"essential": True},
    ).validate(token.claims)

    assert token.header["alg"] == algorithm
    assert token.claims == issued.claims


def test_the_authorization_endpoint_that_the_specification_requires_refuses_everybody(issuer_url: str) -> None:
    endpoint = fetch(f"{issuer_url}{DISCOVERY}").json()["authorization_endpoint"]

    answer = fetch(endpoint, params={"response_type": "id_token", "client_id": "x"})

    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")


def test_the_signing_key_stands_first(client: Client, signing_key: SigningKey) -> None:
    newest = make_signing_key(algorithm="ES256")

    keys = client.get(JWKS).json()["keys"]

    assert [key["kid"] for key in keys] == [newest.kid, signing_key.kid]
    assert [(key["kty"], key["use"], key["alg"]) for key in keys] == [("EC", "sig", "ES256"), ("RSA", "sig", "RS256")]


def test_nothing_private_is_published(client: Client, signing_key: SigningKey) -> None:
    make_signing_key(algorithm="ES256")

    for key in client.get(JWKS).json()["keys"]:
        assert set(key) <= {"kid", "kty", "use", "alg", "n", "e", "crv", "x", "y"}


@pytest.mark.parametrize(("path", "seconds"), [(DISCOVERY, 300), (JWKS, 60)])
def test_the_documents_may_be_kept_by_any_cache(
    client: Client, signing_key: SigningKey, path: str, seconds: int
) -> None:
    UserFactory(username="ada")
    client.login(username="ada", password=PASSWORD)

    answer = client.get(path)

    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.headers["Cache-Control"].split(", ")) == {"public", f"max-age={seconds}"}
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert not answer.cookies


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
def test_a_document_that_did_not_change_is_not_sent_again(client: Client, signing_key: SigningKey, path: str) -> None:
    tag = client.get(path).headers["ETag"]

    answer = client.get(path, headers={"If-None-Match": tag})

    assert (answer.status_code, answer.content) == (304, b"")


def test_a_new_key_changes_the_tag(client: Client, signing_key: SigningKey) -> None:
    tag = client.get(JWKS).headers["ETag"]
    make_signing_key(algorithm="ES256")

    assert client.get(JWKS, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_refused(signing_key: SigningKey, path: str, method: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
def test_a_head_request_is_answered_without_a_body(client: Client, signing_key: SigningKey, path: str) -> None:
    answer = client.head(path)

    assert (answer.status_code, answer.content) == (200, b"")


def test_reading_costs_at_most_one_query(
    client: Client, signing_key: SigningKey, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        client.get(DISCOVERY)
    with django_assert_num_queries(1):
        client.get(JWKS)


@pytest.mark.urls("tests.environments.issuer_with_path_urls")
def test_an_issuer_with_a_path_publishes_below_it(client: Client, settings: Settings, signing_key: SigningKey) -> None:
    settings.ISSUER_URL = "https://console.example.com/oidc/bedrock"

    discovery = client.get(f"/oidc/bedrock{DISCOVERY}").json()

    assert discovery["issuer"] == "https://console.example.com/oidc/bedrock"
    assert discovery["jwks_uri"] == f"https://console.example.com/oidc/bedrock{JWKS}"
    assert client.get(f"/oidc/bedrock{JWKS}").json()["keys"][0]["kid"] == signing_key.kid


@pytest.mark.parametrize("path", [DISCOVERY, JWKS, "/authorize"])
def test_with_real_aws_there_is_no_issuer(
    client: Client, settings: Settings, signing_key: SigningKey, path: str
) -> None:
    settings.AWS_SANDBOX = False

    assert client.get(path).status_code == 404


def test_with_real_aws_an_issuer_that_was_asked_for_answers(
    client: Client, settings: Settings, signing_key: SigningKey
) -> None:
    settings.AWS_SANDBOX = False
    settings.ALLOW_BUILTIN_ISSUER = True

    assert client.get(DISCOVERY).status_code == 200
