"""What of AWS's offer Vertesia Studio will lose or soon lose without saying so, and what mends it. Pure.

Studio's driver follows no `nextToken` and leaves out a listing that fails: see `listing`. Lifecycle:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from aws_setup.driver_rules import find_publisher_rule
from aws_setup.listing import LATER_PAGE, Kind, PredictedModel

SOON = timedelta(days=180)
"""How long before its end of life a model is warned of."""


@dataclass(frozen=True)
class ListingWarning:
    """`sentence` says what is lost, `why` what it means, `remedy` what to do. `models` are the names concerned."""

    code: str
    sentence: str
    why: str
    remedy: str
    models: tuple[str, ...] = ()
    is_loss: bool = True
    """Whether Studio's list is shorter by it now; otherwise it only soon will be."""


@dataclass(frozen=True)
class _Unread:
    """What is said where a listing failed; `else_why` only where it gave nothing before."""

    action: str
    sentence: str
    why: str = ""
    else_why: str = ""


UNREAD = {
    "foundation_models": _Unread(
        "bedrock:ListFoundationModels",
        "Studio will show no model at all.",
        "Its listing of foundation models fails, and Studio then says only “Foundation models not found”, whatever AWS "
        "answered.",
    ),
    "inference_profiles": _Unread(
        "bedrock:ListInferenceProfiles",
        "Studio will leave out every inference profile, without a word.",
        "Models that can be invoked through a profile alone are then missing: most of Anthropic's recent ones.",
    ),
    "custom_models": _Unread(
        "bedrock:ListCustomModels",
        "Studio will leave out your custom models, without a word.",
        else_why="If this account has none in this region, nothing is lost.",
    ),
}
"""By the name of the listing, as in gateway.Answers and in a verification's checks."""


def find_warnings(
    models: Sequence[PredictedModel],
    *,
    unread: Mapping[str, int | None],
    role_name: str,
    today: date,
    unknown: Iterable[str] = (),
) -> list[ListingWarning]:
    """Everything to know of this listing before relying on it, losses first.

    `unread` names the listings that the role could not make, each with how many it gave when it last succeeded, None
    where it never did; `unknown` those that the worker could not make in the role's stead.
    """
    found = [_warn_of_unread(name, before, role_name) for name, before in unread.items()]
    found += [_warn_of_unknown(name) for name in unknown]
    if "foundation_models" not in unread:
        found += _warn_of_later_pages(models, "profile", "inference profiles")
        found += _warn_of_later_pages(models, "custom", "custom models")
        found += _warn_of_hidden_ways(models)
    return found + _warn_of_legacy(models, today)


def _warn_of_unread(name: str, before: int | None, role_name: str) -> ListingWarning:
    words = UNREAD[name]
    last_time = f"Last time AWS listed {before}." if before else words.else_why
    return ListingWarning(
        code=f"{name}_unread",
        sentence=words.sentence,
        why=" ".join(filter(None, (words.why, last_time))),
        remedy=f"Role {role_name} must be allowed {words.action} on every resource. If it is, and AWS refused for "
        "another reason, verify again.",
        is_loss=name != "custom_models" or bool(before),
    )


def _warn_of_unknown(name: str) -> ListingWarning:
    return ListingWarning(
        code=f"{name}_unknown",
        sentence=f"What Studio will show of {name.replace('_', ' ')} is not known.",
        why="Without a token of Vertesia's the worker looks in the role's stead, and it could not list them.",
        remedy=f"Allow the worker {UNREAD[name].action} to see them here. The role itself is not affected.",
        is_loss=False,
    )


def _warn_of_later_pages(models: Sequence[PredictedModel], kind: Kind, what: str) -> list[ListingWarning]:
    lost = [model for model in models if model.reason == LATER_PAGE[kind]]
    if not lost:
        return []
    offered = {one for model in models if model.shown_in_studio for one in _model_ids(model)}
    alone = {one for model in lost if kind == "profile" for one in _model_ids(model)} - offered
    of_all = sum(model.kind == kind for model in models)
    no_other_way = f" {_count(len(alone), 'is', 'are')} then offered in no other way." if alone else ""
    return [
        ListingWarning(
            code=f"{kind}_later_page",
            sentence=f"Studio will lose {len(lost)} of {of_all} {what}.",
            why=f"AWS gives them in several pages, and Studio reads the first.{no_other_way}",
            remedy="No setting in AWS changes that. Ask Vertesia to read all pages, and send along what stands here.",
            models=_names(lost),
        )
    ]


def _warn_of_hidden_ways(models: Sequence[PredictedModel]) -> list[ListingWarning]:
    """Models with no rule against them that only hidden profiles reach; those of later pages are told of already."""
    ways: dict[str, list[PredictedModel]] = {}
    for profile in (model for model in models if model.kind == "profile"):
        for one in dict.fromkeys(_model_ids(profile)):
            ways.setdefault(one, []).append(profile)
    lost = [
        model
        for model in models
        if model.kind == "foundation"
        and "ON_DEMAND" not in model.facts.inference_types
        and "EMBEDDING" not in model.facts.output_modalities
        and not find_publisher_rule(model.facts.model_id, model.publisher)
        and (profiles := ways.get(model.facts.model_id))
        and not any(profile.shown_in_studio for profile in profiles)
        and not any(profile.reason == LATER_PAGE["profile"] for profile in profiles)
    ]
    if not lost:
        return []
    return [
        ListingWarning(
            code="profile_hidden",
            sentence=f"{_count(len(lost), 'is', 'are')} out of Studio's reach.",
            why="Studio lists their publisher, but they are invoked through an inference profile, and it hides that.",
            remedy="Ask Vertesia for them. The rule stands beside each profile under Hidden.",
            models=_names(lost),
        )
    ]


def _warn_of_legacy(models: Sequence[PredictedModel], today: date) -> list[ListingWarning]:
    ends = {
        model.facts.model_id: model.facts.end_of_life
        for model in models
        if model.kind == "foundation" and model.facts.end_of_life and _is_soon(model.facts.end_of_life, today)
    }
    ending = [model for model in models if model.shown_in_studio and not ends.keys().isdisjoint(_model_ids(model))]
    if not ending:
        return []
    first = min(ends[one] for model in ending for one in _model_ids(model) if one in ends)
    number = len(ending)
    when = "One model comes to its end" if number == 1 else f"{number} models come to their end soon, the first"
    return [
        ListingWarning(
            code="legacy",
            sentence=f"{when} on {first}.",
            why="After a model's end of life AWS refuses every call. Before it, AWS may refuse a legacy model to an "
            "account that has not used it lately.",
            remedy="Choose a successor for new work, and move what uses the old one.",
            models=_names(ending),
            is_loss=False,
        )
    ]


def _model_ids(model: PredictedModel) -> list[str]:
    """The foundation model it is, or those a profile leads to; a custom model is its own."""
    if model.kind == "profile":
        return [arn.rsplit("/", 1)[-1] for arn in model.facts.foundation_model_arns]
    return [model.facts.model_id]


def _is_soon(day: str, today: date) -> bool:
    try:
        return date.fromisoformat(day) <= today + SOON
    except ValueError:
        return False


def _count(number: int, singular: str, plural: str) -> str:
    return f"One model {singular}" if number == 1 else f"{number} models {plural}"


def _names(models: Iterable[PredictedModel]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(model.name for model in models))
