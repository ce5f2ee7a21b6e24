"""Asking Vertesia itself: a token of the environment where it gives one, and the models that it sees through the role.

Its own list is the proof where only Vertesia can sign: to list, it exchanged a token of its own for the role.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from aws_setup.diagnosis import Blocked, ErrorFacts, Problem
from aws_setup.diagnosis.listings import explain_listing
from aws_setup.diagnosis.vertesia import (
    evidence_of,
    explain_api_key_differs,
    explain_environment_gone,
    explain_issuer_differs,
    explain_lists_nothing,
    explain_region_differs,
    explain_vertesia,
)
from aws_setup.gateway.errors import AwsError
from aws_setup.listing import Kind, PredictedModel
from aws_setup.models import Check
from aws_setup.proofs.attempt import Attempt
from aws_setup.proofs.ladder import UNREAD
from aws_setup.proofs.looking import Look, evaluate_isolation, look
from aws_setup.proofs.rungs import LISTINGS, PROVEN_BY_EXCHANGE
from aws_setup.vertesia.comparison import CALLS, NAMES, Comparison, compare_lists, fits_hint
from environments.issuer.unverified import UnreadableToken, UnverifiedToken, read_header, read_unverified
from environments.vertesia.answers import AIModel, TokenClaims, VertesiaEnvironment
from environments.vertesia.errors import EnvironmentTokenRefused, NotFound, Rejected, VertesiaError
from environments.vertesia.protocol import Vertesia
from environments.vertesia.requests import IssueEnvironmentToken

RUNG = "vertesia_models"
PROVEN_BY_LIST = "Proven by Vertesia's own list"
SWALLOWED = "Foundation models not found"
"""What Vertesia's driver says instead of AWS's words (llumiverse drivers/src/bedrock/index.ts, `_listModels`)."""
KIND_OF_RUNG: dict[str, Kind] = {
    "foundation_models": "foundation",
    "custom_models": "custom",
    "inference_profiles": "profile",
}


class WaitForVertesia(Exception):
    """Vertesia may answer otherwise in a moment. `advised`: seconds that it asks to wait, 0 where it names none."""

    def __init__(self, error: VertesiaError | None = None) -> None:
        super().__init__(str(error) if error else "Vertesia lists nothing yet")
        self.error = error
        self.is_propagation = error is None
        self.advised = (error.retry_after or 0.0) if error else 0.0

    @property
    def what(self) -> str:
        """What is waited for, as the beginning of a sentence."""
        return f"{self} (AWS may not show the change everywhere)" if self.error is None else str(self).rstrip(".")


@dataclass(frozen=True)
class Asked:
    """What Vertesia answered. `listed` is how many models it lists; None where it could not be asked, or it is not sure
    that it listed them with the agreed role: then nothing is proven. `seen` is what was seen without a token, None
    where a token was exchanged. `issues_tokens` None: not asked.
    """

    models: list[PredictedModel]
    listed: int | None
    seen: Look | None
    issues_tokens: bool | None


class _CannotAsk(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


@dataclass(frozen=True, eq=False, repr=False)
class _VertesiasToken:
    """A token that Vertesia signed for the environment: a credential, kept as long as the attempt."""

    value: str
    claims: Mapping[str, Any]
    kid: str


@dataclass
class Asking:
    """One attempt through Vertesia. `issuer_seen` is the `iss` of the tokens that it gave for the API key.

    `issues_tokens` holds, also after an exception, whether a token of the environment was given; None: not asked.
    """

    attempt: Attempt
    vertesia: Vertesia
    issuer_seen: str
    issues_tokens: bool | None = None

    def prove(self) -> Asked:
        """Raises WaitForVertesia, and WaitForAws and Blocked as Attempt.prove does.

        Needs, beside the API key, the reading actions of policies.provisioning_policy for what is compared.
        """
        self.attempt.require_current_agreement()
        try:
            return self._ask()
        except _CannotAsk as error:
            return look_only(self.attempt, error.problem, issues_tokens=self.issues_tokens)

    def _ask(self) -> Asked:
        attempt = self.attempt
        attempt.say("Reading the environment in Vertesia")
        try:
            there = self.vertesia.read_environment(attempt.environment.environment_id)
            claims = self.vertesia.read_claims()
        except VertesiaError as error:
            self._cannot(error)
        self._require_told(there)
        token = self._find_token(there, claims)
        if token is not None:
            self._prove_with(token)
        attempt.say("Asking Vertesia which models it sees")
        listed = self._list(there)
        seen = None if token else self._look()
        models = attempt.models if seen is None else seen.models
        comparison = compare_lists(models, listed, unread=self._unread())
        attempt.models = list(comparison.models)
        attempt.ladder.add(RUNG, Check.Result.PASS, comparison.sentence, evidence=comparison.evidence)
        is_sure = token is not None or fits_hint(attempt.role_arn, there.apikey_hint)
        if token is None and is_sure:
            self._note_proven(comparison)
        elif token is None:
            attempt.ladder.skip("exchange", "Vertesia does not show which role it listed with")
        if attempt.ladder.problem is not None:
            raise Blocked(attempt.ladder.problem)
        return Asked(attempt.models, comparison.listed if is_sure else None, seen, self.issues_tokens)

    # --- what Vertesia holds --------------------------------------------------------------------------------------

    def _cannot(self, error: VertesiaError) -> NoReturn:
        """Why nothing more can be asked: in a moment, never again, or not with this key."""
        attempt = self.attempt
        if error.is_transient:
            raise WaitForVertesia(error) from error
        if isinstance(error, NotFound):
            environment = attempt.environment
            attempt.block(RUNG, explain_environment_gone(environment.name, environment.environment_id), cause=error)
        raise _CannotAsk(explain_vertesia(error)) from error

    def _require_told(self, there: VertesiaEnvironment) -> None:
        """Vertesia must hold what was agreed, or its list says nothing about it."""
        attempt, desired = self.attempt, self.attempt.desired
        if not there.has_api_key:
            raise _CannotAsk(_not_told(there.name, attempt.role_arn))
        if there.apikey_hint and not fits_hint(attempt.role_arn, there.apikey_hint):
            problem = explain_api_key_differs(there.name, hint=there.apikey_hint, role_arn=attempt.role_arn)
            attempt.block(RUNG, problem)
        if there.endpoint_url != desired.region:
            attempt.block(RUNG, explain_region_differs(there.name, actual=there.endpoint_url, expected=desired.region))

    # --- a token --------------------------------------------------------------------------------------------------

    def _find_token(self, there: VertesiaEnvironment, claims: TokenClaims) -> _VertesiasToken | None:
        """A token of the environment; None where Vertesia gives none to this key, as is to be expected."""
        allowed = there.allowed_projects or ()
        project_id = claims.project_id if claims.project_id in allowed or not allowed else allowed[0]
        wanted = IssueEnvironmentToken(
            environment_id=there.id,
            environment_name=there.name,
            project_id=project_id,
            account_id=there.account_id,
            audience=self.attempt.desired.audience,
        )
        try:
            issued = self.vertesia.issue_environment_token(wanted)
        except (EnvironmentTokenRefused, Rejected) as error:
            self.issues_tokens = False
            said = f": {error.code or error.message}" if error.code or error.message else ""
            self.attempt.ladder.skip("token", f"Vertesia gives this API key no token of the environment{said}")
            return None
        except VertesiaError as error:
            self._cannot(error)
        self.issues_tokens = True
        try:
            unverified = UnverifiedToken(issued.value)
            return _VertesiasToken(
                issued.value, read_unverified(unverified), str(read_header(unverified).get("kid", ""))
            )
        except UnreadableToken:
            return None

    def _prove_with(self, token: _VertesiasToken) -> None:
        """The whole exchange with Vertesia's token. What must be refused cannot be signed here: it is evaluated."""
        attempt = self.attempt
        names = ("iss", "sub", "aud", "jti")
        evidence = {name: str(token.claims[name]) for name in names if name in token.claims} | {"kid": token.kid}
        attempt.ladder.add(
            "token", Check.Result.PASS, f"Vertesia signed for {token.claims.get('sub', 'nobody')}", evidence=evidence
        )
        wanted, attempt.token = attempt.wanted, token
        attempt.wanted = replace(wanted, with_isolation=False)
        try:
            attempt.prove()
        finally:
            attempt.wanted = wanted
            if wanted.with_isolation:
                self._evaluate_isolation()

    def _evaluate_isolation(self) -> None:
        try:
            observed = self.attempt.gateway.observe(self.attempt.desired)
        except AwsError:
            return  # nothing is known then, and the checks are missing
        if observed.role is not None:
            evaluate_isolation(self.attempt, observed.role.trust)

    # --- its list -------------------------------------------------------------------------------------------------

    def _list(self, there: VertesiaEnvironment) -> tuple[AIModel, ...]:
        """What it lists. Where that is nothing, the cause is looked for: Vertesia does not repeat AWS's words."""
        try:
            listed = self.vertesia.list_models(there.id)
        except VertesiaError as error:
            if SWALLOWED not in error.message and not isinstance(error, Rejected):
                self._cannot(error)
            self._explain_nothing(evidence_of(error))
        if not listed:
            self._explain_nothing({"Vertesia answers": "an empty list"})
        return listed

    def _explain_nothing(self, evidence: dict[str, str]) -> NoReturn:
        attempt, desired = self.attempt, self.attempt.desired
        if attempt.is_spreading():
            raise WaitForVertesia
        if self.issuer_seen and self.issuer_seen not in {url for url, _ in desired.trusted_issuers}:
            attempt.block(RUNG, explain_issuer_differs(expected=desired.issuer_url, actual=self.issuer_seen))
        if self.issues_tokens is not True:
            look(attempt)
        if attempt.ladder.problem is not None:
            raise Blocked(attempt.ladder.problem)
        attempt.block(RUNG, explain_lists_nothing(attempt.environment.name, evidence=evidence))

    def _look(self) -> Look:
        """What can be seen from here beside it. What this console may not read takes nothing from Vertesia's proof."""
        attempt = self.attempt
        try:
            return look(attempt)
        except Blocked as blocked:
            if not isinstance(blocked.__cause__, AwsError):
                raise
            attempt.ladder.excuse(f"Not read from here: {blocked.problem.sentence}")
            return Look(models=[], last_used=None, differences=[])

    def _unread(self) -> list[Kind]:
        checks = self.attempt.ladder.checks
        return [kind for name, kind in KIND_OF_RUNG.items() if name not in checks or checks[name].evidence == UNREAD]

    def _note_proven(self, comparison: Comparison) -> None:
        """What Vertesia's list proves: somebody with its token was lent the role, and listed."""
        ladder, desired = self.attempt.ladder, self.attempt.desired
        for name in (*PROVEN_BY_EXCHANGE, "exchange", "identity"):
            check = ladder.checks.get(name)
            if check is None or check.result == Check.Result.SKIPPED:
                ladder.add(name, Check.Result.PASS, PROVEN_BY_LIST)
        for name in LISTINGS:
            kind = KIND_OF_RUNG[name]
            if kind in comparison.missing_kinds and kind != "foundation":
                if self.attempt.is_spreading():
                    raise WaitForVertesia
                ladder.fail(name, self._explain_left_out(kind))
                continue
            number = sum(model.shown_in_studio and model.kind == kind for model in comparison.models)
            if number or kind == "foundation":
                detail = f"{number} {NAMES[kind]} in {desired.region}, by Vertesia's own list"
                ladder.add(name, Check.Result.PASS, detail)

    def _explain_left_out(self, kind: Kind) -> Problem:
        said = f"Vertesia lists no {NAMES[kind]}, and AWS lists them to this console."
        facts = ErrorFacts(operation=CALLS[kind], code="", message=said)
        return explain_listing(facts, self.attempt.desired, is_denied=True)


def look_only(attempt: Attempt, problem: Problem, *, issues_tokens: bool | None = None) -> Asked:
    """Vertesia cannot be asked, for this reason: what can be seen without it. Raises as `look` does."""
    attempt.ladder.skip(
        RUNG, f"Vertesia could not be asked: {problem.sentence}", evidence=problem.evidence, remedy=problem.remedy
    )
    seen = look(attempt)
    return Asked(seen.models, None, seen, issues_tokens)


def _not_told(name: str, role_arn: str) -> Problem:
    return Problem(
        code="vertesia_not_told",
        sentence=f"it holds no API key for {name} yet.",
        remedy=f"Tell Vertesia again, or set the API key to {role_arn} in Vertesia Studio.",
    )
