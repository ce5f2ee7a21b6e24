"""Findings are tasks: opened once per cause, closed by themselves when found no more, with their history kept."""

from collections.abc import Collection
from datetime import datetime

from django.db import IntegrityError, transaction

from aws_setup.diagnosis import Problem
from aws_setup.diagnosis.message import Concerned, with_message
from aws_setup.models import Connection, Finding, Notice
from aws_setup.notices.outbox import note_finding
from environments.history import Actor, record


def open_finding(
    connection: Connection,
    problem: Problem,
    *,
    now: datetime,
    actor: Actor,
    source: Finding.Source = Finding.Source.PROOF,
) -> None:
    """Open a finding for this cause, or bring the open one up to date.

    Other causes from this source are closed, but for those of isolation: a role may be open in several ways at once.
    """
    problem = with_message(problem, _concerned(connection))
    severity = Finding.Severity.SECURITY if problem.severity == "security" else Finding.Severity.BROKEN
    same_source = Finding.objects.filter(connection=connection, closed_at__isnull=True, source=source)
    replaced = same_source.none() if source == Finding.Source.ISOLATION else same_source.exclude(code=problem.code)
    for other in replaced:
        _close(other, f"No longer what is wrong: {other.problem['sentence']}", now=now, actor=actor)
    refreshed = Finding.objects.filter(connection=connection, code=problem.code, closed_at__isnull=True).update(
        problem=problem.to_json(), seen_at=now
    )
    if not refreshed:
        try:
            with transaction.atomic():
                finding = Finding.objects.create(
                    connection=connection,
                    code=problem.code,
                    problem=problem.to_json(),
                    source=source,
                    severity=severity,
                )
        except IntegrityError:  # another worker opened the very same finding a moment ago
            return
        record("finding.opened", problem.sentence, actor=actor, environment=connection.environment)
        note_finding(finding, kind=Notice.Kind.OPENED, now=now)


def close_findings(
    connection: Connection,
    *,
    now: datetime,
    actor: Actor,
    source: Finding.Source = Finding.Source.PROOF,
    codes: Collection[str] | None = None,
) -> None:
    """Close what this source found, or of it only these codes: a proof, or an observation, found it no more."""
    found = Finding.objects.filter(connection=connection, closed_at__isnull=True, source=source)
    for finding in found if codes is None else found.filter(code__in=codes):
        _close(finding, f"Solved: {finding.problem['sentence']}", now=now, actor=actor)


def _close(finding: Finding, sentence: str, *, now: datetime, actor: Actor) -> None:
    if Finding.objects.filter(pk=finding.pk, closed_at__isnull=True).update(closed_at=now):
        record("finding.closed", sentence, actor=actor, environment=finding.connection.environment)
        note_finding(finding, kind=Notice.Kind.CLOSED, now=now)


def _concerned(connection: Connection) -> Concerned:
    return Concerned(
        environment_name=connection.environment.name,
        subject=connection.environment.subject,
        account_id=connection.account.account_id,
        region=connection.region,
        role_arn=connection.role_arn or connection.role_name,
    )
