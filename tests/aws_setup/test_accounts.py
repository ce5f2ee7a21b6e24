"""Who the worker is, and where it may act: asked of AWS, stored, and said where it does not work."""

import pytest
from pytest_django import Settings

from aws_setup.accounts import NotAnAccount, OpenGateway, add_account, check_callers, check_own_chain, request_check
from aws_setup.credentials import SandboxUnavailable
from aws_setup.gateway.errors import AwsUnreachable, CredentialsProblem
from aws_setup.gateway.protocol import Gateway
from aws_setup.models import Account, WorkerCaller
from environments.models import Event
from tests.aws_setup.journeys import MONA
from tests.fake_aws import HOME, SECOND, Clock, FakeAccount, FakeAws, FakeGateway, throttled

CONSOLE_ROLE = f"arn:aws:iam::{SECOND}:role/VertesiaConsole"


def add(clock: Clock, *, role_arn: str = CONSOLE_ROLE, external_id: str = "") -> Account:
    return add_account(role_arn=role_arn, external_id=external_id, actor=MONA, now=clock())


@pytest.mark.django_db
def test_the_workers_own_account_is_taken_up_with_its_alias(aws: FakeAws, clock: Clock) -> None:
    check_callers(aws.open, now=clock())
    caller, account = WorkerCaller.objects.get(), Account.objects.get()
    assert (caller.account_id, caller.caller_arn, caller.is_ready) == (
        HOME,
        f"arn:aws:iam::{HOME}:user/console",
        True,
    )
    assert (account.account_id, account.partition, account.alias) == (HOME, "aws", "acme")
    assert str(account) == "acme (1111-2222-3333)"
    assert account.checked_at == clock()


@pytest.mark.django_db
def test_an_account_whose_alias_may_not_be_read_is_shown_by_its_number(aws: FakeAws, clock: Clock) -> None:
    aws.deny("iam:ListAccountAliases")
    check_callers(aws.open, now=clock())
    assert (str(Account.objects.get()), Account.objects.get().problem) == ("1111-2222-3333", None)


@pytest.mark.django_db
def test_an_alias_that_changed_is_taken_over_and_one_that_cannot_be_read_now_is_kept(
    aws: FakeAws, clock: Clock
) -> None:
    check_callers(aws.open, now=clock())
    aws.home.alias = "acme-europe"
    check_callers(aws.open, now=clock())
    assert Account.objects.get().alias == "acme-europe"
    aws.fail("iam:ListAccountAliases", throttled("iam:ListAccountAliases"))
    check_callers(aws.open, now=clock())
    assert (Account.objects.get().alias, Account.objects.get().is_ready) == ("acme-europe", True)


@pytest.mark.django_db
def test_a_known_alias_is_not_asked_for_again_where_only_the_caller_matters(aws: FakeAws, clock: Clock) -> None:
    check_own_chain(aws.open, now=clock())
    aws.operations.clear()
    check_own_chain(aws.open, now=clock(), keeps_alias=True)
    assert aws.operations == ["sts:GetCallerIdentity"]


@pytest.mark.django_db
def test_a_mistake_in_one_account_leaves_the_others_checked(aws: FakeAws, clock: Clock) -> None:
    broken = add(clock)
    sound = add(clock, role_arn="arn:aws:iam::777788889999:role/VertesiaConsole")

    def open_gateway(account: Account | None) -> Gateway:
        if account == broken:
            raise RuntimeError
        return FakeGateway(aws, FakeAccount("777788889999" if account == sound else HOME))

    check_callers(open_gateway, now=clock())
    broken.refresh_from_db()
    assert broken.problem is not None
    assert broken.problem["code"] == "internal_error"
    assert Account.objects.get(pk=sound.pk).is_ready


@pytest.mark.django_db
def test_an_account_is_reached_through_a_role_and_never_by_a_key(aws: FakeAws, clock: Clock) -> None:
    account = add(clock, external_id="acme-42")
    assert (account.account_id, account.external_id, account.is_ready) == (SECOND, "acme-42", False)
    assert WorkerCaller.objects.get().check_requested_at == clock()
    check_callers(aws.open, now=clock())
    account.refresh_from_db()
    assert account.is_ready
    assert account.caller_arn == f"arn:aws:iam::{SECOND}:user/console"
    assert "acme-42" not in repr(list(Event.objects.values()))


