"""The rules by which Vertesia's Bedrock driver leaves a model out of Studio's list, by publisher and id alone. Pure.

Source: see `aws_setup.listing`, which applies them with what else AWS says of a model.
"""

import re

PUBLISHERS = (
    "amazon",
    "anthropic",
    "cohere",
    "ai21",
    "mistral",
    "meta",
    "deepseek",
    "writer",
    "openai",
    "twelvelabs",
    "qwen",
    "google",
    "minimax",
    "moonshot",
    "moonshotai",
    "nvidia",
    "zai",
)
"""Publishers the driver lists, in the order in which it looks for them."""

EXCLUDED_BY_PUBLISHER = {
    "amazon": ("nova-reel", "nova-sonic", "titan-image-generator", "rerank"),
    "cohere": ("rerank", "embed"),
    "twelvelabs": ("marengo",),
}
"""Parts of model ids that the driver leaves out, by publisher."""

EMBEDDING_WORD = re.compile(r"(?:^|[-_.:])(?:embed|embedding|vector)(?:[-_.:]|\Z)")
EMBEDDING_PARTS = ("nova-2-multimodal-embeddings", "titan-embed", "cohere.embed", "marengo-embed")
"""What makes the driver take a custom model's base or a profile for an embedding model; of these AWS says nothing."""

EMBEDDING = "Studio lists no embedding models."
NO_ID = "Studio lists nothing that AWS gives no id."


def find_publisher(*names: str) -> str:
    """The first publisher, in the driver's order, that one of these names contains; empty where none does."""
    return next((known for known in PUBLISHERS if any(known in name.lower() for name in names)), "")


def find_publisher_rule(model_id: str, provider: str) -> str:
    """The rule of its publisher that hides a foundation model, or an empty string. `provider` is as AWS writes it."""
    return find_rule(model_id, re.sub(r"[^a-z0-9]", "", provider.lower()), written=provider)


def find_rule(model_id: str, publisher: str, *, written: str) -> str:
    """The rule that hides a model of this publisher, or an empty string. `written`: the publisher as people know it."""
    if not model_id:
        return NO_ID
    known = find_publisher(publisher)
    if not known:
        return f"Studio lists no models of {written or 'this publisher'}."
    for part in EXCLUDED_BY_PUBLISHER.get(known, ()):
        if part in model_id.lower():
            return f"Studio leaves out {written or known} models whose id contains “{part}”."
    return ""


def is_embedding(model_id: str) -> bool:
    """Whether the driver takes a custom model's base or a profile, by its id or ARN, for an embedding model."""
    whole = model_id.strip().lower()
    last = whole.rsplit("/", 1)[-1]
    return any(EMBEDDING_WORD.search(text) for text in (whole, last)) or any(part in last for part in EMBEDDING_PARTS)


def publisher_in_id(profile_id: str) -> str:
    """`anthropic` in `us.anthropic.claude-sonnet-4-5-20250929-v1:0`; the first part where there are fewer dots."""
    parts = profile_id.split(".")
    return parts[1] if len(parts) > 2 else parts[0]
