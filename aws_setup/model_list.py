"""What Bedrock offers through a role, arranged as a person looks for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Self
from urllib.parse import urlencode

from aws_setup.listing_warnings import UNREAD, ListingWarning, find_warnings
from aws_setup.models import Check, Connection, ListedModel, Verification
from aws_setup.regions import BEDROCK_REGIONS
from aws_setup.stored_listings import read_listing

SHOWN, HIDDEN, ALL = "shown", "hidden", "all"
BY_PUBLISHER, STUDIO_ORDER = "publisher", "studio"

PUBLISHER_NAMES = {
    "ai21": "AI21 Labs",
    "amazon": "Amazon",
    "anthropic": "Anthropic",
    "cohere": "Cohere",
    "custom": "Your custom models",
    "deepseek": "DeepSeek",
    "google": "Google",
    "luma": "Luma AI",
    "meta": "Meta",
    "minimax": "MiniMax",
    "mistral": "Mistral AI",
    "moonshot": "Moonshot AI",
    "moonshotai": "Moonshot AI",
    "nvidia": "NVIDIA",
    "openai": "OpenAI",
    "qwen": "Qwen",
    "stability": "Stability AI",
    "twelvelabs": "TwelveLabs",
    "writer": "Writer",
    "xai": "xAI",
    "zai": "Z.AI",
}
"""Publishers by the key that stands in model ids; AWS writes `Anthropic` on a model and `anthropic` in a profile."""

MODALITY_WORDS = {
    "TEXT": "text",
    "IMAGE": "images",
    "VIDEO": "video",
    "SPEECH": "speech",
    "AUDIO": "audio",
    "EMBEDDING": "embeddings",
}
AREA_WORDS = {
    "us": "United States",
    "eu": "Europe",
    "apac": "Asia Pacific",
    "global": "all commercial regions",
    "us-gov": "GovCloud",
    "jp": "Japan",
    "au": "Australia",
    "ca": "Canada",
}


@dataclass(frozen=True)
class ModelQuery:
    """What a person asks the page for; rubbish in a URL is left out."""

    view: str = SHOWN
    order: str = BY_PUBLISHER
    search: str = ""

    @classmethod
    def from_url(cls, parameters: Mapping[str, str]) -> Self:
        view, order = parameters.get("view", ""), parameters.get("order", "")
        return cls(
            view=view if view in (SHOWN, HIDDEN, ALL) else SHOWN,
            order=order if order in (BY_PUBLISHER, STUDIO_ORDER) else BY_PUBLISHER,
            search=parameters.get("q", "").strip()[:100],
        )

    def to_url(self) -> str:
        values = {"view": self.view, "order": self.order, "q": self.search}
        defaults = {"view": SHOWN, "order": BY_PUBLISHER, "q": ""}
        return "?" + urlencode({name: value for name, value in values.items() if value != defaults[name]})

    def url_with(self, **changes: str) -> str:
        return replace(self, **changes).to_url()

    def matches(self, model: ListedModel) -> bool:
        if self.view != ALL and model.shown_in_studio != (self.view == SHOWN):
            return False
        text = f"{model.name} {model.model_id} {model.publisher} {model.facts.get('model_id', '')}".lower()
        return all(word in text for word in self.search.lower().split())


@dataclass(frozen=True)
class ModelRow:
    """One model in words. `is_beneath` where it is a profile that stands beneath its model."""

    model: ListedModel
    short_id: str
    modalities: str
    access: str
    regions: tuple[str, ...] = ()
    is_beneath: bool = False


@dataclass(frozen=True)
class ModelGroup:
    """The models of one publisher, or all of them in Studio's order (then without a name)."""

    name: str
    rows: list[ModelRow] = field(default_factory=list)


@dataclass(frozen=True)
class Changes:
    """What came and went since the verification before."""

    added: list[ListedModel]
    removed: list[ListedModel]


def describe(model: ListedModel, *, is_beneath: bool = False) -> ModelRow:
    """A listed model in words a person reads."""
    facts = model.facts
    return ModelRow(
        model=model,
        short_id=str(facts.get("model_id") or model.model_id.rsplit("/", 1)[-1]),
        modalities=_modalities(facts.get("input_modalities", ()), facts.get("output_modalities", ())),
        access=_access(model),
        regions=tuple(facts.get("destination_regions", ())),
        is_beneath=is_beneath,
    )


def _modalities(inputs: Iterable[str], outputs: Iterable[str]) -> str:
    def words(modalities: Iterable[str]) -> str:
        named = [MODALITY_WORDS.get(one, one.lower()) for one in modalities]
        return " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))

    taken, given = words(inputs), words(outputs)
    if not taken and not given:
        return ""
    return taken if taken == given else f"{taken or '?'} → {given or '?'}"


def _access(model: ListedModel) -> str:
    if model.kind == "profile":
        area = str(model.facts.get("model_id", "")).split(".", 1)[0]
        regions = len(model.facts.get("destination_regions", ()))
        where = AREA_WORDS.get(area, "")
        # A global profile may be routed to any region, whatever it names.
        number = f"{regions} region{'' if regions == 1 else 's'}" if regions and area != "global" else ""
        return "Profile: " + (", ".join(filter(None, [where, number])) or "any region")
    if model.kind == "custom":
        return "Custom model"
    types = model.facts.get("inference_types", ())
    words = {
        "ON_DEMAND": "on demand",
        "INFERENCE_PROFILE": "by inference profile only" if "ON_DEMAND" not in types else "by inference profile",
        "PROVISIONED": "with provisioned throughput",
    }
    text = ", ".join(words.get(one, str(one).lower()) for one in types)
    return text[:1].upper() + text[1:]


