"""What a row works at: one account with a connected environment, and the hands of everybody who may break or mend."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from aws_setup.agreements import read_agreement
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Problem
from aws_setup.models import Check, Connection, Finding, Run, Verification
from aws_setup.verification import request_verification
from environments.models import Environment
from tests.lab.issuer import PublicIssuer
from tests.live_account import MONA, PATIENCE_SECONDS, LiveAccount, RunningSandbox, refreshed, require_state, wait_for


class Bench(LiveAccount):
    """`environment` is what rows break. Whoever leaves it broken has it replaced by a new one."""

    def __init__(self, sandbox: RunningSandbox, account_id: str, issuer: PublicIssuer) -> None:
        super().__init__(sandbox, account_id, organization_name="Lab")
        self.issuer = issuer
        self.subject: Environment
        self.faults: list[int] = []

    def renew(self) -> None:
        """Put away whatever a row left behind, and connect an environment that nobody broke yet."""
        self.clear()
        self.end_faults()
        self.subject = self.connected()

    # --- the environment that is broken and mended ----------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        return Connection.objects.select_related("environment", "account").get(environment=self.subject)

    @property
    def agreed(self) -> DesiredState:
        return read_agreement(self.connection)

    @property
    def role_name(self) -> str:
        return self.connection.role_name

    def forget_own_write(self) -> None:
        """What somebody else changed is not the console's own write that AWS is still spreading."""
        Connection.objects.filter(environment=self.subject).update(last_write_at=None)

    def choose(self, *models: str) -> None:
        """Say which models count."""
        Connection.objects.filter(environment=self.subject).update(chosen_models=list(models))

    def verify(self, **wanted: Any) -> Verification:
        """Ask for a proof, as the button does, and wait for a worker to finish it."""
        proofs: list[Verification] = []

        def ask() -> bool:
            proof = request_verification(self.connection, actor=MONA, now=timezone.now(), **wanted)
            if proof is not None:
                proofs.append(proof)
            return proof is not None

        wait_for(ask, seconds=PATIENCE_SECONDS, what="another proof to end")
        [proof] = proofs
        wait_for(lambda: refreshed(proof).is_finished, seconds=PATIENCE_SECONDS, what=lambda: f"a proof: {proof.doing}")
        require_readable(proof)
        return proof

    def repair(self, *, ends: Run.State = Run.State.SUCCEEDED) -> Run:
        """Ask for the repair's plan, as the button beside the problem does; approve it and wait for its end.

        Also for the comparison that follows a repair, so that it does not meet what the next row breaks.
        """
        run = self.connect(self.subject, purpose="repair")
        require_state(run, ends)
        under_way = self.connection.observations.filter(finished_at__isnull=True)
        wait_for(lambda: not under_way.exists(), seconds=PATIENCE_SECONDS, what="the comparison after the repair")
        return run

    def open_problems(self, environment: Environment | None = None) -> list[Problem]:
        """What the environment's page shows, worst first."""
        shown = environment or self.subject
        findings = Finding.objects.filter(connection__environment=shown, closed_at__isnull=True)
        return [Problem.from_json(finding.problem) for finding in findings]

    def open_problem(self, environment: Environment | None = None) -> Problem:
        """The only one: one failure has one cause."""
        problems = self.open_problems(environment)
        assert len(problems) == 1, f"open are {[problem.code for problem in problems]}"
        return problems[0]

    def require_green(self) -> None:
        """Connected, proven, and nothing is left open."""
        self.subject.refresh_from_db()
        newest = self.connection.verifications.first()
        assert newest is not None, "there is no proof"
        assert newest.state == Verification.State.PROVEN, f"the last proof is {newest.state}: {newest.problem}"
        left = [problem.code for problem in self.open_problems()]
        assert not left, f"left open: {', '.join(left)}"
        assert self.subject.status == "connected", f"the environment is {self.subject.status}"

    # --- breaking ---------------------------------------------------------------------------------------------------

    def order(self, path: str, **order: Any) -> Any:
        """What is the organization's, AWS's or an issuer's own is changed by the sandbox's control interface."""
        status, answer = self.sandbox.control("POST", path, order)
        assert status == 200, answer
        return answer

    def break_(self, kind: str, **more: str) -> None:
        where = {"account_id": self.account_id, "role_name": self.role_name, "issuer_url": self.agreed.issuer_url}
        self.order("breakages", kind=kind, **where, **more)

    def fail(self, kind: str, action: str, **more: Any) -> int:
        """Let this call fail until the fault is ended."""
        number = self.tell(kind, action, times=None, **more)
        self.faults.append(number)
        return number

    def end_faults(self) -> None:
        while self.faults:
            self.end_fault(self.faults.pop())

    def tidy(self) -> None:
        """What a row leaves behind though all is green: faults that went on by intent, and models nobody uses now."""
        self.end_faults()
        self.choose()
        access = dict.fromkeys(("agreement", "authorization", "entitlement", "region", "lifecycle"))
        for model_id in self.order("model_access", account_id=self.account_id, is_form_sent=True)["models"]:
            self.order("model_access", account_id=self.account_id, model_id=model_id, **access)

    def clear(self) -> None:
        """Whatever a row that went wrong left standing above the account."""
        everything = {"service_control_policy": None, "resource_control_policy": None}
        self.order("organization_policies", account_id=self.account_id, **everything)
        self.order("regions", account_id=self.account_id, without_sts=[], disabled=[])

    # --- hands of an administrator ----------------------------------------------------------------------------------

    @property
    def bedrock(self) -> Any:
        return self.sandbox.admin("bedrock", self.account_id)

    @property
    def runtime(self) -> Any:
        return self.sandbox.admin("bedrock-runtime", self.account_id)

    def write_trust(self, trust: dict[str, Any]) -> None:
        self.iam.update_assume_role_policy(RoleName=self.role_name, PolicyDocument=json.dumps(trust))

    def change_trust(self, **changes: Any) -> None:
        """Change the fields of the only statement of the agreed trust."""
        trust = self.agreed.trust
        trust["Statement"][0] |= changes
        self.write_trust(trust)

    def add_condition(self, operator: str, key: str, value: str) -> None:
        condition = self.agreed.trust["Statement"][0]["Condition"]
        self.change_trust(Condition=condition | {operator: condition.get(operator, {}) | {key: value}})

    def forbid(self, policy: str, *actions: str, **condition: Any) -> None:
        """Let the organization deny these actions to everybody: `policy` is service_control or resource_control."""
        deny = {"Effect": "Deny", "Action": list(actions), "Resource": "*", **condition}
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        statements = [deny | {"Principal": "*"}] if policy == "resource_control" else [everything, deny]
        document = {"Version": "2012-10-17", "Statement": statements}
        self.order("organization_policies", account_id=self.account_id, **{f"{policy}_policy": document})

    def permit(self, policy: str) -> None:
        """Let the organization take its policy away."""
        self.order("organization_policies", account_id=self.account_id, **{f"{policy}_policy": None})


def require_readable(proof: Verification) -> None:
    """One rung is red at most, so that there is one thing to do; and no token stands in any evidence."""
    red = proof.checks.filter(result=Check.Result.FAIL).exclude(check_name__startswith="isolation_")
    assert red.count() <= 1, f"red are {[check.check_name for check in red]}"
    written = json.dumps([*proof.checks.values_list("detail", "evidence"), proof.problem])
    assert "eyJ" not in written, "a token stands in the evidence"


def first_red(proof: Verification) -> str:
    """The first rung that failed; empty where none did."""
    failed = proof.checks.filter(result=Check.Result.FAIL).first()
    return failed.check_name if failed else ""
