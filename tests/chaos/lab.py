"""What the rows work with: the running console's database and broker, its sandbox AWS, and people in both.

The console's own services ask and approve, as its pages do; its real workers do the rest. Nothing here does their part.
"""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from django.utils import timezone

from aws_setup.accounts import add_account, request_check
from aws_setup.agreements import read_agreement
from aws_setup.approval import approve_plan
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, restart_draft
from aws_setup.models import Account, Connection, Draft, Plan, Run
from environments.history import Actor
from environments.installation import default_issuer
from environments.models import Environment, Issuer
from environments.registry import register_environment
from tests.chaos.rows import HOME, LANES
from tests.sandbox.process import SandboxProcess

MONA = Actor("mona")
REGION = "us-east-1"
PATIENCE_SECONDS = 60.0
PROVIDER_OF_OTHERS = "https://token.actions.githubusercontent.com"


class RunningSandbox(SandboxProcess):
    """Clients of a sandbox that somebody else started."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[tuple[str, ...], Any] = {}


class Lab:
    """One account of the sandbox, and the console beside it."""

    def __init__(self, sandbox: RunningSandbox, account_id: str) -> None:
        self.sandbox = sandbox
        self.account_id = account_id
        self.iam = sandbox.admin("iam", account_id)
        self.organization_id = uuid.uuid4().hex[:24]
        self.theirs: dict[str, Any] = {}
        self.reference = ""

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

    def forget_everything_of_ours(self) -> None:
        """An administrator deletes what the console made here, so that nothing trusts its identity provider any more.

        `VertesiaByHand`, which somebody else made and which trusts it too, trusts it no more; the row may do that.
        """
        for role in self.state()["roles"]:
            if "vertesia-aws-setup:environment" in role["tags"]:
                for name in role["inline_policies"]:
                    self.iam.delete_role_policy(RoleName=role["name"], PolicyName=name)
                for arn in role["attached_policies"]:
                    self.iam.detach_role_policy(RoleName=role["name"], PolicyArn=arn)
                self.iam.delete_role(RoleName=role["name"])
        nobody = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
        trust = {"Version": "2012-10-17", "Statement": [nobody]}
        self.iam.update_assume_role_policy(RoleName="VertesiaByHand", PolicyDocument=json.dumps(trust))
        if self.provider() is not None:
            self.delete_provider()
        self.theirs = self._held_by_others()

    def furnish(self) -> None:
        """Fill the account with what other people have in it."""
        issuer = self.iam.create_open_id_connect_provider(Url=PROVIDER_OF_OTHERS, ClientIDList=["sts.amazonaws.com"])
        trusts = {
            "GitHubDeploy": {
                "Effect": "Allow",
                "Principal": {"Federated": issuer["OpenIDConnectProviderArn"]},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/*"}},
            },
            "NightlyBackup": {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            },
            "VertesiaByHand": {
                "Effect": "Allow",
                "Principal": {"Federated": self.provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{self.provider_arn.split('/', 1)[1]}:sub": "project:a:b"}},
            },
        }
        for name, statement in trusts.items():
            trust = {"Version": "2012-10-17", "Statement": [statement]}
            self.iam.create_role(
                RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Tags=[{"Key": "Owner", "Value": "somebody"}]
            )
            self.iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockReadOnly")
        self.theirs = self._held_by_others()

    def _held_by_others(self) -> dict[str, Any]:
        state = self.state()
        roles = {
            role["name"]: {key: value for key, value in role.items() if key != "last_used"}
            for role in state["roles"]
            if role["tags"].get("Owner") == "somebody" or role["name"] == "VertesiaConsole"
        }
        providers = [one for one in state["providers"] if one["arn"].endswith("githubusercontent.com")]
        return {"roles": roles, "providers": providers}

    def require_others_untouched(self) -> None:
        assert self._held_by_others() == self.theirs, "something of somebody else's was changed"

    # --- what the console is asked ------------------------------------------------------------------------------

    @property
    def account(self) -> Account:
        return Account.objects.get(account_id=self.account_id)

    def environment(self, *, issuer: Issuer | None = None, organization_id: str = "") -> Environment:
        """An environment that is not connected yet, with a name and ids of its own."""
        environment_id = uuid.uuid4().hex[:24]
        return register_environment(
            organization_name="Chaos",
            organization_id=organization_id or self.organization_id,
            issuer=issuer or default_issuer(),
            environment_id=environment_id,
            name=f"Chaos {environment_id[:8]}",
            region=REGION,
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
        wait_for(lambda: _refreshed(draft).state != Draft.State.PLANNING, seconds=seconds, what="a plan")
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
        wait_for(lambda: _refreshed(run).is_finished, seconds=seconds, what=lambda: f"run {run.state}: {run.doing}")
        return run

    def connect(self, environment: Environment, *, seconds: float = PATIENCE_SECONDS, **answers: Any) -> Run:
        return self.finish(self.approve(self.plan(environment, **answers)), seconds=seconds)

    def connected(self, **answers: Any) -> Environment:
        """An environment that is connected and proven."""
        environment = self.environment()
        require_state(self.connect(environment, **answers), Run.State.SUCCEEDED)
        return environment

    # --- what must hold afterwards ------------------------------------------------------------------------------

    def require_connected(self, environment: Environment) -> None:
        """Connected and proven, and AWS holds exactly what an undisturbed set-up leaves: no more, no less."""
        environment.refresh_from_db()
        assert environment.status == "connected", f"the environment is {environment.status}"
        agreed = read_agreement(Connection.objects.get(environment=environment))
        roles = self.roles_of(environment)
        assert [role["arn"] for role in roles] == [environment.api_key], [role["arn"] for role in roles]
        assert roles[0]["trust_policy"] == agreed.trust, roles[0]["trust_policy"]
        provider = self.provider()
        assert provider is not None, "there is no identity provider"
        assert "bedrock" in provider["audiences"], provider["audiences"]
        if self.reference and agreed.permissions == "invoke" and not agreed.is_adopted:
            assert self.normal(environment) == self.reference, self.normal(environment)

    def roles_of(self, environment: Environment) -> list[dict[str, Any]]:
        """The roles whose tag names this environment."""
        tag = "vertesia-aws-setup:environment"
        return [role for role in self.state()["roles"] if role["tags"].get(tag) == environment.environment_id]

    def normal(self, environment: Environment) -> str:
        """The environment's role as text, with its names and ids taken out: equal for equal set-ups.

        But for the description, which goes on naming the environment's first id.
        """
        [role] = self.roles_of(environment)
        told = {key: value for key, value in role.items() if key not in ("last_used", "description")}
        text = json.dumps(told, sort_keys=True)
        for word in (environment.environment_id, environment.organization.organization_id, role["name"]):
            text = text.replace(word, "…")
        return text

    def require_gone(self, environment: Environment) -> None:
        environment.refresh_from_db()
        assert environment.status == "disconnected", f"the environment is {environment.status}"
        assert self.roles_of(environment) == []

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

    def kill_at(self, kind: str, action: str, start: Callable[[], Any]) -> Any:
        """Start something, and kill the worker's process at this very call, by SIGKILL."""
        number = self.tell(kind, action)
        try:
            started = start()
            wait_for(lambda: self.fault(number)["holding"], seconds=30, what=f"{action} to be held")
            [held] = self.fault(number)["holding"]
            os.kill(find_worker(held["client_port"]), signal.SIGKILL)
            return started
        finally:
            self.end_fault(number)


def find_worker(client_port: int) -> int:
    """The process of the console that holds this connection; never any other."""
    runner = psutil.Process(int(os.environ["CHAOS_RUNNER_PID"]))
    for process in runner.children(recursive=True):
        for connection in process.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == client_port:
                assert "celery" in " ".join(process.cmdline()), process.cmdline()
                return process.pid
    raise AssertionError(f"no process of the console has port {client_port}")


def _refreshed(row: Any) -> Any:
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


def prepare_labs(sandbox: RunningSandbox) -> dict[str, Lab]:
    """Every account furnished, known to the console and checked, with an undisturbed set-up to compare with."""
    for account_id in LANES:
        if account_id != HOME:
            arn = f"arn:aws:iam::{account_id}:role/VertesiaConsole"
            add_account(role_arn=arn, external_id="", actor=MONA, now=timezone.now())
    request_check(now=timezone.now())
    wait_for(
        lambda: {a.account_id for a in Account.objects.all() if a.is_ready} >= set(LANES),
        seconds=60,
        what="the accounts",
    )
    labs = {account_id: Lab(sandbox, account_id) for account_id in LANES}
    for lab in labs.values():
        lab.furnish()
        lab.reference = lab.normal(lab.connected())
    return labs
