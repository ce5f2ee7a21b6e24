"""Reading an issuer as AWS STS reads it before it believes a token: its address, its discovery, its keys.

AWS gives discovery and keys together five seconds, follows no redirect and tells nobody what went wrong
(https://repost.aws/knowledge-center/iam-sts-invalididentitytoken). This reads the same, and does tell.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from environments.fetching import Fetched, fetch
from environments.issuer.address import find_broken_rule
from environments.issuer.certificates import explain_certificates
from environments.issuer.documents import DISCOVERY_PATH
from environments.issuer.published_keys import KIDS_SHOWN, judge_keys
from environments.sockets import INTERNET, Deadline, FetchFailed, Network, Peer, Stage

AWS_DEADLINE_SECONDS = 5.0
MAX_SHOWN = 200
"""Characters of somebody else's text that are repeated."""

STEPS = ("address", "discovery", "keys")


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True)
class ReadingStep:
    """One step. `milliseconds` is None where it was not reached; `evidence` is JSON and holds nothing secret.

    `problem` is the cause where it failed: a `sockets.Stage`, `http_status`, `not_json`, `issuer_differs`,
    `no_jwks_uri`, `jwks_not_https`, or one of those of `published_keys.judge_keys`.
    """

    name: str
    result: Result
    sentence: str
    milliseconds: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class IssuerReading:
    """What came of reading the issuer at `url`: always the three steps of STEPS, in that order."""

    url: str
    steps: tuple[ReadingStep, ...]

    @property
    def failure(self) -> ReadingStep | None:
        """The step that failed; None where AWS can read this issuer."""
        return next((step for step in self.steps if step.result == Result.FAILED), None)

    @property
    def thumbprint(self) -> str:
        """What IAM wants in the provider's list, where the authority is private; empty where it cannot be told."""
        return next((str(found) for step in self.steps if (found := step.evidence.get("thumbprint"))), "")


def read_issuer(
    url: str,
    *,
    kid: str | None,
    allow_loopback: bool,
    deadline_seconds: float = AWS_DEADLINE_SECONDS,
    network: Network = INTERNET,
) -> IssuerReading:
    """Read the issuer at `url` and look for the key `kid`; None where nobody here knows which key signs.

    `allow_loopback` is the sandbox's waiver: plain http on a loopback host, with a port. Takes `deadline_seconds` at
    most, and raises nothing: what goes wrong stands in the first step that failed.
    """
    steps = list(_read(url, kid, allow_loopback, Deadline(deadline_seconds), network))
    steps += [
        ReadingStep(name, Result.NOT_REACHED, f"Not reached, because of the step {steps[-1].name}.")
        for name in STEPS[len(steps) :]
    ]
    return IssuerReading(url, tuple(steps))


def _read(
    url: str, kid: str | None, allow_loopback: bool, deadline: Deadline, network: Network
) -> Iterator[ReadingStep]:
    """The steps as far as they are reached: the last one may be a failure."""
    if rule := find_broken_rule(url, is_sandbox=allow_loopback):
        yield _fail("address", Stage.ADDRESS_NOT_ALLOWED, f"The issuer's URL {rule}.", 0, {"url": _shorten(url)})
        return
    discovery_url = f"{url}/{DISCOVERY_PATH}"
    try:
        fetched = fetch(
            discovery_url, allow_loopback=allow_loopback, deadline_seconds=deadline.seconds, network=network
        )
    except FetchFailed as error:
        if error.peer is None:
            yield _fail_to_connect("address", discovery_url, error, deadline, network)
        else:
            yield _pass_address(url, error.peer)
            took = error.milliseconds - error.peer.milliseconds
            yield _fail("discovery", error.stage, _add_limit(error, deadline), took, {"url": discovery_url})
        return
    yield _pass_address(url, fetched.peer)

    discovery, jwks_uri = _judge_discovery(url, discovery_url, fetched)
    yield discovery
    if not jwks_uri:
        return

    try:
        left = deadline.left()
        fetched = fetch(
            jwks_uri,
            allow_loopback=allow_loopback and url.startswith("http://"),
            deadline_seconds=left,
            network=network,
        )
    except TimeoutError:
        yield _fail("keys", Stage.TOO_SLOW, f"Discovery took all of the {deadline.seconds:.3g} seconds.", 0, {})
    except FetchFailed as error:
        yield _fail_to_connect("keys", jwks_uri, error, deadline, network)
    else:
        yield _judge_key_set(jwks_uri, kid, fetched)


