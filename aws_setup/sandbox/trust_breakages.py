"""Breaking a trust policy in one of the ways in which people get it wrong: a document in, a document out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Statement = dict[str, Any]
Change = Callable[[Statement, Mapping[str, str]], Statement]

WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
OTHER_ACCOUNT = "999999999999"
OTHER_PARTITION = "aws-us-gov"
OTHER_NETWORK = "192.0.2.0/24"
"""Nobody's: RFC 5737."""


class NothingToChangeError(Exception):
    """The document lacks what should be changed; the text says what."""


def change_trust(document: str, kind: str, order: Mapping[str, str]) -> str:
    """The document with its first statement that lets a web identity in changed, or one added to it.

    `kind` is one of CHANGES. Raises NothingToChangeError.
    """
    trust = json.loads(document)
    found = trust["Statement"]
    statements: list[Statement] = [found] if isinstance(found, dict) else found
    index = next((i for i, statement in enumerate(statements) if _lets_in(statement)), None)
    if index is None:
        raise NothingToChangeError("no statement for a web identity")
    changed = CHANGES[kind](json.loads(json.dumps(statements[index])), order)
    if kind == "deny_statement":
        statements = [*statements, changed]
    else:
        statements[index] = changed
    return json.dumps(trust | {"Statement": statements})


def with_one_letter_changed(text: str) -> str:
    """The last letter's case changed; text without letters stays as it is."""
    for index in range(len(text) - 1, -1, -1):
        if text[index].swapcase() != text[index]:
            return text[:index] + text[index].swapcase() + text[index + 1 :]
    return text


def _lets_in(statement: Statement) -> bool:
    actions = statement.get("Action", [])
    principal = statement.get("Principal")
    return (
        statement["Effect"] == "Allow"
        and WEB_IDENTITY in ([actions] if isinstance(actions, str) else actions)
        and isinstance(principal, dict)
        and isinstance(principal.get("Federated"), str)
    )


def _keys_of(statement: Statement, claim: str) -> tuple[dict[str, Any], str]:
    """The keys of the operator that looks at a claim, and the claim's key among them."""
    for keys in statement.get("Condition", {}).values():
        for key in keys:
            if key.lower().endswith(f":{claim}"):
                return keys, key
    raise NothingToChangeError(f"no condition on :{claim}")


def _subject_other(statement: Statement, order: Mapping[str, str]) -> Statement:
    """Another environment's subject: `subject`, or one of the same organization whose id is zeros."""
    keys, key = _keys_of(statement, "sub")
    return _with_value(statement, keys, key, lambda text: order.get("subject") or _other_environment(text))


def _other_environment(subject: str) -> str:
    organization, _, environment = subject.rpartition(":")
    return f"{organization}:{'0' * len(environment)}"


def _subject_case(statement: Statement, order: Mapping[str, str]) -> Statement:
    keys, key = _keys_of(statement, "sub")
    return _with_value(statement, keys, key, with_one_letter_changed)


def _audience_case(statement: Statement, order: Mapping[str, str]) -> Statement:
    keys, key = _keys_of(statement, "aud")
    return _with_value(statement, keys, key, with_one_letter_changed)


def _with_value(statement: Statement, keys: dict[str, Any], key: str, change: Callable[[str], str]) -> Statement:
    value = keys[key]
    keys[key] = change(value) if isinstance(value, str) else [change(value[0]), *value[1:]]
    return statement


def _https_in_key(statement: Statement, order: Mapping[str, str]) -> Statement:
    keys, key = _keys_of(statement, "sub")
    keys[f"https://{key}"] = keys.pop(key)
    return statement


def _slash_in_key(statement: Statement, order: Mapping[str, str]) -> Statement:
    keys, key = _keys_of(statement, "sub")
    host, _, claim = key.rpartition(":")
    keys[f"{host}/:{claim}"] = keys.pop(key)
    return statement


def _sub_under_aud(statement: Statement, order: Mapping[str, str]) -> Statement:
    keys, key = _keys_of(statement, "sub")
    subject = keys[key]
    _without(statement, "aud", is_needed=False)
    keys, key = _keys_of(statement, "sub")
    del keys[key]
    keys[f"{key[: -len('sub')]}aud"] = subject
    return statement


def _provider_of_other_account(statement: Statement, order: Mapping[str, str]) -> Statement:
    parts = statement["Principal"]["Federated"].split(":", 5)
    parts[4] = order.get("other_account_id") or OTHER_ACCOUNT
    return statement | {"Principal": {"Federated": ":".join(parts)}}


def _provider_of_other_partition(statement: Statement, order: Mapping[str, str]) -> Statement:
    parts = statement["Principal"]["Federated"].split(":", 5)
    parts[1] = OTHER_PARTITION
    return statement | {"Principal": {"Federated": ":".join(parts)}}


def _deny_statement(statement: Statement, order: Mapping[str, str]) -> Statement:
    return {
        "Sid": "DenyProvider",
        "Effect": "Deny",
        "Principal": {"Federated": statement["Principal"]["Federated"]},
        "Action": WEB_IDENTITY,
    }


def _condition_never_met(statement: Statement, order: Mapping[str, str]) -> Statement:
    condition = statement.get("Condition", {}) | {"IpAddress": {"aws:SourceIp": OTHER_NETWORK}}
    return statement | {"Condition": condition}


def _widen_subject(statement: Statement, order: Mapping[str, str]) -> Statement:
    _, key = _keys_of(statement, "sub")
    _without(statement, "sub")
    statement.setdefault("Condition", {}).setdefault("StringLike", {})[key] = "env:*"
    return statement


def _drop_audience(statement: Statement, order: Mapping[str, str]) -> Statement:
    return _without(statement, "aud")


def _drop_subject(statement: Statement, order: Mapping[str, str]) -> Statement:
    return _without(statement, "sub")


def _without(statement: Statement, claim: str, *, is_needed: bool = True) -> Statement:
    """No condition on the claim, and no empty condition left behind."""
    try:
        keys, key = _keys_of(statement, claim)
    except NothingToChangeError:
        if is_needed:
            raise
        return statement
    del keys[key]
    statement["Condition"] = {operator: found for operator, found in statement["Condition"].items() if found}
    if not statement["Condition"]:
        del statement["Condition"]
    return statement


CHANGES: dict[str, Change] = {
    "change_subject_case": _subject_case,
    "subject_other": _subject_other,
    "audience_case": _audience_case,
    "https_in_key": _https_in_key,
    "slash_in_key": _slash_in_key,
    "sub_under_aud": _sub_under_aud,
    "provider_of_other_account": _provider_of_other_account,
    "provider_of_other_partition": _provider_of_other_partition,
    "deny_statement": _deny_statement,
    "condition_never_met": _condition_never_met,
    "widen_subject": _widen_subject,
    "drop_audience": _drop_audience,
    "drop_subject": _drop_subject,
}
