"""The whole chain: an environment in Vertesia, a role in AWS that trusts it, and the models that Vertesia then sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aws_setup.sandbox.vertesia.driver import to_models
from tests.sandbox.chain import LIST_AND_INVOKE
from tests.sandbox.process import ACCOUNT
from tests.sandbox.vertesia import (
    ISSUING,
    MARKETING,
    OPENAI,
    ORGANIZATION,
    TOKYO,
    VIRGINIA,
    Vertesia,
    encoded,
    trust_vertesia,
)

RECORDINGS = sorted((Path(__file__).parents[1] / "aws_setup" / "driver").glob("*.json"))
SWALLOWED = (500, "Foundation models not found")


def allowing(*actions: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def connect(vertesia: Vertesia, environment_id: str, **trust: Any) -> str:
    """The role's ARN, which is the environment's API key now."""
    role_arn = trust_vertesia(vertesia, environment_id, **trust)
    assert vertesia.call("PUT", f"environments/{environment_id}", {"apiKey": role_arn}).status == 200
    return role_arn


def reason_in_log(vertesia: Vertesia, environment_id: str) -> str:
    """What the log alone tells of the last listing that failed."""
    lines = vertesia.sandbox.log_file.read_text().splitlines()
    return [line for line in lines if line.startswith(f"vertesia {environment_id}:")][-1].partition(": ")[2]


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_it_lists_what_vertesias_own_driver_lists(recording: Path) -> None:
    answers = json.loads(recording.read_text())

    assert (
        to_models(answers["foundation_models"], answers["custom_models"], answers["inference_profiles"])
        == answers["studio"]
    )


def test_a_new_environment_lists_models_once_aws_trusts_it_and_it_has_its_role(vertesia: Vertesia) -> None:
    body = {"name": "New", "provider": "bedrock", "endpoint_url": "us-east-1", "allowed_projects": [MARKETING]}
    environment_id = vertesia.call("POST", "environments", body).body["id"]
    models = f"environments/{environment_id}/models"
    assert vertesia.call("GET", models).refusal == SWALLOWED
    role_arn = trust_vertesia(vertesia, environment_id)
    assert vertesia.call("GET", models).refusal == SWALLOWED

    vertesia.call("PUT", f"environments/{environment_id}", {"apiKey": role_arn})
    listed = vertesia.get(models)

    studio = json.loads(next(path for path in RECORDINGS if path.stem == "us-east-1").read_text())["studio"]
    assert listed == studio
    assert vertesia.get(f"{models}?text=claude&owner=nobody") == listed
    assert vertesia.sandbox.stored_role(f"Vertesia{environment_id}")["last_used"] is not None


def test_the_role_is_asked_in_the_environments_own_region(vertesia: Vertesia) -> None:
    connect(vertesia, TOKYO)

    assert {model["id"].split(":")[3] for model in vertesia.get(f"environments/{TOKYO}/models")} == {"ap-northeast-1"}
    vertesia.call("PUT", f"environments/{TOKYO}", {"endpoint_url": "eu-west-1"})
    assert {model["id"].split(":")[3] for model in vertesia.get(f"environments/{TOKYO}/models")} == {"eu-west-1"}
    vertesia.call("PUT", f"environments/{TOKYO}", {"endpoint_url": ""})
    status, message = vertesia.call("GET", f"environments/{TOKYO}/models").refusal
    assert (status, message) == (500, "No region found. Set the region in the environment's endpoint URL.")


@pytest.mark.parametrize(
    "subject", [f"env:{ORGANIZATION}:{TOKYO}", f"env:{'0' * 24}:{VIRGINIA}", f"ENV:{ORGANIZATION}:{VIRGINIA}"]
)
def test_a_role_that_trusts_another_subject_is_not_told_of(vertesia: Vertesia, subject: str) -> None:
    connect(vertesia, VIRGINIA, subject=subject)

    assert vertesia.call("GET", f"environments/{VIRGINIA}/models").refusal == SWALLOWED
    assert reason_in_log(vertesia, VIRGINIA) == "AssumeRoleWithWebIdentity AccessDenied"


def test_a_mask_that_was_written_back_ends_the_connection(vertesia: Vertesia) -> None:
    connect(vertesia, VIRGINIA)
    assert vertesia.call("GET", f"environments/{VIRGINIA}/models").status == 200
    mask = vertesia.get(f"environments/{VIRGINIA}")["apiKey"]
    vertesia.call("PUT", f"environments/{VIRGINIA}", {"apiKey": mask})

    assert vertesia.call("GET", f"environments/{VIRGINIA}/models").refusal == SWALLOWED


def test_a_role_without_foundation_models_lists_nothing_and_one_without_the_rest_lists_less(vertesia: Vertesia) -> None:
    role_arn = connect(vertesia, VIRGINIA, policy=allowing("bedrock:ListInferenceProfiles"))
    assert vertesia.call("GET", f"environments/{VIRGINIA}/models").refusal == SWALLOWED

    def listed(policy: dict[str, Any]) -> set[str]:
        vertesia.sandbox.admin("iam").put_role_policy(
            RoleName=role_arn.rpartition("/")[2], PolicyName="VertesiaBedrock", PolicyDocument=json.dumps(policy)
        )
        return {model["id"].split(":")[5].split("/")[0] for model in vertesia.get(f"environments/{VIRGINIA}/models")}

    assert listed(allowing("bedrock:ListFoundationModels")) == {"foundation-model"}
    assert listed(LIST_AND_INVOKE) == {"foundation-model", "custom-model", "inference-profile"}


def test_only_the_first_page_of_profiles_is_read(vertesia: Vertesia) -> None:
    connect(vertesia, VIRGINIA)
    vertesia.sandbox.control("POST", "settings", {"default_page_size": 2})
    profiles = [one for one in vertesia.get(f"environments/{VIRGINIA}/models") if ":inference-profile/" in one["id"]]

    assert 1 <= len(profiles) <= 2


def test_it_meets_the_faults_of_aws(vertesia: Vertesia) -> None:
    connect(vertesia, VIRGINIA)
    vertesia.sandbox.control("POST", "faults", {"kind": "throttled", "action": "ListFoundationModels"})

    assert vertesia.call("GET", f"environments/{VIRGINIA}/models").refusal == SWALLOWED
    assert reason_in_log(vertesia, VIRGINIA) == "GET /foundation-models ThrottlingException"
    assert vertesia.call("GET", f"environments/{VIRGINIA}/models").status == 200


def test_a_token_service_that_is_down_vouches_for_nobody(vertesia: Vertesia) -> None:
    connect(vertesia, VIRGINIA)
    with vertesia.fault("token_service_down", times=None):
        assert vertesia.call("GET", f"environments/{VIRGINIA}/models").refusal == SWALLOWED
        assert reason_in_log(vertesia, VIRGINIA) == "AssumeRoleWithWebIdentity InvalidIdentityToken"
    assert vertesia.call("GET", f"environments/{VIRGINIA}/models").status == 200


def test_the_token_of_a_privileged_key_opens_the_same_role(vertesia: Vertesia) -> None:
    role_arn = connect(vertesia, VIRGINIA)
    asked = {
        "type": "environment",
        "environment_id": VIRGINIA,
        "environment_name": "Bedrock Virginia",
        "project_id": MARKETING,
        "account_id": ORGANIZATION,
    }
    for algorithm in ("ES256", "RS256"):
        answer = vertesia.sandbox.client("sts", None).assume_role_with_web_identity(
            RoleArn=role_arn,
            RoleSessionName="console-verify",
            WebIdentityToken=vertesia.issue(asked | {"algorithm": algorithm}, bearer=ISSUING).body["token"],
        )
        assert answer["SubjectFromWebIdentityToken"] == f"env:{ORGANIZATION}:{VIRGINIA}"
        assert answer["Provider"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{vertesia.url.partition('://')[2]}"


def test_models_are_enabled_by_what_is_listed_and_disabled_by_their_encoded_arn(vertesia: Vertesia) -> None:
    connect(vertesia, VIRGINIA)
    enabled = f"environments/{VIRGINIA}/models/enabled"
    first, second = vertesia.get(f"environments/{VIRGINIA}/models")[:2]
    for model in (first, second, first):
        written = vertesia.call("POST", enabled, {"model_id": model["id"]}).body
    assert written["enabled_models"] == [second, first]
    assert vertesia.call("POST", enabled, {"model_id": "amazon.unknown"}).refusal == (404, "Model not found")

    assert vertesia.call("DELETE", f"{enabled}/{second['id']}").status == 404
    written = vertesia.call("DELETE", f"{enabled}/{encoded(second['id'])}").body
    assert written["enabled_models"] == [first]
    assert vertesia.call("DELETE", f"{enabled}/{encoded(second['id'])}").refusal == (404, "Model not found")


def test_other_providers_models_are_not_known_here(vertesia: Vertesia) -> None:
    assert vertesia.call("GET", f"environments/{OPENAI}/models").status == 400
