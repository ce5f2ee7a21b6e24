"""What the role may do with the models it lists, beyond listing them.

By IAM's policy simulator with the worker's rights, labelled so; by what AWS says of each chosen model; and, where a
person asked for it, by a call of one token.
"""

from collections.abc import Iterable, Iterator, Sequence

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Problem
from aws_setup.diagnosis.listings import explain_simulated_denial
from aws_setup.diagnosis.model_access import (
    explain_agreement,
    explain_agreement_pending,
    explain_authorization,
    explain_entitlement,
    explain_invocation,
    explain_lifecycle,
    explain_model_region,
    explain_use_case,
)
from aws_setup.explaining import explain_worker_error, facts_of
from aws_setup.gateway.errors import AwsError
from aws_setup.gateway.protocol import Exchange, Gateway, ModelAvailability, Simulated
from aws_setup.listing import PredictedModel
from aws_setup.models import Check
from aws_setup.policies import GET_ACTIONS
from aws_setup.proofs.ladder import Ladder

TRIED_AT_MOST = 10
"""Models that the simulator is asked about where a person has chosen none: one that is allowed suffices then."""
ACTIONS = {
    "get": GET_ACTIONS[:2],
    "invoke": ("bedrock:InvokeModel",),
    "stream": ("bedrock:InvokeModelWithResponseStream",),
}


def find_chosen(models: Iterable[PredictedModel], chosen: Sequence[str]) -> list[PredictedModel]:
    """The listed models that a person chose, by ARN or id."""
    return [model for model in models if model.id in chosen or model.facts.model_id in chosen]


def check_permissions(
    ladder: Ladder,
    gateway: Gateway,
    desired: DesiredState,
    models: Sequence[PredictedModel],
    *,
    chosen: Sequence[str],
    is_spreading: bool,
) -> None:
    """May the role look up, invoke and stream? Every chosen model counts; without a choice one that may suffices.

    Needs iam:SimulatePrincipalPolicy on the role; without it the three rungs are skipped. The simulator knows service
    control policies, not resource control policies, nor Marketplace terms
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
    """
    asked = find_chosen(models, chosen)
    candidates = (
        asked or [model for model in models if model.shown_in_studio and model.kind != "custom"][:TRIED_AT_MOST]
    )
    if not candidates:
        for permission in ACTIONS:
            ladder.skip(f"{permission}_permission", "There is no model to ask about")
        return
    resources = tuple(dict.fromkeys(arn for model in candidates for arn in _needed_arns(model)))
    actions = tuple(action for group in ACTIONS.values() for action in group)
    try:
        answers = gateway.simulate_role(desired.role_arn, actions=actions, resources=resources, region=desired.region)
    except AwsError as error:
        for permission in ACTIONS:
            ladder.skip(f"{permission}_permission", f"Not simulated: {explain_worker_error(error).sentence}")
        return
    for permission in ACTIONS:
        _judge(ladder, desired, permission, candidates, answers, needs_all=bool(asked), is_spreading=is_spreading)


def _needed_arns(model: PredictedModel) -> tuple[str, ...]:
    """A profile needs the right on itself and on the model in every region it leads to."""
    if model.kind == "profile":
        return (model.id, *model.facts.foundation_model_arns)
    return (model.id,)


def _judge(
    ladder: Ladder,
    desired: DesiredState,
    permission: str,
    candidates: Sequence[PredictedModel],
    answers: Sequence[Simulated],
    *,
    needs_all: bool,
    is_spreading: bool,
) -> None:
    name = f"{permission}_permission"
    answered = {(answer.action, answer.resource) for answer in answers}
    if unanswered := [pair for model in candidates for pair in _needed(model, permission) if pair not in answered]:
        ladder.skip(name, "Not simulated: IAM gave no answer about {} on {}".format(*unanswered[0]))
        return
    denied = {(answer.action, answer.resource): answer for answer in answers if not answer.is_allowed}
    refused = [(model, _first_denial(model, permission, denied)) for model in candidates]
    allowed = [model for model, denial in refused if denial is None]
    first = next((denial for _, denial in refused if denial is not None), None)
    if first is None or (allowed and not needs_all):
        ladder.add(
            name, Check.Result.PASS, f"Simulated: allowed for {len(allowed)} of {len(candidates)} models asked about"
        )
    elif is_spreading:
        ladder.skip(name, "Simulated as denied, and AWS may not show the last change everywhere yet")
    else:
        ladder.fail(
            name,
            explain_simulated_denial(
                desired, permission=permission, action=first.action, resource=first.resource, by=first.denied_by
            ),
        )


