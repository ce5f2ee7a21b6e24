"""The pages of a move to another issuer: who gets in, what each step offers, what is said where it is too early."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from aws_setup import hints, planning
from aws_setup.models import Batch, Draft, IssuerMigration, Run
from aws_setup.moves.standing import Stage, read_migration_standing
from environments.models import Environment, Event, Issuer, Organization
from tests.aws_setup.journeys import Console
from tests.factories import OrganizationFactory, UserFactory
from tests.fake_aws import Clock, FakeAws
from tests.web.wizard_rows import text_of

pytestmark = pytest.mark.django_db

OLD, NEW = "https://sts.becomposable.com", "https://sts.vertesia.io"
ORDERS = ["migration_plan", "migration_switch", "migration_switch_back", "migration_give_up"]
OF_A_MOVE = ["migration", *ORDERS]


@pytest.fixture(autouse=True)
def _no_workers() -> Iterator[None]:
    with hints.suppressed():
        yield


@pytest.fixture
def console(client: Client, settings: Settings) -> Console:
    """A worker beside an AWS in memory, whose time is a moment behind the pages'."""
    settings.PROPAGATION_WINDOW_SECONDS = 0
    clock = RealClock()
    return Console(FakeAws(clock), clock)


class RealClock(Clock):
    """The pages take their time from the machine, so the worker here does too."""

    def __call__(self) -> datetime:
        return timezone.now()

    def forward(self, seconds: float) -> None:
        """Nothing waits: there is no propagation here."""


@pytest.fixture
def organization() -> Organization:
    return OrganizationFactory(name="Acme", issuer=Issuer.objects.get(url=OLD))


@pytest.fixture
def payroll(console: Console, organization: Organization) -> Environment:
    environment = console.environment(name="Payroll", organization=organization)
    console.connect(environment)
    return environment


def begin(client: Client, organization: Organization, *, to: str = NEW) -> IssuerMigration:
    answer = client.post(reverse("migrations"), {"organization": organization.pk, "issuer": to})
    move = IssuerMigration.objects.latest("pk")
    assert answer["Location"] == reverse("migration", args=[move.pk])
    return move


def order(client: Client, name: str, move: IssuerMigration, **fields: object):
    return client.post(reverse(name, args=[move.pk]), fields, follow=True)


def show(client: Client, move: IssuerMigration) -> str:
    return text_of(client.get(reverse("migration", args=[move.pk])))


def take(client: Client, console: Console, move: IssuerMigration, environment: Environment, step: str) -> Run:
    """Click the button of one environment, let the worker plan, approve, and let the worker write."""
    answer = client.post(reverse("migration_plan", args=[move.pk]), {"environment": environment.pk, "step": step})
    draft = Draft.objects.latest("pk")
    assert answer["Location"] == reverse("draft_review", args=[draft.pk])
    plan = planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock())
    assert plan is not None
    client.post(reverse("draft_approve", args=[draft.pk]), {"fingerprint": plan.fingerprint})
    return console.finish(Run.objects.get(plan=plan))


# --- The doors ------------------------------------------------------------------------------------------------


def test_the_pages_work(client, organization, payroll):
    assert "Roles first trust both issuers" in text_of(client.get(reverse("migrations")))
    assert "Acme moves to another issuer" in show(client, begin(client, organization))


@pytest.mark.parametrize("name", ["migrations", *OF_A_MOVE])
def test_nobody_gets_in_without_signing_in(client, organization, payroll, name):
    move = begin(client, organization)
    url = reverse(name, args=[] if name == "migrations" else [move.pk])
    answer = Client().post(url) if name in ORDERS else Client().get(url)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign_in"))


@pytest.mark.parametrize("name", ORDERS)
def test_what_changes_something_takes_no_get(client, organization, payroll, name):
    assert client.get(reverse(name, args=[begin(client, organization).pk])).status_code == 405


def test_the_page_that_only_shows_takes_no_post(client, organization, payroll):
    assert client.post(reverse("migration", args=[begin(client, organization).pk])).status_code == 405


