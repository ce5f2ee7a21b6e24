"""Which models an account may invoke: form, agreement, authorization, entitlement, region, lifecycle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.chain import Chain
from tests.sandbox.process import ACCOUNT, SECOND_ACCOUNT, SandboxProcess

Refused = Callable[..., tuple[str, str]]
Set = Callable[..., Any]

MESSAGES = [{"role": "user", "content": [{"text": "Say hello."}]}]
CLAUDE = "anthropic.claude-sonnet-4-6"
PROFILE = f"us.{CLAUDE}"
NOVA = "amazon.nova-lite-v1:0"
FORM = json.dumps({"companyName": "Acme", "useCases": "Tests"}).encode()


@pytest.fixture(autouse=True)
def clean(sandbox: SandboxProcess) -> Iterator[None]:
    yield
    sandbox.control("POST", "reset", {})


@pytest.fixture
def set_access(sandbox: SandboxProcess) -> Set:
    def send(**order: Any) -> Any:
        status, body = sandbox.control("POST", "model_access", {"account_id": ACCOUNT} | order)
        assert status == 200, body
        return body

    return send


@pytest.fixture
def admin(sandbox: SandboxProcess) -> Any:
    return sandbox.admin("bedrock")


@pytest.fixture
def runtime(chain: Chain) -> Any:
    return chain.sandbox.client("bedrock-runtime", chain.keys())


def test_the_four_fields_of_availability_are_told_as_they_are_set(set_access: Set, admin: Any) -> None:
    def told() -> dict[str, Any]:
        answer = admin.get_foundation_model_availability(modelId=CLAUDE)
        return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "modelId")}

    good = {
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    }
    assert told() == good
    set_access(model_id=CLAUDE, agreement="NOT_AVAILABLE")
    assert told() == good | {"agreementAvailability": {"status": "NOT_AVAILABLE"}}
    set_access(model_id=CLAUDE, authorization="NOT_AUTHORIZED", entitlement="NOT_AVAILABLE", region="NOT_AVAILABLE")
    assert told() == {
        "agreementAvailability": {"status": "NOT_AVAILABLE"},
        "authorizationStatus": "NOT_AUTHORIZED",
        "entitlementAvailability": "NOT_AVAILABLE",
        "regionAvailability": "NOT_AVAILABLE",
    }
    set_access(model_id=CLAUDE, agreement="ERROR")
    assert "INVALID_PAYMENT_INSTRUMENT" in told()["agreementAvailability"]["errorMessage"]
    set_access(model_id=CLAUDE, agreement=None, authorization=None, entitlement=None, region=None)
    assert told() == good


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        ({"authorization": "NOT_AUTHORIZED"}, "AccessDeniedException", "Your account is not authorized to invoke"),
        ({"entitlement": "NOT_AVAILABLE"}, "AccessDeniedException", "You don't have access to the model with the"),
        ({"region": "NOT_AVAILABLE"}, "ValidationException", "The provided model identifier is invalid."),
        ({"agreement": "NOT_AVAILABLE"}, "AccessDeniedException", "required AWS Marketplace actions"),
        ({"agreement": "PENDING"}, "AccessDeniedException", "subscription for this model is still being processed"),
        ({"agreement": "ERROR"}, "AccessDeniedException", "Model access is denied due to INVALID_PAYMENT_INSTRUMENT"),
        ({"lifecycle": "LEGACY"}, "ResourceNotFoundException", "This Model is marked by provider as Legacy"),
        (
            {"is_form_sent": False},
            "ResourceNotFoundException",
            "Model use case details have not been submitted for this account. Fill out the Anthropic use case details "
            "form before using the model. If you have already filled out the form, try again in 15 minutes.",
        ),
    ],
)
def test_a_model_that_is_not_open_to_the_account_is_refused_in_aws_words(
    sandbox: SandboxProcess,
    runtime: Any,
    set_access: Set,
    refusal: Refused,
    order: dict[str, Any],
    code: str,
    words: str,
) -> None:
    runtime.converse(modelId=PROFILE, messages=MESSAGES)
    set_access(**order)
    for call, parameters in (
        (runtime.converse, {"messages": MESSAGES}),
        (runtime.converse_stream, {"messages": MESSAGES}),
        (runtime.invoke_model, {"body": b"{}"}),
    ):
        told_code, told = refusal(call, modelId=PROFILE, **parameters)
        assert told_code == code
        assert words in told
    sandbox.admin("bedrock-runtime", SECOND_ACCOUNT).converse(modelId=PROFILE, messages=MESSAGES)


def test_iam_refuses_before_the_account_does(chain: Chain, runtime: Any, set_access: Set, refusal: Refused) -> None:
    set_access(is_form_sent=False)
    chain.iam.delete_role_policy(RoleName=chain.role_name, PolicyName="VertesiaBedrock")
    assert "no identity-based policy allows" in refusal(runtime.converse, modelId=PROFILE, messages=MESSAGES)[1]


def test_amazons_own_models_need_neither_form_nor_agreement(runtime: Any, set_access: Set, admin: Any) -> None:
    set_access(agreement="NOT_AVAILABLE", is_form_sent=False)
    runtime.converse(modelId=NOVA, messages=MESSAGES)
    availability = admin.get_foundation_model_availability(modelId=NOVA)
    assert availability["agreementAvailability"] == {"status": "AVAILABLE"}
    assert admin.list_foundation_model_agreement_offers(modelId=NOVA)["offers"] == []


def test_an_administrator_sends_the_form(runtime: Any, admin: Any, set_access: Set, refusal: Refused) -> None:
    assert b"companyName" in admin.get_use_case_for_model_access()["formData"]
    set_access(is_form_sent=False)
    code, message = refusal(admin.get_use_case_for_model_access)
    assert (code, message[:41]) == ("ResourceNotFoundException", "You have not filled out the request form.")
    assert admin.put_use_case_for_model_access(formData=FORM)["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert admin.get_use_case_for_model_access()["formData"] == FORM
    runtime.converse(modelId=PROFILE, messages=MESSAGES)
    assert refusal(admin.put_use_case_for_model_access, formData=b"short")[0] == "ValidationException"


def test_the_form_needs_its_own_actions(chain: Chain, refusal: Refused) -> None:
    bedrock = chain.sandbox.client("bedrock", chain.keys())
    for call, parameters, action in (
        (bedrock.get_use_case_for_model_access, {}, "GetUseCaseForModelAccess"),
        (bedrock.put_use_case_for_model_access, {"formData": FORM}, "PutUseCaseForModelAccess"),
        (bedrock.list_foundation_model_agreement_offers, {"modelId": CLAUDE}, "ListFoundationModelAgreementOffers"),
        (
            bedrock.create_foundation_model_agreement,
            {"modelId": CLAUDE, "offerToken": "x"},
            "CreateFoundationModelAgreement",
        ),
    ):
        code, message = refusal(call, **parameters)
        assert code == "AccessDeniedException"
        assert f"is not authorized to perform: bedrock:{action}" in message


def test_an_administrator_accepts_the_agreement(runtime: Any, admin: Any, set_access: Set, refusal: Refused) -> None:
    set_access(model_id=CLAUDE, agreement="NOT_AVAILABLE")
    assert "Marketplace" in refusal(runtime.converse, modelId=PROFILE, messages=MESSAGES)[1]
    [offer] = admin.list_foundation_model_agreement_offers(modelId=CLAUDE)["offers"]
    agreement = {"modelId": CLAUDE, "offerToken": offer["offerToken"]}
    assert (
        refusal(admin.create_foundation_model_agreement, **agreement | {"offerToken": "x"})[0] == "ValidationException"
    )
    assert admin.create_foundation_model_agreement(**agreement)["modelId"] == CLAUDE
    runtime.converse(modelId=PROFILE, messages=MESSAGES)
    assert refusal(admin.create_foundation_model_agreement, **agreement)[0] == "ConflictException"


def test_no_agreement_without_the_form(admin: Any, set_access: Set, refusal: Refused) -> None:
    set_access(agreement="NOT_AVAILABLE", is_form_sent=False)
    assert refusal(admin.list_foundation_model_agreement_offers, modelId=CLAUDE)[0] == "ResourceNotFoundException"


def test_the_first_call_of_one_who_may_subscribe_opens_the_model_to_all(
    sandbox: SandboxProcess, runtime: Any, set_access: Set, refusal: Refused
) -> None:
    set_access(model_id=CLAUDE, agreement="NOT_AVAILABLE")
    assert "Marketplace" in refusal(runtime.converse, modelId=PROFILE, messages=MESSAGES)[1]
    sandbox.admin("bedrock-runtime").converse(modelId=PROFILE, messages=MESSAGES)
    runtime.converse(modelId=PROFILE, messages=MESSAGES)


def test_a_legacy_model_is_listed_as_such(admin: Any, set_access: Set) -> None:
    def lifecycles() -> tuple[str, str]:
        [listed] = [m for m in admin.list_foundation_models()["modelSummaries"] if m["modelId"] == CLAUDE]
        shown = admin.get_foundation_model(modelIdentifier=CLAUDE)["modelDetails"]
        return listed["modelLifecycle"]["status"], shown["modelLifecycle"]["status"]

    assert lifecycles() == ("ACTIVE", "ACTIVE")
    set_access(model_id=CLAUDE, lifecycle="LEGACY")
    assert lifecycles() == ("LEGACY", "LEGACY")
    set_access(model_id=CLAUDE, lifecycle=None)
    assert lifecycles() == ("ACTIVE", "ACTIVE")


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({"account_id": "1"}, "the sandbox has no account '1'"),
        ({"model_id": "acme.nothing"}, "the sandbox has no model 'acme.nothing'"),
        ({"agreement": "MAYBE"}, "agreement must be one of AVAILABLE, PENDING, NOT_AVAILABLE, ERROR"),
        ({"colour": "red"}, "access to a model has agreement"),
        ({"is_form_sent": None}, "is_form_sent must be true or false"),
        ({"model_id": NOVA, "agreement": "PENDING"}, "needs no agreement"),
    ],
)
def test_what_cannot_be_set_is_said(sandbox: SandboxProcess, order: dict[str, Any], sentence: str) -> None:
    status, body = sandbox.control("POST", "model_access", {"account_id": ACCOUNT} | order)
    assert status == 400
    assert sentence in body["error"]
