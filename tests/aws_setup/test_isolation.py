"""The proof of isolation, on a real sandbox: what must be refused is refused, and a role that is open is found."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_django import Settings

from aws_setup.agreements import read_agreement
from aws_setup.models import Finding, Verification
from aws_setup.proofs.rungs import ISOLATION
from environments.models import Environment, Event
from tests.aws_setup.journeys import VERTESIA_ISSUER, Console, open_codes
from tests.aws_setup.sandboxed import Sandbox
from tests.factories import EnvironmentFactory

OTHER_AUDIENCE = "blobs"
REFUSED = dict.fromkeys(ISOLATION, "pass")
NO_OTHER_AUDIENCE = REFUSED | {"isolation_audience": "skipped"}
Conditions = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Trust:
    """How somebody wrote the role's trust conditions by hand, and what must come of it."""

    conditions: Callable[[str, str, str], Conditions]
    """From the condition keys' prefix, the environment's subject and a real sibling's."""
    found: dict[str, str]
    with_other_audience: bool = False


def exactly(prefix: str, subject: str, sibling: str) -> Conditions:
    return {"StringEquals": {f"{prefix}:sub": subject, f"{prefix}:aud": "bedrock"}}


def any_environment(prefix: str, subject: str, sibling: str) -> Conditions:
    pattern = subject.rsplit(":", 1)[0] + ":*"
    return {"StringLike": {f"{prefix}:sub": pattern}, "StringEquals": {f"{prefix}:aud": "bedrock"}}


def no_subject(prefix: str, subject: str, sibling: str) -> Conditions:
    return {"StringEquals": {f"{prefix}:aud": "bedrock"}}


def a_sibling_too(prefix: str, subject: str, sibling: str) -> Conditions:
    return {"StringEquals": {f"{prefix}:sub": [subject, sibling], f"{prefix}:aud": "bedrock"}}


def no_audience(prefix: str, subject: str, sibling: str) -> Conditions:
    return {"StringEquals": {f"{prefix}:sub": subject}}


def another_audience_too(prefix: str, subject: str, sibling: str) -> Conditions:
    return {"StringEquals": {f"{prefix}:sub": subject, f"{prefix}:aud": ["bedrock", OTHER_AUDIENCE]}}


def no_condition(prefix: str, subject: str, sibling: str) -> Conditions:
    return {}


def no_subject_but_our_session_name(prefix: str, subject: str, sibling: str) -> Conditions:
    return {"StringEquals": {"sts:RoleSessionName": "vertesia-aws-setup-verify", f"{prefix}:aud": "bedrock"}}


SIBLING_IN = {"isolation_sibling": "fail"}
AUDIENCE_IN = {"isolation_audience": "fail"}
MATRIX = {
    "as agreed": Trust(exactly, NO_OTHER_AUDIENCE),
    "as agreed, another audience listed": Trust(exactly, REFUSED, with_other_audience=True),
    "any environment of the organization": Trust(any_environment, NO_OTHER_AUDIENCE | SIBLING_IN),
    "no subject": Trust(no_subject, NO_OTHER_AUDIENCE | SIBLING_IN),
    "no subject, but our session name": Trust(no_subject_but_our_session_name, NO_OTHER_AUDIENCE | SIBLING_IN),
    "a sibling by name": Trust(a_sibling_too, NO_OTHER_AUDIENCE | SIBLING_IN),
    "no audience, none other listed": Trust(no_audience, NO_OTHER_AUDIENCE),
    "no audience, another listed": Trust(no_audience, REFUSED | AUDIENCE_IN, with_other_audience=True),
    "another audience too": Trust(another_audience_too, REFUSED | AUDIENCE_IN, with_other_audience=True),
    "no condition": Trust(no_condition, REFUSED | SIBLING_IN | AUDIENCE_IN, with_other_audience=True),
}


@pytest.fixture
def console(db: None, sandbox: Sandbox, settings: Settings) -> Console:
    return sandbox.console(settings)


def prove_isolation(console: Console, environment: Environment) -> Verification:
    return console.verify(environment, with_isolation=True)


def results(proof: Verification) -> dict[str, str]:
    found = {check.check_name: check.result for check in proof.checks.all()}
    return {name: found[name] for name in ISOLATION if name in found}


def write_trust(sandbox: Sandbox, console: Console, environment: Environment, trust: Trust) -> None:
    connection = console.connection(environment)
    sibling = EnvironmentFactory(organization=environment.organization)
    iam = sandbox.process.admin("iam")
    prefix = connection.provider_arn.split(":oidc-provider/", 1)[1]
    [statement] = connection_trust(sandbox, connection.role_name)["Statement"]
    statement["Condition"] = trust.conditions(prefix, environment.subject, sibling.subject)
    iam.update_assume_role_policy(
        RoleName=connection.role_name,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    if trust.with_other_audience:
        iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=connection.provider_arn, ClientID=OTHER_AUDIENCE
        )


def connection_trust(sandbox: Sandbox, role_name: str) -> dict[str, Any]:
    trust: dict[str, Any] = sandbox.process.stored_role(role_name)["trust_policy"]
    return trust


