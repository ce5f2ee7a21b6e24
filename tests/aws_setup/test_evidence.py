"""The report of a verification: whole, the same whenever it is asked for, and without anything secret."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_setup.canonical import canonical
from aws_setup.evidence import REDACTED, build_report, redact
from aws_setup.models import Check
from environments.models import Environment
from tests.aws_setup.journeys import Console
from tests.fake_aws import FakeAws

SECRETS = [
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJlbnYifQ.c2lnbmF0dXJl",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "sk-0123456789abcdef0123456789abcdef",
    "IQoJb3JpZ2luX2VjEXAMPLE0123456789abcdef",
    "FwoGZXIvYXdzEXAMPLE0123456789abcdef",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
]


def test_it_holds_what_was_asked_what_was_answered_and_what_had_been_agreed(
    console: Console, connected: Environment
) -> None:
    proof = console.verify(connected, with_isolation=True)
    report = build_report(proof)
    assert (report["verification"]["result"], report["verification"]["asked_by"]) == ("proven", "mona")
    assert report["claims"]["sub"] == report["agreement"]["subject"] == connected.subject
    assert {check["check"] for check in report["checks"]} >= {"exchange", "trust", "isolation_sibling"}
    assert [entry["check"] for entry in report["request_ids"]] == [
        "exchange", "isolation_sibling", "isolation_expired", "isolation_foreign_key",
    ]  # fmt: skip
    trust = report["agreement"]["trust_policy"]
    assert report["agreement"]["sha256"]["trust_policy"] == hashlib.sha256(canonical(trust).encode()).hexdigest()
    assert (report["agreement"]["approved_by"], len(report["agreement"]["fingerprint"])) == ("mona", 64)
    assert len(report["models"]) == 3


def test_its_hash_is_that_of_all_the_rest_and_it_never_changes(console: Console, connected: Environment) -> None:
    proof = console.verify(connected)
    report = build_report(proof)
    rest = {key: value for key, value in report.items() if key != "sha256"}
    assert report["sha256"] == hashlib.sha256(canonical(rest).encode()).hexdigest()
    console.clock.forward(3600)
    console.connect(connected, permissions="full")
    proof.refresh_from_db()
    assert build_report(proof)["sha256"] == report["sha256"]


def test_a_failed_one_names_the_cause_and_the_agreement_it_was_about(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    aws.home.providers.clear()
    report = build_report(console.verify(connected))
    assert report["verification"]["problem"]["code"] == "provider_missing"
    assert report["models"] == []


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_token_or_a_key_is_taken_out_wherever_it_stands(
    console: Console, connected: Environment, secret: str
) -> None:
    proof = console.verify(connected)
    Check.objects.filter(verification=proof, check_name="exchange").update(
        detail=f"STS said {secret}.", evidence={"AWS says": [f"x {secret} y"], "request id": "req-1"}
    )
    text = json.dumps(build_report(proof))
    assert secret not in text
    assert text.count(REDACTED) == 2


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_everything_else_stays_as_it_is(value: object) -> None:
    assert redact(value) == value
