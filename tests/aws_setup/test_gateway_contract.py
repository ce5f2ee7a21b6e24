"""What every Gateway keeps to: the one in memory, the one on boto3 against moto, and against a sandbox process.

moto shows that IAM's request shapes are right by somebody else's reading of them; it cannot show trust.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest
from moto import mock_aws

from aws_setup.credentials import AccountAccess, AwsSessions
from aws_setup.desired import DesiredState
from aws_setup.gateway import AwsGateway, Gateway
from aws_setup.gateway.errors import AwsError, AwsRefused
from aws_setup.gateway.iam import BOTO_METHOD
from aws_setup.observed import ObservedState
from aws_setup.plans.actions import Action, policy_text
from aws_setup.plans.plan import build_plan
from tests.aws_setup.desires import desire
from tests.aws_setup.sandboxed import Sandbox
from tests.fake_aws import Clock, FakeAws, FakeGateway
from tests.sandbox.issuer import OTHER_RSA_KEY, Issuer

MOTO_ACCOUNT = "123456789012"
OWN_POLICY = "Own"
ALLOW_BEDROCK = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]}
)
LACKS = {
    "moto": {
        "audiences": "moto has no AddClientIDToOpenIDConnectProvider and no RemoveClientID…",
        "exchange": "moto hands credentials to any text for any role",
        "bedrock": "moto has no Bedrock listing call",
        "any_case": "moto tells role names apart by case",
    }
}
"""What a backend cannot show, each with its reason: those tests are not made for it."""

Test = TypeVar("Test", bound=Callable[..., None])


def needs(ability: str) -> Callable[[Test], Test]:
    """Make the test for those backends only that can show it."""

    def mark(test: Test) -> Test:
        ABILITY_NEEDED[test.__name__] = ability
        return test

    return mark


ABILITY_NEEDED: dict[str, str] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test for each backend, but for what that one lacks."""
    ability = ABILITY_NEEDED.get(metafunc.function.__name__, "")
    able = [name for name in ("fake", "moto", "sandbox") if ability not in LACKS.get(name, {})]
    if "action_name" in metafunc.fixturenames:
        pairs = [
            (backend, action)
            for backend in able
            for action in BOTO_METHOD
            if "ClientID" not in action or "audiences" not in LACKS.get(backend, {})
        ]
        metafunc.parametrize(("backend", "action_name"), pairs, indirect=["backend"])
    else:
        metafunc.parametrize("backend", able, indirect=True)


def own_policy_arn(account_id: str) -> str:
    return f"arn:aws:iam::{account_id}:policy/{OWN_POLICY}"


@dataclass
class Backend:
    name: str
    gateway: Gateway
    desired: DesiredState
    issuer: Issuer

    def apply(self, desired: DesiredState) -> list[str]:
        """Plan and perform; gives the outcomes."""
        actions = [action for action in build_plan(desired, self.gateway.observe(desired)) if action.verb != "keep"]
        return [self.gateway.perform(action).outcome for action in actions]

    def exchange(self, **claims: Any) -> Any:
        token = self.issuer.token(claims.pop("sub", self.desired.subject), **claims)
        return self.gateway.exchange(
            token, role_arn=self.desired.role_arn, session_name="contract", region=self.desired.region
        )


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.close()


@pytest.fixture(scope="module")
def moto_sessions() -> AwsSessions:
    """Clients are kept over all tests; what moto holds is not."""
    return AwsSessions(find_sandbox_url=None)


@pytest.fixture
def backend(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, issuer: Issuer, moto_sessions: AwsSessions
) -> Iterator[Backend]:
    if request.param == "moto":
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        with mock_aws():
            session = moto_sessions.open(AccountAccess())
            session.client("iam").create_policy(PolicyName=OWN_POLICY, PolicyDocument=ALLOW_BEDROCK)
            desired = desire(account_id=MOTO_ACCOUNT, issuer_url="https://sts.vertesia.io")
            yield Backend("moto", AwsGateway(session), desired, issuer)
    elif request.param == "sandbox":
        sandbox: Sandbox = request.getfixturevalue("sandbox")
        sandbox.reset()
        sandbox.process.admin("iam").create_policy(PolicyName=OWN_POLICY, PolicyDocument=ALLOW_BEDROCK)
        yield Backend("sandbox", sandbox.open(None), desire(issuer_url=issuer.url), issuer)
    else:
        gateway = FakeGateway(fake := FakeAws(Clock(), published_keys=lambda: issuer.jwks["keys"]), fake.home)
        fake.home.policies.add(own_policy_arn(fake.home.account_id))
        fake.clock.forward(time.time() - fake.clock().timestamp())
        yield Backend("fake", gateway, desire(issuer_url=issuer.url), issuer)


