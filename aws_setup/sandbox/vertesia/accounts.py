"""The account, which Studio calls organization, and its projects."""

from __future__ import annotations

from aws_setup.sandbox.vertesia.calls import Call
from aws_setup.sandbox.vertesia.errors import not_found
from aws_setup.sandbox.vertesia.schemas import read_query
from aws_setup.sandbox.wire import Json

_CREATED = "2026-08-01T08:00:00.000Z"
_CREATOR = "user:66f2a1c08d4b3e9f17c0d001"


async def get_account(call: Call) -> Json:
    read_query(call.request)
    return {
        **call.studio.account.to_ref(),
        "email_domains": ["acme.example"],
        "onboarding": {"completed": True},
        "datacenter": "local",
        "account_type": "customer",
        "billing": {"method": "invoice"},
        "created_by": _CREATOR,
        "updated_by": _CREATOR,
        "created_at": _CREATED,
        "updated_at": _CREATED,
    }


async def list_projects(call: Call) -> Json:
    """A bare array. Only the token's own account can be asked for: 404 for another one, believed."""
    if read_query(call.request, "account").get("account", call.studio.account.id) != call.studio.account.id:
        raise not_found("Account")
    return _projects(call)


async def list_account_projects(call: Call) -> Json:
    """The same, but wrapped."""
    read_query(call.request)
    return {"data": _projects(call)}


def _projects(call: Call) -> list[dict[str, Json]]:
    """`restricted` marks what is seen and not accessible: for a reader's key, every project but its own."""
    is_admin = "account:admin" in call.caller.permissions
    return [
        project.to_ref() | ({} if is_admin or project == call.caller.project else {"restricted": True})
        for project in call.studio.projects.values()
    ]
