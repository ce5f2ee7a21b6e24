"""Who may invoke the models that are listed: how AWS opens access to them, by partition. Pure.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html, 2026. Since the end of 2025 there is no
model access page in commercial regions any more; GovCloud still has its own. AWS's page says nothing of the European
Sovereign Cloud.
"""

from dataclasses import dataclass

MODEL_ACCESS = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html"
MARKETPLACE_ACTIONS = ("aws-marketplace:Subscribe", "aws-marketplace:Unsubscribe", "aws-marketplace:ViewSubscriptions")
AGREE = "aws bedrock create-foundation-model-agreement"
SUBMIT_USE_CASE = "aws bedrock put-use-case-for-model-access"


@dataclass(frozen=True)
class Point:
    """One thing to know: what it is about, and what AWS says of it. `names` are the actions or commands meant."""

    title: str
    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelAccess:
    """How models are opened in one partition. `place` completes “Access to models in”."""

    place: str
    points: tuple[Point, ...]
    link: str = MODEL_ACCESS


LISTED_IS_NOT_INVOCABLE = Point(
    "A model that is listed may still be closed",
    "AWS lists models whether or not the account may invoke them. Listing costs nothing; AWS charges for what is "
    "invoked.",
)

COMMERCIAL = ModelAccess(
    "commercial regions",
    (
        LISTED_IS_NOT_INVOCABLE,
        Point(
            "There is nothing to request",
            "Every model is enabled by default for whoever has the AWS Marketplace permissions. The console's former "
            "Model access page is gone.",
        ),
        Point(
            "Some need no subscription",
            "Models of Amazon, DeepSeek, Meta, Mistral AI, OpenAI and Qwen are not sold through AWS Marketplace.",
        ),
        Point(
            "The first call to any other subscribes the account",
            "That happens in the background and takes up to 15 minutes, in which calls may already succeed. It needs a "
            "valid payment method and three permissions; using the model accepts its licence terms. Where something "
            "is missing AWS answers AccessDeniedException, and up to 2 minutes longer after it was mended.",
            MARKETPLACE_ACTIONS,
        ),
        Point(
            "Once for the account is enough",
            "An administrator calls each such model once, or accepts its agreement by the command below. Vertesia's "
            "role then needs no Marketplace permission.",
            (AGREE,),
        ),
        Point(
            "Anthropic asks for a use case, once",
            "Its form is filled in once per account, or once in the organization's management account for all its "
            "accounts: in the Bedrock console at any Anthropic model of the catalog, or by the command below. Access "
            "follows at once. Regions that must be opted into ask again.",
            (SUBMIT_USE_CASE,),
        ),
    ),
)
GOVCLOUD = ModelAccess(
    "AWS GovCloud (US)",
    (
        LISTED_IS_NOT_INVOCABLE,
        Point(
            "Access is requested by hand",
            "Sign in to the Bedrock console in us-gov-west-1, choose Model access, then Modify model access, and "
            "select the models. It takes several minutes to show.",
        ),
        Point(
            "Models of other publishers go through the linked commercial account first",
            "Each GovCloud account is linked to one standard AWS account, which also pays. There the model must be "
            "enabled first, in us-east-1 or us-west-2: call it once, or accept its agreement by the command below. "
            "Then enable it in the GovCloud account. Amazon's own models need only the latter.",
            (AGREE,),
        ),
        Point(
            "Anthropic asks for a use case",
            "Its form is part of the request on the Model access page; access is granted or denied by the answers.",
        ),
    ),
)
SOVEREIGN = ModelAccess(
    "the AWS European Sovereign Cloud",
    (
        LISTED_IS_NOT_INVOCABLE,
        Point(
            "What is known",
            "It is a partition of its own, with accounts and billing of its own: what was enabled in a commercial "
            "account does not count there. AWS's general page on model access does not speak of it; ask AWS before "
            "relying on the rules of commercial regions.",
        ),
    ),
)
UNKNOWN = ModelAccess(
    "this partition",
    (LISTED_IS_NOT_INVOCABLE, Point("What is known", "AWS's page on model access does not speak of this partition.")),
)
BY_PARTITION = {"aws": COMMERCIAL, "aws-us-gov": GOVCLOUD, "aws-eusc": SOVEREIGN}


def explain_access(partition: str) -> ModelAccess:
    """How AWS opens models in a partition, as in `aws-us-gov`."""
    return BY_PARTITION.get(partition, UNKNOWN)