def test_an_account_that_holds_nothing_is_observed_as_holding_nothing(backend: Backend) -> None:
    observed = backend.gateway.observe(backend.desired)
    assert observed == ObservedState(account_id=backend.desired.account_id, provider=None, role=None)


def test_the_caller_is_named_without_any_right(backend: Backend) -> None:
    caller = backend.gateway.identify_caller()
    assert caller.account_id == backend.desired.account_id
    assert caller.arn.startswith("arn:aws:")
    assert "testing" not in repr(caller)


def test_what_a_plan_does_is_observed_and_needs_nothing_more(backend: Backend) -> None:
    assert backend.apply(backend.desired) == ["created", "created", "created"]
    observed = backend.gateway.observe(backend.desired)
    assert observed.provider is not None
    assert observed.role is not None
    assert observed.provider.audiences == ("bedrock",)
    assert observed.provider.tags == backend.desired.provider_tags
    assert (observed.role.arn, observed.role.trust) == (backend.desired.role_arn, backend.desired.trust)
    assert observed.role.tags == backend.desired.role_tags
    assert observed.role.inline == {"VertesiaBedrock": backend.desired.inline_policy}
    assert backend.apply(backend.desired) == []


def test_every_call_is_counted_and_timed(backend: Backend) -> None:
    backend.gateway.observe(backend.desired)
    assert backend.gateway.calls == 3
    assert backend.gateway.seconds > 0


def actions_on(desired: DesiredState) -> dict[str, list[Action]]:
    """For every action the console can send: what it is sent after, itself last."""
    first = build_plan(desired, ObservedState(desired.account_id, provider=None, role=None))
    own_policy = own_policy_arn(desired.account_id)

    def act(action: str, verb: Any, **request: Any) -> Action:
        return Action(
            action=action, verb=verb, resource=desired.role_arn, summary="", why="", request=request,
            after=desired.trust if action == "UpdateAssumeRolePolicy" else None,
        )  # fmt: skip

    role = {"RoleName": desired.role_name}
    attach = act("AttachRolePolicy", "create", **role, PolicyArn=own_policy)
    audience = act(
        "AddClientIDToOpenIDConnectProvider",
        "change",
        OpenIDConnectProviderArn=desired.provider_arn,
        ClientID="blobs",
    )
    return {
        "CreateOpenIDConnectProvider": first[:1],
        "AddClientIDToOpenIDConnectProvider": [first[0], audience],
        "CreateRole": first[:2],
        "PutRolePolicy": first,
        "UpdateAssumeRolePolicy": [
            *first[:2],
            act("UpdateAssumeRolePolicy", "change", **role, PolicyDocument=policy_text(desired.trust)),
        ],
        "TagRole": [*first[:2], act("TagRole", "change", **role, Tags=[{"Key": "Team", "Value": "Sales"}])],
        "UntagRole": [*first[:2], act("UntagRole", "change", **role, TagKeys=["Application", "NeverThere"])],
        "PutRolePermissionsBoundary": [
            *first[:2],
            act("PutRolePermissionsBoundary", "change", **role, PermissionsBoundary=own_policy),
        ],
        "AttachRolePolicy": [*first[:2], attach],
        "DetachRolePolicy": [*first[:2], attach, act("DetachRolePolicy", "remove", **role, PolicyArn=own_policy)],
        "DeleteRolePolicy": [*first, act("DeleteRolePolicy", "remove", **role, PolicyName="VertesiaBedrock")],
        "DeleteRole": [*first[:2], act("DeleteRole", "remove", **role)],
        "DeleteOpenIDConnectProvider": [
            first[0],
            act("DeleteOpenIDConnectProvider", "remove", OpenIDConnectProviderArn=desired.provider_arn),
        ],
        "RemoveClientIDFromOpenIDConnectProvider": [
            first[0],
            audience,
            act(
                "RemoveClientIDFromOpenIDConnectProvider",
                "remove",
                OpenIDConnectProviderArn=desired.provider_arn,
                ClientID="blobs",
            ),
        ],
        "UpdateRole": [*first[:2], act("UpdateRole", "change", **role, MaxSessionDuration=7200)],
    }  # fmt: skip


