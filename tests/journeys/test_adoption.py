"""A role that somebody else made is adopted in the browser by consent, and given back at the end."""

import json
import re
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Ids, open_environment
from tests.sandbox.process import ACCOUNT, ADMINISTRATORS, ONE_ATTEMPT
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def iam(stack: Stack) -> Any:
    """IAM as an administrator of the account uses it, past the console."""
    key, secret = ADMINISTRATORS[ACCOUNT]
    return boto3.client(
        "iam",
        endpoint_url=stack.sandbox_url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=ONE_ATTEMPT,
    )


def trust_of(stack: Stack, name: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = iam(stack).get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    return statements


def make_role_of_vertesias_script(stack: Stack, ids: Ids) -> str:
    """Its trust checks the subject alone, and AmazonBedrockFullAccess is attached; a colleague let Lambda in too."""
    name = f"VertesiaScript{ids.environment_id[:6]}"
    host = stack.url.split("://")[1]
    script = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:sub": f"env:{ids.organization_id}:{ids.environment_id}"}},
    }
    trust = {"Version": "2012-10-17", "Statement": [script, LAMBDA]}
    iam(stack).create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam(stack).attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockFullAccess")
    return name


def test_a_role_of_others_is_adopted_by_consent_and_given_back(
    stack: Stack, open_page: Callable[..., Page], ids: Ids
) -> None:
    name = make_role_of_vertesias_script(stack, ids)
    page = open_page()
    page.goto(f"{stack.url}/connect/new/")
    page.get_by_label("Organization id").fill(ids.organization_id)
    page.get_by_label("Environment id").fill(ids.environment_id)
    page.get_by_label("Name", exact=False).first.fill(ids.name)
    page.get_by_label("Region", exact=False).first.fill("us-east-1")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue", exact=False).click()
    page.get_by_text("Options: role name and tags").click()
    page.get_by_label("Role name").fill(name)
    page.get_by_role("button", name="Continue", exact=False).click()

    expect(page.get_by_role("heading", name=f"Role {name} exists, and somebody else made it")).to_be_visible(
        timeout=30_000
    )
    expect(page.get_by_text("It checks no audience", exact=False)).to_be_visible()
    expect(page.get_by_text("Ours takes its place")).to_be_visible()
    assert len(trust_of(stack, name)) == 2
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Consent and plan").click()

    page.get_by_role("button", name=re.compile(r"in 1111-2222-3333$")).click(timeout=30_000)
    expect(page.get_by_text(re.compile(r"Studio will show \d+ of \d+")).first).to_be_visible(timeout=60_000)
    statements = trust_of(stack, name)
    assert statements[0] == LAMBDA
    assert len(statements[1]["Condition"]["StringEquals"]) == 2

    open_environment(page, stack, ids)
    page.get_by_role("link", name="Disconnect").first.click()
    expect(page.get_by_text("Is given back", exact=True)).to_be_visible()
    page.get_by_role("button", name="Plan the removal").click()
    page.get_by_role("button", name="Give back 1 role in 1111-2222-3333").click(timeout=30_000)
    expect(page.get_by_text("was given back to whoever made it", exact=False).first).to_be_visible(timeout=60_000)
    assert trust_of(stack, name) == [LAMBDA]
    assert iam(stack).list_role_policies(RoleName=name)["PolicyNames"] == []
    attached = iam(stack).list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonBedrockFullAccess"]
