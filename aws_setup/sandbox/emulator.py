"""The one door to ministack: its IAM store, its policy evaluation and its SigV4 check.

ministack keeps IAM objects in module-level dicts that are scoped to "the account of this request". Here every
access names its account. Calls that ministack answers well are handed on; the rest is done by this package
on the same records, so that both see one state.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape, unescape

from ministack.core import iam_evaluator
from ministack.core.responses import AccountScopedDict, request_scope
from ministack.services import iam

from aws_setup.sandbox.errors import AwsError
from aws_setup.sandbox.parameters import Parameters
from aws_setup.sandbox.wire import AwsRequest, AwsResponse

Record = dict[str, Any]
Statements = list[Any]

MANAGED_PREFIX = "arn:aws:iam::aws:policy/"

_ERROR = re.compile(rb"<Code>(.*?)</Code><Message>(.*?)</Message>", re.DOTALL)
_ESCAPED_PARAMETERS = re.compile(r"Description|Tags\.member\.\d+\.(Key|Value)")
_WORDS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"^Policy (arn:\S+) not found\.$"), r"Policy \1 was not found."),
    (
        re.compile(r"^A policy called (\S+) already exists\.$"),
        r"A policy called \1 already exists. Duplicate names are not allowed.",
    ),
    (re.compile(r"^Policy arn:\S+ is not attached to .*$"), "Policy was not found."),
]
"""ministack's words on the left, AWS's on the right."""


class Store:
    """One kind of IAM object, by account and key."""

    def __init__(self, objects: Any) -> None:
        self._objects = objects

    def find(self, account_id: str, key: str) -> Record | None:
        found: Record | None = self._objects.get_scoped(account_id, None, key)
        return found

    def put(self, account_id: str, key: str, record: Record) -> None:
        self._objects.set_scoped(account_id, None, key, record)

    def remove(self, account_id: str, key: str) -> None:
        self._objects.pop_scoped(account_id, None, key, None)

    def of_account(self, account_id: str) -> dict[str, Record]:
        return {key: record for (owner, key), record in self._objects.to_dict().items() if owner == account_id}

    def everything(self) -> dict[tuple[str, str], Record]:
        found: dict[tuple[str, str], Record] = self._objects.to_dict()
        return found


roles = Store(iam._roles)
users = Store(iam._users)
user_inline_policies = Store(iam._user_inline_policies)
policies = Store(iam._policies)
providers = Store(iam._oidc_providers)
access_keys = Store(iam._access_keys)


async def hand_on(request: AwsRequest, *, account_id: str, region: str, parameters: Parameters) -> AwsResponse:
    """Let ministack answer an IAM call for an account; AwsError, in AWS's words, when it refuses."""
    values = {
        name: [escape(v) for v in found] if _ESCAPED_PARAMETERS.fullmatch(name) else found
        for name, found in parameters.raw().items()
    }
    with request_scope(account_id, region):
        status, _, body = await iam.handle_request("GET", "/", {}, b"", values)
    if status >= 400:
        match = _ERROR.search(body)
        code, message = (part.decode() for part in match.groups()) if match else ("InternalFailure", "")
        message = unescape(message)
        for pattern, words in _WORDS:
            message = pattern.sub(words, message)
        raise AwsError(code, message, status)
    return AwsResponse(status, body, "text/xml")


def put_alias(account_id: str, alias: str) -> None:
    iam._account_aliases.set_scoped(account_id, None, "aliases", [alias])


def alias_of(account_id: str) -> str | None:
    found: list[str] = iam._account_aliases.get_scoped(account_id, None, "aliases") or []
    return found[0] if found else None


def managed_policy(account_id: str, arn: str) -> Record | None:
    """A managed policy by ARN, AWS's own included; None when there is none."""
    if arn.startswith(MANAGED_PREFIX):
        found: Record | None = iam._aws_managed_policies.get(arn)
        return found
    return policies.find(account_id, arn)


def managed_document(account_id: str, arn: str) -> str | None:
    """The default version's JSON."""
    policy = managed_policy(account_id, arn)
    if policy is None:
        return None
    document: str = policy["Versions"][policy["DefaultVersionId"]]["Document"]
    return document


def publish_managed_policy(name: str, document: str, description: str) -> None:
    """Add one of AWS's own policies, readable and attachable in every account."""
    record = iam._make_aws_managed_record(name, document, description)
    iam._aws_managed_policies[record["Arn"]] = record


def store_policy(account_id: str, name: str, document: str) -> str:
    """Put a managed policy of the account in place, or its document anew; its ARN."""
    arn = f"arn:aws:iam::{account_id}:policy/{name}"
    with request_scope(account_id, "us-east-1"):
        iam.store_policy(arn, name, "/", document)
    return arn


def new_role_id() -> str:
    generated: str = iam._gen_id("AROA")
    return generated


def attach_policy(account_id: str, entity: Record, arn: str) -> None:
    with request_scope(account_id, "us-east-1"):
        iam.attach_managed_policy(entity, arn)


def detach_policy(account_id: str, entity: Record, arn: str) -> None:
    with request_scope(account_id, "us-east-1"):
        iam.detach_managed_policy(entity, arn)


@lru_cache(maxsize=4096)
def parse_statements(document: str) -> Statements:
    parsed: Statements = iam_evaluator.parse_policy_document(document)
    return parsed


def decide(statements: list[Statements], context: Any) -> str:
    """`Allow`, `Deny` or `ImplicitDeny` of one layer of policies."""
    decision: str = iam_evaluator.evaluate(context, statements).decision
    return decision


EvalContext: Callable[..., Any] = iam_evaluator.EvalContext


def trust_allows(document: str, principal_arn: str, context: Any) -> bool:
    """Whether a trust policy lets a principal in; a Deny that matches wins over every Allow."""
    return bool(iam_evaluator.evaluate_trust_policy(document, principal_arn, context))


def dump() -> dict[str, list[list[Any]]]:
    """Every IAM object as rows of account, key, record: what `restore` takes."""
    return {
        name: [[account, key, record] for (account, key), record in objects.to_dict().items()]
        for name, objects in _stores().items()
    }


def restore(rows: dict[str, list[list[Any]]]) -> None:
    """Replace every IAM object by those of a dump."""
    iam.reset()
    iam.load_persisted_state(
        {
            name: AccountScopedDict.from_dict({(account, key): record for account, key, record in found})
            for name, found in rows.items()
        }
    )


def clear() -> None:
    iam.reset()


def _stores() -> dict[str, Any]:
    return {
        "users": iam._users,
        "roles": iam._roles,
        "policies": iam._policies,
        "access_keys": iam._access_keys,
        "oidc_providers": iam._oidc_providers,
        "user_inline_policies": iam._user_inline_policies,
        "account_aliases": iam._account_aliases,
        "aws_managed_attachment_counts": iam._aws_managed_attachment_counts,
    }
