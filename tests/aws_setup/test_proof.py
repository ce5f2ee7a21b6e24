"""Proving: what a verification shows, what it cannot show, and what becomes of what is wrong."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from pytest_django import Settings

from aws_setup import verification
from aws_setup.confirmation import confirm_models, deny_models
from aws_setup.gateway.errors import AwsRefused
from aws_setup.models import Connection, Finding, ListedModel, Listing, Observation, Run, Verification
from aws_setup.proofs.rungs import EVERY_TIME, ISOLATION, PERMISSIONS
from environments.models import Environment, Event
from tests import fake_aws
from tests.aws_setup.journeys import MONA, VERTESIA_ISSUER, Console, open_codes
from tests.fake_aws import HOME, Crash, FakeAws, throttled

LATER = 3600
CHECKS = list(EVERY_TIME)


@pytest.fixture
def connected(console: Console, connected: Environment) -> Environment:
    """Connected long enough ago that AWS shows it everywhere."""
    console.clock.forward(LATER)
    return connected


@pytest.fixture
def waiting(console: Console) -> Environment:
    """Under Vertesia's issuer: AWS holds what was agreed, and nobody here can prove more."""
    environment = console.environment(name="Sales", issuer=VERTESIA_ISSUER)
    console.connect(environment)
    console.clock.forward(LATER)
    return environment


def results(proof: Verification) -> dict[str, str]:
    return {check.check_name: check.result for check in proof.checks.all()}


def test_a_proof_passes_every_check_in_order_and_names_its_limit(console: Console, connected: Environment) -> None:
    proof = console.verify(connected)
    assert list(results(proof)) == CHECKS
    assert results(proof) == dict.fromkeys(CHECKS, "pass") | {"availability": "skipped"}
    assert proof.limit == (
        f"AWS accepts tokens for {connected.subject}. Only Vertesia can show that these are your ids."
    )
    assert connected.verified_at != console.clock()
    connected.refresh_from_db()
    assert connected.verified_at == console.clock()


def test_the_models_are_stored_in_studios_order_with_the_reason_for_each_hidden_one(
    console: Console, connected: Environment
) -> None:
    listing = console.verify(connected).listing
    assert listing is not None
    assert [(model.name, model.shown_in_studio) for model in listing.models.all()] == [
        ("Nova Lite", True),
        ("Claude Sonnet 4.5", False),
        ("US Anthropic Claude Sonnet 4.5", True),
    ]
    assert (listing.shown, listing.total) == (2, 3)
    hidden = listing.models.get(shown_in_studio=False)
    assert hidden.reason == (
        "Studio lists foundation models only where they can be invoked on demand; use its inference profile."
    )


