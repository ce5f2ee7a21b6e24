"""Taking up environments by the ids that a person copied from Vertesia Studio."""

import pytest
from django.utils import timezone

from aws_setup.models import Account, Connection, Draft, Plan, Run
from environments.history import Actor
from environments.models import Environment, Event, Organization, Provider, Status
from environments.registry import (
    NotRegistered,
    check_ids,
    correct_environment,
    forget_environment,
    register_environment,
    rename_environment,
)
from tests.factories import EnvironmentFactory, IssuerFactory, OrganizationFactory

pytestmark = pytest.mark.django_db
ACTOR = Actor("mona")
ORGANIZATION_ID = "66b0c0ffee5a4db0c4b0a0aa"
ENVIRONMENT_ID = "66b0c0ffee5a4db0c4b0f001"


def register(**changes):
    answers = {
        "organization_name": "Globex",
        "organization_id": ORGANIZATION_ID,
        "issuer": IssuerFactory(builtin=True),
        "environment_id": ENVIRONMENT_ID,
        "name": "Marketing",
        "region": "us-east-1",
        "provider": Provider.BEDROCK,
        "actor": ACTOR,
    }
    return register_environment(**(answers | changes))


def test_a_new_environment_comes_with_its_organization_and_a_line_of_history():
    environment = register()
    assert environment.subject == f"env:{ORGANIZATION_ID}:{ENVIRONMENT_ID}"
    assert environment.organization.name == "Globex"
    assert environment.status == Status.NOT_CONNECTED
    event = Event.objects.get(action="environment.registered")
    assert (event.actor, event.environment) == ("mona", environment)


@pytest.mark.parametrize("field", ["name", "organization_name"])
def test_a_name_longer_than_the_database_keeps_is_refused_beside_its_field(field):
    assert register(**{field: "n" * 200}).environment_id == ENVIRONMENT_ID
    with pytest.raises(NotRegistered) as refused:
        register(**{field: "n" * 201})
    assert (refused.value.field, "at most 200 characters" in refused.value.sentence) == (field, True)


def test_registering_again_finds_the_same_environment():
    first = register()
    again = register()
    assert again.pk == first.pk
    assert Event.objects.count() == 1


def test_an_organization_without_a_name_is_called_by_its_id():
    assert register(organization_name="").organization.name == f"Organization {ORGANIZATION_ID}"


def test_a_known_organization_keeps_its_name_where_none_is_given():
    register()
    assert register(organization_name="").organization.name == "Globex"


def test_an_environment_that_is_not_connected_takes_another_name_and_region():
    register()
    environment = register(name="Sales", region="eu-west-1")
    assert (environment.name, environment.endpoint_url) == ("Sales", "eu-west-1")


def test_an_environment_of_another_provider_is_taken_up_as_not_connectable():
    assert register(provider=Provider.OPENAI).status == Status.NOT_CONNECTABLE


def test_an_environment_does_not_change_its_provider():
    register()
    with pytest.raises(NotRegistered) as refused:
        register(provider=Provider.OPENAI)
    assert refused.value.field == "provider"


def test_a_provider_vertesia_does_not_have_is_refused():
    with pytest.raises(NotRegistered) as refused:
        register(provider="abacus")
    assert refused.value.field == "provider"
    assert not Environment.objects.exists()


@pytest.mark.parametrize("rubbish", ["", "*", "a?b", "${aws:username}", "a:b", "a b", "a\tb", "a\n", "ä", "x" * 65])
@pytest.mark.parametrize("field", ["organization_id", "environment_id"])
def test_only_a_plain_id_ever_gets_near_a_trust_policy(field, rubbish):
    with pytest.raises(NotRegistered) as refused:
        register(**{field: rubbish})
    assert refused.value.field == field
    assert not Organization.objects.exists()


def test_one_id_cannot_be_both():
    with pytest.raises(NotRegistered) as refused:
        register(environment_id=ORGANIZATION_ID)
    assert "the same" in refused.value.sentence


def test_an_organization_id_typed_as_environment_id_is_recognised():
    register()
    with pytest.raises(NotRegistered) as refused:
        register(organization_id="66b0c0ffee5a4db0c4b0a0bb", environment_id=ORGANIZATION_ID)
    assert refused.value.field == "environment_id"
    assert "organization Globex" in refused.value.sentence


def test_an_environment_id_typed_as_organization_id_is_recognised():
    register()
    with pytest.raises(NotRegistered) as refused:
        register(organization_id=ENVIRONMENT_ID, environment_id="66b0c0ffee5a4db0c4b0f002")
    assert refused.value.field == "organization_id"
    assert "environment Marketing" in refused.value.sentence


def test_an_environment_of_another_organization_is_named_with_both():
    register()
    with pytest.raises(NotRegistered) as refused:
        register(organization_id="66b0c0ffee5a4db0c4b0a0bb", organization_name="Initech")
    assert refused.value.field == "environment_id"
    assert "Globex" in refused.value.sentence