@pytest.mark.django_db
def test_adding_an_account_again_changes_its_role_and_asks_anew(aws: FakeAws, clock: Clock) -> None:
    add(clock)
    check_callers(aws.open, now=clock())
    account = add(clock, role_arn=f"arn:aws:iam::{SECOND}:role/Other")
    assert Account.objects.filter(account_id=SECOND).count() == 1
    assert (account.role_arn.endswith("/Other"), account.checked_at) == (True, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role_arn", "words"),
    [
        ("not an arn", "is not a role ARN"),
        (f"arn:aws:iam::{SECOND}:user/Person", "is not a role ARN"),
        (f"arn:aws-cn:iam::{SECOND}:role/Console", "does not exist in AWS China"),
        (f"arn:aws:iam::{HOME}:role/Console", "own credentials already lead to 1111-2222-3333"),
    ],
)
def test_what_leads_to_no_account_is_refused(aws: FakeAws, clock: Clock, role_arn: str, words: str) -> None:
    check_callers(aws.open, now=clock())
    with pytest.raises(NotAnAccount, match=words) as refused:
        add(clock, role_arn=role_arn)
    assert refused.value.field == "role_arn"


@pytest.mark.django_db
def test_a_role_that_cannot_be_assumed_is_that_accounts_problem_alone(
    aws: FakeAws, clock: Clock, settings: Settings
) -> None:
    settings.AWS_SANDBOX = False
    account = add(clock)
    asked: list[str] = []

    def refuse_second() -> None:
        asked.append("second")
        raise CredentialsProblem(
            "not authorized to perform: sts:AssumeRole", operation="sts:AssumeRole", code="AccessDenied"
        )

    aws.before("sts:GetCallerIdentity", lambda: aws.before("sts:GetCallerIdentity", refuse_second))
    check_callers(aws.open, now=clock())
    account.refresh_from_db()
    assert asked == ["second"]
    assert account.problem is not None
    assert account.problem["code"] == "role_not_assumable"
    assert Account.objects.get(account_id=HOME).is_ready
    assert WorkerCaller.objects.get().is_ready


@pytest.mark.django_db
def test_credentials_that_lead_elsewhere_now_are_said_on_the_account_they_left(aws: FakeAws, clock: Clock) -> None:
    check_callers(aws.open, now=clock())
    aws.caller_account = SECOND
    check_callers(aws.open, now=clock())
    left = Account.objects.get(account_id=HOME)
    assert left.problem is not None
    assert left.problem["code"] == "credentials_elsewhere"
    assert "account 4444-5555-6666" in left.problem["why"]
    assert Account.objects.get(account_id=SECOND).is_ready


def refusing(error: Exception) -> OpenGateway:
    def open_gateway(account: Account | None) -> Gateway:
        raise error

    return open_gateway


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SandboxUnavailable("no address"), "sandbox_down"),
        (AwsUnreachable("no answer", operation="sts:GetCallerIdentity", code="ConnectTimeoutError"), "aws_unreachable"),
        (
            CredentialsProblem("wrong", operation="sts:GetCallerIdentity", code="InvalidClientTokenId"),
            "sandbox_credentials",
        ),
    ],
)
def test_a_worker_that_cannot_say_who_it_is_has_a_problem_and_no_account(
    clock: Clock, error: Exception, code: str
) -> None:
    assert check_own_chain(refusing(error), now=clock()) is None
    caller = WorkerCaller.objects.get()
    assert caller.problem is not None
    assert (caller.problem["code"], caller.is_ready) == (code, False)
    assert not Account.objects.exists()


@pytest.mark.django_db
def test_a_problem_that_passed_is_forgotten(aws: FakeAws, clock: Clock) -> None:
    check_own_chain(refusing(SandboxUnavailable("no address")), now=clock())
    check_own_chain(aws.open, now=clock())
    assert WorkerCaller.objects.get().is_ready


@pytest.mark.django_db
def test_asking_again_is_one_row(clock: Clock) -> None:
    request_check(now=clock())
    clock.forward(1)
    request_check(now=clock())
    assert WorkerCaller.objects.get().check_requested_at == clock()
