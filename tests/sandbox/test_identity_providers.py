"""IAM identity providers: registering an issuer, its audiences, thumbprints and tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.issuer import Issuer
from tests.sandbox.process import ACCOUNT, SECOND_ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
INVALID_URL = "Invalid Open ID Connect Provider URL"


@pytest.fixture
def iam(sandbox: SandboxProcess) -> Any:
    return sandbox.admin("iam")


def test_a_provider_is_read_back_without_its_scheme_and_with_a_thumbprint_that_nobody_sent(
    iam: Any, issuer: Issuer
) -> None:
    arn = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=["bedrock"], Tags=[{"Key": "team", "Value": "R+D @ acme"}]
    )["OpenIDConnectProviderArn"]
    host = issuer.url.partition("://")[2]

    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["Url"] == host
    assert found["ClientIDList"] == ["bedrock"]
    assert [len(thumbprint) for thumbprint in found["ThumbprintList"]] == [40]
    assert found["Tags"] == [{"Key": "team", "Value": "R+D @ acme"}]
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]


def test_an_issuer_is_registered_once_per_account(
    sandbox: SandboxProcess, iam: Any, issuer: Issuer, refusal: Refused
) -> None:
    iam.create_open_id_connect_provider(Url=issuer.url)
    assert refusal(iam.create_open_id_connect_provider, Url=issuer.url) == (
        "EntityAlreadyExists",
        f"Provider with url {issuer.url} already exists.",
    )
    sandbox.admin("iam", SECOND_ACCOUNT).create_open_id_connect_provider(Url=issuer.url)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("sts.example.com", "ValidationError"),
        ("http://sts.example.com", "InvalidInput"),
        ("http://localhost", "InvalidInput"),
        ("https://sts.example.com:8443", "InvalidInput"),
        ("https://sts.example.com/x?y=z", "InvalidInput"),
        ("https://sts.example.com/#x", "InvalidInput"),
        ("https://user@sts.example.com", "InvalidInput"),
        ("https://" + "a" * 250, "ValidationError"),
    ],
)
def test_an_issuer_url_that_aws_would_not_take_is_refused(iam: Any, refusal: Refused, url: str, code: str) -> None:
    assert refusal(iam.create_open_id_connect_provider, Url=url, ThumbprintList=["a" * 40])[0] == code


def test_without_a_thumbprint_the_issuer_must_answer(iam: Any, refusal: Refused) -> None:
    issuer = Issuer()
    issuer.close()
    expected = (
        "OpenIdIdpCommunicationError",
        "The request failed because IAM cannot connect to the OpenID Connect identity provider URL.",
    )
    assert refusal(iam.create_open_id_connect_provider, Url=issuer.url) == expected
    assert refusal(iam.create_open_id_connect_provider, Url="https://sts.vertesia.invalid") == expected
    iam.create_open_id_connect_provider(Url=issuer.url, ThumbprintList=["A" * 40])


def test_a_public_issuer_can_be_registered_without_the_internet(iam: Any) -> None:
    arn = iam.create_open_id_connect_provider(Url="https://sts.vertesia.io", ClientIDList=["bedrock"])[
        "OpenIDConnectProviderArn"
    ]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/sts.vertesia.io"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_audiences_are_added_and_removed_one_by_one_up_to_a_hundred(iam: Any, issuer: Issuer, refusal: Refused) -> None:
    arn = iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["blobs"])["OpenIDConnectProviderArn"]
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="bedrock")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["blobs", "bedrock"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="blobs")
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["bedrock"]

    for number in range(99):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=f"audience-{number}")
    assert refusal(
        iam.add_client_id_to_open_id_connect_provider, OpenIDConnectProviderArn=arn, ClientID="one-too-many"
    ) == ("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")


def test_thumbprints_are_replaced_as_a_whole(iam: Any, issuer: Issuer) -> None:
    arn = iam.create_open_id_connect_provider(Url=issuer.url)["OpenIDConnectProviderArn"]
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["B" * 40])
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ThumbprintList"] == ["b" * 40]


def test_tags_are_set_changed_listed_and_taken_away(iam: Any, issuer: Issuer) -> None:
    arn = iam.create_open_id_connect_provider(Url=issuer.url)["OpenIDConnectProviderArn"]
    iam.tag_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, Tags=[{"Key": "Owner", "Value": "a"}, {"Key": "Use", "Value": "b"}]
    )
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "owner", "Value": "c"}])
    tags = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]
    assert {tag["Key"].lower(): tag["Value"] for tag in tags} == {"owner": "c", "use": "b"}
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["OWNER"])
    assert [tag["Key"] for tag in iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]] == [
        "Use"
    ]


def test_a_provider_that_is_not_there_is_named(iam: Any, refusal: Refused) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/nobody.example.com"
    assert refusal(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == (
        "NoSuchEntity",
        f"OpenIDConnect Provider not found for arn {arn}",
    )


def test_deleting_a_provider_that_is_not_there_is_no_error(iam: Any) -> None:
    iam.delete_open_id_connect_provider(
        OpenIDConnectProviderArn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/nobody.example.com"
    )


def test_a_token_is_refused_once_its_provider_is_gone(chain: Any, refusal: Refused) -> None:
    chain.exchange()
    chain.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=chain.provider_arn)
    assert refusal(chain.exchange) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {chain.issuer.url}",
    )
