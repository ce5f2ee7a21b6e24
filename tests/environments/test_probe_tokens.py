"""Each probe is wrong in one way only, AWS refuses it for that reason, and history says that it was signed."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError
from django.utils import timezone

from environments.history import Actor, summarize
from environments.ids import InvalidVertesiaId, is_usual_id
from environments.issuer.keys import NoSigningKey, make_signing_key
from environments.issuer.probes import Probe, invent_sibling_id, sign_probe
from environments.issuer.tokens import NotOurIssuer, SignedToken, TokenRefused, issue_token, verify_token
from environments.models import Environment, Event, SigningKey
from tests.factories import EnvironmentFactory, IssuerFactory, OrganizationFactory
from tests.sandbox.chain import Chain
from tests.sandbox.issuer import Issuer
from tests.sandbox.process import SandboxProcess

ADA = Actor("ada")
SIBLING = "0" * 23 + "1"
DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def sign(environment: Environment, probe: Probe, **changes: Any) -> SignedToken:
    usual: dict[str, Any] = {"actor": ADA, "now": timezone.now()}
    usual |= {Probe.SIBLING: {"sibling_id": SIBLING}, Probe.AUDIENCE: {"audience": "blobs"}}.get(probe, {})
    return sign_probe(environment, probe, **(usual | changes))


def differences(environment: Environment, probe: Probe) -> dict[str, Any]:
    """What the probe claims otherwise than an ordinary token of the same moment."""
    now = timezone.now()
    claims = sign(environment, probe, now=now).claims
    ordinary = issue_token(environment, actor=ADA, now=now).claims
    return {name: claims[name] for name in ordinary if name != "jti" and claims[name] != ordinary[name]}


def test_the_sibling_differs_in_its_subject_only(environment: Environment) -> None:
    subject = f"env:{environment.organization.organization_id}:{SIBLING}"

    assert differences(environment, Probe.SIBLING) == {"sub": subject}
    assert verify_token(sign(environment, Probe.SIBLING).value, audience="bedrock")["sub"] == subject


def test_the_audience_differs_in_its_audience_only(environment: Environment) -> None:
    assert differences(environment, Probe.AUDIENCE) == {"aud": "blobs"}
    with pytest.raises(TokenRefused, match="Audience"):
        verify_token(sign(environment, Probe.AUDIENCE).value, audience="bedrock")


def test_the_expired_one_expired_ten_minutes_ago(environment: Environment) -> None:
    now = timezone.now()

    token = sign(environment, Probe.EXPIRED, now=now)

    assert token.claims["iat"] == token.claims["nbf"] == int((now - timedelta(minutes=15)).timestamp())
    assert token.claims["exp"] == int((now - timedelta(minutes=10)).timestamp())
    assert set(differences(environment, Probe.EXPIRED)) == {"iat", "nbf", "exp"}
    with pytest.raises(TokenRefused, match="expired"):
        verify_token(token.value, audience="bedrock")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_foreign_key_signs_under_the_published_kid(db: None, algorithm: str) -> None:
    key = make_signing_key(algorithm=algorithm)
    environment = EnvironmentFactory()

    token = sign(environment, Probe.FOREIGN_KEY)

    assert jwt.get_unverified_header(token.value) == {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    assert differences(environment, Probe.FOREIGN_KEY) == {}
    assert SigningKey.objects.count() == 1
    with pytest.raises(TokenRefused, match="Signature"):
        verify_token(token.value, audience="bedrock")


@pytest.mark.parametrize("probe", Probe)
def test_history_says_what_was_signed_and_never_holds_the_token(environment: Environment, probe: Probe) -> None:
    token = sign(environment, probe)

    event = Event.objects.get()
    assert (event.action, event.actor, event.environment) == ("token.probe_signed", "ada", environment)
    assert event.data == {
        "jti": token.claims["jti"],
        "kid": token.kid,
        "subject": token.claims["sub"],
        "audience": token.claims["aud"],
        "probe": probe.value,
    }
    assert "was signed to see that AWS refuses it" in event.sentence
    for part in token.value.split("."):
        assert part not in f"{event.sentence}{event.data}{token!r}"
    assert not summarize(environment.events.all())


@pytest.mark.parametrize("sibling_id", [None, "own"])
def test_a_sibling_that_is_the_environment_itself_proves_nothing(
    environment: Environment, sibling_id: str | None
) -> None:
    with pytest.raises(ValueError, match="another environment"):
        sign(environment, Probe.SIBLING, sibling_id=environment.environment_id if sibling_id else None)


@pytest.mark.parametrize("audience", [None, "bedrock"])
def test_the_usual_audience_proves_nothing(environment: Environment, audience: str | None) -> None:
    with pytest.raises(ValueError, match="Another audience"):
        sign(environment, Probe.AUDIENCE, audience=audience)


def test_a_sibling_has_a_plain_id(environment: Environment) -> None:
    with pytest.raises(InvalidVertesiaId):
        sign(environment, Probe.SIBLING, sibling_id="*")


@pytest.mark.parametrize("probe", Probe)
def test_probes_are_refused_as_tokens_are(db: None, probe: Probe) -> None:
    with pytest.raises(NoSigningKey):
        sign(EnvironmentFactory(), probe)
    with pytest.raises(NotOurIssuer):
        sign(EnvironmentFactory(organization=OrganizationFactory(issuer=IssuerFactory())), probe)
    assert not Event.objects.exists()


def test_an_invented_sibling_has_an_id_of_the_usual_shape() -> None:
    ids = {invent_sibling_id(random.Random(number)) for number in range(100)}  # noqa: S311 - an id, no secret

    assert len(ids) == 100
    assert all(is_usual_id(invented) for invented in ids)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    running = SandboxProcess(tmp_path_factory.mktemp("sandbox"), "--propagation", "0")
    yield running
    running.stop()


@pytest.fixture
def chain(sandbox: SandboxProcess, environment: Environment, signing_key: SigningKey) -> Iterator[Chain]:
    """A role in the sandbox that trusts `environment`, and an issuer that publishes the console's own key."""
    issuer = Issuer()
    issuer.jwks = {"keys": [signing_key.public_jwk]}
    environment.organization.issuer.url = issuer.url
    chain = Chain(sandbox, issuer)
    chain.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=chain.provider_arn, ClientID="blobs")
    chain.subject = environment.subject
    chain.set_trust(chain.trust())
    yield chain
    issuer.close()


def refusal(chain: Chain, token: SignedToken) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        chain.exchange(token.value)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_aws_refuses_each_probe_for_its_own_reason(chain: Chain, environment: Environment) -> None:
    assert chain.exchange(issue_token(environment, actor=ADA, now=timezone.now()).value)["Credentials"]

    assert refusal(chain, sign(environment, Probe.SIBLING)) == DENIED
    assert refusal(chain, sign(environment, Probe.AUDIENCE)) == DENIED
    assert refusal(chain, sign(environment, Probe.EXPIRED))[0] == "ExpiredTokenException"
    assert refusal(chain, sign(environment, Probe.FOREIGN_KEY)) == ("InvalidIdentityToken", "Token signature invalid")


def test_a_role_that_is_open_lets_its_siblings_and_other_audiences_in(chain: Chain, environment: Environment) -> None:
    host = chain.issuer.url.partition("://")[2]
    chain.set_trust(chain.trust({"StringLike": {f"{host}:sub": f"env:{environment.organization.organization_id}:*"}}))

    assert chain.exchange(sign(environment, Probe.SIBLING).value)["SubjectFromWebIdentityToken"].endswith(SIBLING)
    assert chain.exchange(sign(environment, Probe.AUDIENCE).value)["Audience"] == "blobs"
