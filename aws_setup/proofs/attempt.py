"""One attempt at the proof, as Vertesia would go about it: a token, STS, the identity, the three listings.

It asks AWS and climbs the ladder of checks; it stores nothing but the history of the tokens it signs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any, NoReturn, Protocol

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.diagnosis.exchange import explain_outdated, may_be_propagation
from aws_setup.diagnosis.listings import explain_listing
from aws_setup.explaining import explain_worker_error, facts_of
from aws_setup.gateway.errors import AwsError, AwsRefused, AwsUnreachable
from aws_setup.gateway.protocol import Answers, Exchange, Gateway
from aws_setup.listing import PredictedModel, predict_listing
from aws_setup.models import Check, Clock
from aws_setup.names import InvalidName, dashed, parse_assumed_role_arn
from aws_setup.proofs.climbing import Climb
from aws_setup.proofs.isolation import Isolation
from aws_setup.proofs.ladder import UNREAD, Ladder
from aws_setup.proofs.model_use import check_availability, check_permissions, try_one_token
from aws_setup.proofs.rungs import LISTINGS, PROVEN_BY_EXCHANGE
from aws_setup.proofs.sessions import VERIFICATION_SESSION
from aws_setup.proofs.signing import explain_lost_key, explain_moved_issuer
from environments.history import Actor
from environments.installation import issuer_mismatch
from environments.issuer.keys import NoSigningKey
from environments.issuer.tokens import SignedToken, issue_token
from environments.models import Environment
from environments.secrets import NoKeyFits


class WaitForAws(Exception):
    """AWS may answer otherwise in a moment; `error` is what it answered now, in the check of this name."""

    def __init__(self, error: AwsError, *, check: str, is_propagation: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.check = check
        self.is_propagation = is_propagation

    @property
    def what(self) -> str:
        """What is waited for, as the beginning of a sentence."""
        if self.is_propagation:
            return f"AWS does not show the change everywhere yet ({self.error.code})"
        return f"{self.error.operation} did not succeed ({self.error.code})"


class Token(Protocol):
    """A token for the environment, whoever signed it: a credential. Only `value` shows it."""

    @property
    def value(self) -> str: ...

    @property
    def claims(self) -> Mapping[str, Any]: ...

    @property
    def kid(self) -> str: ...


@dataclass(frozen=True)
class Wanted:
    """What is to be proven beside the exchange and the listings.

    `chosen_models`: ids or ARNs whose availability counts. `one_token_of`: a model to ask for one token, which costs
    money; empty for none. `with_isolation`: whether tokens that must be refused are tried as well.
    """

    chosen_models: tuple[str, ...] = ()
    one_token_of: str = ""
    with_isolation: bool = False


@dataclass
class Attempt:
    """What one attempt works with. `role_arn` is the role as AWS holds it; `is_spreading` says whether AWS may still
    be spreading a change of ours; `say` tells whoever watches what happens now; `spend` says whether a call that costs
    money may be made, once. `token` is one that Vertesia signed; without one the built-in issuer signs.

    `prove` raises WaitForAws where AWS may answer otherwise in a moment, and Blocked with the cause where it will not;
    either way `ladder` holds the checks made so far, and `models` what was listed.
    """

    environment: Environment
    role_arn: str
    desired: DesiredState
    gateway: Gateway
    actor: Actor
    caller_arn: str
    clock: Clock
    say: Callable[[str], None]
    is_spreading: Callable[[], bool]
    wanted: Wanted = Wanted()
    spend: Callable[[], bool] = lambda: True
    token: Token | None = None
    random: Random = field(default_factory=SystemRandom)
    ladder: Ladder = field(default_factory=Ladder)
    models: list[PredictedModel] = field(default_factory=list)

    def prove(self) -> None:
        """The models that Bedrock lists to whoever holds this environment's token, and what else is wanted."""
        exchange = self._exchange(self._find_token())
        self._compare_identity(exchange)
        self.say(f"Listing the Bedrock models of {self.desired.region} through role {self.desired.role_name}")
        self._read_listing(self.gateway.list_models(exchange.credentials, region=self.desired.region))
        if self.ladder.problem is None:
            self.say(f"Asking what role {self.desired.role_name} may do with them")
            self._check_use(exchange)
        # Whoever can get in counts also where the models are not listed.
        if self.wanted.with_isolation:
            self.say("Trying tokens that must be refused")
            self._prove_isolation()
        if self.ladder.problem is not None:
            raise Blocked(self.ladder.problem)

    def _check_use(self, exchange: Exchange) -> None:
        chosen, one_token_of = self.wanted.chosen_models, self.wanted.one_token_of
        check_permissions(
            self.ladder, self.gateway, self.desired, self.models, chosen=chosen, is_spreading=self.is_spreading()
        )
        check_availability(self.ladder, self.gateway, self.desired, self.models, chosen=chosen)
        if one_token_of and not self.spend():
            self.ladder.skip("one_token", "It was asked for before, and the worker was lost; it is not paid for twice")
        elif one_token_of:
            try_one_token(self.ladder, self.gateway, self.desired, exchange, model=one_token_of)

    def _prove_isolation(self) -> None:
        Isolation(
            environment=self.environment,
            role_arn=self.role_arn,
            desired=self.desired,
            gateway=self.gateway,
            ladder=self.ladder,
            actor=self.actor,
            clock=self.clock,
            random=self.random,
        ).prove()

    def require_current_agreement(self) -> None:
        """What was agreed must be about what the environment is now, or nothing here says anything about it."""
        subject, issuer_url = self.environment.subject, self.environment.organization.issuer.url
        if (subject, issuer_url) != (self.desired.subject, self.desired.issuer_url):
            self.block("token", explain_outdated(self.desired, subject=subject, issuer_url=issuer_url))

    def block(self, check: str, problem: Problem, *, cause: Exception | None = None) -> NoReturn:
        """This rung is red, and what comes after it makes no sense."""
        self.ladder.fail(check, problem)
        raise Blocked(problem) from cause

    def _find_token(self) -> Token:
        self.require_current_agreement()
        return self.token or self._sign()

    def _sign(self) -> SignedToken:
        desired = self.desired
        if problem := explain_moved_issuer(issuer_mismatch()):
            self.block("token", problem)
        try:
            token = issue_token(self.environment, actor=self.actor, now=self.clock())
        except (NoKeyFits, NoSigningKey) as error:
            self.block("token", explain_lost_key(error), cause=error)
        self.ladder.add(
            "token",
            Check.Result.PASS,
            f"Signed for {desired.subject} with audience {desired.audience}",
            evidence={
                "iss": desired.issuer_url,
                "sub": desired.subject,
                "aud": desired.audience,
                "jti": token.claims["jti"],
                "kid": token.kid,
            },
        )
        return token

    def _exchange(self, token: Token) -> Exchange:
        desired, started = self.desired, self.clock()
        self.say(f"Exchanging a token for role {desired.role_name} at STS in {desired.region}")
        try:
            exchange = self.gateway.exchange(
                token.value, role_arn=self.role_arn, session_name=VERIFICATION_SESSION, region=desired.region
            )
        except AwsError as error:
            if may_be_propagation(facts_of(error)) and self.is_spreading():
                raise WaitForAws(error, check="exchange", is_propagation=True) from error
            if error.is_transient and error.code != "IDPCommunicationError":
                raise WaitForAws(error, check="exchange", is_propagation=False) from error
            self._explain(error, token)
        for name in PROVEN_BY_EXCHANGE:
            self.ladder.add(name, Check.Result.PASS, "Proven by the exchange")
        self.ladder.add(
            "exchange",
            Check.Result.PASS,
            f"STS lent role {desired.role_name}",
            evidence={
                "subject": exchange.subject,
                "audience": exchange.audience,
                "provider": exchange.provider,
                "session name": VERIFICATION_SESSION,
                "request id": exchange.request_id,
            },
            milliseconds=round((self.clock() - started).total_seconds() * 1000),
        )
        return exchange

    def _explain(self, error: AwsError, token: Token) -> NoReturn:
        """Climb to the cause, as far as the worker may read."""
        if isinstance(error, AwsUnreachable):
            self.block("exchange", explain_worker_error(error), cause=error)
        self.say("AWS refused; climbing to the cause")
        climb = Climb(self.desired, self.gateway, self.ladder, facts_of(error), claims=token.claims, kid=token.kid)
        raise Blocked(climb.explain()) from error

    def _compare_identity(self, exchange: Exchange) -> None:
        desired = self.desired
        try:
            assumed = parse_assumed_role_arn(exchange.assumed_role_arn)
            is_same_name = assumed.name.lower() == desired.role_name.lower()  # IAM does not tell names apart by case
            is_expected = is_same_name and assumed.account_id == desired.account_id
        except InvalidName:
            is_expected = False
        evidence = {"expected": desired.role_arn, "actual": exchange.assumed_role_arn}
        if not is_expected:
            problem = Problem(
                code="identity_unexpected",
                sentence=f"STS lent {exchange.assumed_role_arn}, not role {desired.role_name} in "
                f"{dashed(desired.account_id)}.",
                remedy="Plan the connection again and compare the role ARN letter by letter.",
                fix="plan",
                evidence=evidence,
            )
            self.block("identity", problem)
        self.ladder.add("identity", Check.Result.PASS, f"It is {exchange.assumed_role_arn}", evidence=evidence)

    def _read_listing(self, answers: Answers) -> None:
        """Check each of the three answers; the first that failed is the cause. What could be read is kept."""
        found: dict[str, list[dict[str, Any]] | None] = {}
        for name in LISTINGS:
            answer = getattr(answers, name)
            if isinstance(answer, AwsError):
                found[name] = None
                self._note_failed_listing(name, answer)
                continue
            found[name] = answer
            self.ladder.add(
                name,
                Check.Result.PASS,
                f"{len(answer)} {name.replace('_', ' ')} in {self.desired.region}",
                milliseconds=answers.milliseconds.get(f"list_{name}"),
            )
        self.models = predict_listing(answers.first_page, **found)

    def _note_failed_listing(self, name: str, error: AwsError) -> None:
        is_denied = isinstance(error, AwsRefused) and error.is_denied
        if is_denied and self.is_spreading():
            raise WaitForAws(error, check=name, is_propagation=True)
        if error.is_transient:
            raise WaitForAws(error, check=name, is_propagation=False)
        if name == "custom_models" and not is_denied and isinstance(error, AwsRefused):
            # Some regions have no custom models and answer with an error; the driver goes on without them, too.
            sentence = f"Bedrock lists no custom models here; Studio goes on without. AWS: {error.message}"
            self.ladder.skip(name, sentence, evidence=UNREAD)
            return
        self.ladder.fail(name, explain_listing(facts_of(error), self.desired, is_denied=is_denied))
