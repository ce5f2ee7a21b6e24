"""What Vertesia lists of an environment, beside what AWS lists and what Studio should make of it. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from aws_setup.listing import Facts, Kind, PredictedModel
from environments.vertesia.answers import AIModel

CALLS: dict[Kind, str] = {
    "foundation": "bedrock:ListFoundationModels",
    "custom": "bedrock:ListCustomModels",
    "profile": "bedrock:ListInferenceProfiles",
}
NAMES: dict[Kind, str] = {
    "foundation": "foundation models",
    "custom": "custom models",
    "profile": "inference profiles",
}
MOST_SHOWN = 20


@dataclass(frozen=True)
class Difference:
    """A model that stands on one side only, and why that may be."""

    model_id: str
    name: str
    why: str


@dataclass(frozen=True)
class Comparison:
    """`missing` should be listed by Vertesia and is not, `extra` is listed beyond what was predicted.

    `missing_kinds` are those of which Vertesia lists none at all, and should some: its driver leaves out what the role
    may not list. `models` is what Vertesia lists, then the rest with the reason why it does not.
    """

    listed: int
    predicted: int
    missing: tuple[Difference, ...]
    extra: tuple[Difference, ...]
    missing_kinds: tuple[Kind, ...]
    models: tuple[PredictedModel, ...]

    @property
    def sentence(self) -> str:
        said = f"Vertesia lists {self.listed} models"
        if not self.missing and not self.extra:
            return f"{said}, as predicted from what AWS lists"
        parts = [
            f"{len(found)} {what}"
            for found, what in ((self.missing, "predicted and missing there"), (self.extra, "not predicted"))
            if found
        ]
        return f"{said}; {self.predicted} were predicted: {', '.join(parts)}"

    @property
    def evidence(self) -> dict[str, str]:
        """Each difference with its explanation, twenty of either side."""
        facts = {"listed by Vertesia": str(self.listed), "predicted": str(self.predicted)}
        for word, found in (("missing", self.missing), ("not predicted", self.extra)):
            facts |= {f"{word}: {one.name}": f"{one.model_id}: {one.why}" for one in found[:MOST_SHOWN]}
            if len(found) > MOST_SHOWN:
                facts[f"{word}, more"] = f"{len(found) - MOST_SHOWN} others"
        return facts


def compare_lists(
    predicted: Sequence[PredictedModel], listed: Sequence[AIModel], *, unread: Collection[Kind] = ()
) -> Comparison:
    """`predicted` is every model that AWS lists, shown or hidden; `unread` are the kinds that could not be read there.

    Of what could not be read nothing is expected.
    """
    there = {model.id: model for model in listed}
    known = {model.id: model for model in predicted}
    kinds_there = {_kind_of(model) for model in listed}
    wanted = [model for model in predicted if model.shown_in_studio]
    missing_kinds = tuple(kind for kind in CALLS if kind not in kinds_there and any(m.kind == kind for m in wanted))
    missing = [
        Difference(model.id, model.name, _why_missing(model, missing_kinds))
        for model in wanted
        if model.id not in there
    ]
    extra = [
        Difference(model.id, model.name, _why_extra(model, known.get(model.id), unread))
        for model in there.values()
        if model.id not in known or not known[model.id].shown_in_studio
    ]
    reasons = {one.model_id: one.why for one in missing}
    rest = [
        replace(model, shown_in_studio=False, reason=(reasons.get(model.id) or model.reason)[:300])
        for model in predicted
        if model.id not in there
    ]
    return Comparison(
        listed=len(there),
        predicted=len(wanted),
        missing=tuple(missing),
        extra=tuple(extra),
        missing_kinds=missing_kinds,
        models=(*(_shown(model, known.get(model.id)) for model in there.values()), *rest),
    )


def fits_hint(value: str, hint: str) -> bool:
    """Whether what Vertesia shows of an API key, as `arn:...Role`, can be of `value`; False where it shows nothing."""
    start, dots, end = hint.replace("…", "...").partition("...")
    return bool(dots and (start or end)) and value.startswith(start) and value.endswith(end) and value != hint


def _kind_of(model: AIModel) -> Kind:
    if model.is_custom:
        return "custom"
    return (
        "profile"
        if ":inference-profile/" in model.id or ":application-inference-profile/" in model.id
        else "foundation"
    )


def _why_missing(model: PredictedModel, missing_kinds: Collection[Kind]) -> str:
    if model.kind in missing_kinds:
        return (
            f"Vertesia lists no {NAMES[model.kind]} at all: it leaves them out without a word where the role may not "
            f"call {CALLS[model.kind]}."
        )
    return (
        "AWS lists it to this console and not to Vertesia: its list may be newer, or its driver leaves it out by now."
    )


def _why_extra(model: AIModel, known: PredictedModel | None, unread: Collection[Kind]) -> str:
    if known is not None:
        return f"By the rules known here it would be hidden, and Vertesia lists it. The rule: {known.reason}"
    kind = _kind_of(model)
    if kind in unread:
        return f"This console may not call {CALLS[kind]} itself, so it was not expected."
    return "AWS does not list it to this console: it may be newer, or open to the role alone."


def _shown(model: AIModel, known: PredictedModel | None) -> PredictedModel:
    if known is not None:
        return replace(known, shown_in_studio=True, reason="")
    is_arn = model.id.startswith("arn:")
    return PredictedModel(
        id=model.id,
        name=model.name,
        publisher=model.owner,
        kind=_kind_of(model),
        shown_in_studio=True,
        reason="",
        facts=Facts(
            input_modalities=tuple(one.upper() for one in model.input_modalities),
            output_modalities=tuple(one.upper() for one in model.output_modalities),
            streaming=model.can_stream,
            arn=model.id if is_arn else "",
            model_id=model.id.rsplit("/", 1)[-1],
        ),
    )
