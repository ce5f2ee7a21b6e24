"""Why Bedrock does not let an account invoke a model that the caller's policies allow.

Codes and words are what people report, each named beside it; the order in which Bedrock looks is believed.
"""

from __future__ import annotations

from aws_setup.sandbox.callers import Caller
from aws_setup.sandbox.catalogue import Model
from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.permissions import Access, authorize
from aws_setup.sandbox.state import State

FORM_MISSING = (
    "Model use case details have not been submitted for this account. Fill out the Anthropic use case details form "
    "before using the model. If you have already filled out the form, try again in 15 minutes."
)
LEGACY = (
    "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the "
    "last 15 days. Please upgrade to an active model on Amazon Bedrock"
)
"""https://github.com/aws-samples/amazon-bedrock-workshop/issues/386"""
MARKETPLACE_DENIED = (
    "Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace "
    "actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe) to enable access to this model. Refer to "
    "the Amazon Bedrock documentation for further details. Your AWS Marketplace subscription for this model cannot be "
    "completed at this time. If you recently fixed this issue, try again after 5 minutes."
)
"""https://github.com/ministryofjustice/modernisation-platform-environments/pull/18323"""
PAYMENT_MISSING = (
    "Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.. Your AWS "
    "Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try "
    "again after 15 minutes."
)
"""One reason why an agreement fails; AWS writes two full stops."""
AGREEMENT_PENDING = (
    "Your account is not authorized to access this model. Your AWS Marketplace subscription for this model is still "
    "being processed."
)
"""The cause that AWS's table of error codes gives for MPAgreementBeingCreated; the wording of the answer is believed:
https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html"""
NOT_AUTHORIZED = "Your account is not authorized to invoke this API operation."
"""https://github.com/aws-samples/amazon-bedrock-client-for-mac/issues/1"""
NO_ACCESS = "You don't have access to the model with the specified model ID."
"""https://github.com/langgenius/dify/issues/2829"""
_AGREEMENT = {"PENDING": AGREEMENT_PENDING, "ERROR": PAYMENT_MISSING}


def check_model_access(model: Model, *, caller: Caller, state: State, region: str) -> None:
    """AwsError unless the account has access to the model.

    A model without an agreement gets one by the first call of somebody who may subscribe on AWS Marketplace:
    https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html. AWS lets calls through for up to 15 minutes
    while it finds out; the sandbox decides at once.
    """
    standing = state.model_access.standing(caller.account_id, model.id)
    if standing.region != "AVAILABLE":
        # Believed: a region that does not offer a model does not know its id.
        raise AwsError("ValidationException", "The provided model identifier is invalid.")
    if standing.authorization != "AUTHORIZED":
        raise AwsError("AccessDenied", NOT_AUTHORIZED, 403)
    if standing.lifecycle == "LEGACY":
        raise AwsError("ResourceNotFoundException", LEGACY, 404)
    if model.provider == "Anthropic" and state.model_access.form(caller.account_id) is None:
        raise AwsError("ResourceNotFoundException", FORM_MISSING, 404)
    if standing.agreement in _AGREEMENT:
        raise AwsError("AccessDenied", _AGREEMENT[standing.agreement], 403)
    if standing.agreement == "NOT_AVAILABLE":
        _subscribe(model, caller=caller, state=state, region=region)
    if standing.entitlement != "AVAILABLE":
        raise AwsError("AccessDenied", NO_ACCESS, 403)


def _subscribe(model: Model, *, caller: Caller, state: State, region: str) -> None:
    try:
        for action in ("aws-marketplace:ViewSubscriptions", "aws-marketplace:Subscribe"):
            authorize(caller, Access(action, "*", region), state, is_delayed=True)
    except AwsError as error:
        raise AwsError("AccessDenied", MARKETPLACE_DENIED, 403) from error
    state.model_access.change(caller.account_id, model.id, {"agreement": "AVAILABLE"})
    state.changed()
