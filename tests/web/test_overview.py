"""The overview: counts, problems with their remedies, what was begun."""

import pytest
from django.test import Client
from django.urls import reverse

from aws_setup.models import WorkerCaller
from environments.models import Environment
from tests.factories import EnvironmentFactory
from tests.web.page_rows import break_connection, problem
from tests.web.wizard_rows import make_connected, make_draft, signed_in_client, start_run

pytestmark = pytest.mark.django_db


def overview(client: Client) -> str:
    answer = client.get(reverse("overview"))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_fresh_sandbox_points_at_acmes_two_environments(client):
    page = overview(client)
    assert "2 environments wait to be connected" in page
    assert "Bedrock US" in page
    assert "Bedrock EU" in page


def test_an_installation_without_environments_says_what_to_do_first(client):
    Environment.objects.all().delete()
    page = overview(client)
    assert "Connect your first environment" in page
    assert reverse("connect") in page


def test_each_count_leads_to_the_environments_counted(client):
    make_connected(client)
    page = overview(client)
    assert f'{reverse("environments")}?status=connected"><strong>1</strong>' in page
    assert f'{reverse("environments")}?status=not_connected"><strong>2</strong>' in page


def test_a_problem_stands_with_its_environment_its_remedy_and_the_button_that_mends_it(client):
    connection = make_connected(client, name="Payroll")
    break_connection(connection, sentence="No provider here.", remedy="Plan it again.")
    page = overview(client)
    assert "No provider here." in page
    assert "Plan it again." in page
    assert reverse("environment_plan", args=[connection.environment_id]) in page


def test_a_problem_that_was_mended_is_gone(client):
    connection = make_connected(client)
    finding = break_connection(connection, sentence="No provider here.")
    finding.closed_at = finding.opened_at
    finding.save()
    page = overview(client)
    assert "No provider here." not in page
    assert "Nothing needs you" in page


def test_what_the_worker_lacks_stands_first(client):
    WorkerCaller.objects.update(
        problem=problem("no_credentials", sentence="The worker has no keys.", fix="check_caller")
    )
    page = overview(client)
    assert "The worker has no keys." in page
    assert reverse("accounts_check") in page


def test_what_was_begun_can_be_gone_on_with(client):
    draft = make_draft(client, environment=EnvironmentFactory(name="Half-done"))
    page = overview(client)
    assert "Half-done" in page
    assert reverse("draft_review", args=[draft.pk]) in page


def test_another_persons_draft_is_not_among_mine(client):
    make_draft(signed_in_client(), environment=EnvironmentFactory(name="Half-done"))
    assert "Begun and not finished" not in overview(client)


def test_a_run_under_way_leads_to_its_progress(client):
    run = start_run(client)
    assert reverse("run", args=[run.pk]) in overview(client)


def test_a_console_that_moved_says_that_roles_trust_another_address(client, settings):
    settings.ISSUER_URL = "http://localhost:9999"
    page = overview(client)
    assert "The console was started as http://localhost:9999" in page


def test_it_asks_the_database_no_more_with_more_rows(client, django_assert_max_num_queries):
    for _ in range(3):
        break_connection(make_connected(client))
        make_draft(client)
    overview(client)
    with django_assert_max_num_queries(14):
        overview(client)
