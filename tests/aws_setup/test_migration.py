"""An organization moves to another issuer: trust both, switch and prove, remove the old one; or take it all back."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from aws_setup import planning, provisioning
from aws_setup.batches.batching import approve_batch
from aws_setup.batches.standing import read_batch
from aws_setup.confirmation import confirm_connection
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import request_plan, restart_draft
from aws_setup.models import Account, Batch, IssuerMigration, Plan, Run, Verification
from aws_setup.moves import migration, plans
from aws_setup.moves.standing import MigrationStep, Place, Stage, read_migration_standing
from environments.models import Environment, Event, Issuer, Organization
from tests.aws_setup.journeys import MONA, Console, open_codes, outcomes
from tests.factories import OrganizationFactory
from tests.fake_aws import HOME, SECOND, FakeAccount, FakeAws, FakeProvider, FakeRole

OLD = "https://sts.becomposable.com"
NEW = "https://sts.vertesia.io"
TRUST_BOTH, REMOVE_OLD, TRUST_OLD = MigrationStep.TRUST_BOTH, MigrationStep.REMOVE_OLD, MigrationStep.TRUST_OLD


class Moving:
    """An organization with connected environments, and people and a worker who move it."""

    def __init__(self, console: Console, organization: Organization) -> None:
        self.console, self.organization = console, organization
        self.environments: list[Environment] = []
        self.migration: IssuerMigration | None = None

    def connect(self, name: str, **answers: Any) -> Environment:
        environment = self.console.environment(name=name, organization=self.organization)
        run = self.console.connect(environment, **answers)
        assert run.state in (Run.State.SUCCEEDED, Run.State.WAITING_FOR_VERTESIA), run.problem
        self.environments.append(environment)
        self.console.clock.forward(600)
        return environment

    def start(self, to: str) -> IssuerMigration:
        self.organization.refresh_from_db()
        self.migration = migration.start_migration(
            self.organization, to_issuer=Issuer.objects.get(url=to), actor=MONA, now=self.console.clock()
        )
        return self.migration

    @property
    def move(self) -> IssuerMigration:
        assert self.migration is not None
        return IssuerMigration.objects.select_related("organization__issuer", "from_issuer", "to_issuer").get(
            pk=self.migration.pk
        )

    def place(self, environment: Environment) -> Place:
        places = read_migration_standing(self.move).places
        return next(place for place in places if place.environment.pk == environment.pk)

    def stages(self) -> list[str]:
        return [self.place(environment).stage.value for environment in self.environments]

    def plan(self, environment: Environment, step: MigrationStep) -> Plan:
        draft = plans.plan_step(self.place(environment), step=step, owner=None, actor=MONA, now=self.console.clock())
        plan = planning.make_plan(draft.pk, open_gateway=self.console.open_gateway, now=self.console.clock())
        draft.refresh_from_db()
        if plan is None:
            raise Blocked(Problem.from_json(draft.problem))
        return plan

    def take(self, environment: Environment, step: MigrationStep) -> Run:
        run = self.console.finish(self.console.approve(self.plan(environment, step)))
        self.console.clock.forward(600)
        return run

    def switch(self) -> bool:
        return migration.switch_issuer(self.move, actor=MONA, now=self.console.clock())

    def switch_back(self) -> bool:
        return migration.switch_back(self.move, actor=MONA, now=self.console.clock())

    def let_worker_verify(self) -> None:
        """What the workers do with the proofs that the switch asked for."""
        for proof in Verification.objects.filter(finished_at__isnull=True):
            provisioning.verification.advance_verification(
                proof.pk, open_gateway=self.console.open_gateway, clock=self.console.clock
            )

    def confirm(self, environment: Environment) -> None:
        connection = self.console.connection(environment)
        assert confirm_connection(connection, actor=MONA, now=self.console.clock())


@pytest.fixture
def moving(console: Console, settings: Settings) -> Moving:
    """From one of Vertesia's issuers, to another or to the built-in one; nothing waits for anything to spread."""
    settings.PROPAGATION_WINDOW_SECONDS = 0
    return Moving(console, OrganizationFactory(issuer=Issuer.objects.get(url=OLD)))


