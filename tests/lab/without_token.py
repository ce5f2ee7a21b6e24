"""Where only Vertesia can sign: what AWS holds is compared with what was agreed, and nothing is called proven."""

from __future__ import annotations

import uuid

from aws_setup.models import Run, Verification
from environments.installation import CURRENT_ISSUER_URL
from environments.models import Issuer
from tests.lab.bench import Bench, first_red
from tests.lab.rows import Matrix, Outcome
from tests.live_account import require_state

without_token = Matrix()


def found_by_comparison(kind: str):
    """A breakage that locks Vertesia out is found without a token; the plan ends where it waits for Vertesia again."""

    def play(bench: Bench, outcome: Outcome) -> None:
        issuer = Issuer.objects.get(url=CURRENT_ISSUER_URL)
        proven = bench.subject
        bench.subject = bench.environment(issuer=issuer, organization_id=uuid.uuid4().hex[:24])
        require_state(bench.connect(bench.subject), Run.State.WAITING_FOR_VERTESIA)
        bench.break_(kind)
        bench.forget_own_write()
        proof = bench.verify()
        problem = bench.open_problem()
        outcome.note(first_red(proof), problem)
        assert problem.fix == "plan", f"the button does {problem.fix or 'nothing'}, not plan"
        bench.repair(ends=Run.State.WAITING_FOR_VERTESIA)
        outcome.mended_by = "the plan"
        assert bench.verify().state == Verification.State.NOT_PROVABLE
        left = [one.code for one in bench.open_problems()]
        assert not left, f"left open: {', '.join(left)}"
        bench.subject.refresh_from_db()
        assert bench.subject.status == "waiting_for_vertesia", f"the environment is {bench.subject.status}"
        bench.subject = proven

    return play


for number, name, kind, rung in (
    ("1", "the identity provider is gone", "delete_provider", "provider"),
    ("4", "the audience is gone", "remove_audience", "audience"),
    ("5", "the subject in another case", "change_subject_case", "trust"),
    ("5", "the role is gone", "delete_role", "trust"),
    ("20", "the policy is gone", "detach_policy", "foundation_models"),
):
    without_token.add(number, f"without a token: {name}", found_by_comparison(kind), rung=rung, cause="drift")