def _judge_discovery(url: str, discovery_url: str, fetched: Fetched) -> tuple[ReadingStep, str]:
    """The step, and where the keys are where it passed."""
    took = fetched.milliseconds - fetched.peer.milliseconds
    evidence = {"url": discovery_url, "status": fetched.status, "bytes": len(fetched.body)}
    document, problem, sentence = _read_document(fetched, "The discovery document")
    if problem:
        return _fail("discovery", problem, sentence, took, evidence), ""
    actual, jwks_uri = document.get("issuer"), document.get("jwks_uri")
    evidence |= {"issuer": _shorten(actual), "jwks_uri": _shorten(jwks_uri)}
    if actual != url:
        sentence = f"The discovery document names another issuer, {_shorten(actual)}; AWS compares every byte."
        evidence |= {"expected": url, "actual": _shorten(actual)}
        return _fail("discovery", "issuer_differs", sentence, took, evidence), ""
    if not isinstance(jwks_uri, str) or not jwks_uri:
        sentence = "The discovery document has no jwks_uri, so nobody can find the keys."
        return _fail("discovery", "no_jwks_uri", sentence, took, evidence), ""
    if not jwks_uri.startswith("https://" if url.startswith("https://") else ("http://", "https://")):
        sentence = "The keys are not published by https: jwks_uri must begin with https://."
        return _fail("discovery", "jwks_not_https", sentence, took, evidence), ""
    sentence = "The discovery document names this issuer and where its keys are."
    return ReadingStep("discovery", Result.PASSED, sentence, took, evidence), jwks_uri


def _judge_key_set(jwks_uri: str, kid: str | None, fetched: Fetched) -> ReadingStep:
    took = fetched.milliseconds
    evidence = {
        "url": _shorten(jwks_uri),
        "status": fetched.status,
        "bytes": len(fetched.body),
        **_describe_peer(fetched.peer),
        "kid": kid,
    }
    document, problem, sentence = _read_document(fetched, "The key set")
    if problem:
        return _fail("keys", problem, sentence, took, evidence)
    keys = document.get("keys")
    judgement = judge_keys(keys if isinstance(keys, list) else [], kid=kid)
    evidence |= {
        "keys": judgement.number,
        "kids": list(judgement.kids[:KIDS_SHOWN]),
        "algorithm": judgement.algorithm,
    }
    if judgement.problem:
        return _fail("keys", judgement.problem, judgement.sentence, took, evidence)
    return ReadingStep("keys", Result.PASSED, judgement.sentence, took, evidence)


def _read_document(fetched: Fetched, what: str) -> tuple[dict[str, Any], str, str]:
    """The JSON object of an answer, and the problem and its sentence, which are empty where there is an object."""
    if fetched.status != 200:
        return {}, "http_status", f"{what} is answered with HTTP {fetched.status} instead of 200."
    try:
        document = json.loads(fetched.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return {}, "not_json", f"{what} is not a JSON object."
    return document, "", ""


def _pass_address(url: str, peer: Peer) -> ReadingStep:
    host = urlsplit(url).hostname
    sentence = f"{host} is at {peer.address}"
    sentence += ", and TLS holds." if peer.certificate else ", on this machine."
    return ReadingStep("address", Result.PASSED, sentence, peer.milliseconds, _describe_peer(peer))


def _describe_peer(peer: Peer) -> dict[str, Any]:
    if peer.certificate is None:
        return {"address": peer.address}
    return {
        "address": peer.address,
        "certificate_names": list(peer.certificate.names[:KIDS_SHOWN]),
        "certificate_issuer": peer.certificate.issuer,
        "certificate_expires_at": peer.certificate.expires_at.isoformat(),
    }


def _fail_to_connect(name: str, url: str, error: FetchFailed, deadline: Deadline, network: Network) -> ReadingStep:
    evidence: dict[str, Any] = {"url": _shorten(url), **(_describe_peer(error.peer) if error.peer else {})}
    if error.tls_reason is not None:
        evidence["tls_reason"] = error.tls_reason.value
        evidence |= explain_certificates(url, error.tls_reason, deadline=deadline, network=network)
    return _fail(name, error.stage, _add_limit(error, deadline), error.milliseconds, evidence)


def _add_limit(error: FetchFailed, deadline: Deadline) -> str:
    if error.stage != Stage.TOO_SLOW:
        return str(error)
    return f"{error} AWS gives discovery and keys together {deadline.seconds:.3g} seconds."


def _shorten(value: Any) -> str:
    return "" if value is None else str(value)[:MAX_SHOWN]


def _fail(name: str, problem: str, sentence: str, milliseconds: int, evidence: Mapping[str, Any]) -> ReadingStep:
    return ReadingStep(name, Result.FAILED, sentence, milliseconds, evidence, str(problem))
