"""The chain of trust from issuer to models, each link with its rule and whether it holds. Pure.

A link is proven only by a verification that got past it. STS looks for the provider of the token's `iss` first, then
fetches the issuer's keys, then compares the audience, then evaluates the role's trust
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html): a failure at one of these
proves those before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aws_setup.proofs.rungs import ATTACHMENT_LINK, ISOLATION, ISSUER_LINK, LISTINGS, PERMISSION_LINK, RUNGS, TRUST_LINK


class LinkState(StrEnum):
    """Whether a link holds, and how that is known."""

    PROVEN = "proven"
    PROOF_IS_OLD = "proof_is_old"
    CONFIRMED = "confirmed"
    UNPROVEN = "unproven"
    BROKEN = "broken"
    AFTER_BREAK = "after_break"


@dataclass(frozen=True)
class Node:
    """One end of a link. `detail` is its name in AWS or at Vertesia; `is_faded` where nothing is known to stand."""

    name: str
    detail: str
    position: int
    is_faded: bool = False

    @property
    def left(self) -> float:
        """Where its box begins, in percent of the drawing's width."""
        return self.position * STRIDE

    @property
    def words(self) -> list[str]:
        return self.name.split()


@dataclass(frozen=True)
class Link:
    """What must hold between two nodes. `expected` and `actual` are known only where it is broken."""

    source: Node
    target: Node
    rule: str
    state: LinkState
    expected: str = ""
    actual: str = ""

    @property
    def start(self) -> float:
        return self.source.left + NODE_WIDTH

    @property
    def end(self) -> float:
        return self.target.left

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    @property
    def gap_start(self) -> float:
        return self.start + GAP_STUB

    @property
    def gap_end(self) -> float:
        return self.end - GAP_STUB


NODE_WIDTH = 14.0
STRIDE = 21.5
"""In percent: five boxes and four gaps fill the drawing's width."""
GAP_STUB = 1.6
"""How much of a broken link's line is left at either end, in percent of the drawing's width."""

NO_BREAK = ("aws_busy", "aws_unreachable", "internal_error")
"""Codes of Problems that say nothing of the chain: AWS could not be asked."""


@dataclass(frozen=True)
class Agreement:
    """The names and values that were agreed for a connection, as the chain shows them."""

    issuer_url: str
    audience: str
    subject: str
    role_name: str
    policy_name: str
    region: str


def find_break(problem: Mapping[str, Any] | None, results: Mapping[str, str]) -> int | None:
    """The link that the first failed check broke; None where none is known to be."""
    failed = next((rung for rung in RUNGS if results.get(rung.name) == "fail" and rung.name not in ISOLATION), None)
    code = str(problem["code"]) if problem else ""
    if failed is None or code in NO_BREAK:
        return None
    if failed.name == "provider" and results.get("token") == "skipped" and code != "drift":
        return None  # no token was exchanged: the console itself could not look
    return failed.link


def build_chain(
    agreement: Agreement,
    *,
    results: Mapping[str, str],
    problem: Mapping[str, Any] | None = None,
    is_confirmed: bool = False,
    is_old: bool = False,
) -> list[Link]:
    """The four links from issuer to models.

    `results`: check name to result of the last finished verification. `problem`: the open finding, as JSON; its
    evidence may hold `expected` and `actual`. `is_confirmed`: a person saw models in Studio. `is_old`: the verification
    is too long ago to count as proof.
    """
    broken = find_break(problem, results)
    states = [_state(index, broken=broken, results=results, is_confirmed=is_confirmed) for index in range(4)]
    if is_old:
        states = [LinkState.PROOF_IS_OLD if state == LinkState.PROVEN else state for state in states]
    faded = [False, *(state == LinkState.AFTER_BREAK or state == LinkState.BROKEN for state in states)]
    names = ("Issuer", "Identity provider", "Role", "Policy", "Models")
    details = (
        agreement.issuer_url.split("://", 1)[-1],
        "in IAM",
        agreement.role_name,
        agreement.policy_name,
        agreement.region,
    )
    nodes = [
        Node(name, detail, position, is_faded)
        for position, (name, detail, is_faded) in enumerate(zip(names, details, faded, strict=True))
    ]
    rules = (
        f"iss equals {agreement.issuer_url}",
        f"aud {agreement.audience} in list, sub equals {agreement.subject}",
        f"{agreement.policy_name} attached",
        f"allows list and invoke in {agreement.region}",
    )
    evidence = (problem or {}).get("evidence", {})
    return [
        Link(
            nodes[index],
            nodes[index + 1],
            rule,
            states[index],
            expected=str(evidence.get("expected", "")) if index == broken else "",
            actual=str(evidence.get("actual", "")) if index == broken else "",
        )
        for index, rule in enumerate(rules)
    ]


def _state(index: int, *, broken: int | None, results: Mapping[str, str], is_confirmed: bool) -> LinkState:
    if broken is not None and index >= broken:
        return LinkState.BROKEN if index == broken else LinkState.AFTER_BREAK
    if _is_proven(index, broken=broken, results=results):
        return LinkState.PROVEN
    return LinkState.CONFIRMED if is_confirmed and broken is None else LinkState.UNPROVEN


def _is_proven(index: int, *, broken: int | None, results: Mapping[str, str]) -> bool:
    """Whether a token got past this link. What the worker read with its own rights proves nothing of the role."""
    if index == ISSUER_LINK and broken == TRUST_LINK:
        # STS compares audience and trust only for an issuer it knows, whose keys it has read.
        reached = [results.get(name) for name in ("audience", "trust", "exchange")]
        return results.get("token") == "pass" and ("fail" in reached or reached[-1] == "pass")
    if results.get("exchange") != "pass":
        return False
    if index == ATTACHMENT_LINK:
        return any(results.get(name) == "pass" for name in LISTINGS)
    if index == PERMISSION_LINK and results.get("vertesia_models") == "pass":
        return True
    return all(results.get(name) == "pass" for name in PROVES[index])


PROVES: dict[int, Sequence[str]] = {ISSUER_LINK: (), TRUST_LINK: ("identity",), PERMISSION_LINK: LISTINGS}
"""The checks that must have passed, beside the exchange, for a link to be proven; or Vertesia's list, for the last."""