@pytest.mark.parametrize("name", OF_A_MOVE)
def test_what_does_not_exist_is_not_found(client, name):
    url = reverse(name, args=[987654])
    assert (client.post(url) if name in ORDERS else client.get(url)).status_code == 404


@pytest.mark.parametrize("name", ["migrations", *OF_A_MOVE])
def test_somebody_without_rights_sees_and_changes_nothing(client, organization, payroll, name):
    move = begin(client, organization)
    stranger = Client()
    stranger.force_login(UserFactory(is_staff=False, is_superuser=False))
    before = Event.objects.count()
    url = reverse(name, args=[] if name == "migrations" else [move.pk])
    for answer in (stranger.get(url), stranger.post(url, {"step": "trust_both"})):
        assert answer.status_code == 403
        assert "Payroll" not in answer.content.decode()
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    "fields",
    [{}, {"step": "everything"}, {"step": "trust_both", "environment": "x"}, {"step": "\x00"}],
)
def test_rubbish_is_no_step(client, organization, payroll, fields):
    move = begin(client, organization)
    assert client.post(reverse("migration_plan", args=[move.pk]), fields).status_code == 404
    assert not Draft.objects.filter(purpose="migrate").exists()


@pytest.mark.parametrize("fields", [{}, {"organization": "x", "issuer": "y"}, {"organization": "999", "issuer": NEW}])
def test_rubbish_begins_nothing(client, organization, payroll, fields):
    answer = client.post(reverse("migrations"), fields)
    assert answer.status_code == 422
    assert not IssuerMigration.objects.exists()


def test_an_environment_of_another_organization_is_no_part_of_the_move(client, console, organization, payroll):
    stranger = console.environment(name="Theirs")
    console.connect(stranger)
    move = begin(client, organization)
    fields = {"step": "trust_both", "environment": stranger.pk}
    assert client.post(reverse("migration_plan", args=[move.pk]), fields).status_code == 404


# --- The way --------------------------------------------------------------------------------------------------


def test_the_whole_way_for_one_environment(client, console, organization, payroll):
    move = begin(client, organization)
    text = show(client, move)
    assert "1 role has to trust both issuers" in text
    assert f"Payroll trusts only {OLD}." in text
    assert "Give up the move" in text

    take(client, console, move, payroll, "trust_both")
    text = show(client, move)
    assert "Vertesia can switch now" in text
    assert "Every role trusts both: nothing breaks" in text
    assert "sts.vertesia.io signs now" in text
    assert "Back: trust only the old" in text

    assert "Every environment is being verified anew" in text_of(order(client, "migration_switch", move))
    console.aws.writes.clear()
    text = show(client, move)
    assert "being verified" in text
    assert "sts.becomposable.com signs after all" in text
    assert "Plan: remove the old" not in text

    client.post(reverse("environment_confirm", args=[payroll.pk]))
    assert "Plan: remove the old" in show(client, move)
    take(client, console, move, payroll, "remove_old")
    text = show(client, move)
    assert "1 of 1 role trusts only sts.vertesia.io" in text
    assert "Back: trust both again" in text
    assert "sts.becomposable.com stays" in text


def test_the_plan_says_whom_the_role_will_trust_and_leads_back_to_the_move(client, console, organization, payroll):
    move = begin(client, organization)
    client.post(reverse("migration_plan", args=[move.pk]), {"environment": payroll.pk, "step": "trust_both"})
    draft = Draft.objects.latest("pk")
    planning.make_plan(draft.pk, open_gateway=console.open_gateway, now=console.clock())
    answer = client.get(reverse("draft_review", args=[draft.pk]))
    text = text_of(answer)
    assert f"signed by {OLD} for audience bedrock or by {NEW} for audience bedrock" in text
    assert "will trust both sts.becomposable.com and sts.vertesia.io" in text
    assert f'href="{reverse("migration", args=[move.pk])}"' in answer.content.decode()
    assert "Review the plan" in show(client, move)


