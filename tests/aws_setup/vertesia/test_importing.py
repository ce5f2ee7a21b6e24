"""A key is entered: the organization and its environments are read, as often as somebody likes."""

import pytest

from aws_setup.models import VertesiaAccess
from aws_setup.vertesia.access import NotTakenUp, connect_organization, forget_access, request_import
from environments.models import Environment, Event, Issuer, Organization
from tests.aws_setup.journeys import MONA
from tests.aws_setup.vertesia.scene import Scene, said
from tests.sandbox.vertesia import ADMIN, ADMIN_KEY_ID, ISSUING, OPENAI, ORGANIZATION, READER, REVOKED, TOKYO, VIRGINIA

FOUR = ["Bedrock Ireland", "Bedrock Tokyo", "Bedrock Virginia", "OpenAI"]


def test_everything_the_organization_has_is_taken_up(scene: Scene) -> None:
    job = scene.enter()

    assert (job.state, job.problem) == ("done", None)
    organization = Organization.objects.get(organization_id=ORGANIZATION)
    assert (organization.name, organization.issuer.hosting) == ("Acme", "vertesia")
    assert organization.issuer.url == scene.sandbox.process.vertesia_url
    assert sorted(job.result["created"]) == FOUR
    assert [project["name"] for project in job.result["projects"]] == ["Marketing", "Research"]
    access = job.access
    assert (access.organization, access.project_name, access.may_administer) == (organization, "Marketing", True)
    assert scene.environment(VIRGINIA).endpoint_url == "us-east-1"
    assert scene.environment(TOKYO).status == "not_connected"
    assert scene.environment(OPENAI).status == "not_connectable"
    assert "Connected Acme" in said("vertesia.connected")[0]
    assert said("vertesia.imported") == ["4 environments in Vertesia: 4 new here, 0 changed, 0 as before."]


def test_importing_again_changes_only_what_changed(scene: Scene) -> None:
    access = scene.connect()
    before = Event.objects.count()
    again = scene.import_again(access)

    assert (again.result["created"], again.result["updated"], again.result["unchanged"]) == ([], [], 4)
    assert Event.objects.count() == before + 1
    Environment.objects.filter(environment_id=VIRGINIA).update(name="Renamed here")
    assert scene.import_again(access).result["updated"] == ["Bedrock Virginia"]


def test_what_is_missing_there_is_named_and_never_deleted(scene: Scene) -> None:
    access = scene.connect()
    scene.delete_there(VIRGINIA)
    job = scene.import_again(access)

    assert job.result["missing"] == ["Bedrock Virginia"]
    assert "1 known here are not there; nothing was deleted." in job.result["sentence"]
    assert scene.environment(VIRGINIA).name == "Bedrock Virginia"


def test_an_environment_that_contradicts_what_is_known_is_refused_with_a_sentence(scene: Scene) -> None:
    access = scene.connect()
    Environment.objects.filter(environment_id=OPENAI).update(provider="groq")
    job = scene.import_again(access)

    assert job.result["refused"] == [{"name": "OpenAI", "sentence": "OpenAI is known here with provider Groq."}]
    assert job.result["unchanged"] == 3


def test_an_organization_that_is_known_keeps_its_issuer_and_the_difference_is_said(scene: Scene) -> None:
    other = Issuer.objects.get(url="https://sts.vertesia.io")
    Organization.objects.create(name="Acme", organization_id=ORGANIZATION, issuer=other)
    job = scene.enter()

    assert job.result["issuer"] == {"expected": other.url, "actual": scene.sandbox.process.vertesia_url}
    assert Organization.objects.get(organization_id=ORGANIZATION).issuer == other


def test_a_readers_key_says_that_it_may_not_administer(scene: Scene) -> None:
    assert scene.connect(READER).may_administer is False


def test_a_revoked_key_is_said_plainly_and_leaves_nothing_but_itself(scene: Scene) -> None:
    job = scene.enter(REVOKED)

    assert (job.state, job.problem["code"]) == ("failed", "vertesia_key_refused")
    assert "does not accept this API key" in job.problem["sentence"]
    assert not Organization.objects.filter(organization_id=ORGANIZATION).exists()
    forget_access(job.access, actor=MONA)
    assert not VertesiaAccess.objects.exists()


