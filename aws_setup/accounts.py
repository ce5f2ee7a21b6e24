"""Accounts: who the worker is, and where it may act. The worker asks AWS; a page only shows the last answer."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aws_setup import hints
from aws_setup.credentials import SandboxUnavailable
from aws_setup.diagnosis import INTERNAL_ERROR, Problem
from aws_setup.explaining import explain_worker_error
from aws_setup.gateway.errors import AwsError
from aws_setup.gateway.protocol import Caller, Gateway
from aws_setup.interruptions import INTERRUPTIONS
from aws_setup.models import Account, WorkerCaller
from aws_setup.names import InvalidName, dashed, parse_caller_arn, parse_role_arn, validate_partition
from environments.history import Actor, record

OpenGateway = Callable[[Account | None], Gateway]

logger = logging.getLogger(__name__)

DEFAULTS = {
    "role_prefix": "name prefix",
    "role_path": "path",
    "boundary_arn": "permissions boundary",
    "extra_tags": "tags",
    "max_session_seconds": "maximum session",
}
"""The fields of an account that say what the company wants of every role there."""


class NotAnAccount(Exception):
    """What was typed leads to no account. `field` is the argument at fault, `sentence` is for the person."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


def request_check(*, now: datetime) -> None:
    """Ask the worker who it is, in every account."""
    WorkerCaller.objects.update_or_create(id=1, defaults={"check_requested_at": now})
    hints.send(hints.CHECK_CALLERS)


def add_account(*, role_arn: str, external_id: str, actor: Actor, now: datetime) -> Account:
    """Take up an account that the worker reaches through a role, or change that role. Raises NotAnAccount.

    No access key is ever asked for: the worker assumes the role with its own credentials.
    """
    try:
        role = parse_role_arn(role_arn)
        validate_partition(role.partition)
    except InvalidName as error:
        raise NotAnAccount("role_arn", str(error)) from error
    if Account.objects.filter(account_id=role.account_id, role_arn="").exists():
        raise NotAnAccount("role_arn", f"The worker's own credentials already lead to {dashed(role.account_id)}.")
    account, is_new = Account.objects.update_or_create(
        account_id=role.account_id,
        defaults={
            "partition": role.partition,
            "role_arn": role_arn,
            "external_id": external_id,
            "checked_at": None,
            "problem": None,
        },
    )
    verb = "Added" if is_new else "Changed"
    record("account.added", f"{verb} AWS account {account.dashed_id}, reached through {role_arn}.", actor=actor)
    request_check(now=now)
    return account


def change_defaults(account: Account, *, actor: Actor, **defaults: Any) -> None:
    """Store what the company wants of every role in this account: the fields of `Account` that say so.

    Nothing in AWS changes by it: new roles are made so, and existing ones meet it in a later plan.
    """
    changed = {name: value for name, value in defaults.items() if getattr(account, name) != value}
    if not changed:
        return
    before = {name: getattr(account, name) for name in changed}
    Account.objects.filter(pk=account.pk).update(**changed)
    names = ", ".join(DEFAULTS[name] for name in changed)
    record(
        "account.defaults_changed",
        f"Changed the defaults for roles in {account.dashed_id}: {names}.",
        actor=actor,
        data={"account": account.account_id, "before": before, "after": changed},
    )


def check_callers(open_gateway: OpenGateway, *, now: datetime) -> None:
    """Ask AWS who the worker is, by its own chain and in every account reached through a role; store the answers.

    Needs no right (sts:GetCallerIdentity); iam:ListAccountAliases adds the alias where it is allowed. Whatever goes
    wrong in one account, the others are checked all the same.
    """
    own = check_own_chain(open_gateway, now=now)
    for account in Account.objects.all():
        if account.role_arn:
            try:
                _check_account(account, open_gateway, now=now)
            except INTERRUPTIONS:
                raise
            except Exception:
                logger.exception("Checking account %s failed by a mistake of the console", account.account_id)
                _store_problem(account, INTERNAL_ERROR, now=now)
        elif own is None or account.account_id != own.account_id:
            _store_problem(account, _left_behind(account, own), now=now)


def check_own_chain(open_gateway: OpenGateway, *, now: datetime, keeps_alias: bool = False) -> Caller | None:
    """Ask AWS who the worker is by its own chain; None where it could not say. Either answer is stored.

    An account seen for the first time is taken up, with its alias. `keeps_alias` saves the call where one is known.
    """
    row, _ = WorkerCaller.objects.get_or_create(id=1)
    try:
        gateway = open_gateway(None)
        caller = gateway.identify_caller()
        partition, _ = parse_caller_arn(caller.arn)
        validate_partition(partition)
    except (AwsError, SandboxUnavailable, InvalidName) as error:
        _store_problem(row, explain_caller_failure(error), now=now)
        return None
    _store_caller(row, caller, now=now, account_id=caller.account_id)
    account, _ = Account.objects.get_or_create(account_id=caller.account_id, defaults={"partition": partition})
    if not account.role_arn:
        alias = account.alias if keeps_alias and account.alias else _read_alias(gateway, account)
        _store_caller(account, caller, now=now, partition=partition, alias=alias)
    return caller


def _check_account(account: Account, open_gateway: OpenGateway, *, now: datetime) -> None:
    try:
        gateway = open_gateway(account)
        caller = gateway.identify_caller()
    except (AwsError, SandboxUnavailable) as error:
        _store_problem(account, explain_caller_failure(error), now=now)
        return
    if caller.account_id != account.account_id:
        _store_problem(account, _left_behind(account, caller), now=now)
        return
    _store_caller(account, caller, now=now, alias=_read_alias(gateway, account))


def explain_caller_failure(error: Exception) -> Problem:
    """Why the worker could not say who it is."""
    if isinstance(error, AwsError):
        return explain_worker_error(error)
    if isinstance(error, SandboxUnavailable):
        return Problem(
            code="sandbox_down",
            sentence="The sandbox AWS is not running.",
            why=str(error),
            remedy="Start the console again: the sandbox is one of its processes.",
            command="make run",
            fix="check_caller",
        )
    return Problem(
        code="partition_without_bedrock",
        sentence=str(error),
        why="The partition is read from the caller's ARN.",
        remedy="Give the worker credentials of an account in another partition, and restart it.",
        fix="check_caller",
    )


def _left_behind(account: Account, caller: Caller | None) -> Problem:
    where = f"account {dashed(caller.account_id)}" if caller else "no account"
    return Problem(
        code="credentials_elsewhere",
        sentence=f"The worker's own credentials no longer lead to {account.dashed_id}.",
        why=f"They now lead to {where}.",
        remedy="Give the worker credentials of this account again, or add the account by a role that it may assume.",
        command="aws sts get-caller-identity",
        fix="check_caller",
    )


def _read_alias(gateway: Gateway, account: Account) -> str:
    """The alias is a convenience: where it cannot be read now, the account keeps the earlier one, or its number."""
    try:
        return gateway.read_account_alias()
    except AwsError:
        return account.alias


def _store_caller(row: Account | WorkerCaller, caller: Caller, *, now: datetime, **more: str) -> None:
    type(row).objects.filter(pk=row.pk).update(
        caller_arn=caller.arn,
        source=caller.source,
        expires_at=caller.expires_at,
        checked_at=now,
        problem=None,
        **more,
    )


def _store_problem(row: Account | WorkerCaller, problem: Problem, *, now: datetime) -> None:
    type(row).objects.filter(pk=row.pk).update(checked_at=now, problem=problem.to_json())
