"""Issuers whose certificate is a private authority's, and the thumbprints that an identity provider names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.chain import Chain
from tests.sandbox.issuer import Issuer
from tests.sandbox.process import ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
PRIVATE = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
MISMATCH = ("InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")


def tell(sandbox: SandboxProcess, url: str, thumbprint: Any) -> tuple[int, Any]:
    return sandbox.control("POST", "issuers", {"issuer_url": url, "thumbprint": thumbprint})


def test_a_private_authority_must_be_named_by_its_thumbprint(chain: Chain, refusal: Refused) -> None:
    chain.iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=chain.provider_arn, ThumbprintList=[OTHER]
    )
    chain.exchange()
    assert tell(chain.sandbox, chain.issuer.url, PRIVATE)[0] == 200
    assert refusal(chain.exchange) == MISMATCH

    chain.iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=chain.provider_arn, ThumbprintList=[PRIVATE.upper()]
    )
    provider = chain.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=chain.provider_arn)
    assert provider["ThumbprintList"] == [PRIVATE]
    chain.exchange()


def test_a_public_authority_needs_no_thumbprint(chain: Chain, refusal: Refused) -> None:
    tell(chain.sandbox, chain.issuer.url, PRIVATE)
    assert refusal(chain.exchange) == MISMATCH
    tell(chain.sandbox, chain.issuer.url, None)
    chain.exchange()


def test_a_provider_that_is_made_anew_takes_the_thumbprint_that_iam_sees(chain: Chain, refusal: Refused) -> None:
    tell(chain.sandbox, chain.issuer.url, PRIVATE)
    assert refusal(chain.exchange) == MISMATCH
    chain.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=chain.provider_arn)
    chain.iam.create_open_id_connect_provider(Url=chain.issuer.url, ClientIDList=["bedrock"])
    chain.exchange()


def test_an_issuer_that_does_not_answer_shows_no_certificate(chain: Chain, refusal: Refused) -> None:
    tell(chain.sandbox, chain.issuer.url, PRIVATE)
    named = {"kind": "stop_issuer", "account_id": ACCOUNT, "issuer_url": chain.issuer.url}
    chain.sandbox.control("POST", "breakages", named)
    assert refusal(chain.exchange)[1].startswith("Couldn't retrieve verification key")


def test_no_provider_is_made_for_a_stopped_issuer_unless_a_thumbprint_is_sent(
    sandbox: SandboxProcess, issuer: Issuer, refusal: Refused
) -> None:
    sandbox.control("POST", "breakages", {"kind": "stop_issuer", "issuer_url": issuer.url})
    iam = sandbox.admin("iam")
    assert refusal(iam.create_open_id_connect_provider, Url=issuer.url) == (
        "OpenIdIdpCommunicationError",
        "The request failed because IAM cannot connect to the OpenID Connect identity provider URL.",
    )
    iam.create_open_id_connect_provider(Url=issuer.url, ThumbprintList=[OTHER])


@pytest.mark.parametrize("order", [{}, {"issuer_url": "https://x"}, {"issuer_url": "https://x", "thumbprint": "abc"}])
def test_what_is_no_thumbprint_is_refused(sandbox: SandboxProcess, order: dict[str, Any]) -> None:
    assert sandbox.control("POST", "issuers", order)[0] == 400
