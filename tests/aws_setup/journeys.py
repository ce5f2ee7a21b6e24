"""What people and workers do on the way from an environment to a proof, by the services that views and tasks call."""

from datetime import datetime
from typing import Any

from aws_setup import approval, planning, provisioning, verification
from aws_setup.accounts import OpenGateway, check_own_chain
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, save_answers, start_draft
from aws_setup.drift import observing
from aws_setup.models import Account, Connection, Draft, Observation, Plan, Run, Verification
from aws_setup.vertesia.access import OpenVertesia
from environments.history import Actor
from environments.models import Environment, Issuer
from tests.factories import EnvironmentFactory
from tests.fake_aws import Clock, FakeAws

MONA = Actor("mona")
VERTESIA_ISSUER = "https://sts.vertesia.io"


class Console:
    """People (`plan`, `approve`) and a worker (`advance`, `finish`) of one installation."""

    def __init__(
        self,
        aws: FakeAws,
        clock: Clock,
        *,
        open_gateway: OpenGateway | None = None,
        open_vertesia: OpenVertesia | None = None,
    ) -> None:
        self.aws, self.clock = aws, clock
        self.open_gateway: OpenGateway = open_gateway or aws.open
        self.open_vertesia = open_vertesia
        check_own_chain(self.open_gateway, now=clock())
        aws.operations.clear()

    @property
    def account(self) -> Account:
        return Account.objects.get(account_id=self.aws.caller_account)

    def environment(self, *, issuer: str = "", **values: Any) -> Environment:
        """An environment whose tokens the built-in issuer signs, unless another issuer is named."""
        if issuer:
            values["organization__issuer"] = Issuer.objects.get(url=issuer)
        made: Environment = EnvironmentFactory(**values)
        return made

    def draft(self, environment: Environment, *, purpose: str = "", **answers: Any) -> Draft:
        environment.refresh_from_db()
        connected = Connection.objects.filter(environment=environment).exclude(role_arn="").exists()
        draft = start_draft(
            owner=None, environment=environment, purpose=purpose or ("change" if connected else "connect"), actor=MONA
        )
        save_answers(draft, **answers)
        request_plan(draft, actor=Actor(draft.actor), now=self.clock())
        return draft

    def plan(self, environment: Environment, **answers: Any) -> Plan:
        """Plan a connection or a change. Raises Blocked with the reason where it cannot be."""
        draft = self.draft(environment, **answers)
        plan = planning.make_plan(draft.pk, open_gateway=self.open_gateway, now=self.clock())
        if plan is None:
            draft.refresh_from_db()
            raise Blocked(Problem.from_json(draft.problem))
        return plan

    def approve(self, plan: Plan) -> Run:
        return approval.approve_plan(plan, fingerprint=plan.fingerprint, actor=MONA, now=self.clock())

    def advance(self, run: Run) -> datetime | None:
        """What one message to a worker does."""
        due = provisioning.advance_run(
            run.pk, open_gateway=self.open_gateway, open_vertesia=self.open_vertesia, clock=self.clock
        )
        run.refresh_from_db()
        return due

    def finish(self, run: Run, *, at_most: int = 100) -> Run:
        """Advance the run until it is over, letting time pass as it asks."""
        for _ in range(at_most):
            due = self.advance(run)
            if run.is_finished:
                return run
            assert due is not None, f"run {run.state} is neither over nor due: {run.doing}"
            self.clock.forward(max(0.1, (due - self.clock()).total_seconds()))
        raise AssertionError(f"run {run.state} is not over: {run.doing}")

    def connect(self, environment: Environment, **answers: Any) -> Run:
        """Plan, approve, apply and prove."""
        return self.finish(self.approve(self.plan(environment, **answers)))

    def disconnect(self, environment: Environment) -> Run:
        return self.connect(environment, purpose="disconnect")

    def connection(self, environment: Environment) -> Connection:
        return Connection.objects.select_related("environment", "account").get(environment=environment)

    def verify(self, environment: Environment, **wanted: Any) -> Verification:
        """Ask for a proof and see it to its end; `wanted` as in request_verification."""
        connection = self.connection(environment)
        proof = verification.request_verification(connection, actor=MONA, now=self.clock(), **wanted)
        assert proof is not None, "a proof or a set-up is under way"
        return self.finish_proof(proof)

    def finish_proof(self, proof: Verification) -> Verification:
        """Advance a verification until it is over, letting time pass as it asks."""
        for _ in range(100):
            due = verification.advance_verification(
                proof.pk, open_gateway=self.open_gateway, open_vertesia=self.open_vertesia, clock=self.clock
            )
            proof.refresh_from_db()
            if proof.is_finished:
                return proof
            assert due is not None
            self.clock.forward(max(0.1, (due - self.clock()).total_seconds()))
        raise AssertionError(f"the proof is not over: {proof.doing}")

    def observe(self, environment: Environment) -> Observation:
        """Ask for a comparison with AWS, or take up the one under way, and see it to its end."""
        connection = self.connection(environment)
        observing.request_observation(connection, actor=MONA, now=self.clock())
        observation = connection.observations.get(finished_at__isnull=True)
        for _ in range(200):
            due = observing.advance_observation(observation.pk, open_gateway=self.open_gateway, clock=self.clock)
            observation.refresh_from_db()
            if observation.is_finished:
                return observation
            assert due is not None
            self.clock.forward(max(0.1, (due - self.clock()).total_seconds()))
        raise AssertionError(f"the observation is not over: {observation.doing}")

    def status(self, environment: Environment) -> str:
        environment.refresh_from_db()
        return environment.status_at(self.clock()).value


def make_copies(connected: Environment, number: int) -> None:
    """As many further environments, connected and due as this one is."""
    connection = Connection.objects.get(environment=connected)
    environments = Environment.objects.bulk_create(
        Environment(organization=connected.organization, environment_id=f"{0xC000 + index:024x}", name=f"Copy {index}")
        for index in range(number)
    )
    Connection.objects.bulk_create(
        Connection(
            environment=environment,
            account=connection.account,
            region=connection.region,
            role_name=f"Copy{index}",
            role_arn=f"{connection.role_arn}{index}",
            desired=connection.desired,
            next_observation_at=connection.next_observation_at,
            next_verification_at=connection.next_verification_at,
        )
        for index, environment in enumerate(environments)
    )


def outcomes(run: Run) -> list[tuple[str, str]]:
    """What became of each action, in order."""
    return [(step.action["action"], step.outcome or step.state) for step in run.steps.all()]


def open_codes(environment: Environment) -> list[str]:
    """The codes of the environment's open findings."""
    findings = environment.connection.findings.filter(closed_at__isnull=True)
    return sorted(findings.values_list("code", flat=True))
