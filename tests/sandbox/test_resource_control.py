"""Resource control policies: what an organization forbids to do with an account's roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.chain import Chain
from tests.sandbox.process import ACCOUNT, SECOND_ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
Forbid = Callable[..., tuple[int, Any]]
DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.fixture
def forbid(sandbox: SandboxProcess) -> Iterator[Forbid]:
    def send(account_id: str = ACCOUNT, **statement: Any) -> tuple[int, Any]:
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"} | statement],
        }
        return put(account_id, document)

    def put(account_id: str, document: Any) -> tuple[int, Any]:
        order = {"account_id": account_id, "resource_control_policy": document}
        return sandbox.control("POST", "organization_policies", order)

    yield send
    for account_id in (ACCOUNT, SECOND_ACCOUNT):
        assert put(account_id, None)[0] == 200


def test_a_web_identity_is_refused_without_a_word_about_the_policy(
    chain: Chain, forbid: Forbid, refusal: Refused
) -> None:
    assert forbid(Action="sts:AssumeRoleWithWebIdentity")[0] == 200
    assert refusal(chain.exchange) == DENIED
    forbid(SECOND_ACCOUNT, Action="sts:AssumeRoleWithWebIdentity")
    forbid(Action="sts:AssumeRole")
    chain.exchange()


def test_its_conditions_look_at_the_token(chain: Chain, forbid: Forbid, refusal: Refused) -> None:
    host = chain.issuer.url.partition("://")[2]
    forbid(Condition={"StringNotLike": {f"{host}:sub": "env:*"}})
    chain.exchange()
    forbid(Condition={"StringNotLike": {f"{host}:sub": "env:somebody:*"}})
    assert refusal(chain.exchange) == DENIED


def test_its_resources_are_the_roles(chain: Chain, forbid: Forbid, refusal: Refused) -> None:
    forbid(Resource=f"arn:aws:iam::{ACCOUNT}:role/Other*")
    chain.exchange()
    forbid(Resource=f"arn:aws:iam::{ACCOUNT}:role/Vertesia*")
    assert refusal(chain.exchange) == DENIED


def test_assume_role_is_refused_by_the_policy_of_the_roles_account(
    sandbox: SandboxProcess, forbid: Forbid, refusal: Refused
) -> None:
    role = {"RoleArn": f"arn:aws:iam::{SECOND_ACCOUNT}:role/VertesiaConsole", "RoleSessionName": "console"}
    forbid(ACCOUNT)
    sts = sandbox.client("sts")
    sts.assume_role(**role)
    forbid(SECOND_ACCOUNT)
    assert refusal(sts.assume_role, **role) == (
        "AccessDenied",
        f"User: arn:aws:iam::{ACCOUNT}:user/vertesia-console is not authorized to perform: sts:AssumeRole on "
        f"resource: {role['RoleArn']} with an explicit deny in a resource control policy",
    )


def test_it_is_shown_in_the_state_and_taken_away_by_a_reset(sandbox: SandboxProcess, forbid: Forbid) -> None:
    def shown() -> Any:
        return sandbox.control("GET", "state")[1]["accounts"][0]["resource_control_policy"]

    forbid()
    assert shown()["Statement"][0]["Action"] == "sts:*"
    sandbox.control("POST", "reset", {})
    assert shown() is None


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "*"}},
        {"Action": "everything"},
        {"NotAction": "s3:*"},
        {"Resource": None},
    ],
)
def test_what_organizations_would_not_take_is_refused(forbid: Forbid, statement: dict[str, Any]) -> None:
    status, body = forbid(**statement)
    assert status == 400
    assert body["error"].startswith("MalformedPolicyDocument: ")
