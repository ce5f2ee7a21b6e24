"""What the rows work with: the running console's database and broker, its sandbox AWS, and people in both."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import psutil

from aws_setup.agreements import read_agreement
from aws_setup.models import Connection
from environments.models import Environment
from tests.chaos.rows import LANES
from tests.live_account import LiveAccount, RunningSandbox, take_up_accounts, wait_for

PROVIDER_OF_OTHERS = "https://token.actions.githubusercontent.com"


class Lab(LiveAccount):
    """An account in which other people have things as well."""

    def __init__(self, sandbox: RunningSandbox, account_id: str) -> None:
        super().__init__(sandbox, account_id, organization_name="Chaos")
        self.theirs: dict[str, Any] = {}
        self.reference = ""

    # --- what is in AWS -----------------------------------------------------------------------------------------

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

    # --- workers --------------------------------------------------------------------------------------------------

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


def prepare_labs(sandbox: RunningSandbox) -> dict[str, Lab]:
    """Every account furnished, known to the console and checked, with an undisturbed set-up to compare with."""
    take_up_accounts(LANES)
    labs = {account_id: Lab(sandbox, account_id) for account_id in LANES}
    for lab in labs.values():
        lab.furnish()
        lab.reference = lab.normal(lab.connected())
    return labs
