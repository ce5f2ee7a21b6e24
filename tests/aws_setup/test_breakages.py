"""One click breaks one link of the sandbox's chain, and the environment turns red with that very cause."""

import pytest
from pytest_django import Settings

from aws_setup import verification
from aws_setup.lab.breakages import KINDS, RESET, break_sandbox, request_breakage
from aws_setup.lab.control import NoSandbox
from aws_setup.models import Verification
from environments.models import Environment, Event
from tests.aws_setup.journeys import MONA, Console, open_codes
from tests.aws_setup.sandboxed import Sandbox

CAUSES = {
    "delete_provider": "provider_missing",
    "remove_audience": "audience_missing",
    "change_subject_case": "trust_subject_case",
    "https_in_key": "trust_condition_key",
    "sub_under_aud": "trust_audience",
    "deny_statement": "trust_deny",
    "widen_subject": "isolation_sibling",
    "delete_role": "role_missing",
    "detach_policy": "list_denied",
    "stop_issuer": "issuer_unreachable",
}


@pytest.fixture
def console(db: None, sandbox: Sandbox, settings: Settings) -> Console:
    return sandbox.console(settings)


@pytest.fixture
def connected(console: Console) -> Environment:
    environment = console.environment()
    console.connect(environment)
    return environment


def click(kind: str, console: Console, sandbox: Sandbox, environment: Environment) -> Verification:
    """Break, and let a worker verify; gives the verification that this started."""
    break_sandbox(
        kind,
        connection_pk=environment.connection.pk,
        actor=MONA,
        sandbox_url=sandbox.process.url,
        now=console.clock(),
    )
    proof = environment.connection.verifications.filter(finished_at__isnull=True).get()
    verification.advance_verification(proof.pk, open_gateway=console.open_gateway, clock=console.clock)
    proof.refresh_from_db()
    return proof


@pytest.mark.parametrize(("kind", "code"), CAUSES.items())
def test_each_breakage_is_found_by_its_cause(
    console: Console, sandbox: Sandbox, connected: Environment, settings: Settings, kind: str, code: str
) -> None:
    settings.PROPAGATION_WINDOW_SECONDS = 120
    assert console.status(connected) == "connected"
    proof = click(kind, console, sandbox, connected)
    assert (proof.state == Verification.State.PROVEN) == KINDS[kind].opens
    assert open_codes(connected) == [code]
    assert console.status(connected) == "needs_attention"
    assert Event.objects.filter(action=f"sandbox.{kind}", actor=MONA, environment=connected).exists()


@pytest.mark.parametrize("kind", [kind for kind in CAUSES if kind != "stop_issuer"])
def test_each_breakage_is_mended_by_a_plan(
    console: Console, sandbox: Sandbox, connected: Environment, kind: str
) -> None:
    click(kind, console, sandbox, connected)
    assert console.connect(connected).state == "succeeded"
    assert (console.status(connected), open_codes(connected)) == ("connected", [])


def test_an_issuer_that_answers_again_mends_itself(console: Console, sandbox: Sandbox, connected: Environment) -> None:
    click("stop_issuer", console, sandbox, connected)
    assert click("start_issuer", console, sandbox, connected).state == Verification.State.PROVEN
    assert console.status(connected) == "connected"


def test_a_reset_takes_away_what_was_set_up_and_every_connection_says_so(
    console: Console, sandbox: Sandbox, connected: Environment
) -> None:
    assert click(RESET, console, sandbox, connected).state == Verification.State.FAILED
    assert open_codes(connected) == ["provider_missing"]


def test_every_way_to_break_is_shown_here() -> None:
    assert set(KINDS) == set(CAUSES) | {"start_issuer"}


def test_real_aws_cannot_be_broken_from_here(
    console: Console, sandbox: Sandbox, connected: Environment, settings: Settings
) -> None:
    settings.AWS_SANDBOX = False
    with pytest.raises(NoSandbox):
        request_breakage("detach_policy", connection=connected.connection, actor=MONA, now=console.clock())
    with pytest.raises(NoSandbox):
        click("detach_policy", console, sandbox, connected)
    settings.AWS_SANDBOX = True
    assert console.verify(connected).state == Verification.State.PROVEN


@pytest.mark.parametrize(("kind", "has_connection"), [("burn_it_down", True), ("detach_policy", False)])
def test_only_known_breakages_of_a_connection_are_asked_for(
    console: Console, connected: Environment, kind: str, has_connection: bool
) -> None:
    connection = connected.connection if has_connection else None
    with pytest.raises(ValueError, match="is not a breakage"):
        request_breakage(kind, connection=connection, actor=MONA, now=console.clock())
