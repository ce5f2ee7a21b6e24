"""Why a model that is listed cannot be used: agreement, use-case form, entitlement, region, lifecycle. Pure.

AWS has models on by default where the account has Marketplace rights; the first call subscribes by itself, and may take
up to 15 minutes. Anthropic's models want a use-case form, once per account or organization
(https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html).
"""

import re

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import DOCS, ErrorFacts, Problem, explain_unknown
from aws_setup.diagnosis.commands import aws
from aws_setup.diagnosis.denials import find_denied_action, find_denying_policy
from aws_setup.names import dashed

ACCESS_PAGE = f"{DOCS}/bedrock/latest/userguide/model-access.html"
PROFILES_PAGE = f"{DOCS}/bedrock/latest/userguide/inference-profiles-prereq.html"
LIFECYCLE_PAGE = f"{DOCS}/bedrock/latest/userguide/model-lifecycle.html"
_MODEL_ARN = re.compile(r"arn:[a-z-]+:bedrock:([a-z0-9-]*):[0-9]*:foundation-model/(\S+)")
_GOVCLOUD = " In GovCloud access is given in the linked commercial account."


def _ask_availability(desired: DesiredState, model: str) -> str:
    words = ("get-foundation-model-availability", "--region", desired.region, "--model-id", model.rsplit("/", 1)[-1])
    return aws("bedrock", *words)


def _govcloud(desired: DesiredState) -> str:
    return _GOVCLOUD if desired.partition == "aws-us-gov" else ""


def explain_agreement(desired: DesiredState, model: str, evidence: dict[str, str]) -> Problem:
    """The account has not agreed to the model's terms yet."""
    return Problem(
        code="model_agreement_missing",
        sentence=f"The account has no agreement for {model} yet.",
        why="AWS makes one at the first call, where the caller has Marketplace rights; the role has none, on purpose."
        + _govcloud(desired),
        remedy="Let an administrator use the model once in the Bedrock console, or accept its offer by the command. It "
        "may take up to 15 minutes.",
        command=aws(
            *("bedrock", "list-foundation-model-agreement-offers"),
            *("--region", desired.region, "--model-id", model),
        ),
        link=ACCESS_PAGE,
        fix="verify",
        ask=f"accept the agreement for Bedrock model {model} in {desired.region}: use it once in the Bedrock console "
        "with the right to aws-marketplace:Subscribe and aws-marketplace:ViewSubscriptions, or call "
        "CreateFoundationModelAgreement.",
        evidence=evidence,
    )


def explain_agreement_pending(desired: DesiredState, model: str, evidence: dict[str, str]) -> Problem:
    """The agreement is being made: nobody has to do anything."""
    return Problem(
        code="model_agreement_pending",
        sentence=f"AWS is still making the account's agreement for {model}.",
        why="It may take up to 15 minutes after the first call, or after an offer was accepted." + _govcloud(desired),
        remedy="Wait, then verify again. If it stays for an hour, let an administrator look at the model in the "
        "Bedrock console.",
        command=_ask_availability(desired, model),
        link=ACCESS_PAGE,
        fix="verify",
        evidence=evidence,
    )


def explain_payment(desired: DesiredState, model: str, evidence: dict[str, str]) -> Problem:
    """AWS Marketplace cannot charge the account."""
    return Problem(
        code="marketplace_payment",
        sentence=f"AWS Marketplace has no valid payment method to subscribe this account to {model}.",
        why="The model is sold through AWS Marketplace, which charges the account that pays." + _govcloud(desired),
        remedy="Let whoever pays for the account give it a valid payment method under Billing → Payment preferences; "
        "then verify again after some 15 minutes.",
        link=ACCESS_PAGE,
        fix="verify",
        ask=f"give AWS account {dashed(desired.account_id)} a payment method that AWS Marketplace takes: Bedrock model "
        f"{model} cannot be subscribed to without one.",
        evidence=evidence,
    )


def explain_use_case(desired: DesiredState, model: str, evidence: dict[str, str]) -> Problem:
    """Anthropic's use-case form was not sent."""
    return Problem(
        code="use_case_missing",
        sentence=f"Anthropic's use-case form has not been sent for this account; {model} needs it.",
        why="It is filled in once per account, or once in the organization's management account for all."
        + _govcloud(desired),
        remedy="Let an administrator fill it in, in the Bedrock console's model catalog, by choosing an Anthropic "
        "model. Then verify again after some 15 minutes.",
        command=aws("bedrock", "get-use-case-for-model-access", "--region", desired.region),
        link=ACCESS_PAGE,
        fix="verify",
        ask="fill in Anthropic's use-case form in the Bedrock console (Model catalog → an Anthropic model → Submit use "
        "case details), once for this account or in the organization's management account.",
        evidence=evidence,
    )


def explain_authorization(desired: DesiredState, model: str, evidence: dict[str, str]) -> Problem:
    """AWS does not authorize the account for the model."""
    return Problem(
        code="model_not_authorized",
        sentence=f"AWS does not authorize this account to use {model}.",
        why="Authorization is AWS's own: it looks at the account's payment method, its address and the model's terms."
        + _govcloud(desired),
        remedy="Let an administrator look at the model in the Bedrock console, and at the account's payment method.",
        link=ACCESS_PAGE,
        fix="verify",
        ask=f"see in the Bedrock console in {desired.region} why this account is not authorized for {model}.",
        evidence=evidence,
    )


