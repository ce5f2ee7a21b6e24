"""Errors that are met outside the console: somebody pastes the words, and is told the same as the console would say."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from django.utils import timezone

from aws_setup.diagnosis import Problem
from aws_setup.diagnosis.words import explain_words
from aws_setup.models import Run, Verification
from aws_setup.moves.migration import start_migration, switch_issuer
from aws_setup.moves.plans import plan_step
from aws_setup.moves.standing import MigrationStep, read_migration_standing
from environments.installation import CURRENT_ISSUER_URL, DOCUMENTED_ISSUER_URL, default_issuer
from environments.issuer.tokens import issue_token
from environments.models import Issuer
from tests.lab.bench import Bench, first_red
from tests.lab.rows import BY_PLAN, Matrix, Outcome, mend
from tests.live_account import MONA, REGION, require_state

elsewhere = Matrix()
MODEL = "amazon.nova-lite-v1:0"
STACK_EVENT = (
    "Properties validation failed for resource VertesiaProvider with message: "
    "#: required key [ThumbprintList] not found"
)
LIST_ONLY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:List*", "Resource": "*"}]}


def explained(bench: Bench, outcome: Outcome, text: str) -> Problem:
    """What the page and the command say of this text; the rung is the words themselves."""
    problem = explain_words(text, desired=bench.agreed)
    outcome.note("words", problem)
    return problem


def exchange(bench: Bench, **more: Any) -> dict[str, Any]:
    """As Vertesia would do it: a token of the environment for the role's credentials."""
    token = issue_token(bench.subject, actor=MONA, now=timezone.now())
    # With boto3's own checks, which whoever writes a caller meets first.
    sts = boto3.client(
        "sts",
        endpoint_url=f"{bench.sandbox.url}/region/{REGION}",
        region_name=REGION,
        config=Config(signature_version=UNSIGNED),
    )
    answer: dict[str, Any] = sts.assume_role_with_web_identity(
        RoleArn=bench.connection.role_arn, RoleSessionName="vertesia", WebIdentityToken=token.value, **more
    )
    return answer


