"""Models that are listed and cannot be used: agreement, Marketplace, form, profile, destination, lifecycle."""

from __future__ import annotations

import base64
import json
from typing import Any

from aws_setup.models import Verification
from aws_setup.policies import INLINE_POLICY_NAME
from tests.lab.bench import Bench, first_red
from tests.lab.rows import BY_PLAN, Do, Matrix, Mended, Outcome, by_administrator, by_organization

model_access = Matrix()
SOLD = "google.gemma-3-12b-it"
"""Sold through AWS Marketplace, to be used on demand."""
ANTHROPIC = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = f"us.{ANTHROPIC}"
AWSS_OWN, ITS_SUCCESSOR = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
FORM = base64.b64encode(b'{"companyName": "Acme", "useCases": "Answering questions."}').decode()


def by_aws(act: Do) -> Mended:
    return Mended("AWS, whom an administrator asked", act)


def becomes(model: str, **access: str) -> Do:
    """A person chose this model, and AWS says of it what `access` names."""

    def change(bench: Bench) -> None:
        bench.choose(model)
        bench.order("model_access", account_id=bench.account_id, model_id=model, **access)

    return change


def is_given(model: str, *names: str) -> Do:
    return lambda bench: bench.order(
        "model_access", account_id=bench.account_id, model_id=model, **dict.fromkeys(names)
    )


def accept_offer(bench: Bench) -> None:
    """As the command beside the problem begins, and the message asks for."""
    [offer] = bench.bedrock.list_foundation_model_agreement_offers(modelId=SOLD)["offers"]
    bench.bedrock.create_foundation_model_agreement(modelId=SOLD, offerToken=offer["offerToken"])


def use_it_once(bench: Bench) -> None:
    """An administrator's first call subscribes the account: they have the Marketplace rights."""
    bench.runtime.converse(modelId=SOLD, messages=[{"role": "user", "content": [{"text": "Hi"}]}])


def send_form(bench: Bench) -> None:
    bench.bedrock.put_use_case_for_model_access(formData=FORM)


def unsend_form(bench: Bench) -> None:
    bench.order("model_access", account_id=bench.account_id, is_form_sent=False)


def choose_profile_without_form(bench: Bench) -> None:
    bench.choose(f"arn:aws:bedrock:us-east-1:{bench.account_id}:inference-profile/{PROFILE}")
    unsend_form(bench)


model_access.broken(
    "13",
    "a chosen model has no agreement",
    becomes(SOLD, agreement="NOT_AVAILABLE"),
    rung="availability",
    cause="model_agreement_missing",
    mended=by_administrator(accept_offer),
    is_sample=True,
)
model_access.broken(
    "13",
    "a chosen model's agreement is being made",
    becomes(SOLD, agreement="PENDING"),
    rung="availability",
    cause="model_agreement_pending",
    mended=Mended("waiting for AWS", is_given(SOLD, "agreement")),
)
model_access.broken(
    "13",
    "the account is not authorized for a chosen model",
    becomes(SOLD, authorization="NOT_AUTHORIZED"),
    rung="availability",
    cause="model_not_authorized",
    mended=by_aws(is_given(SOLD, "authorization")),
)
model_access.broken(
    "13",
    "a chosen model is not in this region",
    becomes(SOLD, region="NOT_AVAILABLE"),
    rung="availability",
    cause="model_not_in_region",
    mended=Mended("choosing another model", lambda bench: bench.choose(AWSS_OWN)),
)
model_access.broken(
    "14",
    "a chosen model's subscription is incomplete",
    becomes(SOLD, entitlement="NOT_AVAILABLE"),
    rung="availability",
    cause="marketplace_missing",
    mended=by_aws(is_given(SOLD, "entitlement")),
)
model_access.broken(
    "14",
    "the role's first call may not subscribe",
    lambda bench: bench.order("model_access", account_id=bench.account_id, model_id=SOLD, agreement="NOT_AVAILABLE"),
    rung="one_token",
    cause="marketplace_missing",
    wanted={"one_token_of": SOLD},
    mended=by_administrator(use_it_once),
)
model_access.broken(
    "15",
    "Anthropic's form was not sent, by what AWS says of a chosen model",
    choose_profile_without_form,
    rung="availability",
    cause="use_case_missing",
    mended=by_administrator(send_form),
)
model_access.broken(
    "15",
    "Anthropic's form was not sent, by a call of one token",
    unsend_form,
    rung="one_token",
    cause="use_case_missing",
    wanted={"one_token_of": PROFILE},
    mended=by_administrator(send_form),
)


