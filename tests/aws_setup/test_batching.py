"""Many at once: each row has its own result, what succeeded is kept, and only what failed is done again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from aws_setup import hints, planning, provisioning
from aws_setup.batches.batching import BatchApproval, approve_batch, retry_rows, start_batch
from aws_setup.batches.intake import mend_row, start_table
from aws_setup.batches.rows import read_row
from aws_setup.batches.standing import BatchStanding, RowState, read_batch
from aws_setup.batches.table import parse_table
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import restart_draft
from aws_setup.models import Account, Batch, Connection, Draft, Plan, Run
from aws_setup.names import build_provider_arn
from environments.history import Actor
from environments.installation import prepare_installation
from environments.models import Environment, Organization
from tests.aws_setup.journeys import MONA, VERTESIA_ISSUER, Console
from tests.aws_setup.tables import write_table
from tests.factories import UserFactory
from tests.fake_aws import HOME, SECOND, Clock, FakeAws, FakeRole, denied

ORGANIZATION = "65a1b2c3d4e5f60718293a4b"


def row(number: int, **cells: str) -> dict[str, str]:
    """One row of a table, by columns."""
    return {
        "organization_id": ORGANIZATION,
        "environment_id": f"65e1f2a3b4c5d607182{number:05x}",
        "name": f"Environment {number}",
        "region": "us-east-1",
    } | cells


def environment_of(number: int) -> Environment:
    return Environment.objects.get(environment_id=row(number)["environment_id"])


class Table:
    """A person with a table, and the workers who make its plans and carry them out."""

    def __init__(self, console: Console, *rows: dict[str, str]) -> None:
        self.console = console
        self.batch: Batch = start_table(
            parse_table(write_table(rows)), owner=None, actor=MONA, title="A table", now=console.clock()
        )

    def work(self) -> BatchStanding:
        """Workers make every plan that is asked for and finish every run that is due."""
        for draft in Draft.objects.filter(state=Draft.State.PLANNING):
            planning.make_plan(draft.pk, open_gateway=self.console.open_gateway, now=self.console.clock())
        for run in Run.objects.filter(finished_at__isnull=True):
            self.console.finish(run)
        return self.read()

    def read(self) -> BatchStanding:
        return read_batch(self.batch, now=self.console.clock())

    def approve(self) -> BatchApproval:
        return approve_batch(self.batch, digest=self.read().digest, actor=MONA, now=self.console.clock())

    def retry(self) -> list[int]:
        return [taken.position for taken in retry_rows(self.batch, actor=MONA, now=self.console.clock())]

    def states(self) -> list[str]:
        return [standing.state.value for standing in self.read().rows]

    def sentence(self, position: int) -> str:
        return self.read().rows[position - 1].sentence

    def mend(self, position: int, **cells: str) -> Draft | Problem:
        stored = self.batch.rows.get(position=position)
        typed = stored.typed | cells
        return mend_row(stored, read_row(typed, position=position), actor=MONA, now=self.console.clock())


@pytest.fixture
def second(console: Console) -> Account:
    """Another account, reached through a role."""
    return Account.objects.create(account_id=SECOND, role_arn=f"arn:aws:iam::{SECOND}:role/Console")


def test_a_table_becomes_one_provider_and_one_role_each(console: Console, aws: FakeAws) -> None:
    table = Table(console, *(row(number) for number in range(1, 4)))
    assert table.states() == ["planning"] * 3
    assert table.read().is_live

    standing = table.work()
    assert table.states() == ["planned"] * 3
    assert not standing.is_live
    assert [effect.sentence for effect in standing.effects] == [
        "Create 1 identity provider and 3 roles in 1111-2222-3333"
    ]
    assert standing.assurances == ("Nothing has been written yet.", "Deletes nothing.", "Changes nothing of others.")
    assert aws.writes == []

    approval = table.approve()
    assert len(approval.runs) == 3
    assert approval.refused == ()
    assert table.states() == ["running"] * 3
    table.work()
    assert table.states() == ["succeeded"] * 3
    assert aws.writes.count("CreateOpenIDConnectProvider") == 1
    assert len(aws.home.roles) == 3


def test_a_row_that_is_not_understood_says_so_and_holds_up_no_other(console: Console) -> None:
    table = Table(console, row(1), row(2, region="us-esat-1"), row(3, account_id="999999999999"))
    table.work()
    assert table.states() == ["planned", "invalid", "invalid"]
    assert "Is us-east-1 meant?" in table.sentence(2)
    assert "9999-9999-9999 is not known here" in table.sentence(3)
    assert not Environment.objects.filter(environment_id=row(2)["environment_id"]).exists()
    assert table.batch.rows.get(position=2).typed["region"] == "us-esat-1"


def test_a_row_that_was_not_understood_is_mended_by_itself(console: Console) -> None:
    table = Table(console, row(1), row(2, region="us-esat-1"))
    assert isinstance(table.mend(2, region="still wrong"), Problem)
    assert table.batch.rows.get(position=2).typed["region"] == "still wrong"
    assert isinstance(table.mend(2, region="us-east-2"), Draft)
    table.work()
    assert table.states() == ["planned", "planned"]


def test_a_row_cannot_be_mended_into_another_rows_environment_or_role(console: Console) -> None:
    table = Table(console, row(1, role_name="Shared"), row(2, region="us-esat-1"))
    table.mend(2, region="us-east-2", environment_id=row(1)["environment_id"])
    assert "Another row of this table has this environment id" in table.sentence(2)
    table.mend(2, environment_id=row(2)["environment_id"], role_name="SHARED")
    assert "Another row has the role name SHARED" in table.sentence(2)


def test_what_succeeded_is_kept_and_only_the_failed_rows_run_again(console: Console, aws: FakeAws) -> None:
    table = Table(console, *(row(number) for number in range(1, 5)))
    table.work()
    table.approve()
    aws.fail("iam:CreateRole", denied("iam:CreateRole"), times=2)
    table.work()
    assert sorted(table.states()) == ["failed", "failed", "succeeded", "succeeded"]
    failed = [standing.position for standing in table.read().rows if standing.state == RowState.FAILED]
    assert all("iam:CreateRole" in table.sentence(position) for position in failed)
    kept = {standing.position: standing.run for standing in table.read().rows if standing.position not in failed}

    assert table.retry() == failed
    assert table.retry() == [], "rows that are being planned are not planned twice"
    standing = table.work()
    assert [waiting.position for waiting in standing.planned] == failed
    assert [effect.sentence for effect in standing.effects] == ["Create 2 roles in 1111-2222-3333"]
    table.approve()
    table.work()
    assert table.states() == ["succeeded"] * 4
    assert {
        standing.position: standing.run for standing in table.read().rows if standing.position not in failed
    } == kept, "what had succeeded did not run again"
    assert len(aws.home.roles) == 4


def test_a_failed_row_that_was_planned_again_elsewhere_shows_what_came_of_that(console: Console, aws: FakeAws) -> None:
    table = Table(console, row(1))
    table.work()
    table.approve()
    aws.fail("iam:CreateRole", denied("iam:CreateRole"))
    table.work()
    assert table.states() == ["failed"]
    console.connect(environment_of(1))
    assert table.states() == ["succeeded"]
    assert table.retry() == []


def test_a_role_of_somebody_else_blocks_its_row_alone_and_can_be_planned_again(console: Console, aws: FakeAws) -> None:
    theirs = FakeRole(arn=f"arn:aws:iam::{HOME}:role/Theirs", trust={"Version": "2012-10-17", "Statement": []})
    aws.home.roles["theirs"] = theirs
    table = Table(console, row(1), row(2, role_name="Theirs"))
    table.work()
    assert table.states() == ["planned", "blocked"]
    table.approve()
    table.work()
    assert table.states() == ["succeeded", "blocked"]

    table.mend(2, role_name="Ours")
    table.work()
    table.approve()
    table.work()
    assert table.states() == ["succeeded", "succeeded"]
    assert aws.home.roles["theirs"] == theirs


def test_another_digest_approves_nothing(console: Console, aws: FakeAws) -> None:
    table = Table(console, row(1), row(2, region="us-esat-1"))
    seen = table.work().digest
    table.mend(2, region="us-east-2")
    table.work()
    for digest in (seen, "", "0" * 64):
        with pytest.raises(Blocked, match="no longer those you saw"):
            approve_batch(table.batch, digest=digest, actor=MONA, now=console.clock())
    assert Run.objects.count() == 0


def test_one_refused_plan_does_not_hold_up_the_others(console: Console) -> None:
    table = Table(console, row(1), row(2))
    table.work()
    overtaken = environment_of(2)
    console.clock.forward(1)
    console.connect(overtaken, region="eu-west-1")

    approval = table.approve()
    assert len(approval.runs) == 1
    assert [(refused.position, problem.code) for refused, problem in approval.refused] == [(2, "plan_overtaken")]
    table.work()
    assert table.states() == ["succeeded", "blocked"]
    assert "approved another plan for this environment" in table.sentence(2)
    assert table.retry() == [2]
    assert table.work().rows[1].state == RowState.PLANNED


def test_plans_that_ran_out_are_planned_again(console: Console) -> None:
    table = Table(console, row(1), row(2))
    table.work()
    console.clock.forward(timedelta(days=2).total_seconds())
    assert table.states() == ["outdated"] * 2
    assert table.read().digest == ""
    assert table.retry() == [1, 2]
    table.work()
    assert table.states() == ["planned"] * 2


def test_several_accounts_and_regions_are_added_up_by_account(console: Console, aws: FakeAws, second: Account) -> None:
    table = Table(
        console,
        row(1),
        row(2, region="eu-west-1"),
        row(3, region="eu-central-1", account_id="4444-5555-6666"),
    )
    standing = table.work()
    assert [effect.sentence for effect in standing.effects] == [
        "Create 1 identity provider and 2 roles in 1111-2222-3333",
        "Create 1 identity provider and 1 role in 4444-5555-6666",
    ]
    table.approve()
    table.work()
    assert table.states() == ["succeeded"] * 3
    assert [len(aws.accounts[account].roles) for account in (HOME, SECOND)] == [2, 1]
    assert [environment_of(number).endpoint_url for number in (1, 2, 3)] == ["us-east-1", "eu-west-1", "eu-central-1"]


def test_roles_beyond_the_accounts_quota_are_not_approved_together(console: Console, aws: FakeAws) -> None:
    aws.home.roles_quota = 3
    table = Table(console, *(row(number) for number in range(1, 6)))
    standing = table.work()
    with pytest.raises(Blocked) as refusal:
        table.approve()
    problem = refusal.value.problem
    assert problem.sentence == "Account 1111-2222-3333 has room for 3 more roles, and this table needs 5."
    assert "rows 1–5" in problem.why
    assert standing.shortages == (problem,)
    assert Run.objects.count() == 0

    aws.home.roles_quota = 5
    assert table.retry() == [1, 2, 3, 4, 5], "planning reads the quota anew"
    table.work()
    table.approve()
    table.work()
    assert table.states() == ["succeeded"] * 5


def test_roles_that_others_runs_make_meanwhile_take_their_room(console: Console, aws: FakeAws) -> None:
    aws.home.roles_quota = 3
    table = Table(console, row(1), row(2))
    table.work()
    for number in (7, 8):
        plan = console.plan(console.environment(name=f"Other {number}"))
        Account.objects.update(quotas_read_at=console.clock() - timedelta(seconds=1))
        console.approve(plan)
    with pytest.raises(Blocked, match="room for 1 more role, and this table needs 2"):
        table.approve()


def test_an_account_that_does_not_say_its_quota_holds_up_nothing(console: Console, aws: FakeAws) -> None:
    aws.deny("iam:GetAccountSummary")
    table = Table(console, row(1))
    table.work()
    table.approve()
    table.work()
    assert table.states() == ["succeeded"]


def test_a_connected_environment_is_changed_and_keeps_what_the_row_leaves_open(console: Console) -> None:
    first = Table(console, row(1, role_name="Chosen", tags="Team=Red"))
    first.work()
    first.approve()
    first.work()

    again = Table(console, row(1, name="New name", region="eu-west-1"))
    again.work()
    draft = Draft.objects.get(batch_rows__batch=again.batch)
    assert draft.purpose == Draft.Purpose.CHANGE
    again.approve()
    again.work()
    agreed = Connection.objects.get()
    assert (agreed.region, agreed.role_name) == ("eu-west-1", "Chosen")
    assert agreed.environment.name == "New name"
    assert dict(DesiredState.from_json(agreed.desired).tags) == {"Team": "Red"}


def test_two_environments_of_one_name_get_roles_of_different_names(console: Console) -> None:
    table = Table(console, row(1, name="Production"), row(2, name="Production"), row(3, name="Production"))
    table.work()
    assert table.approve().refused == ()
    table.work()
    assert table.states() == ["succeeded"] * 3


def test_a_name_that_a_row_asks_for_is_not_given_to_another(console: Console) -> None:
    table = Table(console, row(1, name="Alpha"), row(2, role_name="VertesiaEnvironmentAlpha"))
    table.work()
    assert table.states() == ["planned", "planned"]
    assert table.read().rows[1].answers["role_name"] == "VertesiaEnvironmentAlpha"
    assert table.approve().refused == ()


def test_the_issuer_of_one_row_counts_for_its_organization(console: Console) -> None:
    table = Table(console, row(1), row(2, issuer=VERTESIA_ISSUER))
    table.work()
    assert Organization.objects.get(organization_id=ORGANIZATION).issuer.url == VERTESIA_ISSUER
    table.approve()
    table.work()
    assert table.states() == ["waiting_for_vertesia"] * 2


@pytest.mark.parametrize("words", ["issuer", "policy", "partition"])
def test_what_only_the_console_can_know_is_said_in_the_row(console: Console, words: str) -> None:
    cells: dict[str, dict[str, str]] = {
        "issuer": {"issuer": "https://nobody.example"},
        "policy": {"permissions": f"arn:aws:iam::{SECOND}:policy/Theirs"},
        "partition": {"region": "us-gov-west-1"},
    }
    table = Table(console, row(1, **cells[words]))
    assert table.states() == ["invalid"]
    assert words in table.sentence(1)


def test_a_batch_of_drafts_carries_any_purpose(console: Console) -> None:
    """What repairs and migrations build on: stored drafts in, one approval, a run each."""
    environments = [console.environment(), console.environment()]
    for environment in environments:
        console.connect(environment)
    owner = UserFactory()
    drafts = [
        restart_draft(owner=owner, environment=environment, purpose=Draft.Purpose.DISCONNECT, actor=MONA)
        for environment in environments
    ]
    problem = Problem(code="not_possible", sentence="This one has no connection.")
    batch = start_batch(
        owner=owner,
        actor=Actor("mona"),
        title="Take two away",
        purpose=Draft.Purpose.DISCONNECT,
        rows=[({}, drafts[0]), ({"name": "Third"}, problem), ({}, drafts[1])],
        now=console.clock(),
    )
    for draft in drafts:
        planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock())
    standing = read_batch(batch, now=console.clock())
    assert [found.state for found in standing.rows] == [RowState.PLANNED, RowState.INVALID, RowState.PLANNED]
    assert [effect.sentence for effect in standing.effects] == ["Remove 2 roles in 1111-2222-3333"]
    for run in approve_batch(batch, digest=standing.digest, actor=MONA, now=console.clock()).runs:
        console.finish(run)
    assert read_batch(batch, now=console.clock()).counts == {RowState.INVALID: 1, RowState.SUCCEEDED: 2}


def test_a_row_whose_environment_was_deleted_is_given_up(console: Console) -> None:
    table = Table(console, row(1), row(2))
    environment_of(1).delete()
    table.work()
    assert table.states() == ["gone", "planned"]


def test_fifty_environments_of_one_account_share_a_provider_and_none_is_asked_again(
    transactional_db: None, aws: FakeAws, clock: Clock
) -> None:
    """Eight workers at a time plan and apply them: every plan creates the provider, one run does."""
    prepare_installation(now=clock(), key_algorithm="ES256")
    console = Console(aws, clock)
    table = Table(console, *(row(number) for number in range(1, 51)))

    def by_workers(work: Any, pks: list[int]) -> None:
        def do(pk: int) -> None:
            try:
                with hints.suppressed():
                    work(pk)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(do, pks))

    drafts = list(Draft.objects.values_list("pk", flat=True))
    by_workers(lambda pk: planning.make_plan(pk, open_gateway=aws.open, now=clock()), drafts)
    plans = Plan.objects.all()
    assert all(plan.actions[0]["action"] == "CreateOpenIDConnectProvider" for plan in plans)
    assert [effect.sentence for effect in table.read().effects] == [
        "Create 1 identity provider and 50 roles in 1111-2222-3333"
    ]
    assert len(table.approve().runs) == 50
    for _ in range(20):
        unfinished = list(Run.objects.filter(finished_at__isnull=True).values_list("pk", flat=True))
        by_workers(lambda pk: provisioning.advance_run(pk, open_gateway=aws.open, clock=clock), unfinished)
        clock.forward(5)

    assert {standing.state for standing in table.read().rows} == {RowState.SUCCEEDED}
    assert plans.count() == 50, "nobody was asked to approve again"
    issuer_url = Organization.objects.get(organization_id=ORGANIZATION).issuer.url
    arn = build_provider_arn(partition="aws", account_id=HOME, issuer_url=issuer_url)
    assert list(aws.home.providers) == [arn]
    assert aws.home.providers[arn].audiences == ["bedrock"]
    assert aws.writes.count("CreateOpenIDConnectProvider") == 1
    assert len(aws.home.roles) == 50
