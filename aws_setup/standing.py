"""How an environment stands: everything its page shows, read together."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aws_setup.agreements import read_agreement
from aws_setup.chain import Agreement, Link, build_chain
from aws_setup.desired import DesiredState
from aws_setup.drafting import unfinished_drafts
from aws_setup.drift.comparison import Comparison, read_comparison
from aws_setup.models import Check, Connection, Draft, Finding, Listing, Run, Verification
from aws_setup.policies import INLINE_POLICY_NAME
from aws_setup.proofs.groups import CheckGroup, group_checks
from aws_setup.proofs.last_isolation import LastIsolation, read_last_isolation
from aws_setup.proofs.rungs import ISOLATION
from aws_setup.trust.adoption import find_kept_holes
from environments.history import summarize
from environments.models import Environment, Event, Status, proof_cutoff

EVENTS_SHOWN = 8
CLOSED_SHOWN = 10


@dataclass(frozen=True)
class AwsResource:
    """One thing AWS holds for a connection, as agreed. `documents` are JSON values by their title."""

    kind: str
    name: str
    note: str = ""
    documents: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """`proof` is the last finished verification, `proving` the one under way, `listing` the last one with models."""

    environment: Environment
    status: Status
    connection: Connection | None = None
    run: Run | None = None
    proving: Verification | None = None
    proof: Verification | None = None
    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    closed: list[Finding] = field(default_factory=list)
    """Findings that are no more, the last one first."""
    isolation: LastIsolation | None = None
    comparison: Comparison = field(default_factory=Comparison)
    chain: list[Link] = field(default_factory=list)
    listing: Verification | None = None
    model_counts: Listing | None = None
    resources: list[AwsResource] = field(default_factory=list)
    draft: Draft | None = None
    events: list[Event] = field(default_factory=list)
    is_adopted: bool = False
    """Somebody else made the role, and consented to our statement in it."""
    kept_holes: list[str] = field(default_factory=list)
    """Where their statements, which were agreed to stay, let in too much."""

    proof_is_old: bool = False
    """The last verification is too long ago to count: what it proved is no longer green."""

    @property
    def proof_state(self) -> str:
        """How the last verification is drawn now; empty where there is none."""
        if self.proof is None:
            return ""
        is_stale = self.proof_is_old and self.proof.state == Verification.State.PROVEN
        return Status.PROOF_IS_OLD.value if is_stale else self.proof.state

    @property
    def check_groups(self) -> list[CheckGroup]:
        """The checks of the last verification under their headings; those of isolation have a place of their own."""
        return group_checks(check for check in self.checks if check.check_name not in ISOLATION)

    @property
    def run_is_live(self) -> bool:
        """Whether AWS is being changed at the moment."""
        return self.run is not None and not self.run.is_finished

    @property
    def is_live(self) -> bool:
        """Whether a worker is at it, so that a page should look again soon."""
        return self.proving is not None or self.run_is_live


def read_standing(environment: Environment, *, now: datetime) -> Standing:
    """Everything known of an environment, in about a dozen queries."""
    events = list(summarize(environment.events.all())[:EVENTS_SHOWN])
    draft = unfinished_draft(environment)
    connection = Connection.objects.filter(environment=environment).select_related("account").first()
    status = environment.status_at(now)
    if connection is None:
        return Standing(environment, status, draft=draft, events=events)
    agreed = read_agreement(connection)
    proof = connection.verifications.filter(finished_at__isnull=False).first()
    checks = list(proof.checks.all()) if proof else []
    findings = list(connection.findings.filter(closed_at__isnull=True))
    listing = latest_listing(connection)
    proof_is_old = proof is not None and (proof.finished_at or now) < proof_cutoff(now)
    return Standing(
        environment,
        status,
        connection=connection,
        run=connection.runs.select_related("plan").first(),
        proving=connection.verifications.filter(finished_at__isnull=True).first(),
        proof=proof,
        checks=checks,
        findings=findings,
        closed=list(connection.findings.filter(closed_at__isnull=False).order_by("-closed_at")[:CLOSED_SHOWN]),
        isolation=read_last_isolation(connection, now=now) if connection.has_aws_resources else None,
        comparison=read_comparison(connection),
        chain=[]
        if status == Status.DISCONNECTED
        else read_chain(agreed, checks, findings, environment, is_old=proof_is_old),
        proof_is_old=proof_is_old,
        listing=listing,
        model_counts=listing.listing if listing else None,
        resources=list_resources(connection, agreed),
        draft=draft,
        events=events,
        is_adopted=agreed.is_adopted and connection.has_aws_resources,
        kept_holes=find_kept_holes(agreed) if connection.has_aws_resources else [],
    )


def unfinished_draft(environment: Environment) -> Draft | None:
    """The draft last worked on that no run came of; None where there is none."""
    return unfinished_drafts(environment.drafts.all()).order_by("-updated_at").first()


def read_chain(
    agreed: DesiredState,
    checks: list[Check],
    findings: list[Finding],
    environment: Environment,
    *,
    is_old: bool = False,
) -> list[Link]:
    """The chain of trust as the last verification and the open findings show it."""
    # What a proof found says which link it is; an observation's finding names many things at once.
    by_source = sorted(findings, key=lambda finding: finding.source != Finding.Source.PROOF)
    problem = next((finding.problem for finding in by_source), None)
    return build_chain(
        Agreement(
            issuer_url=agreed.issuer_url,
            audience=agreed.audience,
            subject=agreed.subject,
            role_name=agreed.role_name,
            policy_name=agreed.attached_policy_arn.rsplit("/", 1)[-1] or INLINE_POLICY_NAME,
            region=agreed.region,
        ),
        results={check.check_name: check.result for check in checks},
        problem=problem,
        is_confirmed=environment.status == Status.CONFIRMED,
        is_old=is_old,
    )


def latest_listing(connection: Connection) -> Verification | None:
    """The last verification that could list models; None before there is one."""
    listed = connection.verifications.filter(finished_at__isnull=False, listing__isnull=False)
    return listed.select_related("listing").order_by("-id").first()


def _note_role(agreed: DesiredState) -> Iterator[str]:
    if agreed.is_adopted:
        yield "Somebody else made it and consented to our statement in it; at disconnect it is given back."
    if agreed.attached_policy_arn:
        yield f"Its policy is {agreed.attached_policy_arn}."


def list_resources(connection: Connection, agreed: DesiredState) -> list[AwsResource]:
    """What AWS holds for a connection, as far as this console wrote it: provider, role and its policy."""
    resources = []
    if connection.provider_arn:
        resources.append(
            AwsResource(
                "Identity provider",
                connection.provider_arn,
                note="Shared by every environment of this account with the same issuer.",
                documents={"Issuer and audience": {"Url": agreed.issuer_url, "Audience": agreed.audience}},
            )
        )
        resources.extend(
            AwsResource(
                "Identity provider",
                agreed.provider_arn_of(issuer_url),
                note="The role trusts it as well while the organization moves to another issuer.",
                documents={"Issuer and audience": {"Url": issuer_url, "Audience": audience}},
            )
            for issuer_url, audience in agreed.also_trusts
        )
    if connection.role_arn:
        policy: dict[str, Any] = {"Permissions": agreed.inline_policy} if agreed.inline_policy else {}
        resources.append(
            AwsResource(
                "Role",
                connection.role_arn,
                note=" ".join(_note_role(agreed)),
                documents={"Trust": agreed.trust, **policy, "Tags": agreed.role_tags},
            )
        )
    return resources
