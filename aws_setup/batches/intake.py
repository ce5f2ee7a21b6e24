"""From a table's rows to environments that are known here and drafts of what is wanted for each."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from aws_setup.batches.batching import replace_row, start_batch
from aws_setup.batches.rows import TableRow, Wish
from aws_setup.batches.table import Table
from aws_setup.diagnosis import Blocked, Problem
from aws_setup.drafting import free_role_name, new_draft, restart_draft
from aws_setup.models import Account, Batch, BatchRow, Connection, Draft, WorkerCaller
from aws_setup.names import InvalidName, dashed, tell_apart, validate_policy_arn
from aws_setup.regions import validate_bedrock_region
from environments.history import Actor
from environments.installation import default_issuer
from environments.models import Environment, Issuer, Organization, Provider
from environments.registry import NotRegistered, register_environment

TakenNames = set[tuple[str, str]]
"""Role names that rows of this table have: (account id, name in lower case)."""


def start_table(table: Table, *, owner: User | None, actor: Actor, title: str, now: datetime) -> Batch:
    """Take up every environment of the table that can be, and ask for their plans.

    A row that cannot be taken up says why and holds up no other. Each is taken up in a transaction of its own: one for
    five hundred would keep workers from the database too long.
    """
    issuers = _issuers_by_organization(table.rows)
    taken: TakenNames = set()
    outcomes: dict[int, Draft | Problem] = {}
    # Names that a person chose come before those that are made up here.
    for row in sorted(table.rows, key=lambda row: not (row.wish and row.wish.role_name)):
        outcomes[row.position] = take_up(row, owner=owner, actor=actor, taken=taken, issuers=issuers)
    return start_batch(
        owner=owner,
        actor=actor,
        title=title,
        purpose=Draft.Purpose.CONNECT,
        rows=[(row.typed, outcomes[row.position]) for row in table.rows],
        now=now,
    )


@transaction.atomic
def mend_row(row: BatchRow, table_row: TableRow, *, actor: Actor, now: datetime) -> Draft | Problem:
    """Take up one row of a batch with what was typed anew, and ask for its plan.

    A row whose draft came to a run keeps that run in the history of its environment.
    """
    batch = row.batch
    others = Draft.objects.filter(batch_rows__batch=batch).exclude(batch_rows=row)
    taken = {(draft.answers.get("account_id", ""), draft.answers.get("role_name", "").lower()) for draft in others}
    outcome: Draft | Problem
    wish = table_row.wish
    if wish is not None and others.filter(environment__environment_id=wish.environment_id).exists():
        outcome = _refused(table_row, "Another row of this table has this environment id.")
    else:
        outcome = take_up(table_row, owner=batch.owner, actor=actor, taken=taken, issuers={})
    replace_row(row, typed=table_row.typed, outcome=outcome, actor=actor, now=now)
    return outcome


def take_up(
    row: TableRow, *, owner: User | None, actor: Actor, taken: TakenNames, issuers: dict[str, str]
) -> Draft | Problem:
    """The stored draft of one row; its environment is taken up where it is new. A Problem where it cannot be."""
    if row.wish is None:
        assert row.problem is not None  # noqa: S101  parse_table gives one or the other
        return row.problem
    try:
        with transaction.atomic():
            return _take_up(row.wish, owner=owner, actor=actor, taken=taken, issuers=issuers)
    except NotRegistered as refusal:
        return _refused(row, f"{refusal.field}: {refusal.sentence}")
    except InvalidName as refusal:
        return _refused(row, str(refusal))
    except Blocked as refusal:
        return refusal.problem


def _take_up(wish: Wish, *, owner: User | None, actor: Actor, taken: TakenNames, issuers: dict[str, str]) -> Draft:
    account = _find_account(wish)
    validate_bedrock_region(wish.region, partition=account.partition)
    if wish.policy_arn:
        validate_policy_arn(wish.policy_arn, account_id=account.account_id)
    issuer = _find_issuer(wish.issuer_url or issuers.get(wish.organization_id, ""), wish.organization_id)
    environment = register_environment(
        organization_name=wish.organization_name,
        organization_id=wish.organization_id,
        issuer=issuer,
        environment_id=wish.environment_id,
        name=wish.name,
        region=wish.region,
        provider=Provider.BEDROCK,
        actor=actor,
    )
    is_connected = Connection.objects.filter(environment=environment).exclude(role_arn="").exists()
    purpose = Draft.Purpose.CHANGE if is_connected else Draft.Purpose.CONNECT
    answers: dict[str, object] = {
        "region": wish.region,
        "issuer_url": issuer.url,
        "account_id": account.account_id,
        "role_name": wish.role_name or _choose_role_name(environment, purpose, account, actor=actor, taken=taken),
    }
    if wish.permissions:
        answers |= {"permissions": wish.permissions, "policy_arn": wish.policy_arn}
    if wish.tags is not None:
        answers["tags"] = wish.tags
    _take_name(taken, account, str(answers["role_name"]))
    return restart_draft(owner=owner, environment=environment, purpose=purpose, actor=actor, **answers)


def _find_account(wish: Wish) -> Account:
    """The account that is named; else that of the agreement, else the worker's own. Raises Blocked."""
    connection = Connection.objects.filter(environment__environment_id=wish.environment_id).exclude(role_arn="").first()
    agreed = connection.account.account_id if connection is not None else ""
    caller = WorkerCaller.objects.filter(problem__isnull=True).first()
    account_id = wish.account_id or agreed or (caller.account_id if caller else "")
    if not account_id:
        raise Blocked(_no_account())
    account = Account.objects.filter(account_id=account_id).first()
    if account is None:
        raise Blocked(_unknown_account(account_id))
    return account