def test_all_environments_are_one_table_of_plans(client, console, organization, payroll):
    other = console.environment(name="Research", organization=organization)
    console.connect(other)
    move = begin(client, organization)
    assert "Plan it for all 2" in show(client, move)
    answer = client.post(reverse("migration_plan", args=[move.pk]), {"step": "trust_both"})
    batch = Batch.objects.get()
    assert answer["Location"] == reverse("batch", args=[batch.pk])
    for row in batch.rows.all():
        planning.make_plan(row.draft_id or 0, open_gateway=console.open_gateway, now=console.clock())
    page = client.get(answer["Location"])
    assert "Acme: trust sts.becomposable.com and sts.vertesia.io" in text_of(page)
    assert f'href="{reverse("migration", args=[move.pk])}"' in page.content.decode()


def test_too_early_a_switch_is_refused_with_what_hinders_it(client, console, organization, payroll):
    move = begin(client, organization)
    text = text_of(order(client, "migration_switch", move))
    assert "Not every connected environment of Acme trusts both issuers." in text
    organization.refresh_from_db()
    assert organization.issuer.url == OLD


def test_too_early_a_removal_is_refused(client, console, organization, payroll):
    move = begin(client, organization)
    text = text_of(order(client, "migration_plan", move, step="remove_old", environment=payroll.pk))
    assert "still signs the tokens of Acme" in text
    assert not Draft.objects.filter(purpose="migrate").exists()


def test_it_is_switched_back_and_given_up(client, console, organization, payroll):
    move = begin(client, organization)
    take(client, console, move, payroll, "trust_both")
    order(client, "migration_switch", move)
    assert "sts.becomposable.com signs again" in text_of(order(client, "migration_switch_back", move))
    assert "still stands" in text_of(order(client, "migration_give_up", move))
    for proof in console.connection(payroll).verifications.filter(finished_at__isnull=True):
        proof.delete()
    take(client, console, move, payroll, "trust_old")
    text = text_of(order(client, "migration_give_up", move))
    assert "Acme stays with https://sts.becomposable.com." in text
    move.refresh_from_db()
    assert move.finished_at is not None
    assert [place.stage for place in read_migration_standing(move).places] == [Stage.OLD_ONLY]


def test_a_finished_move_offers_the_way_back_as_a_move_of_its_own(client, console, organization, payroll):
    move = begin(client, organization)
    IssuerMigration.objects.filter(pk=move.pk).update(switched_at=move.started_at, finished_at=move.started_at)
    answer = client.get(reverse("migration", args=[move.pk]))
    assert "begin a move the other way" in text_of(answer)
    assert "hx-trigger" not in answer.content.decode()
    assert order(client, "migration_plan", move, step="trust_both", environment=payroll.pk).status_code == 200
    assert not Draft.objects.filter(purpose="migrate").exists()


def test_the_page_polls_only_while_a_worker_is_at_it(client, console, organization, payroll):
    move = begin(client, organization)
    url = reverse("migration", args=[move.pk])
    assert "hx-trigger" not in client.get(url).content.decode()
    client.post(reverse("migration_plan", args=[move.pk]), {"environment": payroll.pk, "step": "trust_both"})
    panel = client.get(url, headers={"HX-Request": "true"})
    assert "hx-trigger" in panel.content.decode()
    assert "<html" not in panel.content.decode()
    assert "no-store" in panel["Cache-Control"]


# --- Elsewhere ------------------------------------------------------------------------------------------------


def test_an_environment_whose_issuer_vertesia_has_left_says_so_and_leads_there(client, console, organization, payroll):
    answer = client.get(payroll.get_absolute_url())
    assert "Vertesia has moved from sts.becomposable.com to sts.vertesia.io" in text_of(answer)
    assert f"{reverse('migrations')}?organization={organization.pk}" in answer.content.decode()
    begin(client, organization)
    assert "Acme is moving from sts.becomposable.com to sts.vertesia.io" in text_of(
        client.get(payroll.get_absolute_url())
    )


def test_an_environment_with_another_issuer_says_nothing_of_it(client, console):
    environment = console.environment(name="Fine")
    console.connect(environment)
    assert "Vertesia has moved" not in text_of(client.get(environment.get_absolute_url()))


def test_the_issuers_page_leads_to_the_moves(client):
    assert f'href="{reverse("migrations")}"' in client.get(reverse("issuers")).content.decode()