def test_an_id_may_stay_what_it_is_but_not_become_anothers():
    mine, other = EnvironmentFactory(), EnvironmentFactory()
    mine_ids = {"organization_id": mine.organization.organization_id}
    check_ids(**mine_ids, environment_id=mine.environment_id, environment=mine)
    with pytest.raises(NotRegistered):
        check_ids(
            organization_id=other.organization.organization_id, environment_id=other.environment_id, environment=mine
        )


def test_an_organization_that_is_not_connected_takes_another_issuer():
    register()
    issuer = IssuerFactory()
    assert register(issuer=issuer).organization.issuer == issuer


def correct(environment, **changes):
    answers = {
        "organization_name": environment.organization.name,
        "organization_id": environment.organization.organization_id,
        "issuer": environment.organization.issuer,
        "environment_id": environment.environment_id,
        "name": environment.name,
        "region": environment.endpoint_url,
        "actor": ACTOR,
    }
    correct_environment(environment, **(answers | changes))


def test_a_mistyped_id_is_put_right_and_the_organization_made_for_it_goes():
    environment = register()
    correct(environment, organization_id="66b0c0ffee5a4db0c4b0a0bb")
    stored = Environment.objects.get(pk=environment.pk)
    assert stored.subject == f"env:66b0c0ffee5a4db0c4b0a0bb:{ENVIRONMENT_ID}"
    assert not Organization.objects.filter(organization_id=ORGANIZATION_ID).exists()
    assert Event.objects.filter(action="environment.corrected").count() == 1


def test_an_organization_with_other_environments_stays_when_one_is_put_right():
    environment = register()
    EnvironmentFactory(organization=environment.organization)
    correct(environment, organization_id="66b0c0ffee5a4db0c4b0a0bb")
    assert Organization.objects.filter(organization_id=ORGANIZATION_ID).exists()


def test_putting_right_nothing_writes_no_history():
    environment = register()
    correct(environment)
    assert Event.objects.count() == 1


AGREED = pytest.mark.parametrize(
    "agreed",
    [{"api_key": "arn:aws:iam::111122223333:role/A"}, {"status": Status.SETTING_UP}],
    ids=lambda held: next(iter(held)),
)


@AGREED
def test_an_environment_that_is_connected_or_being_set_up_is_not_put_right_but_changed_by_a_plan(agreed):
    environment = register()
    Environment.objects.filter(pk=environment.pk).update(**agreed)  # since the page was opened
    with pytest.raises(NotRegistered):
        correct(environment, environment_id="66b0c0ffee5a4db0c4b0f002")
    assert Environment.objects.get(pk=environment.pk).environment_id == ENVIRONMENT_ID


@AGREED
def test_an_organization_that_is_connected_or_being_set_up_keeps_its_issuer_until_a_plan_changes_it(agreed):
    Environment.objects.filter(pk=register().pk).update(**agreed)
    with pytest.raises(NotRegistered) as refused:
        register(issuer=IssuerFactory())
    assert refused.value.field == "issuer"


@AGREED
def test_an_environment_that_is_connected_or_being_set_up_keeps_its_region_until_a_plan_changes_it(agreed):
    Environment.objects.filter(pk=register().pk).update(**agreed)
    assert register(region="eu-west-1").endpoint_url == "us-east-1"


def test_renaming_is_free_and_recorded_once():
    environment = EnvironmentFactory(name="Old")
    assert rename_environment(environment, name="New", actor=ACTOR)
    assert not rename_environment(environment, name="New", actor=ACTOR)
    assert Environment.objects.get(pk=environment.pk).name == "New"
    assert [event.sentence for event in Event.objects.all()] == ["Old is now called New."]


def test_forgetting_names_what_stays_in_aws():
    environment = EnvironmentFactory(api_key="arn:aws:iam::111122223333:role/A")
    provider = "arn:aws:iam::111122223333:oidc-provider/localhost:8000"
    forget_environment(environment, actor=ACTOR, left_in_aws=[provider, environment.api_key])
    assert not Environment.objects.exists()
    event = Event.objects.get(action="environment.forgotten")
    assert event.data["left_in_aws"] == ["arn:aws:iam::111122223333:role/A", provider]
    assert provider in event.sentence


def test_forgetting_takes_the_whole_set_up_history_of_the_environment_along():
    environment = EnvironmentFactory()
    account = Account.objects.create(account_id="111122223333")
    connection = Connection.objects.create(
        environment=environment, account=account, region="us-east-1", role_name="A", desired={}
    )
    draft = Draft.objects.create(environment=environment, actor=ACTOR)
    plan = Plan.objects.create(
        draft=draft,
        environment=environment,
        account=account,
        fingerprint="f",
        desired={},
        actions=[],
        asked_by=ACTOR,
        expires_at=timezone.now(),
    )
    Run.objects.create(plan=plan, connection=connection, actor=ACTOR)
    forget_environment(environment, actor=ACTOR)
    assert not Run.objects.exists()
    assert not Plan.objects.exists()


def test_an_organization_outlives_its_environments():
    organization = OrganizationFactory()
    forget_environment(EnvironmentFactory(organization=organization), actor=ACTOR)
    assert Organization.objects.filter(pk=organization.pk).exists()
