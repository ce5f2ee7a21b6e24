"""AssumeRoleWithWebIdentity accepts a good token and refuses every other one in AWS's words."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandbox.chain import Chain
from tests.sandbox.issuer import EC_KEY, OTHER_RSA_KEY, RSA_KEY, Issuer, encode, public_jwk
from tests.sandbox.process import ACCOUNT, SECOND_ACCOUNT, SandboxProcess

DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
NO_KEY = (
    "InvalidIdentityToken",
    "Couldn't retrieve verification key from your identity provider,  please reference "
    "AssumeRoleWithWebIdentity documentation for requirements",
)
SIGNATURE_INVALID = ("InvalidIdentityToken", "Token signature invalid")
Refused = Callable[..., tuple[str, str]]


def test_a_good_token_is_exchanged_for_a_session_of_the_role(chain: Chain) -> None:
    answer = chain.exchange()

    assert answer["AssumedRoleUser"]["Arn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{chain.role_name}/vertesia-verify"
    )
    assert answer["SubjectFromWebIdentityToken"] == chain.subject
    assert answer["Audience"] == "bedrock"
    assert answer["Provider"] == chain.provider_arn
    credentials = answer["Credentials"]
    keys = (credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    identity = chain.sandbox.client("sts", keys).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]


def test_an_es256_token_is_accepted(chain: Chain) -> None:
    token = chain.issuer.token(chain.subject, key=EC_KEY, kid="ec-1", alg="ES256")
    assert chain.exchange(token)["SubjectFromWebIdentityToken"] == chain.subject


@pytest.mark.parametrize("algorithm", ["RS384", "RS512"])
def test_the_longer_rsa_hashes_are_accepted(chain: Chain, algorithm: str) -> None:
    chain.issuer.jwks = {"keys": [public_jwk(RSA_KEY, "rsa-1", algorithm)]}
    assert chain.exchange(chain.issuer.token(chain.subject, alg=algorithm))["Audience"] == "bedrock"


def test_the_roles_path_is_dropped_from_the_session_arn(sandbox: SandboxProcess, issuer: Issuer) -> None:
    chain = Chain(sandbox, issuer, path="/vertesia/environments/")
    assert chain.role_arn.endswith(f":role/vertesia/environments/{chain.role_name}")
    assert chain.exchange()["AssumedRoleUser"]["Arn"].endswith(f":assumed-role/{chain.role_name}/vertesia-verify")


def test_an_exchange_shows_as_the_roles_last_use(chain: Chain) -> None:
    assert chain.iam.get_role(RoleName=chain.role_name)["Role"]["RoleLastUsed"] == {}
    chain.exchange()
    last_used = chain.iam.get_role(RoleName=chain.role_name)["Role"]["RoleLastUsed"]
    assert abs(last_used["LastUsedDate"].timestamp() - time.time()) < 10


@pytest.mark.parametrize(
    "subject",
    [
        "env:6630c1f0a7d3e9b2c4d5e6f7:000000000000000000000000",
        "project:6630c1f0a7d3e9b2c4d5e6f7:000000000000000000000000",
        "env:*",
    ],
)
def test_another_subject_is_denied(chain: Chain, refusal: Refused, subject: str) -> None:
    assert refusal(chain.exchange, chain.issuer.token(subject)) == DENIED


def test_a_sibling_environment_of_the_same_organization_is_denied(
    sandbox: SandboxProcess, chain: Chain, refusal: Refused
) -> None:
    sibling = chain.subject[:-1] + "b"
    assert refusal(chain.exchange, chain.issuer.token(sibling)) == DENIED


def test_the_case_of_the_subject_counts(chain: Chain, refusal: Refused) -> None:
    assert refusal(chain.exchange, chain.issuer.token(chain.subject.upper())) == DENIED


def test_an_audience_that_the_provider_does_not_list_is_refused(chain: Chain, refusal: Refused) -> None:
    token = chain.issuer.token(chain.subject, aud="blobs")
    assert refusal(chain.exchange, token) == ("InvalidIdentityToken", "Incorrect token audience")


def test_an_audience_that_only_the_provider_lists_is_denied_by_the_trust_policy(chain: Chain, refusal: Refused) -> None:
    chain.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=chain.provider_arn, ClientID="blobs")
    assert refusal(chain.exchange, chain.issuer.token(chain.subject, aud="blobs")) == DENIED


def test_an_expired_token_is_refused_with_both_times(chain: Chain, refusal: Refused) -> None:
    expiry = int(time.time()) - 10
    code, message = refusal(chain.exchange, chain.issuer.token(chain.subject, exp=expiry))
    assert code == "ExpiredTokenException"
    assert re.fullmatch(
        rf"Token expired: current date/time \d+ must be before the expiration date/time {expiry}", message
    )


def test_a_token_that_is_not_yet_valid_is_refused(chain: Chain, refusal: Refused) -> None:
    code, message = refusal(chain.exchange, chain.issuer.token(chain.subject, nbf=int(time.time()) + 120))
    assert code == "InvalidIdentityToken"
    assert message.startswith("Token not yet valid")


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "aud", "iss"])
def test_a_token_without_a_required_claim_is_refused_by_its_name(chain: Chain, refusal: Refused, claim: str) -> None:
    token = chain.issuer.token(chain.subject, **{claim: None})
    assert refusal(chain.exchange, token) == ("InvalidIdentityToken", f"Missing a required claim: {claim}")


def test_a_token_signed_by_another_key_is_refused(chain: Chain, refusal: Refused) -> None:
    assert refusal(chain.exchange, chain.issuer.token(chain.subject, key=OTHER_RSA_KEY)) == SIGNATURE_INVALID


def test_a_token_whose_payload_was_changed_is_refused(chain: Chain, refusal: Refused) -> None:
    header, _, signature = chain.issuer.token("env:6630c1f0a7d3e9b2c4d5e6f7:000000000000000000000000").split(".")
    payload = encode(json.dumps(chain.issuer.claims(chain.subject)).encode())
    assert refusal(chain.exchange, f"{header}.{payload}.{signature}") == SIGNATURE_INVALID


def test_a_token_without_a_signature_is_refused(chain: Chain, refusal: Refused) -> None:
    assert refusal(chain.exchange, chain.issuer.token_without_signature(chain.subject)) == SIGNATURE_INVALID


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(chain: Chain, refusal: Refused) -> None:
    assert refusal(chain.exchange, chain.issuer.token_signed_with_public_key(chain.subject)) == SIGNATURE_INVALID


def test_an_algorithm_of_the_other_key_type_is_refused(chain: Chain, refusal: Refused) -> None:
    token = chain.issuer.token(chain.subject, key=EC_KEY, kid="rsa-1", alg="ES256")
    assert refusal(chain.exchange, token) == SIGNATURE_INVALID


def test_an_algorithm_that_sts_does_not_know_is_refused(chain: Chain, refusal: Refused) -> None:
    assert refusal(chain.exchange, chain.issuer.token(chain.subject, alg="PS256")) == SIGNATURE_INVALID


def test_an_unknown_key_id_is_refused(chain: Chain, refusal: Refused) -> None:
    assert refusal(chain.exchange, chain.issuer.token(chain.subject, kid="rsa-2")) == NO_KEY


def test_the_token_of_an_unregistered_issuer_is_refused(
    sandbox: SandboxProcess, chain: Chain, refusal: Refused
) -> None:
    stranger = Issuer()
    try:
        assert refusal(chain.exchange, stranger.token(chain.subject)) == (
            "InvalidIdentityToken",
            f"No OpenIDConnect provider found in your account for {stranger.url}",
        )
    finally:
        stranger.close()


def test_a_trailing_slash_makes_another_issuer(chain: Chain, refusal: Refused) -> None:
    token = chain.issuer.token(chain.subject, iss=f"{chain.issuer.url}/")
    assert refusal(chain.exchange, token) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {chain.issuer.url}/",
    )


def test_the_scheme_of_the_issuer_counts(chain: Chain, refusal: Refused) -> None:
    other = chain.issuer.url.replace("http://", "https://")
    code, message = refusal(chain.exchange, chain.issuer.token(chain.subject, iss=other))
    assert (code, message) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {other}",
    )


def test_the_provider_is_looked_up_in_the_account_of_the_role(chain: Chain, refusal: Refused) -> None:
    elsewhere = chain.role_arn.replace(ACCOUNT, SECOND_ACCOUNT)
    assert refusal(chain.exchange, role_arn=elsewhere) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {chain.issuer.url}",
    )


def test_a_role_that_does_not_exist_is_denied_like_any_other(chain: Chain, refusal: Refused) -> None:
    assert refusal(chain.exchange, role_arn=chain.role_arn + "x") == DENIED


def test_what_is_no_token_is_refused(chain: Chain, refusal: Refused) -> None:
    code, message = refusal(chain.exchange, "not.a.token")
    assert code == "InvalidIdentityToken"
    assert message.startswith("The ID Token provided is not a valid JWT")


def slow(handler: Any) -> None:
    time.sleep(6)


def elsewhere(handler: Any) -> None:
    if handler.path != "/keys":
        handler.send_response(302)
        handler.send_header("Location", "/keys")


@pytest.mark.parametrize(
    "misbehave",
    [
        pytest.param(lambda issuer: setattr(issuer, "status", 500), id="server error"),
        pytest.param(lambda issuer: setattr(issuer, "discovery", []), id="discovery is no object"),
        pytest.param(lambda issuer: issuer.discovery.update(issuer=issuer.url + "/"), id="discovery of another issuer"),
        pytest.param(lambda issuer: issuer.discovery.pop("jwks_uri"), id="no jwks_uri"),
        pytest.param(lambda issuer: issuer.discovery.update(jwks_uri="http://192.0.2.1/keys"), id="jwks elsewhere"),
        pytest.param(lambda issuer: issuer.discovery.update(jwks_uri="file:///etc/passwd"), id="jwks in a file"),
        pytest.param(lambda issuer: setattr(issuer, "jwks", {"keys": []}), id="no keys"),
        pytest.param(
            lambda issuer: setattr(issuer, "jwks", {"keys": issuer.jwks["keys"] + 99 * issuer.jwks["keys"][1:]}),
            id="101 keys",
        ),
        pytest.param(lambda issuer: setattr(issuer, "before_answer", elsewhere), id="redirect"),
        pytest.param(lambda issuer: issuer.close(), id="unreachable"),
    ],
)
def test_keys_that_cannot_be_fetched_as_aws_does_are_not_trusted(
    sandbox: SandboxProcess, refusal: Refused, misbehave: Callable[[Issuer], object]
) -> None:
    issuer = Issuer()
    chain = Chain(sandbox, issuer)
    token = issuer.token(chain.subject)
    misbehave(issuer)
    assert refusal(chain.exchange, token) == NO_KEY
    issuer.close()


def test_a_slow_issuer_is_given_five_seconds_and_holds_nobody_else_up(chain: Chain, refusal: Refused) -> None:
    other = Issuer()
    quick = Chain(chain.sandbox, other)
    chain.issuer.before_answer = slow
    started = time.monotonic()
    from_slow: list[tuple[str, str]] = []

    waiting = threading.Thread(target=lambda: from_slow.append(refusal(chain.exchange)))
    waiting.start()
    time.sleep(0.2)
    asked = time.monotonic()
    quick.exchange()
    assert time.monotonic() - asked < 1
    waiting.join()
    other.close()
    assert from_slow == [NO_KEY]
    assert 4.5 < time.monotonic() - started < 6


def test_keys_are_fetched_anew_for_every_token(chain: Chain, refusal: Refused) -> None:
    chain.exchange()
    chain.issuer.jwks = {"keys": [public_jwk(OTHER_RSA_KEY, "rsa-2", "RS256")]}
    assert chain.exchange(chain.issuer.token(chain.subject, key=OTHER_RSA_KEY, kid="rsa-2"))["Audience"] == "bedrock"
    assert refusal(chain.exchange) == NO_KEY


@pytest.mark.parametrize(
    ("seconds", "problem"),
    [
        (899, "Value '899' at 'durationSeconds' failed to satisfy constraint"),
        (3601, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
    ],
)
def test_a_session_cannot_be_shorter_than_15_minutes_or_longer_than_the_role_allows(
    chain: Chain, refusal: Refused, seconds: int, problem: str
) -> None:
    code, message = refusal(chain.exchange, DurationSeconds=seconds)
    assert code == "ValidationError"
    assert problem in message


def test_the_session_name_must_fit_the_pattern(chain: Chain, refusal: Refused) -> None:
    code, message = refusal(
        chain.sandbox.client("sts", None).assume_role_with_web_identity,
        RoleArn=chain.role_arn,
        RoleSessionName="has spaces",
        WebIdentityToken=chain.issuer.token(chain.subject),
    )
    assert code == "ValidationError"
    assert r"Value 'has spaces' at 'roleSessionName'" in message


def test_a_session_ends_with_its_role_even_if_one_of_the_same_name_follows(chain: Chain, refusal: Refused) -> None:
    client = chain.sandbox.client("sts", chain.keys())
    client.get_caller_identity()
    chain.iam.delete_role_policy(RoleName=chain.role_name, PolicyName="VertesiaBedrock")
    chain.iam.delete_role(RoleName=chain.role_name)
    chain.iam.create_role(RoleName=chain.role_name, AssumeRolePolicyDocument=json.dumps(chain.trust()))
    assert refusal(client.get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_stray_security_token_header_hides_the_key_as_in_aws(chain: Chain) -> None:
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": chain.role_arn,
        "RoleSessionName": "vertesia-verify",
        "WebIdentityToken": chain.issuer.token(chain.subject),
    }
    assert requests.get(chain.sandbox.url, params=form, timeout=10).status_code == 200
    answer = requests.post(chain.sandbox.url, data=form, headers={"X-Amz-Security-Token": "stray"}, timeout=10)
    assert answer.status_code == 400
    assert "retrieve verification key" in answer.text
