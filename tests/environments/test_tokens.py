"""What a signed token says, and which tokens are refused."""

import base64
import hashlib
import hmac
import json
import pickle
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.utils import timezone

from environments.history import Actor
from environments.issuer.keys import NoSigningKey, generate_private_key, load_private_key, make_signing_key
from environments.issuer.tokens import NotOurIssuer, SignedToken, TokenRefused, issue_token, verify_token
from environments.models import Environment, Event, SigningKey
from tests.factories import EnvironmentFactory, IssuerFactory, OrganizationFactory

ADA = Actor("ada")


def issue(environment: Environment, **changes: Any) -> SignedToken:
    return issue_token(environment, **{"actor": ADA, "now": timezone.now(), **changes})


def encode_part(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def sign_anew(environment: Environment, *, private_key: Any = None, kid: str = "", **changes: Any) -> str:
    """A token as the issuer would sign it, but with some claims changed; None takes a claim away."""
    claims = {**issue(environment).claims, **changes}
    signing_key = SigningKey.objects.get(is_signing=True)
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not None},
        private_key or load_private_key(signing_key),
        algorithm=signing_key.algorithm,
        headers={"kid": kid or signing_key.kid},
    )


def test_a_token_says_who_it_is_for_and_for_how_long(environment: Environment) -> None:
    now = timezone.now()

    token = issue(environment, now=now)

    issued_at = int(now.timestamp())
    organization = environment.organization
    jti = token.claims.pop("jti")
    assert len(jti) == 36
    assert token.claims == {
        "iss": organization.issuer.url,
        "sub": f"env:{organization.organization_id}:{environment.environment_id}",
        "aud": "bedrock",
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + 300,
        "account": {"id": organization.organization_id, "name": organization.name},
        "name": environment.name,
    }


def test_the_claims_shown_are_the_claims_signed(environment: Environment) -> None:
    token = issue(environment)

    assert verify_token(token.value, audience="bedrock") == token.claims


def test_the_header_names_the_algorithm_and_the_key(environment: Environment, signing_key: SigningKey) -> None:
    token = issue(environment)

    assert jwt.get_unverified_header(token.value) == {"alg": "RS256", "kid": signing_key.kid, "typ": "JWT"}
    assert token.kid == signing_key.kid


def test_two_tokens_of_the_same_moment_have_different_ids(environment: Environment) -> None:
    now = timezone.now()

    assert issue(environment, now=now).claims["jti"] != issue(environment, now=now).claims["jti"]


def test_another_audience_can_be_asked_for(environment: Environment) -> None:
    token = issue(environment, audience="blobs")

    assert verify_token(token.value, audience="blobs")["aud"] == "blobs"


def test_es256_signs_as_well(db: None) -> None:
    make_signing_key(algorithm="ES256")

    token = issue(EnvironmentFactory())

    assert jwt.get_unverified_header(token.value)["alg"] == "ES256"
    assert verify_token(token.value, audience="bedrock") == token.claims


def test_a_token_of_the_former_key_is_still_accepted_after_a_new_one_was_made(environment: Environment) -> None:
    token = issue(environment)

    make_signing_key(algorithm="ES256")

    assert verify_token(token.value, audience="bedrock") == token.claims


def test_every_token_leaves_an_event_without_the_token(environment: Environment) -> None:
    token = issue(environment)

    event = Event.objects.get(action="token.issued")
    assert event.actor == "ada"
    assert event.environment == environment
    assert event.data == {
        "jti": token.claims["jti"],
        "kid": token.kid,
        "subject": environment.subject,
        "audience": "bedrock",
    }
    signature = token.value.rsplit(".", 1)[1]
    assert signature not in f"{event.sentence} {event.data}"


def test_printing_a_token_does_not_show_it(environment: Environment) -> None:
    token = issue(environment)

    for shown in (repr(token), str(token), f"{token}", f"{[token]}"):
        assert token.claims["jti"] in shown
        assert not any(part in shown for part in token.value.split("."))


def test_no_queue_can_carry_a_token(environment: Environment) -> None:
    token = issue(environment)

    with pytest.raises(TypeError, match="not to be stored or sent to a queue"):
        pickle.dumps(token)
    with pytest.raises(TypeError):
        json.dumps(token)


