"""Trust policies and roles, broken in the ways in which people break them, and healed by an administrator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.chain import Chain
from tests.sandbox.process import ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
Break = Callable[..., Any]
DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.fixture
def break_it(sandbox: SandboxProcess, chain: Chain) -> Break:
    def order(kind: str, **more: str) -> Any:
        named = {"account_id": ACCOUNT, "role_name": chain.role_name, "issuer_url": chain.issuer.url}
        status, answer = sandbox.control("POST", "breakages", {"kind": kind} | named | more)
        assert status == 200, answer
        return answer

    return order


def statement_of(document: Any) -> Any:
    [statement] = document["Statement"]
    return statement


@pytest.mark.parametrize(
    "kind",
    [
        "subject_other", "audience_case", "https_in_key", "slash_in_key", "sub_under_aud", "provider_of_other_account",
        "provider_of_other_partition", "deny_statement", "condition_never_met",
    ],
)  # fmt: skip
def test_a_broken_trust_policy_keeps_the_token_out_until_it_is_written_anew(
    chain: Chain, break_it: Break, refusal: Refused, kind: str
) -> None:
    answer = break_it(kind)
    assert answer["before"] == chain.trust() != answer["after"]
    assert chain.sandbox.stored_role(chain.role_name)["trust_policy"] == answer["after"]
    assert refusal(chain.exchange) == DENIED
    chain.set_trust(chain.trust())
    chain.exchange()


def test_each_mistake_is_the_one_that_it_is_called(chain: Chain, break_it: Break) -> None:
    host = chain.issuer.url.partition("://")[2]

    def broken(kind: str, **more: str) -> Any:
        chain.set_trust(chain.trust())
        return break_it(kind, **more)["after"]

    def conditions(kind: str, **more: str) -> Any:
        return statement_of(broken(kind, **more))["Condition"]

    organization = chain.subject.split(":")[1]
    good = {f"{host}:sub": chain.subject, f"{host}:aud": "bedrock"}
    assert conditions("subject_other")["StringEquals"][f"{host}:sub"] == f"env:{organization}:{'0' * 24}"
    assert conditions("subject_other", subject="env:a:b")["StringEquals"][f"{host}:sub"] == "env:a:b"
    assert conditions("audience_case") == {"StringEquals": good | {f"{host}:aud": "bedrocK"}}
    assert conditions("https_in_key") == {
        "StringEquals": {f"https://{host}:sub": chain.subject, f"{host}:aud": "bedrock"}
    }
    assert conditions("slash_in_key") == {"StringEquals": {f"{host}/:sub": chain.subject, f"{host}:aud": "bedrock"}}
    assert conditions("sub_under_aud") == {"StringEquals": {f"{host}:aud": chain.subject}}
    assert conditions("condition_never_met") == {"StringEquals": good, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    assert conditions("widen_subject") == {
        "StringEquals": {f"{host}:aud": "bedrock"},
        "StringLike": {f"{host}:sub": "env:*"},
    }
    assert conditions("drop_audience") == {"StringEquals": {f"{host}:sub": chain.subject}}
    assert conditions("drop_subject") == {"StringEquals": {f"{host}:aud": "bedrock"}}
    for kind, other in (
        ("provider_of_other_account", chain.provider_arn.replace(ACCOUNT, "999999999999")),
        ("provider_of_other_partition", chain.provider_arn.replace("arn:aws:", "arn:aws-us-gov:")),
    ):
        assert statement_of(broken(kind))["Principal"] == {"Federated": other}
    allowing, denying = broken("deny_statement")["Statement"]
    assert allowing == statement_of(chain.trust())
    assert (denying["Effect"], denying["Principal"]) == ("Deny", {"Federated": chain.provider_arn})


@pytest.mark.parametrize("kind", ["widen_subject", "drop_subject"])
def test_without_its_subject_a_role_is_open_to_every_environment(
    chain: Chain, break_it: Break, refusal: Refused, kind: str
) -> None:
    strange = chain.issuer.token("env:another:environment")
    assert refusal(chain.exchange, strange) == DENIED
    break_it(kind)
    chain.exchange(strange)
    chain.exchange()


def test_without_its_audience_a_role_is_open_to_every_audience_of_the_provider(
    chain: Chain, break_it: Break, refusal: Refused
) -> None:
    chain.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=chain.provider_arn, ClientID="blobs")
    other = chain.issuer.token(chain.subject, aud="blobs")
    assert refusal(chain.exchange, other) == DENIED
    break_it("drop_audience")
    chain.exchange(other)


def test_without_any_condition_none_is_left_behind(chain: Chain, break_it: Break) -> None:
    break_it("drop_audience")
    assert "Condition" not in statement_of(break_it("drop_subject")["after"])


def test_a_deleted_role_is_refused_as_one_that_does_not_trust(chain: Chain, break_it: Break, refusal: Refused) -> None:
    assert break_it("delete_role") == {"kind": "delete_role", "deleted": chain.role_arn}
    assert refusal(chain.exchange) == DENIED
    assert refusal(chain.iam.get_role, RoleName=chain.role_name)[0] == "NoSuchEntity"
    chain.iam.create_role(RoleName=chain.role_name, AssumeRolePolicyDocument=json.dumps(chain.trust()))
    chain.exchange()


def test_a_session_may_be_asked_for_too_long(chain: Chain, break_it: Break, refusal: Refused) -> None:
    break_it("shorten_session")
    assert refusal(chain.exchange, DurationSeconds=900) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    chain.iam.update_role(RoleName=chain.role_name, MaxSessionDuration=3600)
    chain.exchange(DurationSeconds=900)


def test_one_action_is_taken_from_a_role(chain: Chain, break_it: Break, refusal: Refused) -> None:
    policy = chain.iam.get_role_policy(RoleName=chain.role_name, PolicyName="VertesiaBedrock")["PolicyDocument"]
    assert break_it("take_action", action="bedrock:ListInferenceProfiles")["from"] == ["VertesiaBedrock"]
    bedrock = chain.sandbox.client("bedrock", chain.keys())
    assert refusal(bedrock.list_inference_profiles)[1].endswith(
        "because no identity-based policy allows the bedrock:ListInferenceProfiles action"
    )
    bedrock.list_foundation_models()
    chain.iam.put_role_policy(RoleName=chain.role_name, PolicyName="VertesiaBedrock", PolicyDocument=json.dumps(policy))
    bedrock.list_inference_profiles()


def test_a_boundary_leaves_bedrock_out(chain: Chain, break_it: Break, refusal: Refused) -> None:
    arn = break_it("bound_role")["boundary"]
    role = chain.iam.get_role(RoleName=chain.role_name)["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert chain.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    bedrock = chain.sandbox.client("bedrock", chain.keys())
    assert refusal(bedrock.list_foundation_models)[1].endswith(
        "because no permissions boundary allows the bedrock:ListFoundationModels action"
    )
    chain.iam.delete_role_permissions_boundary(RoleName=chain.role_name)
    bedrock.list_foundation_models()


@pytest.mark.parametrize(
    ("order", "status", "sentence"),
    [
        ({"kind": "drop_subject"}, 409, "has no condition on :sub"),
        ({"kind": "take_action"}, 400, "action is missing"),
        ({"kind": "take_action", "action": "s3:GetObject"}, 409, "names s3:GetObject"),
        ({"kind": "delete_role", "role_name": "Nobody"}, 409, "has no role Nobody"),
    ],
)
def test_what_is_not_there_cannot_be_broken(
    sandbox: SandboxProcess, chain: Chain, break_it: Break, order: dict[str, str], status: int, sentence: str
) -> None:
    break_it("drop_subject")
    answered, body = sandbox.control("POST", "breakages", {"account_id": ACCOUNT, "role_name": chain.role_name} | order)
    assert (answered, sentence in body["error"]) == (status, True)


def test_a_role_without_a_statement_for_web_identities_has_none_to_break(sandbox: SandboxProcess, chain: Chain) -> None:
    order = {"kind": "deny_statement", "account_id": ACCOUNT, "role_name": "VertesiaConsole"}
    assert sandbox.control("POST", "breakages", order) == (
        409,
        {"error": "the trust policy of VertesiaConsole has no statement for a web identity"},
    )