def builtin() -> str:
    return Issuer.objects.get(hosting="builtin").url


def issuers_trusted(account: FakeAccount, environment: Environment) -> list[str]:
    """The hosts of the issuers that the role trusts in AWS, each for exactly this environment."""
    environment.refresh_from_db()
    role = account.role(environment.connection.role_name)
    hosts = []
    for statement in role.trust["Statement"]:
        host = statement["Principal"]["Federated"].split(":oidc-provider/")[1]
        assert statement["Condition"]["StringEquals"][f"{host}:sub"] == environment.subject
        hosts.append(host)
    return sorted(hosts)


def hosts_of(*urls: str) -> list[str]:
    return sorted(url.split("://")[1] for url in urls)


def agreed(environment: Environment) -> DesiredState:
    environment.refresh_from_db()
    environment.connection.refresh_from_db()
    return DesiredState.from_json(environment.connection.desired)


# --- The whole path -------------------------------------------------------------------------------------------


def test_one_environment_moves_and_is_proven_before_the_old_issuer_goes(moving: Moving, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    moving.start(builtin())
    aws.writes.clear()
    run = moving.take(one, TRUST_BOTH)
    assert run.state == Run.State.WAITING_FOR_VERTESIA
    assert aws.writes == ["CreateOpenIDConnectProvider", "UpdateAssumeRolePolicy"]
    assert issuers_trusted(aws.home, one) == hosts_of(OLD, builtin())
    assert moving.organization.issuer.url == OLD

    assert moving.switch()
    assert moving.console.status(one) == "waiting_for_vertesia"
    moving.let_worker_verify()
    assert moving.console.status(one) == "connected"
    assert moving.place(one).is_proven

    aws.writes.clear()
    run = moving.take(one, REMOVE_OLD)
    assert run.state == Run.State.SUCCEEDED
    assert aws.writes == ["UpdateAssumeRolePolicy"]
    assert issuers_trusted(aws.home, one) == hosts_of(builtin())
    assert len(aws.home.providers) == 2  # the old identity provider stays
    assert moving.console.status(one) == "connected"
    assert migration.finish_migrations(now=moving.console.clock()) == 1
    assert moving.move.finished_at is not None
    assert migration.finish_migrations(now=moving.console.clock()) == 0


def test_vertesias_issuers_are_confirmed_by_a_person_instead(moving: Moving, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    assert moving.switch()
    moving.let_worker_verify()
    assert moving.console.status(one) == "waiting_for_vertesia"
    assert moving.place(one).is_waiting_for_a_person
    with pytest.raises(Blocked, match="neither proven nor confirmed"):
        moving.plan(one, REMOVE_OLD)
    moving.confirm(one)
    assert moving.console.status(one) == "confirmed"
    assert moving.take(one, REMOVE_OLD).state == Run.State.WAITING_FOR_VERTESIA
    assert issuers_trusted(aws.home, one) == hosts_of(NEW)
    assert moving.stages() == [Stage.NEW_ONLY]


def test_environments_in_several_accounts_move_one_by_one_and_nobody_breaks(
    moving: Moving, aws: FakeAws, console: Console
) -> None:
    Account.objects.create(account_id=SECOND, role_arn=f"arn:aws:iam::{SECOND}:role/Console")
    first, second = moving.connect("First"), moving.connect("Second")
    third = moving.connect("Third", account_id=SECOND)
    moving.start(NEW)
    plans = [moving.plan(environment, TRUST_BOTH) for environment in (first, second, third)]
    assert [plan.actions[1]["action"] for plan in plans] == ["CreateOpenIDConnectProvider"] * 3
    aws.writes.clear()
    runs = [console.finish(console.approve(plan)) for plan in plans]
    assert [run.state for run in runs] == [Run.State.WAITING_FOR_VERTESIA] * 3
    assert aws.writes.count("CreateOpenIDConnectProvider") == 2  # once in each account
    assert [len(aws.accounts[account_id].providers) for account_id in (HOME, SECOND)] == [2, 2]
    assert outcomes(runs[1])[1] == ("CreateOpenIDConnectProvider", "unchanged")
    assert moving.stages() == [Stage.BOTH] * 3
    moving.switch()
    moving.let_worker_verify()
    for environment in moving.environments:
        assert open_codes(environment) == []
    for environment in (first, third):
        moving.confirm(environment)
        moving.take(environment, REMOVE_OLD)
        moving.let_worker_verify()
        assert [open_codes(each) for each in moving.environments] == [[], [], []]
    assert moving.stages() == [Stage.NEW_ONLY, Stage.BOTH, Stage.NEW_ONLY]
    assert migration.finish_migrations(now=console.clock()) == 0
    moving.confirm(second)
    moving.take(second, REMOVE_OLD)
    assert migration.finish_migrations(now=console.clock()) == 1


def test_planned_again_nothing_is_left_to_do(moving: Moving, console: Console, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    answers = {"trusts": [OLD, NEW], "migration": moving.move.pk}
    draft = restart_draft(owner=None, environment=one, purpose="migrate", actor=MONA, **answers)
    request_plan(draft, actor=MONA, now=console.clock())
    plan = planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock())
    assert plan is not None
    assert {action["verb"] for action in plan.actions} == {"keep"}
    repair = console.plan(one, purpose="repair")
    assert {action["verb"] for action in repair.actions} == {"keep"}


def test_an_audience_is_added_to_the_new_issuers_provider_where_others_made_it(moving: Moving, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    arn = f"arn:aws:iam::{HOME}:oidc-provider/sts.vertesia.io"
    aws.home.providers[arn] = FakeProvider(arn, NEW, ["blobs"], {"team": "storage"})
    moving.start(NEW)
    aws.writes.clear()
    moving.take(one, TRUST_BOTH)
    assert aws.writes == ["AddClientIDToOpenIDConnectProvider", "UpdateAssumeRolePolicy"]
    assert aws.home.providers[arn].audiences == ["blobs", "bedrock"]
    assert aws.home.providers[arn].tags == {"team": "storage"}


def test_each_issuer_keeps_its_own_audience(moving: Moving, aws: FakeAws) -> None:
    Issuer.objects.filter(url=NEW).update(audience="models")
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    trust = aws.home.role(agreed(one).role_name).trust
    conditions = [statement["Condition"]["StringEquals"] for statement in trust["Statement"]]
    audiences = {key: value for condition in conditions for key, value in condition.items() if key.endswith(":aud")}
    assert audiences == {"sts.becomposable.com:aud": "bedrock", "sts.vertesia.io:aud": "models"}
    moving.switch()
    assert (agreed(one).issuer_url, agreed(one).audience) == (NEW, "models")


def test_nothing_of_others_is_touched(moving: Moving, aws: FakeAws) -> None:
    stranger = f"arn:aws:iam::{HOME}:role/Stranger"
    trust = {"Version": "2012-10-17", "Statement": []}
    aws.home.roles["stranger"] = FakeRole(stranger, trust, tags={"owner": "somebody"})
    one = moving.connect("Marketing")
    held = aws.home.role(agreed(one).role_name)
    held.attached.append(f"arn:aws:iam::{HOME}:policy/Theirs")
    held.tags["cost-center"] = "42"
    before = json.dumps(vars(aws.home.roles["stranger"]), default=str)
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    moving.switch()
    moving.confirm(one)
    moving.take(one, REMOVE_OLD)
    assert json.dumps(vars(aws.home.roles["stranger"]), default=str) == before
    assert held.attached == [f"arn:aws:iam::{HOME}:policy/Theirs"]
    assert held.tags["cost-center"] == "42"


def test_all_at_once_is_one_table_of_plans_and_one_approval(moving: Moving, console: Console, aws: FakeAws) -> None:
    names = ["First", "Second", "Third"]
    first, *others = [moving.connect(name) for name in names]
    moving.start(NEW)
    moving.take(first, TRUST_BOTH)
    batch = start_all(moving, TRUST_BOTH)
    assert [row.draft.environment for row in batch.rows.all() if row.draft] == others
    assert batch.migration == moving.move
    assert batch.title == f"{moving.organization}: trust sts.becomposable.com and sts.vertesia.io"
    approve_all(console, batch)
    assert moving.stages() == [Stage.BOTH] * 3
    with pytest.raises(Blocked, match="nothing of this step to do"):
        start_all(moving, TRUST_BOTH)
    console.clock.forward(600)
    moving.switch()
    moving.confirm(first)
    moving.confirm(others[0])
    approve_all(console, start_all(moving, REMOVE_OLD))
    assert moving.stages() == [Stage.NEW_ONLY, Stage.NEW_ONLY, Stage.BOTH]


def start_all(moving: Moving, step: MigrationStep) -> Batch:
    standing = read_migration_standing(moving.move)
    return plans.start_step_batch(standing, step=step, owner=None, actor=MONA, now=moving.console.clock())


def approve_all(console: Console, batch: Batch) -> None:
    for row in batch.rows.all():
        planning.make_plan(row.draft_id or 0, open_gateway=console.open_gateway, now=console.clock())
    digest = read_batch(batch, now=console.clock()).digest
    approval = approve_batch(batch, digest=digest, actor=MONA, now=console.clock())
    assert approval.refused == ()
    for run in approval.runs:
        assert console.finish(run).state == Run.State.WAITING_FOR_VERTESIA


# --- What is refused ------------------------------------------------------------------------------------------


def test_it_is_not_switched_while_an_environment_trusts_only_the_old_one(moving: Moving) -> None:
    one, two = moving.connect("Marketing"), moving.connect("Research")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    with pytest.raises(Blocked) as refused:
        moving.switch()
    assert refused.value.problem.code == "switch_too_early"
    assert refused.value.problem.why == f"Research trusts only {OLD}."
    moving.organization.refresh_from_db()
    assert moving.organization.issuer.url == OLD
    assert moving.stages() == [Stage.BOTH, Stage.OLD_ONLY]
    moving.take(two, TRUST_BOTH)
    assert moving.switch()
    assert not moving.switch()  # once


def test_it_is_not_switched_before_what_was_agreed_is_written(moving: Moving, aws: FakeAws, console: Console) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    run = console.approve(moving.plan(one, TRUST_BOTH))
    with pytest.raises(Blocked, match="trusts both") as refused:
        moving.switch()
    assert refused.value.problem.why == "Marketing is being changed at the moment."
    aws.deny("iam:UpdateAssumeRolePolicy")
    assert console.finish(run).state == Run.State.FAILED
    with pytest.raises(Blocked) as refused:
        moving.switch()
    assert "not everything was written" in refused.value.problem.why
    aws.mend()
    console.clock.forward(600)
    moving.take(one, TRUST_BOTH)
    assert moving.switch()


def test_a_trust_policy_that_would_be_too_large_blocks_the_plan_with_a_sentence(moving: Moving, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    aws.home.trust_size_quota = 500
    with pytest.raises(Blocked) as refused:
        moving.plan(one, TRUST_BOTH)
    assert refused.value.problem.code == "trust_size_quota"
    assert "and this account takes 500" in refused.value.problem.sentence
    assert issuers_trusted(aws.home, one) == hosts_of(OLD)
    assert moving.stages() == [Stage.OLD_ONLY]


def test_the_old_issuer_does_not_go_before_the_switch_or_before_a_proof(moving: Moving, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    moving.start(builtin())
    moving.take(one, TRUST_BOTH)
    with pytest.raises(Blocked, match="still signs the tokens"):
        moving.plan(one, REMOVE_OLD)
    moving.switch()
    with pytest.raises(Blocked, match="neither proven nor confirmed"):
        moving.plan(one, REMOVE_OLD)
    moving.let_worker_verify()
    plan = moving.plan(one, REMOVE_OLD)
    aws.deny("bedrock:ListFoundationModels")
    moving.console.verify(one)
    with pytest.raises(Blocked, match="neither proven nor confirmed"):
        moving.console.approve(plan)
    assert issuers_trusted(aws.home, one) == hosts_of(OLD, builtin())


def test_a_confirmation_from_before_the_switch_does_not_count(moving: Moving) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    moving.confirm(one)
    assert moving.console.status(one) == "confirmed"
    moving.switch()
    assert moving.console.status(one) == "waiting_for_vertesia"
    assert moving.place(one).next_step is None


def test_a_move_to_where_it_is_already_or_of_nothing_or_a_second_one_is_refused(moving: Moving) -> None:
    with pytest.raises(Blocked, match=r"No environment of .* is connected"):
        moving.start(NEW)
    moving.connect("Marketing")
    with pytest.raises(Blocked, match="already"):
        moving.start(OLD)
    moving.start(NEW)
    with pytest.raises(Blocked, match="is moving to another issuer already"):
        moving.start("https://sts.eu1.vertesia.io")


# --- Taking it back -------------------------------------------------------------------------------------------


def test_before_the_switch_the_old_one_alone_is_trusted_again_and_the_move_given_up(
    moving: Moving, aws: FakeAws
) -> None:
    one = moving.connect("Marketing")
    before = json.dumps(aws.home.role(agreed(one).role_name).trust)
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    with pytest.raises(Blocked, match="still stands"):
        migration.give_up_migration(moving.move, actor=MONA, now=moving.console.clock())
    assert moving.take(one, TRUST_OLD).state == Run.State.WAITING_FOR_VERTESIA
    assert json.dumps(aws.home.role(agreed(one).role_name).trust) == before
    assert migration.give_up_migration(moving.move, actor=MONA, now=moving.console.clock())
    assert not migration.give_up_migration(moving.move, actor=MONA, now=moving.console.clock())
    assert moving.start("https://sts.eu1.vertesia.io").pk


def test_after_the_switch_it_is_switched_back_and_both_are_still_trusted(moving: Moving, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    moving.start(builtin())
    moving.take(one, TRUST_BOTH)
    moving.switch()
    moving.let_worker_verify()
    aws.writes.clear()
    assert moving.switch_back()
    moving.let_worker_verify()
    moving.organization.refresh_from_db()
    assert moving.organization.issuer.url == OLD
    assert agreed(one).issuer_url == OLD
    assert aws.writes == []
    assert moving.console.status(one) == "waiting_for_vertesia"
    assert open_codes(one) == []
    moving.take(one, TRUST_OLD)
    assert issuers_trusted(aws.home, one) == hosts_of(OLD)


def test_after_the_removal_both_are_trusted_again_and_then_it_is_switched_back(moving: Moving, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    moving.switch()
    moving.confirm(one)
    moving.take(one, REMOVE_OLD)
    with pytest.raises(Blocked) as refused:
        moving.switch_back()
    assert refused.value.problem.why == f"Marketing trusts only {NEW}."
    assert moving.place(one).step_back == TRUST_BOTH
    moving.take(one, TRUST_BOTH)
    assert issuers_trusted(aws.home, one) == hosts_of(OLD, NEW)
    assert moving.switch_back()
    moving.take(one, TRUST_OLD)
    assert issuers_trusted(aws.home, one) == hosts_of(OLD)


def test_a_finished_move_is_taken_back_by_a_move_the_other_way(moving: Moving, aws: FakeAws) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    moving.switch()
    moving.confirm(one)
    moving.take(one, REMOVE_OLD)
    migration.finish_migrations(now=moving.console.clock())
    moving.start(OLD)
    aws.writes.clear()
    moving.take(one, TRUST_BOTH)
    assert aws.writes == ["UpdateAssumeRolePolicy"]  # the old identity provider is still there
    assert moving.switch()


# --- What else reads the issuer -------------------------------------------------------------------------------


def test_a_plan_from_before_the_switch_does_not_switch_back(moving: Moving, console: Console) -> None:
    one, fresh = moving.connect("Marketing"), console.environment(name="Fresh", organization=moving.organization)
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    change, first = console.plan(one, permissions="full"), console.plan(fresh)
    removal = console.plan(one, purpose="disconnect")
    console.clock.forward(1)
    moving.switch()
    for plan in (change, first, removal):
        with pytest.raises(Blocked) as refused:
            console.approve(plan)
        assert refused.value.problem.code == "issuer_switched"
    moving.organization.refresh_from_db()
    assert moving.organization.issuer.url == NEW


def test_a_change_meanwhile_keeps_both_and_offers_no_other_issuer(
    moving: Moving, console: Console, aws: FakeAws
) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    console.connect(one, permissions="full")
    assert issuers_trusted(aws.home, one) == hosts_of(OLD, NEW)
    with pytest.raises(Blocked, match="is moving to another issuer"):
        console.plan(one, issuer_url=NEW)
    console.clock.forward(600)
    moving.switch()
    console.connect(one, permissions="invoke", issuer_url=NEW)
    assert issuers_trusted(aws.home, one) == hosts_of(OLD, NEW)
    assert moving.stages() == [Stage.BOTH]


def test_an_environment_connected_after_the_switch_trusts_only_the_new_one(
    moving: Moving, console: Console, aws: FakeAws
) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    moving.switch()
    moving.organization.refresh_from_db()
    fresh = moving.connect("Fresh")
    assert issuers_trusted(aws.home, fresh) == hosts_of(NEW)
    assert moving.stages() == [Stage.BOTH, Stage.NEW_ONLY]
    assert open_codes(one) == []


def test_a_plan_of_a_move_that_is_over_is_refused(moving: Moving, console: Console) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    plan = moving.plan(one, TRUST_BOTH)
    migration.give_up_migration(moving.move, actor=MONA, now=console.clock())
    with pytest.raises(Blocked, match="is over"):
        console.approve(plan)
    moving.start("https://sts.eu1.vertesia.io")
    with pytest.raises(Blocked, match="is another one by now"):
        console.approve(plan)


def test_undoing_a_failed_removal_keeps_the_issuer_that_signs_now(
    moving: Moving, console: Console, aws: FakeAws
) -> None:
    one = moving.connect("Marketing")
    moving.start(builtin())
    moving.take(one, TRUST_BOTH)
    moving.switch()
    moving.let_worker_verify()
    plan = moving.plan(one, REMOVE_OLD)
    aws.deny("bedrock:ListFoundationModels")
    failed = console.finish(console.approve(plan))
    assert failed.state == Run.State.FAILED
    aws.mend()
    console.clock.forward(600)
    undone = console.connect(one, purpose="undo", run=failed.pk)
    assert undone.state == Run.State.SUCCEEDED
    assert issuers_trusted(aws.home, one) == hosts_of(OLD, builtin())
    moving.organization.refresh_from_db()
    assert moving.organization.issuer.url == builtin()


def test_a_proof_under_way_at_the_switch_is_made_with_the_new_issuer(moving: Moving, console: Console) -> None:
    one = moving.connect("Marketing")
    moving.start(builtin())
    moving.take(one, TRUST_BOTH)
    connection = console.connection(one)
    proof = provisioning.verification.request_verification(connection, actor=MONA, now=console.clock())
    assert proof is not None
    assert proof.claim(clock=console.clock)  # a worker is at it
    moving.switch()
    moving.let_worker_verify()
    assert console.status(one) == "connected"
    assert not proof.write(doing="Asking about the old issuer")


def test_a_disconnected_environment_hinders_nothing(moving: Moving, console: Console) -> None:
    one, two = moving.connect("Marketing"), moving.connect("Research")
    moving.start(NEW)
    console.disconnect(two)
    console.clock.forward(600)
    moving.take(one, TRUST_BOTH)
    assert moving.switch()
    console.disconnect(one)
    assert migration.finish_migrations(now=console.clock()) == 1


def test_each_step_stands_in_the_history(moving: Moving) -> None:
    one = moving.connect("Marketing")
    moving.start(NEW)
    moving.take(one, TRUST_BOTH)
    moving.switch()
    moving.switch_back()
    of_organization = Event.objects.filter(organization=moving.organization, environment__isnull=True)
    assert list(of_organization.order_by("id").values_list("action", "actor")) == [
        ("migration.started", "mona"),
        ("issuer.switched", "mona"),
        ("issuer.switched", "mona"),
    ]
    sentences = one.events.filter(action="issuer.switched").order_by("id").values_list("sentence", flat=True)
    assert [f"as {NEW}, mona says." in sentences[0], f"as {OLD}, mona says." in sentences[1]] == [True, True]