OUTCOME_TWICE = {"create": "created", "change": "updated", "remove": "unchanged"}


def test_every_action_can_be_done_and_doing_it_twice_is_safe(backend: Backend, action_name: str) -> None:
    *before, action = actions_on(backend.desired)[action_name]
    for earlier in before:
        backend.gateway.perform(earlier)
    first = backend.gateway.perform(action)
    assert first.outcome == {"create": "created", "change": "updated", "remove": "removed"}[action.verb]
    assert first.request_id
    held = backend.gateway.observe(backend.desired)
    if action_name.startswith("Create"):
        with pytest.raises(AwsRefused) as refused:
            backend.gateway.perform(action)
        assert refused.value.is_already_there
        assert refused.value.operation == f"iam:{action_name}"
    else:
        # IAM says nothing of a provider or an audience that is gone; of everything else that is gone it says so.
        twice = "removed" if "OpenIDConnect" in action_name and action.verb == "remove" else OUTCOME_TWICE[action.verb]
        assert backend.gateway.perform(action).outcome == twice
    assert backend.gateway.observe(backend.desired) == held


def test_the_contract_covers_every_action_the_console_can_send(backend: Backend) -> None:
    assert set(actions_on(backend.desired)) == set(BOTO_METHOD)


@needs("audiences")
def test_an_audience_is_added_beside_those_that_are_there(backend: Backend) -> None:
    for action in actions_on(backend.desired)["AddClientIDToOpenIDConnectProvider"]:
        backend.gateway.perform(action)
    assert backend.gateway.read_audiences(backend.desired.provider_arn) == ("bedrock", "blobs")


def test_the_account_says_how_much_room_it_has(backend: Backend) -> None:
    before = backend.gateway.observe(backend.desired, with_quotas=True).quotas
    backend.apply(backend.desired)
    after = backend.gateway.observe(backend.desired, with_quotas=True).quotas
    assert before is not None
    assert after is not None
    assert (after.roles or 0) - (before.roles or 0) == 1
    assert (after.roles_quota or 0) >= 1000
    assert (after.trust_size_quota or 0) >= 2048


def test_other_roles_that_trust_the_provider_are_counted_over_the_whole_account(backend: Backend) -> None:
    backend.apply(backend.desired)
    second = replace(backend.desired, role_name="Second", environment_id="66a0c0ffee5a4db0c4b0e002")
    backend.apply(second)
    asked = replace(backend.desired, is_absent=True, removes_provider=True)
    assert set(backend.gateway.observe(asked).trusting_roles or ()) == {backend.desired.role_arn, second.role_arn}
    backend.apply(replace(second, is_absent=True))
    assert backend.gateway.observe(asked).trusting_roles == (backend.desired.role_arn,)
    assert backend.gateway.observe(backend.desired).trusting_roles is None


def test_a_role_has_an_id_that_one_of_the_same_name_does_not_get(backend: Backend) -> None:
    *_, delete = actions_on(backend.desired)["DeleteRole"]
    create = actions_on(backend.desired)["CreateRole"]
    backend.gateway.perform(create[0])
    first = backend.gateway.perform(create[1])
    seen = backend.gateway.observe(backend.desired).role
    assert seen is not None
    assert first.role_id == seen.role_id != ""
    backend.gateway.perform(delete)
    assert backend.gateway.perform(create[1]).role_id not in ("", first.role_id)


def test_a_provider_that_is_not_there_lists_no_audiences(backend: Backend) -> None:
    assert backend.gateway.read_audiences(backend.desired.provider_arn) == ()


@needs("any_case")
def test_a_role_is_found_regardless_of_case(backend: Backend) -> None:
    backend.apply(backend.desired)
    shouted = replace(backend.desired, role_name=backend.desired.role_name.upper())
    role = backend.gateway.observe(shouted).role
    assert role is not None
    assert role.arn == backend.desired.role_arn