def _find_issuer(url: str, organization_id: str) -> Issuer:
    """The issuer that is named; else the organization's own, else the one preselected for a new one."""
    if url:
        issuer = Issuer.objects.filter(url=url).first()
        if issuer is None:
            raise NotRegistered("issuer", f"{url} is not among the issuers known here. Add it on the page Issuers.")
        return issuer
    organization = Organization.objects.filter(organization_id=organization_id).select_related("issuer").first()
    return organization.issuer if organization is not None else default_issuer()


def _choose_role_name(
    environment: Environment, purpose: str, account: Account, *, actor: Actor, taken: TakenNames
) -> str:
    """The name agreed before, or the default one; told apart by the id where another row of the table has it."""
    draft = new_draft(owner=None, environment=environment, purpose=purpose, actor=actor)
    name = free_role_name(draft, account=account)
    if (account.account_id, name.lower()) not in taken or draft.answers.get("role_name"):
        return name
    return tell_apart(name, environment_id=environment.environment_id)


def _take_name(taken: TakenNames, account: Account, role_name: str) -> None:
    key = (account.account_id, role_name.lower())
    if key in taken:
        raise InvalidName(
            f"Another row has the role name {role_name} in {account.dashed_id}; IAM compares names regardless of case, "
            "and each environment has a role of its own."
        )
    taken.add(key)


def _issuers_by_organization(rows: Sequence[TableRow]) -> dict[str, str]:
    """The issuer that a row names counts for every row of its organization, also for those before it."""
    wishes = [row.wish for row in rows if row.wish is not None]
    return {wish.organization_id: wish.issuer_url for wish in wishes if wish.issuer_url}


def _refused(row: TableRow, sentence: str) -> Problem:
    return Problem(
        code="row_refused",
        sentence=f"Row {row.position}: {sentence}",
        remedy="Correct the row; the others are not held up by it.",
    )


def awaits_worker(table: Table) -> bool:
    """Whether rows leave the account to the worker's own while the worker was never heard of."""
    if WorkerCaller.objects.filter(checked_at__isnull=False).exists():
        return False
    return any(row.wish is not None and not row.wish.account_id for row in table.rows)


def _unknown_account(account_id: str) -> Problem:
    return Problem(
        code="account_unknown",
        sentence=f"AWS account {dashed(account_id)} is not known here.",
        remedy="Add it on the page Accounts, with the role that the console may assume in it; then correct the row.",
    )


def _no_account() -> Problem:
    return Problem(
        code="account_missing",
        sentence="The row names no AWS account, and the worker has none of its own.",
        remedy="Write the account id into the row, or give the worker credentials and check them on the page Accounts.",
    )
