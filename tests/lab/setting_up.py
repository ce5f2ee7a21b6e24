"""What goes wrong while something is connected, and with the worker's own credentials."""

from __future__ import annotations

from aws_setup.models import Finding, Run, Verification
from tests.lab.bench import Bench, first_red
from tests.lab.rows import Matrix, Mended, Outcome, by_administrator, by_organization, meet_while_connecting, mend
from tests.live_account import PATIENCE_SECONDS, SECOND, require_state, wait_for

setting_up = Matrix()


def forbid_provider(bench: Bench) -> None:
    bench.delete_provider()
    bench.forbid("service_control", "iam:CreateOpenIDConnectProvider")


def deny_role(bench: Bench) -> None:
    bench.fail("denied", "CreateRole", layer="boundary")


def deny_reading(bench: Bench) -> None:
    bench.fail("denied", "GetRole", layer="identity")


def fill_account(bench: Bench) -> None:
    bench.fail("limit_exceeded", "CreateRole")


setting_up.unmade(
    "12",
    "a service control policy denies creating the provider",
    forbid_provider,
    rung="run",
    cause="worker_denied",
    mended=by_organization(lambda bench: bench.permit("service_control")),
)
setting_up.unmade(
    "12",
    "the worker's permissions boundary leaves creating roles out",
    deny_role,
    rung="run",
    cause="worker_denied",
    mended=by_administrator(Bench.end_faults),
)
setting_up.unmade(
    "12",
    "the worker may not read roles when it plans",
    deny_reading,
    rung="plan",
    cause="worker_denied",
    mended=by_administrator(Bench.end_faults),
)
setting_up.unmade(
    "8",
    "a quota of the account is used up",
    fill_account,
    rung="run",
    cause="quota_exceeded",
    mended=by_administrator(Bench.end_faults),
)
# In the second account the worker is a role, so that what strikes its calls strikes nothing on the way to others.
setting_up.unmade(
    "21",
    "the worker's credentials run out before it plans",
    lambda bench: bench.fail("credentials_expired", "GetRole"),
    rung="plan",
    cause="credentials_expired",
    mended=by_administrator(Bench.end_faults),
    account_id=SECOND,
)
setting_up.unmade(
    "21",
    "the worker's credentials run out while it writes",
    lambda bench: bench.fail("credentials_expired", "PutRolePolicy"),
    rung="run",
    cause="credentials_expired",
    mended=by_administrator(Bench.end_faults),
    account_id=SECOND,
)
setting_up.unmade(
    "skew",
    "the worker's clock is wrong when it plans",
    lambda bench: bench.fail("clock_skewed", "GetRole"),
    rung="plan",
    cause="worker_clock_wrong",
    mended=Mended("whoever runs the machine", Bench.end_faults),
    account_id=SECOND,
)


def two_things_at_once(bench: Bench, outcome: Outcome) -> None:
    """The trust is broken and the worker cannot look: it says what it cannot know. Once it can, it says what is."""
    bench.break_("subject_other")
    bench.fail("credentials_expired", "GetRole")
    bench.forget_own_write()
    proof = bench.verify()
    problem = bench.open_problem()
    outcome.note(first_red(proof), problem)
    assert "run out" in problem.why, f"it does not say why it cannot look: {problem.why}"
    skipped = proof.checks.get(check_name="provider")
    assert "run out" in skipped.detail, f"it does not say what it could not read: {skipped.detail}"
    bench.end_faults()
    bench.verify()
    known = bench.open_problem()
    assert known.code == "trust_subject", f"once it may look, it says {known.code}"
    mend(bench, outcome, known, mended=Mended())
    outcome.mended_by = "new credentials, then the plan"
    bench.require_green()


setting_up.add(
    "21",
    "the worker's credentials ran out while the trust is broken",
    two_things_at_once,
    rung="exchange",
    cause="trust_refuses",
    account_id=SECOND,
)


# --- the whole installation: one issuer, one clock -------------------------------------------------------------------


def stop_issuer_and_connect(bench: Bench, outcome: Outcome) -> None:
    environment = bench.environment()
    bench.delete_provider()
    with bench.issuer.closed():
        outcome.note(*meet_while_connecting(bench, environment))
    outcome.mended_by = "the issuer, then a new plan"
    require_state(bench.connect(environment), Run.State.SUCCEEDED)
    bench.subject = environment
    bench.require_green()


setting_up.add(
    "idp",
    "IAM cannot reach the issuer when the provider is made",
    stop_issuer_and_connect,
    rung="run",
    cause="issuer_unreachable_from_iam",
    is_alone=True,
)


def wait_for_aws(bench: Bench, outcome: Outcome) -> None:
    """Just after a change AWS refuses, and means nothing by it: it is waited for, and no finding is ever opened."""
    environment = bench.environment()
    bench.order("settings", propagation_seconds=4)
    try:
        run = bench.approve(bench.plan(environment))
        seen: set[str] = set()

        def is_over() -> bool:
            run.refresh_from_db()
            seen.add(run.doing)
            seen.update(run.verifications.values_list("doing", flat=True))
            return run.is_finished

        wait_for(is_over, seconds=PATIENCE_SECONDS, what="a run")
    finally:
        bench.order("settings", propagation_seconds=0)
    require_state(run, Run.State.SUCCEEDED)
    waits = [doing for doing in seen if "AWS does not show the change everywhere yet" in doing]
    assert waits, f"it never said that it waits for AWS: {sorted(seen)}"
    assert not Finding.objects.filter(connection__environment=environment).exists()
    outcome.rung, outcome.cause, outcome.remedy, outcome.mended_by = "none", "none", waits[0], "waiting"
    bench.subject = environment
    bench.require_green()


setting_up.add(
    "6",
    "AWS does not show a change of a moment ago everywhere yet",
    wait_for_aws,
    rung="none",
    cause="none",
    is_alone=True,
)


def switch_region_off(**lists: list[str]):
    """An environment in a region of its own, which an administrator of the account switches off, then on again."""

    def play(bench: Bench, outcome: Outcome) -> None:
        before, bench.subject = bench.subject, bench.environment(region="eu-west-1")
        require_state(bench.connect(bench.subject), Run.State.SUCCEEDED)
        bench.order("regions", account_id=bench.account_id, **lists)
        bench.forget_own_write()
        proof = bench.verify()
        problem = bench.open_problem()
        outcome.note(first_red(proof), problem)
        assert problem.fix == "verify"
        bench.order("regions", account_id=bench.account_id, **{name: [] for name in lists})
        proof = bench.verify()
        assert proof.state == Verification.State.PROVEN, f"the proof is {proof.state}: {proof.problem}"
        outcome.mended_by = "an administrator"
        bench.require_green()
        bench.subject = before

    return play


for name, lists in (
    ("STS is off in the region", {"without_sts": ["eu-west-1"]}),
    ("the region is off", {"disabled": ["eu-west-1"]}),
):
    setting_up.add("off", name, switch_region_off(**lists), rung="exchange", cause="region_off")
