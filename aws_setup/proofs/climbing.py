"""The climb: after a refusal, from the issuer's name to the trust policy, up to the first rung that explains it.

AWS's words tell how far it came, and what was read from here tells why. What could not be read from here is never taken
for the cause.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import ErrorFacts, Problem, explain_unknown
from aws_setup.diagnosis.exchange import (
    explain_audience_missing,
    explain_clock,
    explain_issuer_renamed,
    explain_not_seen,
    explain_provider_missing,
    explain_region_off,
    explain_session_length,
    explain_thumbprint,
    explain_token_refused,
)
from aws_setup.diagnosis.issuer import explain_issuer, explain_issuer_unreachable
from aws_setup.diagnosis.refusals import Refusal, read_refusal
from aws_setup.diagnosis.trust import (
    explain_denied_above,
    explain_role_missing,
    explain_trust,
    explain_undecided,
    explain_unread_role,
)
from aws_setup.explaining import explain_worker_error
from aws_setup.gateway.errors import AwsError
from aws_setup.gateway.protocol import Gateway
from aws_setup.models import Check
from aws_setup.names import dashed
from aws_setup.observed import ObservedState
from aws_setup.proofs.ladder import Ladder
from aws_setup.proofs.rungs import PROVEN_BY_EXCHANGE
from aws_setup.proofs.sessions import VERIFICATION_SESSION
from aws_setup.trust.evaluation import Evaluation, Verdict, evaluate_trust
from aws_setup.trust.smallest_change import find_smallest_change
from aws_setup.trust.token_request import token_request
from environments.installation import VERTESIA_ISSUERS
from environments.issuer.reading import IssuerReading, Result, read_issuer

REFUSED_ABOVE = "STS was asked first and refused; the rung above says why"
NOT_THE_CAUSE = "AWS came further than this"


@dataclass
class Climb:
    """One climb. `facts` is what STS answered, `claims` and `kid` are those of the token it was about."""

    desired: DesiredState
    gateway: Gateway
    ladder: Ladder
    facts: ErrorFacts
    claims: Mapping[str, Any]
    kid: str

    def explain(self) -> Problem:
        """Add the rungs up to the one that explains the refusal; the cause."""
        rung, problem = self._find_cause()
        for name in PROVEN_BY_EXCHANGE:
            if rung in ("token", name):
                break
            if name not in self.ladder.checks:
                self._describe(name)
        self.ladder.fail(rung, problem)
        if rung != "exchange":
            self.ladder.add("exchange", Check.Result.NOT_RUN, REFUSED_ABOVE, evidence=self.facts.evidence)
        return problem

    # --- what is read, each once and only where it is needed ------------------------------------------------------

    @cached_property
    def reading(self) -> IssuerReading:
        """The issuer's documents as they are seen from here."""
        return read_issuer(self.desired.issuer_url, kid=self.kid, allow_loopback=settings.AWS_SANDBOX)

    @cached_property
    def observed(self) -> ObservedState | str:
        """What the account holds, or why that cannot be read."""
        try:
            observed = self.gateway.observe(self.desired)
        except AwsError as error:
            return explain_worker_error(error).sentence
        if observed.account_id != self.desired.account_id:
            return f"The worker is in account {dashed(observed.account_id)}, not in the role's."
        return observed

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """How the role's trust policy takes the token; None where it cannot be read, or there is no role."""
        if isinstance(self.observed, str) or self.observed.role is None:
            return None
        request = token_request(
            issuer_url=self.desired.issuer_url,
            claims=self.claims,
            provider_arn=self.desired.provider_arn,
            session_name=VERIFICATION_SESSION,
        )
        return evaluate_trust(self.observed.role.trust, request)

    # --- the cause, by how far AWS came ---------------------------------------------------------------------------

    def _find_cause(self) -> tuple[str, Problem]:
        facts = self.facts
        match read_refusal(facts):
            case Refusal.NO_PROVIDER:
                return "provider", self._explain_no_provider()
            case Refusal.NO_KEY:
                return self._explain_no_key()
            case Refusal.THUMBPRINT:
                return "issuer", self._explain_thumbprint()
            case Refusal.CLOCK:
                return "token", explain_clock(facts)
            case Refusal.AUDIENCE:
                return "audience", self._explain_audience()
            case Refusal.TOKEN:
                return self._explain_invalid()
            case Refusal.REGION_OFF:
                return "exchange", explain_region_off(facts, self.desired)
            case Refusal.SESSION_LENGTH:
                return "exchange", explain_session_length(facts, self.desired)
            case Refusal.NOT_AUTHORIZED:
                return self._explain_not_authorized()
            case Refusal.UNKNOWN:
                return "exchange", explain_unknown(facts)

    def _explain_no_provider(self) -> Problem:
        observed = self.observed
        if isinstance(observed, str):
            return explain_provider_missing(self.facts, self.desired)
        if observed.provider is not None:
            return explain_not_seen(self.facts, self.desired, what="provider")
        known = [url for url, _ in VERTESIA_ISSUERS]
        for other_url in known if self.desired.issuer_url in known else []:
            if other_url != self.desired.issuer_url and self._has_provider_for(other_url):
                return explain_issuer_renamed(self.facts, self.desired, other_url=other_url)
        return explain_provider_missing(self.facts, self.desired)

    def _has_provider_for(self, issuer_url: str) -> bool:
        try:
            return bool(self.gateway.read_audiences(self.desired.provider_arn_of(issuer_url)))
        except AwsError:  # what cannot be read is not there as far as we know
            return False

    def _explain_no_key(self) -> tuple[str, Problem]:
        failed = self.reading.failure
        if failed is not None:
            problem = explain_issuer(
                self.facts,
                issuer_url=self.desired.issuer_url,
                code=failed.problem,
                sentence=failed.sentence,
                evidence=failed.evidence,
            )
            return _RUNG_OF_STEP[failed.name], problem
        took = sum(step.milliseconds or 0 for step in self.reading.steps)
        seen = f"This console reads them in {took} ms: a firewall or another network lies between them and AWS."
        return "issuer", explain_issuer_unreachable(self.facts, issuer_url=self.desired.issuer_url, seen_from_here=seen)

    def _explain_thumbprint(self) -> Problem:
        provider = None if isinstance(self.observed, str) else self.observed.provider
        return explain_thumbprint(self.facts, self.desired, provider, computed=self.reading.thumbprint)

    def _explain_audience(self) -> Problem:
        provider = None if isinstance(self.observed, str) else self.observed.provider
        if provider is not None and self.desired.audience in provider.audiences:
            return explain_not_seen(self.facts, self.desired, what="audience")
        return explain_audience_missing(self.facts, self.desired, provider)

    def _explain_invalid(self) -> tuple[str, Problem]:
        """The signature or a claim is not taken: mostly other keys are published than the one that signs."""
        failed = self.reading.failure
        if failed is not None:
            return self._explain_no_key()
        return "signing_key", explain_token_refused(self.facts, issuer_url=self.desired.issuer_url)

    def _explain_not_authorized(self) -> tuple[str, Problem]:
        observed, evaluation = self.observed, self.evaluation
        if isinstance(observed, str):
            return "exchange", explain_unread_role(self.facts, self.desired, why_not=observed)
        if observed.role is None or observed.role.arn != self.desired.role_arn or evaluation is None:
            return "trust", explain_role_missing(self.facts, self.desired)
        change = find_smallest_change(observed.role.trust, evaluation.request)
        if evaluation.verdict == Verdict.REFUSED and change is not None:
            return "trust", explain_trust(self.facts, self.desired, evaluation, change)
        if evaluation.verdict == Verdict.UNKNOWN:
            return "trust", explain_undecided(self.facts, self.desired, evaluation)
        return "exchange", explain_denied_above(self.facts, self.desired, evaluation)

    # --- the rungs below the cause --------------------------------------------------------------------------------

    def _describe(self, name: str) -> None:
        match name:
            case "provider":
                self._describe_provider()
            case "audience":
                self._describe_audience()
            case "trust":
                self._describe_trust()
            case _:
                self._describe_reading(name)

    def _describe_reading(self, name: str) -> None:
        """A step of reading the issuer that did not keep AWS from its keys, whatever it looks like from here."""
        [step] = [step for step in self.reading.steps if step.name == _STEP_OF_RUNG[name]]
        if step.result == Result.PASSED:
            self.ladder.add(
                name, Check.Result.PASS, step.sentence, evidence=step.evidence, milliseconds=step.milliseconds
            )
        else:
            self.ladder.skip(name, f"Not seen from here, and {NOT_THE_CAUSE}: {step.sentence}")

    def _describe_provider(self) -> None:
        if isinstance(self.observed, str):
            self.ladder.skip("provider", self.observed)
        elif self.observed.provider is None:
            self.ladder.skip("provider", f"Not shown by IAM, and {NOT_THE_CAUSE}")
        else:
            self.ladder.add("provider", Check.Result.PASS, f"IAM has {self.desired.provider_arn}")

    def _describe_audience(self) -> None:
        provider = None if isinstance(self.observed, str) else self.observed.provider
        if isinstance(self.observed, str):
            self.ladder.skip("audience", self.observed)
        elif provider is not None and self.desired.audience in provider.audiences:
            listed = ", ".join(provider.audiences)
            self.ladder.add("audience", Check.Result.PASS, f"{self.desired.audience} is on its list: {listed}")
        else:
            self.ladder.skip("audience", f"Not shown by IAM, and {NOT_THE_CAUSE}")

    def _describe_trust(self) -> None:
        if isinstance(self.observed, str):
            self.ladder.skip("trust", self.observed)
        elif self.evaluation is None:
            self.ladder.skip("trust", "There is no role to read")
        elif self.evaluation.verdict == Verdict.ACCEPTED:
            self.ladder.add("trust", Check.Result.PASS, "Evaluated: it accepts this token")
        else:
            self.ladder.skip("trust", "AWS did not come as far as the trust policy")


_STEP_OF_RUNG = {"issuer": "address", "discovery": "discovery", "signing_key": "keys"}
_RUNG_OF_STEP = {step: rung for rung, step in _STEP_OF_RUNG.items()}
