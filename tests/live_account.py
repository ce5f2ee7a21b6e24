"""One account of a running console's sandbox: what administrators do there, and what people ask of the console.

The console's own services ask and approve, as its pages do; its real workers do the rest. Nothing here does their part.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone

from aws_setup.accounts import add_account, request_check
from aws_setup.approval import approve_plan
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, restart_draft
from aws_setup.models import Account, Draft, Plan, Run
from environments.history import Actor
from environments.installation import default_issuer
from environments.models import Environment, Issuer
from environments.registry import register_environment
from tests.sandbox.process import SandboxProcess

MONA = Actor("mona")
REGION = "us-east-1"
PATIENCE_SECONDS = 60.0
HOME, SECOND, THIRD = ACCOUNTS = ("111122223333", "444455556666", "777788889999")


class RunningSandbox(SandboxProcess):
    """Clients of a sandbox that somebody else started."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[tuple[str, ...], Any] = {}


class LiveAccount:
    """One account of the sandbox, and the console beside it. `organization_name` is that of its environments."""

    def __init__(self, sandbox: RunningSandbox, account_id: str, *, organization_name: str) -> None:
        self.sandbox = sandbox
        self.account_id = account_id
        self.iam = sandbox.admin("iam", account_id)
        self.organization_name = organization_name
        self.organization_id = uuid.uuid4().hex[:24]

    # --- what is in AWS -----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything the account holds."""
        _, state = self.sandbox.control("GET", "state")
        [account] = [account for account in state["accounts"] if account["account_id"] == self.account_id]
        found: dict[str, Any] = account
        return found

    def role(self, name: str) -> dict[str, Any] | None:
        return next((role for role in self.state()["roles"] if role["name"] == name), None)

    @property
    def provider_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:oidc-provider/{default_issuer().url.partition('://')[2]}"

    def provider(self) -> dict[str, Any] | None:
        return next((one for one in self.state()["providers"] if one["arn"] == self.provider_arn), None)

    def delete_provider(self) -> None:
        """An administrator takes the identity provider away."""
        self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=self.provider_arn)

    # --- what the console is asked ------------------------------------------------------------------------------

    @property
    def account(self) -> Account:
        return Account.objects.get(account_id=self.account_id)

    def environment(
        self, *, issuer: Issuer | None = None, organization_id: str = "", region: str = REGION
    ) -> Environment:
        """An environment that is not connected yet, with a name and ids of its own."""
        environment_id = uuid.uuid4().hex[:24]
        return register_environment(
            organization_name=self.organization_name,
            organization_id=organization_id or self.organization_id,
            issuer=issuer or default_issuer(),
            environment_id=environment_id,
            name=f"{self.organization_name} {environment_id[:8]}",
            region=region,
            provider="bedrock",
            actor=MONA,
        )

    def draft(self, environment: Environment, *, purpose: str = "connect", **answers: Any) -> Draft:
        """Ask the workers for a plan; whether it was made is another question."""
        environment.refresh_from_db()
        draft = restart_draft(
            owner=None,
            environment=environment,
            purpose=purpose,
            actor=MONA,
            **({"account_id": self.account_id} | answers),
        )
        request_plan(draft, actor=MONA, now=timezone.now())
        return draft

    def plan(self, environment: Environment, **answers: Any) -> Plan:
        """A plan that a worker made. Raises Blocked where it could not."""
        return self.planned(self.draft(environment, **answers))

    def planned(self, draft: Draft, *, seconds: float = PATIENCE_SECONDS) -> Plan:
        wait_for(lambda: refreshed(draft).state != Draft.State.PLANNING, seconds=seconds, what="a plan")
        if draft.state != Draft.State.PLANNED:
            raise Blocked(Problem.from_json(draft.problem or {}))
        return draft.plans.all()[0]

    def blocked(self, environment: Environment, **answers: Any) -> str:
        """The code of the reason why no plan can be made."""
        try:
            self.plan(environment, **answers)
        except Blocked as refusal:
            return refusal.problem.code
        return ""

    def approve(self, plan: Plan) -> Run:
        return approve_plan(plan, fingerprint=plan.fingerprint, actor=MONA, now=timezone.now())

    def finish(self, run: Run, *, seconds: float = PATIENCE_SECONDS) -> Run:
        wait_for(lambda: refreshed(run).is_finished, seconds=seconds, what=lambda: f"run {run.state}: {run.doing}")
        return run

    def connect(self, environment: Environment, *, seconds: float = PATIENCE_SECONDS, **answers: Any) -> Run:
        return self.finish(self.approve(self.plan(environment, **answers)), seconds=seconds)

    def connected(self, **answers: Any) -> Environment:
        """An environment that is connected and proven."""
        environment = self.environment()
        require_state(self.connect(environment, **answers), Run.State.SUCCEEDED)
        return environment

    # --- faults -------------------------------------------------------------------------------------------------

    def tell(self, kind: str, action: str, **more: Any) -> int:
        """Let this call fail in the sandbox; the fault's id."""
        order = {"kind": kind, "account_id": self.account_id, "action": action} | more
        status, answer = self.sandbox.control("POST", "faults", order)
        assert status == 200, answer
        number: int = answer["id"]
        return number

    def fault(self, number: int) -> dict[str, Any]:
        _, answer = self.sandbox.control("GET", "faults")
        [fault] = [fault for fault in answer["faults"] if fault["id"] == number]
        found: dict[str, Any] = fault
        return found

    def end_fault(self, number: int) -> None:
        self.sandbox.control("DELETE", f"faults/{number}")

    @contextmanager
    def failing(self, kind: str, action: str, **more: Any) -> Iterator[int]:
        """The fault stands for as long as the context lasts; it must have struck."""
        number = self.tell(kind, action, **more)
        try:
            yield number
            assert self.fault(number)["met"] > 0, f"{kind} on {action} never struck"
        finally:
            self.end_fault(number)


def refreshed(row: Any) -> Any:
    row.refresh_from_db()
    return row


def wait_for(condition: Callable[[], Any], *, seconds: float, what: str | Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what if isinstance(what, str) else what()}")
        time.sleep(0.1)


def require_state(run: Run, state: str) -> None:
    assert run.state == state, (
        f"run {run.state}: {(run.problem or {}).get('sentence')} {(run.problem or {}).get('why')}"
    )


def take_up_accounts(account_ids: Iterable[str]) -> None:
    """Make the accounts known to the console, and wait until its worker has found its way into each."""
    for account_id in account_ids:
        if account_id != HOME:
            arn = f"arn:aws:iam::{account_id}:role/VertesiaConsole"
            add_account(role_arn=arn, external_id="", actor=MONA, now=timezone.now())
    request_check(now=timezone.now())
    wait_for(
        lambda: {account.account_id for account in Account.objects.all() if account.is_ready} >= set(account_ids),
        seconds=60,
        what="the accounts",
    )
