"""One-click breakages of the sandbox: what goes wrong in real accounts, to be seen where nothing is at stake."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models

from aws_setup import hints
from aws_setup.lab.control import require_sandbox, tell_sandbox
from aws_setup.models import Connection, Verification
from aws_setup.verification import hasten_verification, request_verification
from environments.history import Actor, record


@dataclass(frozen=True)
class Breakage:
    """One way to break a connected environment. `opens`: it lets others in, which only a proof of isolation finds."""

    title: str
    effect: str
    opens: bool = False


KINDS = {
    "delete_provider": Breakage("Delete the identity provider", "Every environment of the account loses its way in."),
    "remove_audience": Breakage(
        "Remove the audience from the identity provider",
        "The provider no longer lists bedrock: STS refuses the token.",
    ),
    "change_subject_case": Breakage(
        "Change the case of the subject in the role's trust policy",
        "One letter of sub: AWS compares values with case.",
    ),
    "https_in_key": Breakage("Write https:// into the condition key", "AWS then looks for a claim that no token has."),
    "sub_under_aud": Breakage("Put the subject under aud", "The right value under the wrong key."),
    "deny_statement": Breakage("Add a Deny to the trust policy", "It outweighs every Allow."),
    "widen_subject": Breakage(
        "Let every environment of the organization in",
        "Everything goes on working; only the proof of isolation sees the hole.",
        opens=True,
    ),
    "delete_role": Breakage("Delete the role", "AWS says the same of a missing role as of a trust that does not fit."),
    "detach_policy": Breakage(
        "Take the role's permissions away", "The token is still exchanged, but Bedrock lists nothing."
    ),
    "stop_issuer": Breakage("Make the issuer unreachable for AWS", "STS can no longer fetch the signing keys."),
    "start_issuer": Breakage(
        "Make the issuer reachable again", "Mends the one before. The others are mended by a plan."
    ),
}
"""In the order in which they are offered."""
RESET = "reset"
LONGEST_BREAKAGE = timedelta(seconds=30)


def request_breakage(kind: str, *, connection: Connection | None, actor: Actor, now: datetime) -> bool:
    """Ask a worker to break the sandbox in this way (or `reset` it), then to verify what it concerns.

    False where the broker took no message: then nothing is broken, now or later.
    """
    require_sandbox()
    if kind != RESET and (kind not in KINDS or connection is None):
        raise ValueError(f"{kind} is not a breakage of a connection")
    # Asked for already, so that the page has something to wait for; it begins once the sandbox is broken.
    asked = [
        request_verification(
            concerned, actor=actor, now=now, not_before=now + LONGEST_BREAKAGE, with_isolation=_opens(kind)
        )
        for concerned in _concerned(kind, connection.pk if connection else 0)
    ]
    if hints.send_now(hints.BREAK_SANDBOX, kind, connection.pk if connection else 0, actor):
        return True
    Verification.objects.filter(pk__in=[proof.pk for proof in asked if proof], attempts=0).delete()
    return False


def break_sandbox(kind: str, *, connection_pk: int, actor: Actor, sandbox_url: str, now: datetime) -> None:
    """Break it, and start the verification that shows the cause; `reset` concerns every connection.

    Raises NoSandbox: whoever asks for it may be a message that no page sent.
    """
    require_sandbox()
    connections = _concerned(kind, connection_pk)
    if kind == RESET:
        tell_sandbox(sandbox_url, "reset")
    else:
        connection = connections.get()
        tell_sandbox(
            sandbox_url,
            "breakages",
            {
                "kind": kind,
                "account_id": connection.account.account_id,
                "role_name": connection.role_name,
                "issuer_url": connection.desired["issuer_url"],
            },
        )
    # What somebody else changed is not our own write that AWS is still spreading: nothing to wait out.
    connections.update(last_write_at=None)
    for connection in connections:
        record(
            f"sandbox.{kind}",
            f"Sandbox: {KINDS[kind].title if kind in KINDS else 'put back to its first state'}.",
            actor=actor,
            environment=connection.environment,
        )
        if not hasten_verification(connection, now=now):
            request_verification(connection, actor=actor, now=now, with_isolation=_opens(kind))


def _opens(kind: str) -> bool:
    return kind in KINDS and KINDS[kind].opens


def _concerned(kind: str, connection_pk: int) -> models.QuerySet[Connection]:
    connected = Connection.objects.exclude(role_arn="").select_related("account", "environment")
    return connected if kind == RESET else connected.filter(pk=connection_pk)