def test_vertesias_issuer_cannot_be_signed_for(signing_key: SigningKey) -> None:
    issuer = IssuerFactory(url="https://sts.vertesia.io")
    environment = EnvironmentFactory(organization=OrganizationFactory(issuer=issuer))

    with pytest.raises(NotOurIssuer, match=r"Only Vertesia can sign for https://sts\.vertesia\.io\."):
        issue(environment)

    assert not Event.objects.exists()


def test_without_a_key_the_command_to_make_one_is_named(db: None) -> None:
    with pytest.raises(NoSigningKey, match=r"manage\.py prepare"):
        issue(EnvironmentFactory())


def test_an_expired_token_is_refused(environment: Environment) -> None:
    token = issue(environment, now=timezone.now() - timedelta(minutes=6))

    with pytest.raises(TokenRefused, match="expired"):
        verify_token(token.value, audience="bedrock")


def test_a_token_that_is_not_yet_valid_is_refused(environment: Environment) -> None:
    token = issue(environment, now=timezone.now() + timedelta(minutes=1))

    with pytest.raises(TokenRefused, match="not yet valid"):
        verify_token(token.value, audience="bedrock")


def test_a_token_for_another_audience_is_refused(environment: Environment) -> None:
    with pytest.raises(TokenRefused, match="Audience"):
        verify_token(issue(environment).value, audience="blobs")


def test_a_list_of_audiences_is_refused(environment: Environment) -> None:
    with pytest.raises(TokenRefused, match="strict"):
        verify_token(sign_anew(environment, aud=["bedrock", "blobs"]), audience="bedrock")


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "iat", "nbf", "exp", "jti"])
def test_a_token_that_lacks_a_claim_is_refused(environment: Environment, claim: str) -> None:
    with pytest.raises(TokenRefused, match=f'"{claim}"'):
        verify_token(sign_anew(environment, **{claim: None}), audience="bedrock")


def test_a_trailing_slash_in_the_issuer_is_refused(environment: Environment) -> None:
    value = sign_anew(environment, iss=f"{environment.organization.issuer.url}/")

    with pytest.raises(TokenRefused, match="issuer"):
        verify_token(value, audience="bedrock")


def test_a_signature_of_another_key_is_refused(environment: Environment) -> None:
    value = sign_anew(environment, private_key=generate_private_key("RS256"))

    with pytest.raises(TokenRefused, match="Signature"):
        verify_token(value, audience="bedrock")


def test_an_unknown_kid_is_refused(environment: Environment) -> None:
    with pytest.raises(TokenRefused, match="no key with this kid"):
        verify_token(sign_anew(environment, kid="unknown"), audience="bedrock")


def test_a_changed_payload_is_refused(environment: Environment) -> None:
    header, _, signature = issue(environment).value.split(".")
    payload = encode_part({**issue(environment).claims, "sub": "env:somebody:else"})

    with pytest.raises(TokenRefused, match="Signature"):
        verify_token(f"{header}.{payload}.{signature}", audience="bedrock")


def test_alg_none_is_refused(environment: Environment) -> None:
    token = issue(environment)
    header = encode_part({"alg": "none", "kid": token.kid, "typ": "JWT"})

    with pytest.raises(TokenRefused):
        verify_token(f"{header}.{encode_part(token.claims)}.", audience="bedrock")


def test_hs256_with_the_public_key_as_the_secret_is_refused(environment: Environment, signing_key: SigningKey) -> None:
    token = issue(environment)
    signed = f"{encode_part({'alg': 'HS256', 'kid': token.kid})}.{encode_part(token.claims)}"
    secret = json.dumps(signing_key.public_jwk).encode()
    signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()

    with pytest.raises(TokenRefused):
        verify_token(f"{signed}.{signature}", audience="bedrock")


@pytest.mark.parametrize("rubbish", ["", "a", "a.b.c", "....", "é", "null.null.null"])
def test_rubbish_is_refused(environment: Environment, rubbish: str) -> None:
    with pytest.raises(TokenRefused):
        verify_token(rubbish, audience="bedrock")