def converse(bench: Bench, exchanged: dict[str, Any]) -> None:
    keys = exchanged["Credentials"]
    runtime = bench.sandbox.client(
        "bedrock-runtime", (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    )
    runtime.converse(modelId=MODEL, messages=[{"role": "user", "content": [{"text": "Hi"}]}])


def words_of(call: Any) -> str:
    try:
        call()
    except (ClientError, ParamValidationError) as error:
        return str(error)
    raise AssertionError("nothing went wrong")


def stack_without_thumbprint(bench: Bench, outcome: Outcome) -> None:
    """The stack failed, so there is no provider; the plan makes it by IAM's API, which needs no thumbprint."""
    bench.break_("delete_provider")
    bench.forget_own_write()
    problem = explained(bench, outcome, STACK_EVENT)
    mend(bench, outcome, problem, mended=BY_PLAN)
    bench.require_green()


def session_policy(bench: Bench, outcome: Outcome) -> None:
    """The role may, the session may not: whoever starts the session mends it, and the role stays as it is."""
    narrowed = exchange(bench, Policy=json.dumps(LIST_ONLY))
    problem = explained(bench, outcome, words_of(lambda: converse(bench, narrowed)))
    outcome.remedy = problem.remedy if problem.ask else ""
    converse(bench, exchange(bench))
    outcome.mended_by = "the caller, without a session policy"
    assert bench.verify().state == Verification.State.PROVEN
    bench.require_green()


def vertesias_words(bench: Bench, outcome: Outcome) -> None:
    """The same, as Vertesia's driver passes it on."""
    narrowed = exchange(bench, Policy=json.dumps(LIST_ONLY))
    try:
        converse(bench, narrowed)
    except ClientError as error:
        said, request_id = error.response["Error"], error.response["ResponseMetadata"]["RequestId"]
        text = f"[bedrock] {said['Code']}: [403] {said['Message']} (Request ID: {request_id})"
        problem = explained(bench, outcome, text)
        assert problem.evidence["request id"] == request_id
        outcome.remedy = problem.remedy if problem.ask else ""
    converse(bench, exchange(bench))
    outcome.mended_by = "the caller, without a session policy"
    bench.require_green()


def external_id(bench: Bench, outcome: Outcome) -> None:
    explained(bench, outcome, words_of(lambda: exchange(bench, ExternalId="acme-7")))
    exchange(bench)
    outcome.mended_by = "the caller, without it"
    bench.require_green()


def existing_provider(bench: Bench, outcome: Outcome) -> None:
    """Where a template fails, the plan takes up what is there."""
    create = bench.iam.create_open_id_connect_provider
    explained(bench, outcome, words_of(lambda: create(Url=default_issuer().url, ClientIDList=["bedrock"])))
    bench.subject = bench.environment()
    require_state(bench.connect(bench.subject), Run.State.SUCCEEDED)
    outcome.mended_by = "the plan"
    bench.require_green()


def swallowed(bench: Bench, outcome: Outcome) -> None:
    """Vertesia says nothing of the cause; the verification that its words lead to does."""
    bench.break_("take_action", action="bedrock:ListFoundationModels")
    bench.forget_own_write()
    problem = explained(bench, outcome, "Foundation models not found")
    assert problem.fix == "verify"
    assert first_red(bench.verify()) == "foundation_models"
    mend(bench, outcome, bench.open_problem(), mended=BY_PLAN)
    outcome.mended_by = "a verification, then the plan"
    bench.require_green()


def former_issuer(bench: Bench, outcome: Outcome) -> None:
    """Vertesia signs as another of its addresses than the organization is recorded with; the page Issuers moves it."""
    former, current = (Issuer.objects.get(url=url) for url in (DOCUMENTED_ISSUER_URL, CURRENT_ISSUER_URL))
    proven = bench.subject
    bench.subject = bench.environment(issuer=former, organization_id=uuid.uuid4().hex[:24])
    require_state(bench.connect(bench.subject), Run.State.WAITING_FOR_VERTESIA)
    explained(
        bench, outcome, f"InvalidIdentityToken: No OpenIDConnect provider found in your account for {current.url}"
    )
    move = start_migration(bench.subject.organization, to_issuer=current, actor=MONA, now=timezone.now())
    [place] = read_migration_standing(move).places
    draft = plan_step(place, step=MigrationStep.TRUST_BOTH, owner=None, actor=MONA, now=timezone.now())
    require_state(bench.finish(bench.approve(bench.planned(draft))), Run.State.WAITING_FOR_VERTESIA)
    assert switch_issuer(move, actor=MONA, now=timezone.now())
    outcome.mended_by = "a move, by its plan"
    held = [provider["arn"].rpartition("/")[2] for provider in bench.state()["providers"]]
    assert {"sts.becomposable.com", "sts.vertesia.io"} <= set(held), held
    bench.subject.refresh_from_db()
    assert bench.subject.status == "waiting_for_vertesia", f"the environment is {bench.subject.status}"
    bench.subject = proven


for number, name, play, cause in (
    ("1", "Vertesia signs as another of its addresses", former_issuer, "issuer_renamed"),
    ("9b", "CloudFormation wants a thumbprint", stack_without_thumbprint, "cfn_thumbprint_missing"),
    ("8", "the provider exists already", existing_provider, "provider_exists"),
    ("18", "a session policy of the caller's leaves an action out", session_policy, "session_policy"),
    ("18", "a session policy, in the words of Vertesia's driver", vertesias_words, "session_policy"),
    ("20", "Vertesia keeps AWS's words to itself", swallowed, "listing_swallowed"),
    ("22", "a caller passes an external id", external_id, "external_id_not_taken"),
):
    elsewhere.add(number, name, play, rung="words", cause=cause, is_sample=number == "9b")
