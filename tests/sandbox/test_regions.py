"""Regions that are off for an account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.sandbox.chain import Chain
from tests.sandbox.process import ACCOUNT, ONE_ATTEMPT, SECOND_ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
Turn = Callable[..., tuple[int, Any]]


@pytest.fixture
def turn_off(sandbox: SandboxProcess) -> Iterator[Turn]:
    def send(account_id: str = ACCOUNT, **lists: Any) -> tuple[int, Any]:
        return sandbox.control("POST", "regions", {"account_id": account_id} | lists)

    yield send
    send(without_sts=[], disabled=[])


def exchange_in(chain: Chain, region: str) -> Any:
    """As a driver does that knows each region's endpoint."""
    sts = boto3.client(
        "sts",
        endpoint_url=f"{chain.sandbox.url}/region/{region}",
        region_name=region,
        config=ONE_ATTEMPT.merge(Config(signature_version=UNSIGNED)),
    )
    return sts.assume_role_with_web_identity(
        RoleArn=chain.role_arn, RoleSessionName="here", WebIdentityToken=chain.issuer.token(chain.subject)
    )


def disabled(account_id: str = ACCOUNT) -> tuple[str, str]:
    return (
        "RegionDisabledException",
        f"STS is not activated in this region for account:{account_id}. "
        "Your account administrator can activate STS in this region using the IAM Console.",
    )


def test_sts_that_is_off_in_a_region_gives_no_credentials_there(chain: Chain, turn_off: Turn, refusal: Refused) -> None:
    assert turn_off(without_sts=["eu-central-1"])[0] == 200
    assert refusal(exchange_in, chain, "eu-central-1") == disabled()
    exchange_in(chain, "eu-west-1")
    chain.exchange()

    turn_off(without_sts=[])
    exchange_in(chain, "eu-central-1")


def test_a_signed_call_counts_for_the_callers_account(
    sandbox: SandboxProcess, turn_off: Turn, refusal: Refused
) -> None:
    role = {"RoleArn": f"arn:aws:iam::{SECOND_ACCOUNT}:role/VertesiaConsole", "RoleSessionName": "here"}
    turn_off(without_sts=["eu-central-1"])
    abroad = sandbox.client("sts", region="eu-central-1")
    assert refusal(abroad.assume_role, **role) == disabled()
    assert abroad.get_caller_identity()["Account"] == ACCOUNT
    sandbox.client("sts", region="eu-west-1").assume_role(**role)


def test_a_region_that_is_not_enabled_knows_none_of_the_accounts_credentials(
    chain: Chain, sandbox: SandboxProcess, turn_off: Turn, refusal: Refused
) -> None:
    turn_off(disabled=["ap-southeast-4"])
    invalid = "The security token included in the request is invalid."
    keys = chain.keys()
    for service, call, code in (
        ("bedrock", "list_foundation_models", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
    ):
        for signed_with in (None, keys):
            client = sandbox.client(service, *[signed_with] if signed_with else [], region="ap-southeast-4")
            assert refusal(getattr(client, call)) == (code, invalid)
    assert refusal(exchange_in, chain, "ap-southeast-4") == disabled()
    sandbox.admin("bedrock", SECOND_ACCOUNT, region="ap-southeast-4").list_foundation_models()

    turn_off(disabled=[])
    sandbox.client("bedrock", keys, region="ap-southeast-4").list_foundation_models()


def test_the_last_used_region_of_a_role_is_that_of_the_endpoint(chain: Chain) -> None:
    exchange_in(chain, "eu-west-1")
    assert chain.iam.get_role(RoleName=chain.role_name)["Role"]["RoleLastUsed"]["Region"] == "eu-west-1"


@pytest.mark.parametrize(
    ("lists", "sentence"),
    [
        ({}, "without_sts or disabled is missing"),
        ({"without_sts": "eu-west-1"}, "regions must be a list"),
        ({"without_sts": ["Mars"]}, "regions must be a list"),
        ({"disabled": ["us-east-1"]}, "us-east-1 cannot be turned off"),
        ({"account_id": "1", "disabled": []}, "the sandbox has no account '1'"),
    ],
)
def test_what_cannot_be_turned_off_is_said(turn_off: Turn, lists: dict[str, Any], sentence: str) -> None:
    status, body = turn_off(**lists)
    assert status == 400
    assert sentence in body["error"]
