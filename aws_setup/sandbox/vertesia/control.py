"""The control interface of the local Vertesia: `/_sandbox/vertesia/…` at the sandbox AWS's address.

GET    state                what it holds; of Bedrock environments also what is stored as their `apiKey`
POST   faults               {"kind", "call": "*", "times": 1 (null: no end), "skip": 0, "seconds" (slow),
                            "retry_after" (unavailable, throttled), "code" (a forbidden IssueToken)}
GET    faults
DELETE faults, faults/ID    what they slow down goes on
POST   keys                 {"id", any of "is_enabled", "are_tokens_refused", "may_issue_environment_tokens",
                            "role": "admin" or "reader"}
POST   settings             {"token_seconds"}: how long tokens live from now on
DELETE environments/ID      somebody deletes it
"""

from __future__ import annotations

from typing import Any

from aws_setup.sandbox.state import State
from aws_setup.sandbox.vertesia.faults import read_fault
from aws_setup.sandbox.vertesia.records import PERMISSIONS_BY_ROLE, ApiKey, Environment
from aws_setup.sandbox.vertesia.routes import CALLS
from aws_setup.sandbox.wire import Json

PREFIX = "vertesia/"
_SWITCHES = ("is_enabled", "are_tokens_refused", "may_issue_environment_tokens")
LONGEST_TOKEN_SECONDS = 86400


def answer(method: str, path: str, order: dict[str, Any], state: State) -> Json:
    """Perform one order; `path` is what follows `vertesia/`. ValueError says what is wrong, LookupError what is not."""
    studio = state.vertesia
    kind, _, object_id = path.partition("/")
    if (method, path) == ("GET", "state"):
        return _show(state)
    if (method, path) == ("POST", "faults"):
        return studio.faults.add(read_fault(order, calls=CALLS)).to_json()
    if (method, path) == ("DELETE", "faults"):
        studio.faults.clear()
    elif (method, kind) == ("DELETE", "faults"):
        if not (object_id.isdecimal() and studio.faults.delete(int(object_id))):
            raise LookupError(f"there is no fault {object_id}")
    elif (method, path) == ("POST", "keys"):
        return _change_key(state, order)
    elif (method, path) == ("POST", "settings"):
        return _change_settings(state, order)
    elif (method, kind) == ("DELETE", "environments"):
        if studio.environments.pop(object_id, None) is None:
            raise LookupError(f"there is no environment {object_id}")
        state.changed()
        return {"id": object_id}
    elif (method, path) != ("GET", "faults"):
        raise LookupError(f"there is no {method} vertesia/{path}")
    return {"faults": studio.faults.to_json()}


def _change_key(state: State, order: dict[str, Any]) -> Json:
    key = state.vertesia.api_keys.get(str(order.get("id")))
    if key is None:
        raise ValueError(f"there is no API key {order.get('id')!r}")
    changes = {name: value for name, value in order.items() if name != "id"}
    if not changes or set(changes) - {*_SWITCHES, "role"}:
        raise ValueError(f"what changes of a key is {', '.join(_SWITCHES)} or role")
    for name, value in changes.items():
        if name == "role" and value not in PERMISSIONS_BY_ROLE:
            raise ValueError(f"role must be one of {', '.join(PERMISSIONS_BY_ROLE)}")
        if name != "role" and not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
    for name, value in changes.items():
        setattr(key, name, value)
    state.changed()
    return _key(key)


def _change_settings(state: State, order: dict[str, Any]) -> Json:
    seconds = order.get("token_seconds")
    if set(order) != {"token_seconds"} or isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ValueError("settings are token_seconds, a whole number")
    if not 1 <= seconds <= LONGEST_TOKEN_SECONDS:
        raise ValueError(f"token_seconds must be from 1 to {LONGEST_TOKEN_SECONDS}")
    state.vertesia.token_seconds = seconds
    state.changed()
    return {"token_seconds": seconds}


def _show(state: State) -> Json:
    studio = state.vertesia
    return {
        "account": studio.account.to_ref(),
        "projects": [project.to_ref() for project in studio.projects.values()],
        "keys": [_key(key) for key in studio.api_keys.values()],
        "environments": [_environment(environment, studio.account.id) for environment in studio.environments.values()],
        "token_seconds": studio.token_seconds,
        "faults": studio.faults.to_json(),
    }


def _key(key: ApiKey) -> dict[str, Json]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "project": key.project_id,
        **{name: getattr(key, name) for name in _SWITCHES},
    }


def _environment(environment: Environment, account_id: str) -> dict[str, Json]:
    """A role's ARN is no secret; other providers' keys are."""
    stored = {"stored_api_key": environment.api_key} if environment.provider == "bedrock" else {}
    return environment.to_json(account_id) | stored
