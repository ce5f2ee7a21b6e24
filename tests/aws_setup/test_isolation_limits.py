"""What must not be called isolation: a refusal for another reason, a look that was not made, half a proof."""

from datetime import timedelta

import pytest

from aws_setup.gateway.errors import AwsRefused
from aws_setup.models import Connection, Verification
from aws_setup.proofs.last_isolation import Shut, read_last_isolation
from environments.models import Environment
from tests.aws_setup.journeys import Console, open_codes
from tests.fake_aws import FakeAws, throttled

EXCHANGE = "sts:AssumeRoleWithWebIdentity"


@pytest.fixture
def connected(console: Console) -> Environment:
    environment = console.environment(name="Marketing")
    console.connect(environment)
    return environment


def results(proof: Verification) -> dict[str, str]:
    return {check.check_name: check.result for check in proof.checks.filter(check_name__startswith="isolation_")}


def fail_probes(aws: FakeAws, error: AwsRefused) -> None:
    """The environment's own token gets in; what comes after it is answered with this error."""
    aws.before("iam:SimulatePrincipalPolicy", lambda: aws.fail(EXCHANGE, error, times=1000))


def test_a_refusal_because_aws_cannot_read_the_issuer_shows_nothing_of_isolation(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    unread = "Couldn't retrieve verification key from your identity provider"
    fail_probes(aws, AwsRefused(unread, operation=EXCHANGE, code="InvalidIdentityToken"))
    proof = console.verify(connected, with_isolation=True)
    assert set(results(proof).values()) == {"skipped"}
    detail = proof.checks.get(check_name="isolation_sibling").detail
    assert detail == f"STS refused it for another reason, which proves nothing: InvalidIdentityToken: {unread}"


def test_an_open_role_stays_a_finding_while_nobody_can_look_whether_it_is_closed(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    provider = aws.home.providers[console.connection(connected).provider_arn]
    provider.audiences.append("blobs")
    [statement] = aws.home.role(console.connection(connected).role_name).trust["Statement"]
    statement["Condition"]["StringEquals"] = {}  # any environment, any audience
    console.verify(connected, with_isolation=True)
    holes = ["isolation_audience", "isolation_sibling"]
    assert open_codes(connected) == holes

    fail_probes(aws, throttled(EXCHANGE))
    assert set(results(console.verify(connected)).values()) == {"skipped"}
    assert open_codes(connected) == holes

    aws.mend()
    statement["Condition"]["StringEquals"] = {f"{provider.url.split('://')[1]}:sub": connected.subject}
    aws.before("iam:SimulatePrincipalPolicy", lambda: aws.deny("iam:GetOpenIDConnectProvider"))
    assert results(console.verify(connected))["isolation_sibling"] == "pass"
    assert open_codes(connected) == ["isolation_audience"]


def test_a_proof_of_which_a_part_is_missing_is_not_shown_as_proven(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    connection = console.connection(connected)
    assert read_last_isolation(connection, now=console.clock()).shut == Shut.PROVEN
    aws.before("iam:SimulatePrincipalPolicy", lambda: aws.fail(EXCHANGE, throttled(EXCHANGE), times=1))
    proof = console.verify(connected, with_isolation=True)
    assert (results(proof)["isolation_sibling"], results(proof)["isolation_expired"]) == ("skipped", "pass")
    assert read_last_isolation(connection, now=console.clock()).shut == Shut.PARTLY


def test_what_was_tried_on_a_role_that_was_agreed_anew_meanwhile_settles_nothing(
    console: Console, aws: FakeAws, connected: Environment
) -> None:
    connection = console.connection(connected)
    [statement] = aws.home.role(connection.role_name).trust["Statement"]
    agreed = statement["Condition"]["StringEquals"]
    statement["Condition"]["StringEquals"] = {}
    console.verify(connected, with_isolation=True)
    statement["Condition"]["StringEquals"] = agreed
    newly = console.clock() + timedelta(seconds=1)
    aws.before("iam:GetOpenIDConnectProvider", lambda: Connection.objects.update(agreed_at=newly))
    assert console.verify(connected).problem["code"] == "agreement_changed"
    assert open_codes(connected) == ["isolation_sibling"]