@pytest.mark.parametrize(
    "code",
    [
        "requested_scope_unavailable",
        "no_accessible_account",
        "restricted_environment",
        "token_issuance_forbidden",
    ],
)
def test_each_refusal_of_the_token_service_is_a_cause_of_its_own(scene: Scene, code: str) -> None:
    scene.fault("forbidden", call="IssueToken", code=code)
    job = scene.enter()

    assert (job.state, job.problem["code"]) == ("failed", f"vertesia_{code}")
    assert job.problem["evidence"]["errorCode"] == code


def test_a_missing_permission_is_named_with_whom_to_ask(scene: Scene) -> None:
    scene.fault("forbidden", call="ListEnvironments")
    job = scene.enter()

    assert job.problem["code"] == "vertesia_forbidden"
    assert "account:member" in job.problem["ask"]


def test_a_retry_after_is_honoured(scene: Scene) -> None:
    access = scene.connect()
    scene.fault("unavailable", call="ListEnvironments", retry_after=40)
    job = request_import(access, actor=MONA, now=scene.console.clock())
    assert job is not None
    due = scene.advance(job)

    assert due is not None
    assert (due - scene.console.clock()).total_seconds() == 40
    assert "It asks to wait 40 seconds. Trying again in 40 s" in job.doing
    scene.console.clock.forward(40)
    assert scene.finish(job).state == "done"


def test_a_token_service_that_stays_down_is_given_up(scene: Scene) -> None:
    scene.fault("token_service_down", times=None)
    job = scene.enter()

    assert (job.state, job.problem["code"]) == ("failed", "vertesia_unreachable")
    scene.mend()
    assert scene.import_again(job.access).state == "done"


def test_an_import_is_under_way_once(scene: Scene) -> None:
    access = scene.connect()
    assert request_import(access, actor=MONA, now=scene.console.clock()) is not None
    assert request_import(access, actor=MONA, now=scene.console.clock()) is None


@pytest.mark.parametrize("text", ["", "sk-", "pk-123456", "my key", " sk-abc", "sk-a b"])
def test_what_is_no_api_key_is_refused_at_once(scene: Scene, text: str) -> None:
    with pytest.raises(NotTakenUp) as refused:
        scene.enter(text)
    assert refused.value.field == "api_key"
    assert not VertesiaAccess.objects.exists()


def test_a_key_is_taken_up_once(scene: Scene) -> None:
    scene.connect()
    with pytest.raises(NotTakenUp, match="in use already, for Acme"):
        scene.enter()


def test_another_key_of_the_organization_takes_the_formers_place(scene: Scene) -> None:
    scene.connect(ADMIN)
    access = scene.connect(ISSUING)

    assert VertesiaAccess.objects.get() == access
    assert access.jobs.count() == 2
    assert len(said("vertesia.key_replaced")) == 1


def test_forgetting_deletes_the_key_and_leaves_what_was_imported(scene: Scene) -> None:
    access = scene.connect()
    forget_access(access, actor=MONA)

    assert not VertesiaAccess.objects.exists()
    assert Environment.objects.filter(organization__organization_id=ORGANIZATION).count() == 4
    assert "until it is revoked in Studio" in said("vertesia.key_forgotten")[0]


def test_a_key_revoked_between_two_imports_is_said(scene: Scene) -> None:
    access = scene.connect()
    scene.change_key(ADMIN_KEY_ID, is_enabled=False, are_tokens_refused=True)
    job = scene.import_again(access)

    assert job.problem["code"] == "vertesia_key_refused"
    assert Environment.objects.filter(organization__organization_id=ORGANIZATION).count() == 4


def test_a_key_of_another_world_is_refused(scene: Scene) -> None:
    with pytest.raises(NotTakenUp, match="the sandbox's own Vertesia"):
        connect_organization(site="eu1", api_key=ADMIN, actor=MONA, now=scene.console.clock())