def explain_entitlement(desired: DesiredState, model: str, evidence: dict[str, str]) -> Problem:
    """The Marketplace subscription is missing or not complete."""
    return Problem(
        code="marketplace_missing",
        sentence=f"The account has no complete AWS Marketplace subscription for {model}.",
        why="The model is sold through AWS Marketplace; the subscription needs aws-marketplace:Subscribe and "
        "aws-marketplace:ViewSubscriptions, which the role does not have, on purpose." + _govcloud(desired),
        remedy="Let an administrator with Marketplace rights use the model once in the Bedrock console; it may take up "
        "to 15 minutes. Do not give these rights to the role.",
        link=ACCESS_PAGE,
        fix="verify",
        ask=f"subscribe the account to Bedrock model {model} in {desired.region}: use it once in the Bedrock console "
        "as somebody with aws-marketplace:Subscribe and aws-marketplace:ViewSubscriptions.",
        evidence=evidence,
    )


def explain_model_region(desired: DesiredState, model: str, evidence: dict[str, str]) -> Problem:
    """The model is not offered in the region."""
    return Problem(
        code="model_not_in_region",
        sentence=f"{model} is not available in {desired.region}.",
        remedy="Choose a model that is, an inference profile that leads to it, or another region for the environment.",
        command=_ask_availability(desired, model),
        link=f"{DOCS}/bedrock/latest/userguide/models-regions.html",
        fix="verify",
        evidence=evidence,
    )


def explain_lifecycle(desired: DesiredState, model: str, evidence: dict[str, str]) -> Problem:
    """The model is a legacy one."""
    return Problem(
        code="model_legacy",
        sentence=f"{model} is a legacy model: its publisher retires it.",
        why="AWS refuses legacy models to accounts that have not used them in the last 15 days. It is no question of "
        "rights.",
        remedy="Choose its successor in Vertesia Studio, and here on the page of models.",
        command=aws(
            *("bedrock", "get-foundation-model", "--region", desired.region, "--model-identifier", model),
            *("--query", "modelDetails.modelLifecycle"),
        ),
        link=LIFECYCLE_PAGE,
        fix="verify",
        evidence=evidence,
    )


def explain_invocation(error: ErrorFacts, desired: DesiredState, *, model: str) -> Problem:
    """One token was asked of a model, and AWS refused."""
    words, evidence = error.message.lower(), error.evidence | {"model": model}
    if "use case details" in words:
        return explain_use_case(desired, model, evidence)
    if "on-demand throughput" in words:
        return Problem(
            code="profile_needed",
            sentence=f"{model} can only be used through an inference profile.",
            why=f"AWS says: {error.message}",
            remedy="Choose its inference profile in Vertesia Studio: it stands beneath the model on the page Models.",
            command=aws(
                *("bedrock", "list-inference-profiles", "--region", desired.region, "--query"),
                f"inferenceProfileSummaries[?contains(inferenceProfileId, '{model}')].inferenceProfileId",
            ),
            link=PROFILES_PAGE,
            fix="verify",
            evidence=evidence,
        )
    if "legacy" in words:
        return explain_lifecycle(desired, model, evidence)
    if "invalid_payment_instrument" in words:
        return explain_payment(desired, model, evidence)
    if "still being processed" in words:
        return explain_agreement_pending(desired, model, evidence)
    if "aws-marketplace" in words:
        return explain_entitlement(desired, model, evidence)
    if "account is not authorized" in words:
        return explain_authorization(desired, model, evidence)
    if error.code in ("AccessDeniedException", "AccessDenied"):
        return _explain_denied(error, desired, model=model, evidence=evidence)
    if error.code == "ResourceNotFoundException" or "model identifier is invalid" in words:
        return explain_model_region(desired, model, evidence)
    return explain_unknown(error)


def _explain_denied(error: ErrorFacts, desired: DesiredState, *, model: str, evidence: dict[str, str]) -> Problem:
    if "not authorized to perform" not in error.message.lower():
        return explain_agreement(desired, model, evidence)
    kind, sentence = find_denying_policy(error.message)
    action = find_denied_action(error)
    if kind == "session_policy":
        return Problem(
            code="session_policy",
            sentence=f"The role allows {action}; the session that called does not.",
            why="Whoever assumed the role narrowed the session by a session policy of their own. The role needs no "
            "change.",
            remedy="Tell whoever runs the caller, Vertesia where it was Vertesia, that their session policy leaves "
            f"{action} out.",
            link=f"{DOCS}/IAM/latest/UserGuide/access_policies.html#policies_session",
            fix="verify",
            ask=f"let the session policy that is passed when assuming {desired.role_arn} allow {action}.",
            evidence=evidence,
        )
    found = _MODEL_ARN.search(error.message)
    elsewhere = found is not None and found[1] not in ("", desired.region)
    is_above = kind in ("scp", "rcp", "boundary")
    return Problem(
        code="destination_region_denied" if elsewhere else f"invoke_denied_by_{kind}" if is_above else "invoke_denied",
        sentence=f"The profile {model} leads to {found[1]}, where the role may not use the model."
        if elsewhere and found is not None
        else f"Role {desired.role_name} may not call {action} for {model}.",
        why=(
            f"{sentence} A profile needs the right on itself and on the model in every region it may lead to."
            if elsewhere
            else sentence
        ),
        remedy="Send the message to the administrators of the AWS organization: nothing in the account's own IAM can "
        "lift it."
        if kind in ("scp", "rcp")
        else "Let an administrator allow it in the role's permissions boundary."
        if kind == "boundary"
        else "Plan the connection again: it puts the agreed policy back, which covers every region.",
        link=PROFILES_PAGE,
        fix="verify" if is_above else "plan",
        ask=f"allow {action} to {desired.role_arn} on {found[0] if found else model}.",
        evidence=evidence,
    )
