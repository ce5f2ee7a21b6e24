"""Who gets in that must not: tokens that STS must refuse, and roles that let one of them in."""

from __future__ import annotations

from aws_setup.models import Check, Finding, Verification
from aws_setup.proofs.rungs import ISOLATION
from tests.lab.bench import Bench
from tests.lab.rows import Do, Matrix, Outcome

isolation = Matrix()
ANOTHER = "another-purpose"


def lets_in(inject: Do):
    """A security finding above everything else, whose plan closes the role again."""

    def play(bench: Bench, outcome: Outcome) -> None:
        inject(bench)
        bench.forget_own_write()
        proof = bench.verify(with_isolation=True)
        worst = Finding.objects.filter(connection__environment=bench.subject, closed_at__isnull=True).first()
        assert worst is not None, "no finding was opened"
        assert worst.severity == Finding.Severity.SECURITY, f"{worst.code} is no security finding"
        problem = bench.open_problem()
        failed = proof.checks.filter(result=Check.Result.FAIL).first()
        outcome.note(failed.check_name if failed else "", problem)
        assert problem.fix == "plan"
        bench.repair()
        outcome.mended_by = "the plan"
        bench.require_green()
        newest = bench.connection.verifications.first()
        assert newest is not None
        assert newest.with_isolation, "the repair's own proof tried no token that must be refused"

    return play


def widen_subject(bench: Bench) -> None:
    bench.break_("widen_subject")


def drop_subject(bench: Bench) -> None:
    bench.break_("drop_subject")


def list_another_audience(bench: Bench) -> None:
    provider = bench.provider()
    if provider and ANOTHER not in provider["audiences"]:
        bench.iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=bench.provider_arn, ClientID=ANOTHER
        )


def drop_audience(bench: Bench) -> None:
    list_another_audience(bench)
    bench.break_("drop_audience")


for name, inject, rung in (
    ("a subject with a wildcard", widen_subject, "isolation_sibling"),
    ("no condition on the subject", drop_subject, "isolation_sibling"),
    ("no condition on the audience", drop_audience, "isolation_audience"),
):
    isolation.add(
        "iso", f"the trust has {name}", lets_in(inject), rung=rung, cause=rung, is_sample=inject is widen_subject
    )


def refuse_all_four(bench: Bench, outcome: Outcome) -> None:
    """Another environment, a listed but untrusted audience, an expired token and a foreign key: all stay outside."""
    list_another_audience(bench)
    proof = bench.verify(with_isolation=True)
    assert proof.state == Verification.State.PROVEN, f"the proof is {proof.state}: {proof.problem}"
    results = dict(proof.checks.filter(check_name__in=ISOLATION).values_list("check_name", "result"))
    assert results == dict.fromkeys(ISOLATION, Check.Result.PASS), results
    for check in proof.checks.filter(check_name__in=ISOLATION):
        assert check.evidence["request id"], check.check_name
    outcome.rung, outcome.cause, outcome.remedy, outcome.mended_by = "none", "none", "none is needed", "nobody"
    bench.require_green()


isolation.add("iso", "a good role refuses all four", refuse_all_four, rung="none", cause="none")