def test_equal_listings_are_stored_once_and_another_one_beside_them(
    console: Console, connected: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = console.verify(connected).listing
    assert console.verify(connected).listing == first
    assert (Listing.objects.count(), ListedModel.objects.count()) == (1, 3)
    monkeypatch.setattr(fake_aws, "INFERENCE_PROFILES", [])
    assert console.verify(connected).listing != first
    assert Listing.objects.count() == 2


def break_provider(aws: FakeAws) -> None:
    aws.home.providers.clear()


def break_audience(aws: FakeAws) -> None:
    next(iter(aws.home.providers.values())).audiences[:] = ["blobs"]


def break_case(aws: FakeAws) -> None:
    keys = aws.home.role("VertesiaEnvironmentMarketing").trust["Statement"][0]["Condition"]["StringEquals"]
    keys["localhost:8000:sub"] = keys["localhost:8000:sub"].upper()


def break_role(aws: FakeAws) -> None:
    aws.home.roles.clear()


def break_policy(aws: FakeAws) -> None:
    aws.home.role("VertesiaEnvironmentMarketing").inline.clear()


def forbid_exchange(aws: FakeAws) -> None:
    aws.fail(
        "sts:AssumeRoleWithWebIdentity",
        AwsRefused(
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            operation="sts:AssumeRoleWithWebIdentity",
            code="AccessDenied",
        ),
        times=100,
    )


def hide_role(aws: FakeAws) -> None:
    break_role(aws)
    aws.deny("iam:GetRole")


BREAKAGES: list[tuple[Callable[[FakeAws], None], str, str]] = [
    (break_provider, "provider_missing", "provider"),
    (break_audience, "audience_missing", "audience"),
    (break_case, "trust_subject_case", "trust"),
    (break_role, "role_missing", "trust"),
    (hide_role, "trust_refuses", "exchange"),
    (forbid_exchange, "denied_above", "exchange"),
    (break_policy, "list_denied", "foundation_models"),
]


@pytest.mark.parametrize(("bend", "code", "failing"), BREAKAGES, ids=[code for _, code, _ in BREAKAGES])
def test_each_cause_has_its_own_finding_and_what_comes_after_it_was_not_run(
    console: Console, aws: FakeAws, connected: Environment, bend: Callable[[FakeAws], None], code: str, failing: str
) -> None:
    bend(aws)
    proof = console.verify(connected)
    assert open_codes(connected) == [code]
    assert console.status(connected) == "needs_attention"
    found = results(proof)
    assert list(found) == CHECKS
    assert found[failing] == "fail"
    assert {found[name] for name in CHECKS[: CHECKS.index(failing)]} <= {"pass", "skipped"}
    assert {found[name] for name in CHECKS[CHECKS.index(failing) + 1 :]} == {"not_run"}
    assert [name for name in CHECKS if proof.checks.get(check_name=name).remedy] == [failing]


def test_each_listing_fails_on_its_own(console: Console, aws: FakeAws, connected: Environment) -> None:
    aws.deny("bedrock:ListInferenceProfiles")
    proof = console.verify(connected)
    after = dict.fromkeys((*PERMISSIONS, "availability"), "not_run")
    assert results(proof) == dict.fromkeys(CHECKS, "pass") | {"inference_profiles": "fail"} | after
    assert proof.problem is not None
    assert "bedrock:ListInferenceProfiles" in proof.problem["sentence"]
    assert "silently shows fewer models" in proof.problem["why"]


def test_a_finding_is_opened_once_brought_up_to_date_and_closed_by_the_next_proof(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    break_audience(aws)
    console.verify(connected)
    first = Finding.objects.get()
    console.clock.forward(LATER)
    console.verify(connected)
    assert Finding.objects.get().seen_at == console.clock()
    assert Event.objects.filter(action="finding.opened").count() == 1

    break_provider(aws)
    console.verify(connected)
    assert open_codes(connected) == ["provider_missing"]
    first.refresh_from_db()
    assert first.closed_at == console.clock()

    assert console.connect(connected).state == Run.State.SUCCEEDED
    assert open_codes(connected) == []
    assert Finding.objects.count() == 2
    solved, replaced = Event.objects.filter(action="finding.closed")
    assert replaced.sentence == f"No longer what is wrong: {first.problem['sentence']}"
    assert solved.sentence.startswith("Solved: AWS account 1111-2222-3333 has no identity provider")


@pytest.mark.parametrize("operation", ["sts:AssumeRoleWithWebIdentity", "bedrock:ListCustomModels"])
def test_what_aws_cannot_do_now_is_waited_for_and_then_fails_the_check_it_concerns(
    console: Console, aws: FakeAws, connected: Environment, operation: str
) -> None:
    aws.fail(operation, throttled(operation), times=2)
    assert console.verify(connected).state == Verification.State.PROVEN
    aws.fail(operation, throttled(operation), times=1000)
    proof = console.verify(connected)
    assert open_codes(connected) == ["aws_busy"]
    failing = "exchange" if operation.startswith("sts") else "custom_models"
    assert [name for name, result in results(proof).items() if result == "fail"] == [failing]
    assert list(results(proof)) == CHECKS


def test_another_identity_than_the_agreed_one_is_no_proof(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    connection = console.connection(connected)
    connection.desired |= {"role_name": "Another"}
    connection.save()
    proof = console.verify(connected)
    assert results(proof)["identity"] == "fail"
    assert open_codes(connected) == ["identity_unexpected"]


def test_an_issuer_that_moved_is_said_before_a_token_is_signed(
    console: Console, aws: FakeAws, connected: Environment, settings: Settings
) -> None:
    settings.ISSUER_URL = "http://localhost:9999"
    tokens = len(aws.tokens)
    proof = console.verify(connected)
    assert open_codes(connected) == ["issuer_moved"]
    assert results(proof)["token"] == "fail"
    assert len(aws.tokens) == tokens


def test_ids_that_changed_since_the_agreement_are_said_before_a_token_is_signed(
    console: Console, connected: Environment
) -> None:
    Environment.objects.filter(pk=connected.pk).update(environment_id="66a0c0ffee5a4db0c4b0eeee")
    console.verify(connected)
    assert open_codes(connected) == ["agreement_outdated"]


def test_a_proof_grows_old(console: Console, connected: Environment) -> None:
    assert console.status(connected) == "connected"
    console.clock.forward(24 * 3600)
    assert console.status(connected) == "proof_is_old"
    console.verify(connected)
    assert console.status(connected) == "connected"


# --- where only Vertesia can sign -------------------------------------------------------------------------------


def test_vertesias_issuer_ends_waiting_with_what_is_known_and_that_it_is_no_proof(
    console: Console, aws: FakeAws, waiting: Environment
) -> None:
    assert console.status(waiting) == "waiting_for_vertesia"
    aws.home.role("VertesiaEnvironmentSales").last_used = console.clock()
    proof = console.verify(waiting)
    assert proof.state == Verification.State.NOT_PROVABLE
    seen = ("provider", "audience", "trust", *PERMISSIONS)
    assert results(proof) == dict.fromkeys((*CHECKS, "vertesia_models"), "skipped") | dict.fromkeys(seen, "pass")
    assert proof.last_used_at == console.clock()
    assert proof.checks.get(check_name="foundation_models").detail == (
        "2 in us-east-1 by the worker's own rights: not proof"
    )
    assert aws.tokens == []
    assert console.status(waiting) == "waiting_for_vertesia"
    assert waiting.verified_at is None


def test_what_the_worker_may_not_list_is_said(console: Console, aws: FakeAws, waiting: Environment) -> None:
    aws.deny("bedrock:ListCustomModels")
    proof = console.verify(waiting)
    assert "bedrock:ListCustomModels" in proof.checks.get(check_name="custom_models").detail
    assert proof.state == Verification.State.NOT_PROVABLE


def test_what_is_busy_now_is_looked_at_again(console: Console, aws: FakeAws, waiting: Environment) -> None:
    aws.fail("bedrock:ListCustomModels", throttled("bedrock:ListCustomModels"), times=2)
    before = console.clock()
    proof = console.verify(waiting)
    assert console.clock() > before
    assert proof.state == Verification.State.NOT_PROVABLE
    assert proof.checks.get(check_name="custom_models").detail.startswith("0 in us-east-1 by the worker's own rights")


def test_drift_is_found_without_a_token_and_a_plan_mends_it(
    console: Console, aws: FakeAws, waiting: Environment
) -> None:
    aws.home.role("VertesiaEnvironmentSales").inline.clear()
    console.verify(waiting)
    assert open_codes(waiting) == ["drift"]
    assert console.status(waiting) == "needs_attention"
    assert console.observe(waiting).state == Observation.State.DIFFERENT
    assert open_codes(waiting) == ["drift"]
    run = console.connect(waiting)
    assert run.state == Run.State.WAITING_FOR_VERTESIA
    assert console.observe(waiting).state == Observation.State.SAME
    assert open_codes(waiting) == []
    assert console.status(waiting) == "waiting_for_vertesia"


def test_what_differs_without_locking_vertesia_out_fails_no_proof_and_is_compared_at_once(
    console: Console, aws: FakeAws, waiting: Environment
) -> None:
    aws.home.role("VertesiaEnvironmentSales").attached.append("arn:aws:iam::aws:policy/ReadOnlyAccess")
    proof = console.verify(waiting)
    assert proof.state == Verification.State.NOT_PROVABLE
    assert proof.checks.get(check_name="identity").detail == (
        "AWS holds role VertesiaEnvironmentSales though 1 point differs from what was agreed; "
        "who assumes it shows later"
    )
    assert Observation.objects.filter(finished_at__isnull=True).exists()
    console.observe(waiting)
    assert open_codes(waiting) == ["drift"]


def test_a_write_of_ours_that_aws_does_not_show_yet_is_no_drift(
    console: Console, aws: FakeAws, waiting: Environment
) -> None:
    connection = console.connection(waiting)
    connection.last_write_at = console.clock()
    connection.save()
    role = aws.home.role("VertesiaEnvironmentSales")
    policies, role.inline = role.inline, {}
    proof = verification.request_verification(connection, actor=MONA, now=console.clock())
    assert proof is not None
    verification.advance_verification(proof.pk, open_gateway=console.open_gateway, clock=console.clock)
    proof.refresh_from_db()
    assert proof.doing.startswith("AWS does not show the change everywhere yet")
    role.inline = policies
    console.clock.forward(2)
    verification.advance_verification(proof.pk, open_gateway=console.open_gateway, clock=console.clock)
    proof.refresh_from_db()
    assert proof.state == Verification.State.NOT_PROVABLE


def test_what_went_wrong_before_is_solved_once_aws_holds_what_was_agreed(console: Console, aws: FakeAws) -> None:
    environment = console.environment(issuer=VERTESIA_ISSUER)
    aws.deny("iam:PutRolePolicy")
    console.connect(environment)
    assert console.status(environment) == "needs_attention"
    aws.mend()
    console.connect(environment)
    assert console.status(environment) == "waiting_for_vertesia"


def test_a_person_confirms_and_may_take_it_back(console: Console, waiting: Environment) -> None:
    connection = console.connection(waiting)
    confirm_models(connection, actor=MONA, now=console.clock())
    assert console.status(waiting) == "confirmed"
    assert (waiting.confirmed_by, waiting.confirmed_at) == (MONA, console.clock())

    proof = deny_models(connection, actor=MONA, now=console.clock())
    assert proof is not None
    assert console.status(waiting) == "waiting_for_vertesia"
    assert (waiting.confirmed_by, waiting.confirmed_at) == ("", None)
    actions = set(Event.objects.filter(environment=waiting).values_list("action", flat=True))
    assert {"models.confirmed", "models.denied"} <= actions


def test_a_confirmation_is_not_a_proof(console: Console, waiting: Environment) -> None:
    confirm_models(console.connection(waiting), actor=MONA, now=console.clock())
    console.verify(waiting)
    assert console.status(waiting) == "confirmed"
    assert waiting.verified_at is None


# --- secrets ----------------------------------------------------------------------------------------------------


def everything_stored() -> str:
    """Every value of every row, as text."""
    rows: list[Any] = []
    for model in apps.get_models():
        if model._meta.app_label in ("aws_setup", "environments"):
            rows += model._default_manager.values()
    return repr(rows)


def test_no_token_and_no_credential_is_ever_stored_or_logged(
    console: Console, aws: FakeAws, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    environment = console.environment()
    console.connect(environment)
    break_role(aws)
    console.clock.forward(LATER)
    console.verify(environment)
    assert len(aws.tokens) >= 2
    kept = everything_stored() + caplog.text
    assert environment.subject in kept
    for token in aws.tokens:
        for part in token.split("."):
            assert part not in kept
    for secret in ("the-secret-of-the-role", "the-session-token-of-the-role", f"ASIA/arn:aws:iam::{HOME}"):
        assert secret not in kept


# --- one token, which costs money -------------------------------------------------------------------------------

NOVA = "amazon.nova-lite-v1:0"


def test_one_token_is_asked_for_where_a_person_wanted_it(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    assert "one_token" not in results(console.verify(connected))
    proof = console.verify(connected, one_token_of=NOVA)
    assert proof.checks.get(check_name="one_token").detail == f"{NOVA} answered: 8 tokens in, 1 out"
    assert aws.operations.count("bedrock-runtime:Converse") == 1


def test_a_worker_that_is_lost_in_the_call_is_not_replaced_by_one_that_pays_again(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.fail("bedrock-runtime:Converse", Crash())
    with pytest.raises(Crash):
        console.verify(connected, one_token_of=NOVA)
    console.clock.forward(LATER)
    proof = console.connection(connected).verifications.get(finished_at__isnull=True)
    verification.advance_verification(proof.pk, open_gateway=console.open_gateway, clock=console.clock)
    proof.refresh_from_db()
    assert (proof.state, results(proof)["one_token"]) == ("proven", "skipped")
    assert aws.operations.count("bedrock-runtime:Converse") == 1


# --- isolation --------------------------------------------------------------------------------------------------


def test_a_refusal_for_another_reason_is_no_proof_of_isolation(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    operation = "sts:AssumeRoleWithWebIdentity"
    off = AwsRefused("STS is not activated in this region", operation=operation, code="RegionDisabledException")
    aws.before("bedrock:ListInferenceProfiles", lambda: aws.fail(operation, off, times=9))
    proof = console.verify(connected, with_isolation=True)
    assert proof.state == Verification.State.PROVEN
    assert {results(proof)[name] for name in ISOLATION} == {"skipped"}
    assert "which proves nothing" in proof.checks.get(check_name="isolation_expired").detail


def test_a_chosen_custom_model_of_which_aws_says_nothing_is_not_called_available(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    arn = f"arn:aws:bedrock:us-east-1:{HOME}:custom-model/imported/abcdefghijkl"
    aws.custom_models = [{"modelArn": arn, "modelName": "Ours", "modelStatus": "Active"}]
    Connection.objects.update(chosen_models=[arn])
    proof = console.verify(connected)
    assert (results(proof)["custom_models"], results(proof)["availability"]) == ("pass", "skipped")
    Connection.objects.update(chosen_models=[arn, "amazon.nova-lite-v1:0"])
    check = console.verify(connected).checks.get(check_name="availability")
    assert (check.result, check.detail) == ("pass", "1 chosen model available; AWS says nothing of the other 1")
