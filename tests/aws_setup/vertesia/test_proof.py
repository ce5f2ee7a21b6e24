"""Proof by Vertesia itself: its own list, or a token of its own; and the cause where it lists nothing."""

from typing import Any

import pytest

from aws_setup.chain import Agreement, LinkState, build_chain
from aws_setup.models import Connection, VertesiaAccess
from environments.models import Environment, Issuer, Organization
from environments.vertesia.requests import UpdateEnvironment
from tests.aws_setup.journeys import open_codes
from tests.aws_setup.vertesia.scene import Scene, check, results
from tests.sandbox.process import ACCOUNT
from tests.sandbox.vertesia import ADMIN_KEY_ID, ISSUING, ISSUING_KEY_ID, VIRGINIA


@pytest.fixture
def virginia(scene: Scene) -> Environment:
    scene.connect()
    environment = scene.environment(VIRGINIA)
    scene.console.connect(environment)
    return environment


def connection_of(scene: Scene, environment: Environment) -> Connection:
    return scene.console.connection(environment)


def break_in_aws(scene: Scene, kind: str, environment: Environment, **more: str) -> None:
    """Somebody else changes what AWS holds."""
    order = {"kind": kind, "account_id": ACCOUNT, "role_name": connection_of(scene, environment).role_name, **more}
    status, answer = scene.sandbox.process.control("POST", "breakages", order)
    assert status == 200, answer


def deny_by_organization(scene: Scene, **policies: list[dict[str, Any]]) -> None:
    """Somebody in the AWS organization forbids it; nobody sees that in the account."""
    documents = {name: {"Version": "2012-10-17", "Statement": statements} for name, statements in policies.items()}
    status, answer = scene.sandbox.process.control(
        "POST", "organization_policies", {"account_id": ACCOUNT, **documents}
    )
    assert status == 200, answer


def put_at_vertesia(scene: Scene, **body: str) -> None:
    """Somebody changes the environment in Studio."""
    access = VertesiaAccess.objects.get()
    client = scene.clients.open(access)
    client.update_environment(VIRGINIA, UpdateEnvironment(**body))


def test_the_list_proves_exchange_identity_and_listing(scene: Scene, virginia: Environment) -> None:
    proof = scene.console.verify(virginia)

    assert proof.state == "proven"
    number = proof.listing.shown
    assert number > 0
    assert proof.limit == f"Vertesia itself listed {number} models through this role."
    found = results(proof)
    assert found["token"] == "skipped"
    for name in ("exchange", "identity", "trust", "provider", "audience", "foundation_models", "vertesia_models"):
        assert found[name] == "pass", name
    assert check(proof, "exchange").detail == "Proven by Vertesia's own list"
    assert check(proof, "token").detail.startswith("Vertesia gives this API key no token of the environment")
    assert VertesiaAccess.objects.get().issues_tokens is False
    assert scene.console.status(virginia) == "connected"


def test_what_was_predicted_is_what_vertesia_lists(scene: Scene, virginia: Environment) -> None:
    rung = check(scene.console.verify(virginia), "vertesia_models")

    assert rung.detail.endswith("as predicted from what AWS lists")
    assert rung.evidence["listed by Vertesia"] == rung.evidence["predicted"]


def test_the_chain_is_proven_from_end_to_end(scene: Scene, virginia: Environment) -> None:
    agreement = Agreement("https://x", "bedrock", "env:a:b", "Role", "Policy", "us-east-1")
    chain = build_chain(agreement, results=results(scene.console.verify(virginia)))
    assert {link.state for link in chain} == {LinkState.PROVEN}


def test_with_a_token_of_vertesias_the_whole_exchange_is_made(scene: Scene, virginia: Environment) -> None:
    scene.connect(ISSUING)
    proof = scene.console.verify(virginia, with_isolation=True)

    assert proof.state == "proven"
    assert check(proof, "token").detail == f"Vertesia signed for {virginia.subject}"
    assert check(proof, "token").evidence["iss"] == scene.sandbox.process.vertesia_url
    assert check(proof, "exchange").detail.startswith("STS lent role")
    assert check(proof, "foundation_models").detail.endswith("in us-east-1")
    assert results(proof)["vertesia_models"] == "pass"
    assert check(proof, "isolation_sibling").detail.startswith("Evaluated, not proven")
    assert VertesiaAccess.objects.get().issues_tokens is True