def group_models(models: list[ListedModel], query: ModelQuery) -> list[ModelGroup]:
    """The models asked for: in Studio's order, or by publisher with profiles beneath the model they lead to."""
    matching = [model for model in models if query.matches(model)]
    if query.order == STUDIO_ORDER:
        return [ModelGroup("", [describe(model) for model in matching])] if matching else []
    groups: dict[str, list[ListedModel]] = {}
    for model in matching:
        groups.setdefault(publisher_name(model), []).append(model)
    return [ModelGroup(name, _nest(groups[name])) for name in sorted(groups, key=str.lower)]


def publisher_name(model: ListedModel) -> str:
    """One name for a publisher however AWS writes it."""
    key = "".join(letter for letter in model.publisher.lower() if letter.isalnum())
    known = next((name for known, name in PUBLISHER_NAMES.items() if key == known or key == name.lower()), None)
    return known or next((PUBLISHER_NAMES[one] for one in PUBLISHER_NAMES if key.startswith(one)), model.publisher)


def _nest(models: list[ListedModel]) -> list[ModelRow]:
    by_arn = {str(model.facts.get("arn") or model.model_id): model for model in models if model.kind != "profile"}
    by_id = {str(model.facts.get("model_id") or arn.rsplit("/", 1)[-1]): arn for arn, model in by_arn.items()}
    beneath: dict[str, list[ListedModel]] = {}
    alone: list[ListedModel] = []
    for model in models:
        if model.kind != "profile":
            continue
        ids = [arn.rsplit("/", 1)[-1] for arn in model.facts.get("foundation_model_arns", ())]
        owner = next((by_id[one] for one in ids if one in by_id), None)
        if owner:
            beneath.setdefault(owner, []).append(model)
        else:
            alone.append(model)
    rows = []
    for arn, model in by_arn.items():
        rows.append(describe(model))
        rows.extend(describe(profile, is_beneath=True) for profile in beneath.get(arn, ()))
    return rows + [describe(profile) for profile in alone]


KIND_OF_LISTING = {"foundation_models": "foundation", "inference_profiles": "profile", "custom_models": "custom"}


@dataclass(frozen=True)
class Caution:
    """A warning above the list. `check` is the one that failed, with AWS's words, where a failure is its cause."""

    warning: ListingWarning
    check: Check | None = None


def failed_lists(verification: Verification) -> list[Check]:
    """The listings that a verification could not make."""
    return [check for check in verification.checks.filter(check_name__in=UNREAD) if is_unread(check)]


def is_unread(check: Check) -> bool:
    """Whether this listing failed: as a proof's rung, or in a look by the worker, which says so in the evidence."""
    return check.result == Check.Result.FAIL or bool(check.evidence.get("unread"))


def read_cautions(
    connection: Connection, listing: Verification, models: list[ListedModel], *, today: date
) -> list[Caution]:
    """Everything to know before relying on this listing."""
    checks = {check.check_name: check for check in failed_lists(listing)}
    failed = [name for name in UNREAD if name in checks and checks[name].result == Check.Result.FAIL]
    warnings = find_warnings(
        read_listing(models),
        unread={name: _count_before(connection, listing, name) for name in failed},
        unknown=[name for name in UNREAD if name in checks and name not in failed],
        role_name=connection.role_name,
        today=today,
    )
    return [
        Caution(warning, checks.get(warning.code.removesuffix("_unread").removesuffix("_unknown")))
        for warning in warnings
    ]


def _count_before(connection: Connection, listing: Verification, name: str) -> int | None:
    """How many models this listing gave when it last succeeded; None where it never did."""
    passed = connection.verifications.filter(
        id__lt=listing.pk, listing__isnull=False, checks__check_name=name, checks__result=Check.Result.PASS
    )
    before = passed.order_by("-id").first()
    if before is None:
        return None
    return ListedModel.objects.filter(listing=before.listing_id, kind=KIND_OF_LISTING[name]).count()


def compare_with_before(connection: Connection, listing: Verification, models: list[ListedModel]) -> Changes | None:
    """What was added and removed since the listing before this one; None where there is none to compare with.

    A listing that lacks a part, as it failed, is compared with none.
    """
    if listing.state == Verification.State.FAILED:
        return None
    before = (
        connection.verifications.filter(id__lt=listing.pk, state=listing.state, listing__isnull=False)
        .order_by("-id")
        .first()
    )
    if before is None:
        return None
    earlier = {model.model_id: model for model in ListedModel.objects.filter(listing=before.listing_id)}
    now_listed = {model.model_id for model in models}
    return Changes(
        added=[model for model in models if model.model_id not in earlier],
        removed=[model for key, model in earlier.items() if key not in now_listed],
    )


def region_name(region: str) -> str:
    """A region with its place, as in `us-east-1, US East (N. Virginia)`; the id alone where it is unknown."""
    return f"{region}, {BEDROCK_REGIONS[region]}" if region in BEDROCK_REGIONS else region
