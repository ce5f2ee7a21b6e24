"""Trust policies: principals, actions, conditions and their operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.chain import Chain

DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
Refused = Callable[..., tuple[str, str]]


def keys(chain: Chain) -> dict[str, str]:
    host = chain.issuer.url.partition("://")[2]
    return {"sub": f"{host}:sub", "aud": f"{host}:aud", "subject": chain.subject}


GOOD: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "StringEquals with a list": lambda k: {"StringEquals": {k["sub"]: ["env:other:one", k["subject"]]}},
    "StringLike": lambda k: {"StringLike": {k["sub"]: k["subject"][:-3] + "???"}},
    "StringLike with a star": lambda k: {"StringLike": {k["sub"]: "env:*"}},
    "StringEqualsIgnoreCase": lambda k: {"StringEqualsIgnoreCase": {k["sub"]: k["subject"].upper()}},
    "StringNotEquals": lambda k: {"StringNotEquals": {k["sub"]: "env:other:one"}},
    "ForAnyValue": lambda k: {"ForAnyValue:StringEquals": {k["aud"]: ["bedrock", "blobs"]}},
    "ForAllValues": lambda k: {"ForAllValues:StringEquals": {k["aud"]: ["bedrock", "blobs"]}},
    "IfExists of an absent key": lambda k: {"StringEqualsIfExists": {k["aud"][:-3] + "email": "nobody@example.com"}},
    "key in other case": lambda k: {"StringEquals": {k["sub"].upper(): k["subject"]}},
}
BAD: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "StringEquals takes no wildcard": lambda k: {"StringEquals": {k["sub"]: "env:*"}},
    "StringLike minds case": lambda k: {"StringLike": {k["sub"]: "ENV:*"}},
    "StringNotEquals": lambda k: {"StringNotEquals": {k["sub"]: k["subject"]}},
    "ForAllValues": lambda k: {"ForAllValues:StringEquals": {k["aud"]: ["blobs"]}},
    "IfExists of a present key": lambda k: {"StringEqualsIfExists": {k["sub"]: "env:other:one"}},
    "scheme in the key": lambda k: {"StringEquals": {f"http://{k['sub']}": k["subject"]}},
    "a claim that is no condition key": lambda k: {"StringEquals": {k["sub"][:-3] + "iat": "1"}},
    "one of two conditions": lambda k: {"StringEquals": {k["sub"]: k["subject"], k["aud"]: "blobs"}},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_condition_that_holds_lets_the_token_in(chain: Chain, name: str) -> None:
    chain.set_trust(chain.trust(GOOD[name](keys(chain))))
    assert chain.exchange()["Audience"] == "bedrock"


@pytest.mark.parametrize("name", BAD)
def test_a_condition_that_does_not_hold_keeps_the_token_out(chain: Chain, refusal: Refused, name: str) -> None:
    chain.set_trust(chain.trust(BAD[name](keys(chain))))
    assert refusal(chain.exchange) == DENIED


def test_a_deny_wins_over_an_allow(chain: Chain, refusal: Refused) -> None:
    trust = chain.trust()
    trust["Statement"].insert(0, trust["Statement"][0] | {"Effect": "Deny"})
    chain.set_trust(trust)
    assert refusal(chain.exchange) == DENIED


@pytest.mark.parametrize("wrong", ["other account", "other host", "trailing slash"])
def test_another_provider_as_principal_keeps_the_token_out(chain: Chain, refusal: Refused, wrong: str) -> None:
    arn = {
        "other account": chain.provider_arn.replace("111122223333", "444455556666"),
        "other host": chain.provider_arn.replace("localhost", "127.0.0.1"),
        "trailing slash": chain.provider_arn + "/",
    }[wrong]
    chain.set_trust(chain.trust(Principal={"Federated": arn}))
    assert refusal(chain.exchange) == DENIED


def test_another_action_keeps_the_token_out(chain: Chain, refusal: Refused) -> None:
    chain.set_trust(chain.trust(Action="sts:AssumeRole"))
    assert refusal(chain.exchange) == DENIED


def test_the_authorized_party_takes_the_place_of_the_audience(chain: Chain, refusal: Refused) -> None:
    token = chain.issuer.token(chain.subject, aud="bedrock", azp="studio")
    assert refusal(chain.exchange, token) == ("InvalidIdentityToken", "Incorrect token audience")
    chain.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=chain.provider_arn, ClientID="studio")
    assert refusal(chain.exchange, token) == DENIED
    chain.set_trust(chain.trust({"StringEquals": {keys(chain)["aud"]: "studio"}}))
    assert chain.exchange(token)["Audience"] == "studio"