def test_a_refusal_with_that_token_is_climbed_like_any_other(scene: Scene, virginia: Environment) -> None:
    scene.connect(ISSUING)
    arn = connection_of(scene, virginia).provider_arn
    scene.sandbox.process.admin("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    proof = scene.console.verify(virginia)

    assert (proof.state, proof.problem["code"]) == ("failed", "provider_missing")


def test_tokens_that_are_no_longer_given_lead_to_the_list(scene: Scene, virginia: Environment) -> None:
    scene.connect(ISSUING)
    scene.console.verify(virginia)
    scene.change_key(ISSUING_KEY_ID, may_issue_environment_tokens=False)

    assert scene.console.verify(virginia).state == "proven"
    assert VertesiaAccess.objects.get().issues_tokens is False


def test_profiles_that_vertesia_leaves_out_are_explained_by_the_missing_permission(
    scene: Scene, virginia: Environment
) -> None:
    break_in_aws(scene, "take_action", virginia, action="bedrock:ListInferenceProfiles")
    proof = scene.console.verify(virginia)

    assert (proof.state, proof.problem["code"]) == ("failed", "list_denied")
    assert "may not call bedrock:ListInferenceProfiles" in proof.problem["sentence"]
    assert results(proof)["inference_profiles"] == "fail"
    assert results(proof)["exchange"] == "pass"
    rung = check(proof, "vertesia_models")
    missing = [why for name, why in rung.evidence.items() if name.startswith("missing: ")]
    assert missing
    assert all("bedrock:ListInferenceProfiles" in why for why in missing)


def test_where_it_lists_nothing_and_all_looks_as_agreed_it_says_where_to_look(
    scene: Scene, virginia: Environment
) -> None:
    deny_by_organization(
        scene,
        resource_control_policy=[
            {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Resource": "*"}
        ],
    )
    proof = scene.console.verify(virginia)

    assert (proof.state, proof.problem["code"]) == ("failed", "vertesia_lists_nothing")
    assert proof.problem["evidence"]["Vertesia says"] == "Foundation models not found"
    assert "CloudTrail" in proof.problem["remedy"]
    assert results(proof)["trust"] == "pass"


def test_a_console_that_may_not_read_leaves_vertesias_proof_as_it_is(scene: Scene, virginia: Environment) -> None:
    allow = {"Effect": "Allow", "Action": ["sts:GetCallerIdentity"], "Resource": "*"}
    scene.sandbox.allow({"Version": "2012-10-17", "Statement": [allow]})
    try:
        proof = scene.console.verify(virginia)
    finally:
        scene.sandbox.allow(None)

    assert (proof.state, proof.problem) == ("proven", None)
    assert check(proof, "provider").result in ("pass", "skipped")
    rung = check(proof, "vertesia_models")
    assert proof.listing.shown == int(rung.evidence["listed by Vertesia"])


def test_where_it_lists_nothing_the_cause_is_found_from_here(scene: Scene, virginia: Environment) -> None:
    arn = connection_of(scene, virginia).provider_arn
    scene.sandbox.process.admin("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    proof = scene.console.verify(virginia)

    assert (proof.state, proof.problem["code"]) == ("failed", "drift")
    assert scene.console.status(virginia) == "needs_attention"


def test_another_arn_in_studio_is_found(scene: Scene, virginia: Environment) -> None:
    put_at_vertesia(scene, api_key="arn:aws:iam::111122223333:role/Another1234")
    proof = scene.console.verify(virginia)

    assert proof.problem["code"] == "vertesia_api_key_differs"
    assert proof.problem["evidence"]["expected"] == connection_of(scene, virginia).role_arn
    assert open_codes(virginia) == ["vertesia_api_key_differs"]


def test_another_region_in_studio_is_found(scene: Scene, virginia: Environment) -> None:
    put_at_vertesia(scene, endpoint_url="eu-west-1")
    proof = scene.console.verify(virginia)

    assert (proof.state, proof.problem["code"]) == ("failed", "vertesia_region_differs")


def test_an_environment_deleted_at_vertesia_is_found(scene: Scene, virginia: Environment) -> None:
    scene.delete_there(VIRGINIA)
    proof = scene.console.verify(virginia)

    assert (proof.state, proof.problem["code"]) == ("failed", "vertesia_environment_deleted")


def test_a_revoked_key_takes_nothing_from_what_was_proven(scene: Scene, virginia: Environment) -> None:
    scene.change_key(ADMIN_KEY_ID, is_enabled=False, are_tokens_refused=True)
    proof = scene.console.verify(virginia)

    assert (proof.state, proof.problem) == ("not_provable", None)
    rung = check(proof, "vertesia_models")
    assert rung.result == "skipped"
    assert "Vertesia could not be asked" in rung.detail
    assert rung.remedy
    assert scene.console.status(virginia) == "connected"


def test_a_vertesia_that_stays_away_is_given_up_and_said(scene: Scene, virginia: Environment) -> None:
    scene.fault("reset_connection", call="ListEnvironmentModels", times=None)
    proof = scene.console.verify(virginia)

    assert proof.state == "not_provable"
    assert results(proof)["vertesia_models"] == "skipped"


def test_what_is_wrong_in_aws_is_found_without_vertesia_too(scene: Scene, virginia: Environment) -> None:
    scene.fault("reset_connection", call="ListEnvironmentModels", times=None)
    break_in_aws(scene, "remove_audience", virginia, issuer_url=scene.sandbox.process.vertesia_url, audience="bedrock")
    proof = scene.console.verify(virginia)

    assert (proof.state, proof.problem["code"]) == ("failed", "drift")


def test_a_busy_vertesia_is_waited_for(scene: Scene, virginia: Environment) -> None:
    scene.fault("unavailable", call="ListEnvironmentModels", retry_after=30)
    before = scene.console.clock()
    proof = scene.console.verify(virginia)

    assert proof.state == "proven"
    assert (scene.console.clock() - before).total_seconds() >= 30


def test_an_issuer_that_differs_from_the_tokens_is_the_cause(scene: Scene) -> None:
    other = Issuer.objects.get(url="https://sts.vertesia.io")
    Organization.objects.create(name="Acme", organization_id="66f2a1c08d4b3e9f17c0ac3e", issuer=other)
    scene.connect()
    virginia = scene.environment(VIRGINIA)
    run = scene.console.connect(virginia)

    assert (run.state, run.problem["code"]) == ("failed", "vertesia_issuer_differs")
    assert run.problem["evidence"]["actual"] == scene.sandbox.process.vertesia_url


def test_without_a_key_it_is_not_asked(scene: Scene, virginia: Environment) -> None:
    VertesiaAccess.objects.all().delete()
    proof = scene.console.verify(virginia)

    assert proof.state == "not_provable"
    assert check(proof, "vertesia_models").detail == "No Vertesia API key of Acme is known here"
