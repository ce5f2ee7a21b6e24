"""The proof of isolation: tokens that look almost like the environment's, each of which STS must refuse."""

from dataclasses import dataclass
from random import Random

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import DOCS, Problem
from aws_setup.diagnosis.commands import show_trust
from aws_setup.gateway.errors import AwsError, AwsRefused
from aws_setup.gateway.protocol import Gateway
from aws_setup.models import Check, Clock
from aws_setup.proofs.ladder import UNTRIED, Ladder
from aws_setup.proofs.sessions import VERIFICATION_SESSION
from environments.history import Actor
from environments.issuer.probes import Probe, invent_sibling_id, sign_probe
from environments.models import Environment

WHO = {
    Probe.SIBLING: "another environment of the organization",
    Probe.AUDIENCE: "a token that was made for another purpose",
    Probe.EXPIRED: "a token that ran out ten minutes ago",
    Probe.FOREIGN_KEY: "a token signed with a key that nobody published",
}

_BEFORE_KEYS = ("no openidconnect provider found", "retrieve verification key")
"""What STS says before it has a key to check a signature with."""


@dataclass
class Isolation:
    """What the probes work with; see Attempt for the meaning of each."""

    environment: Environment
    role_arn: str
    desired: DesiredState
    gateway: Gateway
    ladder: Ladder
    actor: Actor
    clock: Clock
    random: Random

    def prove(self) -> None:
        """Try each probe. One that is let in is a security finding, above everything else.

        Needs no right but, for the other audiences, iam:GetOpenIDConnectProvider of the worker.
        """
        for sibling_id in self._sibling_ids():
            self._try(Probe.SIBLING, sibling_id=sibling_id)
        self._try_other_audience()
        self._try(Probe.EXPIRED)
        self._try(Probe.FOREIGN_KEY)

    def _sibling_ids(self) -> list[str]:
        """A real sibling where there is one, which a trust policy may name by mistake, and an invented one."""
        siblings = Environment.objects.filter(organization=self.environment.organization_id).exclude(
            pk=self.environment.pk
        )
        real = siblings.order_by("-pk").values_list("environment_id", flat=True).first()
        return [*([real] if real else []), invent_sibling_id(self.random)]

    def _try_other_audience(self) -> None:
        """An audience that the provider does list, so that only the trust policy can refuse it."""
        name = f"isolation_{Probe.AUDIENCE}"
        try:
            listed = self.gateway.read_audiences(self.desired.provider_arn)
        except AwsError as error:
            reason = f"The provider's audiences cannot be read: {error.message}"
            self.ladder.skip(name, reason, evidence=UNTRIED)
            return
        trusted = {audience for _, audience in self.desired.trusted_issuers}
        others = [audience for audience in listed if audience not in trusted]
        if not others:
            self.ladder.skip(
                name, "The provider lists no other audience: STS refuses every other before it asks the role"
            )
            return
        self._try(Probe.AUDIENCE, audience=others[0])

    def _try(self, probe: Probe, *, audience: str | None = None, sibling_id: str | None = None) -> None:
        name = f"isolation_{probe}"
        earlier = self.ladder.checks.get(name)
        if earlier is not None and earlier.result != Check.Result.PASS:
            return
        token = sign_probe(
            self.environment, probe, audience=audience, sibling_id=sibling_id, actor=self.actor, now=self.clock()
        )
        evidence = {"sub": token.claims["sub"], "aud": token.claims["aud"], "jti": token.claims["jti"]}
        try:
            exchange = self.gateway.exchange(
                token.value, role_arn=self.role_arn, session_name=VERIFICATION_SESSION, region=self.desired.region
            )
        except AwsRefused as error:
            evidence |= {"AWS error code": error.code, "AWS says": error.message, "request id": error.request_id}
            if _is_about(probe, error):
                self.ladder.add(name, Check.Result.PASS, f"STS refused it: {error.code}", evidence=evidence)
            else:
                reason = f"STS refused it for another reason, which proves nothing: {error.code}: {error.message}"
                self.ladder.skip(name, reason, evidence=evidence | UNTRIED)
        except AwsError as error:
            reason = f"Not tried to its end, AWS could not be asked: {error.message}"
            self.ladder.skip(name, reason, evidence=UNTRIED)
        else:
            evidence |= {"request id": exchange.request_id, "lent": exchange.assumed_role_arn}
            self.ladder.fail_security(name, explain_let_in(probe, self.desired, evidence))


def _is_about(probe: Probe, error: AwsRefused) -> bool:
    """Whether STS refused the token for what is wrong with it, and not because it could not look."""
    if probe in (Probe.SIBLING, Probe.AUDIENCE):
        return error.is_denied
    if probe == Probe.EXPIRED:
        return "expired" in f"{error.code} {error.message}".lower()
    return error.code == "InvalidIdentityToken" and not any(words in error.message.lower() for words in _BEFORE_KEYS)


def explain_let_in(probe: Probe, desired: DesiredState, evidence: dict[str, str]) -> Problem:
    """The role takes a token that it must refuse, or would take it: `evidence` says how that is known."""
    issuer = desired.condition_key_prefix
    cause = {
        Probe.SIBLING: f"Its trust policy does not bind {issuer}:sub to this environment's subject alone.",
        Probe.AUDIENCE: f"Its trust policy does not bind {issuer}:aud to {desired.audience} alone.",
        Probe.EXPIRED: "STS took a token past its time.",
        Probe.FOREIGN_KEY: "STS took a signature of a key that the issuer does not publish.",
    }[probe]
    is_ours = probe in (Probe.SIBLING, Probe.AUDIENCE)
    return Problem(
        code=f"isolation_{probe}",
        severity="security",
        sentence=f"Role {desired.role_name} lets in {WHO[probe]}.",
        why=f"{cause} Whoever holds such a token can use Bedrock in this account.",
        remedy="Plan the connection again now: it puts the agreed trust policy back, which lets in nobody else."
        if is_ours
        else "Disconnect the environment, and report this to AWS Security with the request id.",
        command=show_trust(desired.role_name),
        link=f"{DOCS}/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html",
        fix="plan" if is_ours else "",
        ask=f"bind the trust policy of role {desired.role_name} by StringEquals to {issuer}:sub = "
        f"{desired.subject} and {issuer}:aud = {desired.audience}."
        if is_ours
        else "",
        evidence=evidence,
    )