@pytest.mark.parametrize("name", MATRIX)
def test_whoever_is_let_in_is_found_and_whoever_is_not_is_proven_to_be_refused(
    sandbox: Sandbox, console: Console, connected: Environment, name: str
) -> None:
    trust = MATRIX[name]
    write_trust(sandbox, console, connected, trust)
    proof = prove_isolation(console, connected)
    assert results(proof) == trust.found
    let_in = [rung for rung, result in trust.found.items() if result == "fail"]
    assert [code for code in open_codes(connected) if code.startswith("isolation_")] == sorted(let_in)
    assert (console.status(connected) == "needs_attention") == bool(let_in)


def test_every_set_up_proves_it(console: Console, connected: Environment) -> None:
    proof = console.connection(connected).verifications.get()
    assert (proof.state, proof.with_isolation) == ("proven", True)
    assert results(proof) == NO_OTHER_AUDIENCE
    refusals = {name: proof.checks.get(check_name=name).evidence["AWS error code"] for name in ISOLATION[::3]}
    assert refusals == {"isolation_sibling": "AccessDenied", "isolation_foreign_key": "InvalidIdentityToken"}
    assert proof.checks.get(check_name="isolation_expired").evidence["AWS error code"] == "ExpiredTokenException"


def test_an_open_role_is_a_security_finding_that_stands_first_until_it_is_proven_closed(
    sandbox: Sandbox, console: Console, connected: Environment
) -> None:
    write_trust(sandbox, console, connected, MATRIX["any environment of the organization"])
    prove_isolation(console, connected)
    console.observe(connected)
    first, second = Finding.objects.filter(closed_at__isnull=True)
    assert (first.code, first.severity, second.code) == ("isolation_sibling", Finding.Severity.SECURITY, "drift")
    assert "lets in another environment of the organization" in first.problem["sentence"]
    assert first.problem["message"].startswith("In AWS account 1111-2222-3333")

    # An ordinary proof looks again, and does not close what it did not look at.
    assert results(console.verify(connected))["isolation_sibling"] == "fail"
    assert "isolation_sibling" in open_codes(connected)

    console.connect(connected)
    assert "isolation_sibling" not in open_codes(connected)
    assert results(console.verify(connected)) == {}


def test_what_is_signed_to_be_refused_stands_in_the_history_and_the_token_nowhere(
    console: Console, connected: Environment
) -> None:
    probes = Event.objects.filter(action="token.probe_signed")
    assert {event.data["probe"] for event in probes} == {"sibling", "expired", "foreign_key"}
    assert not any("eyJ" in json.dumps(event.data) + event.sentence for event in Event.objects.all())


def test_without_a_token_isolation_is_evaluated_and_never_called_proven(console: Console) -> None:
    environment = console.environment(name="Sales", issuer=VERTESIA_ISSUER)
    console.connect(environment)
    proof = prove_isolation(console, environment)
    assert results(proof) == dict.fromkeys(ISOLATION, "skipped")
    details = {check.check_name: check.detail for check in proof.checks.all()}
    assert details["isolation_sibling"] == "Evaluated, not proven: the trust policy refuses it"
    assert details["isolation_audience"] == "Evaluated, not proven: the trust policy refuses it"


def test_without_a_token_a_trust_that_would_let_others_in_is_a_security_finding_all_the_same(
    sandbox: Sandbox, console: Console
) -> None:
    environment = console.environment(name="Sales", issuer=VERTESIA_ISSUER)
    console.connect(environment)
    write_trust(sandbox, console, environment, MATRIX["any environment of the organization"])
    proof = prove_isolation(console, environment)
    assert results(proof)["isolation_sibling"] == "fail"
    finding = Finding.objects.get(code="isolation_sibling")
    assert finding.problem["evidence"]["how it is known"].startswith("the trust policy was evaluated")
    console.connect(environment)
    assert "isolation_sibling" not in open_codes(environment)


def test_a_token_that_was_not_tried_to_its_end_closes_no_finding(
    sandbox: Sandbox, console: Console, connected: Environment
) -> None:
    write_trust(sandbox, console, connected, MATRIX["any environment of the organization"])
    prove_isolation(console, connected)
    assert open_codes(connected) == ["isolation_sibling"]
    write_agreed_trust(sandbox, console, connected)
    order = {"kind": "throttled", "action": "AssumeRoleWithWebIdentity", "account_id": "*", "times": 9, "skip": 1}
    status, told = sandbox.process.control("POST", "faults", order)
    assert status == 200, told
    proof = prove_isolation(console, connected)
    assert results(proof)["isolation_sibling"] == "skipped"
    assert "Not tried to its end" in proof.checks.get(check_name="isolation_sibling").detail
    assert open_codes(connected) == ["isolation_sibling"]
    sandbox.process.control("DELETE", "faults")
    assert results(prove_isolation(console, connected))["isolation_sibling"] == "pass"
    assert open_codes(connected) == []


def write_agreed_trust(sandbox: Sandbox, console: Console, environment: Environment) -> None:
    """An administrator mends it by hand, so that no set-up proves it on the way."""
    role_name = console.connection(environment).role_name
    document = json.dumps(read_agreement(console.connection(environment)).trust)
    sandbox.process.admin("iam").update_assume_role_policy(RoleName=role_name, PolicyDocument=document)