def test_a_role_that_holds_a_policy_is_not_deleted(backend: Backend) -> None:
    backend.apply(backend.desired)
    delete = actions_on(backend.desired)["DeleteRole"][-1]
    with pytest.raises(AwsRefused) as refused:
        backend.gateway.perform(delete)
    assert refused.value.code == "DeleteConflict"


def test_changing_a_role_that_is_gone_is_refused(backend: Backend) -> None:
    tag = actions_on(backend.desired)["TagRole"][-1]
    with pytest.raises(AwsRefused) as refused:
        backend.gateway.perform(tag)
    assert refused.value.code == "NoSuchEntity"
    assert not refused.value.is_denied


def test_a_rename_observes_the_roles_it_retires(backend: Backend) -> None:
    backend.apply(backend.desired)
    renamed = replace(backend.desired, role_name="Renamed", retire_role_names=(backend.desired.role_name, "NeverThere"))
    observed = backend.gateway.observe(renamed)
    assert (observed.role, [role.name for role in observed.retired_roles]) == (None, [backend.desired.role_name])


def test_disconnecting_takes_the_role_and_leaves_the_provider(backend: Backend) -> None:
    backend.apply(backend.desired)
    assert backend.apply(replace(backend.desired, is_absent=True)) == ["removed", "removed"]
    observed = backend.gateway.observe(backend.desired)
    assert observed.role is None
    assert observed.provider is not None


@needs("exchange")
def test_a_good_token_is_exchanged(backend: Backend) -> None:
    backend.apply(backend.desired)
    exchange = backend.exchange()
    assert exchange.assumed_role_arn == (
        f"arn:aws:sts::{backend.desired.account_id}:assumed-role/{backend.desired.role_name}/contract"
    )
    assert (exchange.subject, exchange.audience) == (backend.desired.subject, "bedrock")
    assert exchange.provider == backend.desired.provider_arn
    assert exchange.request_id
    assert exchange.credentials.session_token not in repr(exchange)
    assert backend.gateway.read_role_last_used(backend.desired.role_name) is not None


@needs("exchange")
@pytest.mark.parametrize(
    ("claims", "code", "words"),
    [
        ({"sub": "env:another:one"}, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        ({"aud": "blobs"}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"iss": "http://localhost:1"}, "InvalidIdentityToken", "No OpenIDConnect provider found in your account"),
        ({"exp": 1_700_000_000, "iat": 1_699_999_000, "nbf": 1_699_999_000}, "ExpiredTokenException", "expired"),
    ],
    ids=["subject", "audience", "issuer", "expired"],
)
def test_a_token_that_does_not_fit_is_refused_with_awss_code_and_words(
    backend: Backend, claims: dict[str, Any], code: str, words: str
) -> None:
    backend.apply(backend.desired)
    with pytest.raises(AwsRefused) as refused:
        backend.exchange(**claims)
    assert (refused.value.operation, refused.value.code) == ("sts:AssumeRoleWithWebIdentity", code)
    assert words in refused.value.message


@needs("exchange")
def test_a_token_signed_with_another_key_is_refused_as_such(backend: Backend) -> None:
    backend.apply(backend.desired)
    with pytest.raises(AwsRefused, match="signature") as refused:
        backend.exchange(key=OTHER_RSA_KEY)
    assert refused.value.code == "InvalidIdentityToken"


@needs("exchange")
def test_a_missing_role_is_refused_in_the_same_words_as_a_trust_that_does_not_fit(backend: Backend) -> None:
    backend.apply(backend.desired)
    backend.apply(replace(backend.desired, is_absent=True))
    with pytest.raises(AwsRefused) as refused:
        backend.exchange()
    assert refused.value.code == "AccessDenied"
    assert refused.value.message == "Not authorized to perform sts:AssumeRoleWithWebIdentity"


@needs("exchange")
def test_a_role_of_another_case_is_not_the_one_a_token_asks_for(backend: Backend) -> None:
    backend.apply(backend.desired)
    backend.desired = replace(backend.desired, role_name=backend.desired.role_name.upper())
    with pytest.raises(AwsRefused, match="Not authorized"):
        backend.exchange()