def _needed(model: PredictedModel, permission: str) -> Iterator[tuple[str, str]]:
    """The actions and resources that must all be allowed."""
    for arn in _needed_arns(model):
        for action in ACTIONS[permission]:
            about = "inference-profile" if action.endswith("Profile") else "foundation-model"
            if permission != "get" or about in arn:  # each lookup has its own kind of resource
                yield action, arn


def _first_denial(model: PredictedModel, permission: str, denied: dict[tuple[str, str], Simulated]) -> Simulated | None:
    return next((denied[pair] for pair in _needed(model, permission) if pair in denied), None)


def check_availability(
    ladder: Ladder,
    gateway: Gateway,
    desired: DesiredState,
    models: Sequence[PredictedModel],
    *,
    chosen: Sequence[str],
) -> None:
    """What AWS says of each chosen model. Needs bedrock:GetFoundationModelAvailability, of the worker."""
    if not chosen:
        ladder.skip("availability", "No models are chosen; choose those that count on the page of models")
        return
    found = find_chosen(models, chosen)
    unlisted = [one for one in chosen if not any(one in (model.id, model.facts.model_id) for model in found)]
    if unlisted:
        ladder.fail("availability", explain_model_region(desired, unlisted[0], {"chosen": ", ".join(chosen)}))
        return
    evidence: dict[str, str] = {}
    for model in found:
        for model_id in _foundation_ids(model):
            try:
                availability = gateway.read_availability(model_id, region=desired.region)
            except AwsError as error:
                ladder.skip("availability", f"Not read: {explain_worker_error(error).sentence}")
                return
            evidence[model_id] = availability.in_words
            if problem := _explain_unavailable(desired, model_id, availability, model):
                ladder.fail("availability", problem)
                return
    number, untold = len(found), sum(not _foundation_ids(model) for model in found)
    if untold == number:
        ladder.skip("availability", "AWS says nothing of the chosen models: they are custom ones of an unknown base")
        return
    told = f"{number - untold} chosen model{'' if number - untold == 1 else 's'}"
    others = f"; AWS says nothing of the other {untold}" if untold else ""
    ladder.add("availability", Check.Result.PASS, f"{told} available{others}", evidence=evidence)


def _foundation_ids(model: PredictedModel) -> list[str]:
    """The ids whose availability AWS tells: a profile's is that of the model it leads to."""
    if model.kind == "foundation":
        return [model.facts.model_id]
    return list(dict.fromkeys(arn.rsplit("/", 1)[-1] for arn in model.facts.foundation_model_arns))[:1]


def _explain_unavailable(
    desired: DesiredState, model_id: str, availability: ModelAvailability, model: PredictedModel
) -> Problem | None:
    """The first of AWS's four answers that is not a yes, and the lifecycle."""
    evidence = {"model": model_id, "AWS says": availability.in_words}
    if availability.region != "AVAILABLE":
        return explain_model_region(desired, model_id, evidence)
    if availability.needs_use_case_form:
        return explain_use_case(desired, model_id, evidence)
    if availability.authorization != "AUTHORIZED":
        return explain_authorization(desired, model_id, evidence)
    if availability.agreement == "PENDING":
        return explain_agreement_pending(desired, model_id, evidence)
    if availability.agreement != "AVAILABLE":
        return explain_agreement(desired, model_id, evidence)
    if availability.entitlement != "AVAILABLE":
        return explain_entitlement(desired, model_id, evidence)
    if model.facts.lifecycle == "LEGACY":
        return explain_lifecycle(desired, model_id, evidence)
    return None


def try_one_token(ladder: Ladder, gateway: Gateway, desired: DesiredState, exchange: Exchange, *, model: str) -> None:
    """Ask one model for one token with the role's rights. It costs money; a person agreed to it."""
    try:
        answer = gateway.ask_one_token(exchange.credentials, model_id=model, region=desired.region)
    except AwsError as error:
        if error.is_transient:
            ladder.skip("one_token", f"Not asked: {explain_worker_error(error).sentence}")
        else:
            ladder.fail("one_token", explain_invocation(facts_of(error), desired, model=model))
        return
    ladder.add(
        "one_token",
        Check.Result.PASS,
        f"{model} answered: {answer.input_tokens} tokens in, {answer.output_tokens} out",
        evidence={"model": model, "request id": answer.request_id},
        milliseconds=answer.milliseconds,
    )
