"""One attempt at the proof, as Vertesia would go about it: a token, STS, the identity, the three listings.

It asks AWS and climbs the ladder of checks; it stores nothing but the history of the token it signs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem, explain_list_denied
from aws_setup.drift.differences import Difference, explain_differences
from aws_setup.drift.state_differences import find_differences
from aws_setup.explaining import explain_worker_error, facts_of
from aws_setup.gateway.errors import AwsBusy, AwsError, AwsRefused, AwsUnreachable
from aws_setup.gateway.protocol import Answers, Exchange, Gateway
from aws_setup.ladder import LISTINGS, Ladder
from aws_setup.listing import PredictedModel, predict_listing
from aws_setup.models import Check
from aws_setup.names import InvalidName, dashed, parse_assumed_role_arn
from aws_setup.refusals import explain_outdated, explain_refusal, may_be_propagation
from environments.history import Actor
from environments.installation import IssuerMismatch, issuer_mismatch
from environments.issuer.keys import NoSigningKey
from environments.issuer.tokens import SignedToken, issue_token
from environments.models import Environment
from environments.secrets import NoKeyFits

SESSION_NAME = "vertesia-aws-setup-verify"
"""Tells our verifications apart from Vertesia's own sessions in CloudTrail."""


class WaitForAws(Exception):
    """AWS may answer otherwise in a moment; `error` is what it answered now, in the check of this name."""

    def __init__(self, error: AwsError, *, check: str, is_propagation: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.check = check
        self.is_propagation = is_propagation


@dataclass(frozen=True)
class Look:
    """What can be seen without a token. `differences` are points in which AWS differs from what was agreed."""

    models: list[PredictedModel]
    last_used: datetime | None
    differences: list[Difference]


def explain_moved_issuer(mismatch: IssuerMismatch | None) -> Problem | None:
    """Why AWS will not find the keys of the tokens signed here; None where the issuer stands where it stood."""
    if mismatch is None:
        return None
    return Problem(
        code="issuer_moved",
        sentence=mismatch.sentence,
        why=mismatch.why,
        remedy=f"{mismatch.remedies[0]}. {mismatch.remedies[1]}.",
        command=f"ISSUER_URL={mismatch.trusted} make run",
        fix="plan",
    )


def explain_lost_key(error: NoKeyFits | NoSigningKey) -> Problem:
    """Why the built-in issuer cannot sign."""
    is_unreadable = isinstance(error, NoKeyFits)
    return Problem(
        code="signing_key_lost",
        sentence="The built-in issuer's signing key cannot be decrypted: ENCRYPTION_KEYS no longer holds its key."
        if is_unreadable
        else "The built-in issuer has no signing key.",
        why="Without it no token can be signed. Roles in AWS trust the issuer's address, not its keys: they need no "
        "change.",
        remedy=(
            "If the former encryption key is at hand, put it behind the new one in ENCRYPTION_KEYS and start again. "
            if is_unreadable
            else ""
        )
        + "Otherwise make a new signing key and verify again.",
        command="./manage.py prepare --new-signing-key",
        fix="verify",
    )


@dataclass
class Attempt:
    """What one attempt works with. `role_arn` is the role as AWS holds it; `is_spreading` says whether AWS may still
    be spreading a change of ours; `say` tells whoever watches what happens now.

    `prove` and `look` raise WaitForAws where AWS may answer otherwise in a moment, and Blocked with the cause where it
    will not; either way `ladder` holds the checks made so far.
    """

    environment: Environment
    role_arn: str
    desired: DesiredState
    gateway: Gateway
    actor: Actor
    caller_arn: str
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    is_spreading: Callable[[], bool]
    ladder: Ladder = field(default_factory=Ladder)

    def prove(self) -> list[PredictedModel]:
        """The models that Bedrock lists to whoever holds this environment's token."""
        exchange = self._exchange(self._sign())
        self._compare_identity(exchange)
        self.say(f"Listing the Bedrock models of {self.desired.region} through role {self.desired.role_name}")
        return self._read_listing(self.gateway.list_models(exchange.credentials, region=self.desired.region))

    def look(self) -> Look:
        """Without a token: what the region offers by the worker's own rights, and the role's last use. Never proof.

        Only Vertesia can sign for its issuer, so this compares what AWS holds with what was agreed.
        """
        self._require_current_agreement()
        issuer_url, desired = self.desired.issuer_url, self.desired
        self.ladder.add("token", Check.Result.SKIPPED, f"Only Vertesia can sign tokens of {issuer_url}")
        self.ladder.add("exchange", Check.Result.SKIPPED, "Without a token nothing can be exchanged from here")
        self.say(f"Comparing what account {dashed(desired.account_id)} holds with what was agreed")
        last_used, differences = self._compare_agreement()
        points = "1 point differs" if len(differences) == 1 else f"{len(differences)} points differ"
        how = f"though {points} from what was agreed" if differences else "as agreed"
        held = f"AWS holds role {desired.role_name} {how}; who assumes it shows later"
        self.ladder.add("identity", Check.Result.SKIPPED, held)
        answers = self.gateway.list_models(None, region=desired.region)
        found: dict[str, list[dict[str, Any]]] = {}
        for name in LISTINGS:
            answer = getattr(answers, name)
            found[name] = [] if isinstance(answer, AwsError) else answer
            self.ladder.add(name, Check.Result.SKIPPED, self._describe_offer(name, answer))
        return Look(predict_listing(**found), last_used, differences)

    def _describe_offer(self, name: str, answer: list[dict[str, Any]] | AwsError) -> str:
        if isinstance(answer, AwsBusy):
            raise WaitForAws(answer, check=name, is_propagation=False)
        if isinstance(answer, AwsRefused) and answer.is_denied:
            return f"The worker may not look: {answer.message}"
        if isinstance(answer, AwsError):
            return f"The worker could not look: {answer.message}"
        return f"{len(answer)} in {self.desired.region} by the worker's own rights: not proof"

    def _sign(self) -> SignedToken:
        desired = self.desired
        self._require_current_agreement()
        if problem := explain_moved_issuer(issuer_mismatch()):
            self._block("token", problem)
        try:
            token = issue_token(self.environment, actor=self.actor, now=self.clock())
        except (NoKeyFits, NoSigningKey) as error:
            self._block("token", explain_lost_key(error), cause=error)
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

    def _require_current_agreement(self) -> None:
        """What was agreed must be about what the environment is now, or nothing here says anything about it."""
        subject, issuer_url = self.environment.subject, self.environment.organization.issuer.url
        if (subject, issuer_url) != (self.desired.subject, self.desired.issuer_url):
            self._block("token", explain_outdated(self.desired, subject=subject, issuer_url=issuer_url))

    def _exchange(self, token: SignedToken) -> Exchange:
        desired, started = self.desired, self.clock()
        self.say(f"Exchanging a token for role {desired.role_name} at STS in {desired.region}")
        try:
            exchange = self.gateway.exchange(
                token.value, role_arn=self.role_arn, session_name=SESSION_NAME, region=desired.region
            )
        except AwsError as error:
            if may_be_propagation(facts_of(error)) and self.is_spreading():
                raise WaitForAws(error, check="exchange", is_propagation=True) from error
            if error.is_transient and error.code != "IDPCommunicationError":
                raise WaitForAws(error, check="exchange", is_propagation=False) from error
            self._block("exchange", self._explain_refusal(error), cause=error)
        self.ladder.add(
            "exchange",
            Check.Result.PASS,
            f"STS lent role {desired.role_name}",
            evidence={
                "subject": exchange.subject,
                "audience": exchange.audience,
                "provider": exchange.provider,
                "request id": exchange.request_id,
            },
            milliseconds=round((self.clock() - started).total_seconds() * 1000),
        )
        return exchange

    def _explain_refusal(self, error: AwsError) -> Problem:
        """Climb to the cause, as far as the worker may read the account."""
        if isinstance(error, AwsUnreachable):
            return explain_worker_error(error)
        try:
            observed = self.gateway.observe(self.desired)
        except AwsError:  # what cannot be read never hides what STS said
            observed = None
        return explain_refusal(facts_of(error), desired=self.desired, observed=observed)

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
            self._block("identity", problem)
        self.ladder.add("identity", Check.Result.PASS, f"It is {exchange.assumed_role_arn}", evidence=evidence)

    def _read_listing(self, answers: Answers) -> list[PredictedModel]:
        """Check each of the three answers; the first that failed is the cause, the others are checked all the same."""
        found: dict[str, list[dict[str, Any]]] = {}
        problems: list[Problem] = []
        for name in LISTINGS:
            answer = getattr(answers, name)
            if isinstance(answer, AwsError):
                problems.append(self._explain_listing(name, answer))
                self.ladder.fail(name, problems[-1])
                continue
            found[name] = answer
            self.ladder.add(
                name,
                Check.Result.PASS,
                f"{len(answer)} {name.replace('_', ' ')} in {self.desired.region}",
                milliseconds=answers.milliseconds.get(f"list_{name}"),
            )
        if problems:
            raise Blocked(problems[0])
        return predict_listing(**found)

    def _explain_listing(self, name: str, error: AwsError) -> Problem:
        is_denied = isinstance(error, AwsRefused) and error.is_denied
        if is_denied and self.is_spreading():
            raise WaitForAws(error, check=name, is_propagation=True)
        if error.is_transient:
            raise WaitForAws(error, check=name, is_propagation=False)
        if is_denied:
            return explain_list_denied(facts_of(error), role_name=self.desired.role_name)
        return explain_worker_error(error)

    def _compare_agreement(self) -> tuple[datetime | None, list[Difference]]:
        """When the role was last used, and in what AWS differs from what was agreed without locking Vertesia out.

        What locks it out is the cause.
        """
        try:
            differences = find_differences(self.desired, self.gateway.observe(self.desired))
            # A role that is gone has no last use to ask for.
            is_gone = any(difference.kind == "role_deleted" for difference in differences)
            last_used = None if is_gone else self.gateway.read_role_last_used(self.desired.role_name)
        except AwsError as error:
            if error.is_transient:
                raise WaitForAws(error, check="identity", is_propagation=False) from error
            self._block("identity", explain_worker_error(error, caller_arn=self.caller_arn), cause=error)
        if not any(difference.severity == "breaks" for difference in differences):
            return last_used, differences
        if self.is_spreading():
            late = AwsBusy("AWS does not show yet what was written.", operation="iam:GetRole", code="NotYetVisible")
            raise WaitForAws(late, check="identity", is_propagation=True)
        self._block("identity", explain_differences(differences, name=self.environment.name))

    def _block(self, check: str, problem: Problem, *, cause: Exception | None = None) -> NoReturn:
        self.ladder.fail(check, problem)
        raise Blocked(problem) from cause