def use_profile_instead(bench: Bench, outcome: Outcome) -> None:
    """The remedy names another model to ask: its inference profile."""
    proof = bench.verify(one_token_of=ANTHROPIC)
    problem = bench.open_problem()
    outcome.note(first_red(proof), problem)
    assert bench.verify(one_token_of=PROFILE).state == Verification.State.PROVEN
    outcome.mended_by = "choosing the profile"
    bench.require_green()


model_access.add(
    "16", "on-demand throughput is not supported", use_profile_instead, rung="one_token", cause="profile_needed"
)


def forbid_destination(bench: Bench) -> None:
    elsewhere = {"StringEquals": {"aws:RequestedRegion": "us-west-2"}}
    bench.forbid("service_control", "bedrock:InvokeModel*", Condition=elsewhere)


def narrow_policy_to_region(bench: Bench) -> None:
    """The role's own policy names the models of one region, as many examples do."""
    policy: dict[str, Any] = json.loads(json.dumps(bench.agreed.inline_policy))
    for statement in policy["Statement"]:
        if statement["Sid"] == "InvokeModels":
            statement["Resource"] = [
                arn.replace(":bedrock:*::", f":bedrock:{bench.agreed.region}::") for arn in statement["Resource"]
            ]
    bench.iam.put_role_policy(
        RoleName=bench.role_name, PolicyName=INLINE_POLICY_NAME, PolicyDocument=json.dumps(policy)
    )


model_access.broken(
    "17",
    "a service control policy closes a region that the profile leads to",
    forbid_destination,
    rung="one_token",
    cause="destination_region_denied",
    wanted={"one_token_of": PROFILE},
    mended=by_organization(lambda bench: bench.permit("service_control")),
)
model_access.broken(
    "17",
    "the role's policy names one region, the profile leads to three",
    narrow_policy_to_region,
    rung="one_token",
    cause="destination_region_denied",
    wanted={"one_token_of": PROFILE},
    mended=BY_PLAN,
)
model_access.broken(
    "19",
    "a chosen model is a legacy one",
    becomes(AWSS_OWN, lifecycle="LEGACY"),
    rung="availability",
    cause="model_legacy",
    mended=Mended("choosing its successor", lambda bench: bench.choose(ITS_SUCCESSOR)),
)


def move_on_from_legacy(bench: Bench, outcome: Outcome) -> None:
    bench.order("model_access", account_id=bench.account_id, model_id=AWSS_OWN, lifecycle="LEGACY")
    proof = bench.verify(one_token_of=AWSS_OWN)
    problem = bench.open_problem()
    outcome.note(first_red(proof), problem)
    assert bench.verify(one_token_of=ITS_SUCCESSOR).state == Verification.State.PROVEN
    outcome.mended_by = "choosing its successor"
    bench.require_green()


model_access.add(
    "19", "a legacy model refuses a call of one token", move_on_from_legacy, rung="one_token", cause="model_legacy"
)


def refuses(**access: str) -> Do:
    """What AWS says of a model nobody chose, so that only a call of one token meets it."""
    return lambda bench: bench.order("model_access", account_id=bench.account_id, model_id=SOLD, **access)


for number, name, access, cause in (
    ("13", "one token, while the agreement is being made", {"agreement": "PENDING"}, "model_agreement_pending"),
    ("14", "Marketplace cannot charge the account", {"agreement": "ERROR"}, "marketplace_payment"),
    ("13", "one token, of a model not authorized", {"authorization": "NOT_AUTHORIZED"}, "model_not_authorized"),
    ("13", "one token, of a model not in this region", {"region": "NOT_AVAILABLE"}, "model_not_in_region"),
):  # fmt: skip
    model_access.broken(
        number,
        name,
        refuses(**access),
        rung="one_token",
        cause=cause,
        wanted={"one_token_of": SOLD},
        mended=by_aws(is_given(SOLD, *access)),
    )
