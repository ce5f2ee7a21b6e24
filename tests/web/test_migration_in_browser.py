"""The pages of a move in a real browser: for everybody, at every width, in both themes, at every stage."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aws_setup.models import IssuerMigration
from aws_setup.moves import migration
from aws_setup.moves.standing import Stage
from environments.history import Actor
from environments.models import Issuer
from tests.factories import OrganizationFactory
from tests.web.page_rows import break_connection
from tests.web.test_pages_in_browser import WIDTHS, open_page
from tests.web.wizard_rows import make_connected

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OLD, NEW = "https://sts.becomposable.com", "https://sts.vertesia.io"


def begin(client: Client) -> IssuerMigration:
    organization = OrganizationFactory(name="Acme", issuer=Issuer.objects.get(url=OLD))
    for name in ("Payroll", "Research", "An environment with a name that is as long as somebody once made it"):
        make_connected(client, name=name, organization=organization)
    return migration.start_migration(
        organization, to_issuer=Issuer.objects.get(url=NEW), actor=Actor("mona"), now=timezone.now()
    )


def agree_on(move: IssuerMigration, *stages: Stage) -> None:
    """As if the plans to there had been carried out."""
    urls = {Stage.OLD_ONLY: (OLD,), Stage.BOTH: (OLD, NEW), Stage.NEW_ONLY: (NEW,)}
    environments = move.organization.environments.order_by("pk")
    for environment, stage in zip(environments, stages, strict=True):
        first, *others = urls[stage]
        connection = environment.connection
        connection.desired |= {"issuer_url": first, "also_trusts": [[url, "bedrock"] for url in others]}
        connection.save(update_fields=["desired"])


def stages_of(client: Client) -> Iterator[tuple[str, str]]:
    """A name and an address for each stage, made as it is asked for."""
    yield "begin", reverse("migrations")
    move = begin(client)
    url = reverse("migration", args=[move.pk])
    agree_on(move, Stage.OLD_ONLY, Stage.BOTH, Stage.OLD_ONLY)
    yield "old", url
    agree_on(move, Stage.BOTH, Stage.BOTH, Stage.BOTH)
    yield "both", url
    payroll, research, long = move.organization.environments.order_by("pk")
    migration.switch_issuer(move, actor=Actor("mona"), now=timezone.now())
    yield "proving", url
    for environment in (payroll, research, long):
        environment.connection.verifications.filter(finished_at__isnull=True).delete()
    payroll.refresh_from_db()
    payroll.set_status("confirmed", confirmed_at=timezone.now(), confirmed_by="mona")
    break_connection(long.connection)
    yield "switched", url
    agree_on(move, Stage.NEW_ONLY, Stage.BOTH, Stage.BOTH)
    yield "some-new", url
    IssuerMigration.objects.filter(pk=move.pk).update(finished_at=timezone.now())
    yield "over", url
    yield "list", reverse("migrations")
    again = IssuerMigration.objects.filter(pk=move.pk)
    again.update(finished_at=None)
    yield "notice", payroll.get_absolute_url()
    again.update(finished_at=timezone.now())
    yield "environment", payroll.get_absolute_url()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_every_stage_can_be_used_by_everybody_at_every_width(live_server, browsing, client, color_scheme):
    page = open_page(browsing, client, live_server.url, color_scheme=color_scheme, reduced_motion="reduce")
    faults = []
    for name, path in stages_of(client):
        page.goto(live_server.url + path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append(f"{name} is wider than {width} pixels")
        for violation in Axe().run(page).response["violations"]:
            faults.append(f"{name}: {violation['help']}: {violation['nodes'][0]['html'][:200]}")
    assert faults == []