@needs("bedrock")
def test_the_exchanged_credentials_list_models_each_listing_on_its_own(backend: Backend) -> None:
    backend.apply(backend.desired)
    answers = backend.gateway.list_models(backend.exchange().credentials, region="us-east-1")
    assert not isinstance(answers.foundation_models, AwsError)
    assert not isinstance(answers.inference_profiles, AwsError)
    assert not isinstance(answers.custom_models, AwsError)
    assert all(model["modelId"] for model in answers.foundation_models)
    assert all(profile["models"] for profile in answers.inference_profiles)
    assert set(answers.milliseconds) == {"list_foundation_models", "list_custom_models", "list_inference_profiles"}
    assert answers.first_page == {
        "foundation_models": len(answers.foundation_models),
        "custom_models": len(answers.custom_models),
        "inference_profiles": len(answers.inference_profiles),
    }


@needs("bedrock")
def test_a_role_without_its_policy_is_denied_each_listing_by_name(backend: Backend) -> None:
    backend.apply(backend.desired)
    backend.gateway.perform(actions_on(backend.desired)["DeleteRolePolicy"][-1])
    answers = backend.gateway.list_models(backend.exchange().credentials, region="us-east-1")
    for answer, operation in (
        (answers.foundation_models, "bedrock:ListFoundationModels"),
        (answers.custom_models, "bedrock:ListCustomModels"),
        (answers.inference_profiles, "bedrock:ListInferenceProfiles"),
    ):
        assert isinstance(answer, AwsRefused)
        assert (answer.is_denied, answer.operation) == (True, operation)
        assert operation in answer.message
    assert answers.first_page == {}


@needs("bedrock")
def test_without_credentials_the_worker_lists_by_its_own_rights(backend: Backend) -> None:
    answers = backend.gateway.list_models(None, region="us-east-1")
    assert not isinstance(answers.foundation_models, AwsError)
    assert answers.foundation_models


NOVA = "amazon.nova-lite-v1:0"
NOVA_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"


@needs("bedrock")
def test_what_a_role_may_do_is_simulated_for_each_action_on_each_model(backend: Backend) -> None:
    backend.apply(backend.desired)
    actions = ("bedrock:InvokeModel", "bedrock:CreateModelCustomizationJob")
    other = NOVA_ARN.replace("us-east-1", "us-west-2")
    found = backend.gateway.simulate_role(
        backend.desired.role_arn, actions=actions, resources=(NOVA_ARN, other), region="us-east-1"
    )
    assert {(one.action, one.resource, one.is_allowed) for one in found} == {
        (action, arn, action == "bedrock:InvokeModel") for action in actions for arn in (NOVA_ARN, other)
    }


@needs("bedrock")
def test_every_model_is_simulated_however_many_there_are(backend: Backend) -> None:
    backend.apply(backend.desired)
    many = tuple(f"{NOVA_ARN}-{number}" for number in range(250))
    found = backend.gateway.simulate_role(
        backend.desired.role_arn, actions=("bedrock:InvokeModel",), resources=many, region="us-east-1"
    )
    assert [one.resource for one in found] == [*many]


@needs("bedrock")
def test_what_aws_says_of_a_model_is_four_answers(backend: Backend) -> None:
    availability = backend.gateway.read_availability(NOVA, region="us-east-1")
    assert availability.in_words == (
        "agreement AVAILABLE, authorization AUTHORIZED, entitlement AVAILABLE, region AVAILABLE"
    )


@needs("bedrock")
def test_a_model_answers_with_one_token_to_a_role_that_may_invoke_it(backend: Backend) -> None:
    backend.apply(backend.desired)
    credentials = backend.exchange().credentials
    answer = backend.gateway.ask_one_token(credentials, model_id=NOVA, region="us-east-1")
    assert (answer.output_tokens, bool(answer.request_id)) == (1, True)
    backend.gateway.perform(actions_on(backend.desired)["DeleteRolePolicy"][-1])
    with pytest.raises(AwsRefused) as refused:
        backend.gateway.ask_one_token(credentials, model_id=NOVA, region="us-east-1")
    assert "bedrock:InvokeModel" in refused.value.message
