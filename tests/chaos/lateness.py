"""IAM shows its own writes late, or now and then: the run waits as long as that takes, and ends as if undisturbed."""

from __future__ import annotations

from functools import partial

from aws_setup.models import Run
from tests.chaos.lab import Lab
from tests.chaos.rows import Matrix
from tests.live_account import THIRD, require_state

lateness = Matrix()
LONGEST = 90.0
PATIENCE_SECONDS = 240.0


def first_set_up(what: str, action: str, seconds: float, lab: Lab, *, kind: str = "late") -> None:
    if what == "provider":
        lab.delete_provider()
    environment = lab.environment()
    plan = lab.plan(environment)
    with lab.failing(kind, action, what=what, seconds=seconds, times=None):
        run = lab.finish(lab.approve(plan), seconds=PATIENCE_SECONDS)
    require_state(run, Run.State.SUCCEEDED)
    lab.require_connected(environment)


def audience(seconds: float, lab: Lab) -> None:
    lab.delete_provider()
    url = f"http://{lab.provider_arn.split(':oidc-provider/', 1)[1]}"
    lab.iam.create_open_id_connect_provider(Url=url, ClientIDList=["blobs"])
    first_set_up("audience", "AddClientIDToOpenIDConnectProvider", seconds, lab)


def trust(seconds: float, lab: Lab) -> None:
    environment = lab.connected()
    plan = lab.plan(environment, purpose="change", environment_id=environment.environment_id[::-1])
    with lab.failing("late", "UpdateAssumeRolePolicy", what="trust", seconds=seconds, times=None):
        run = lab.finish(lab.approve(plan), seconds=PATIENCE_SECONDS)
    require_state(run, Run.State.SUCCEEDED)
    lab.require_connected(environment)


def _add(words: str, play: object, *, is_sample: bool = False) -> None:
    lateness.add(words, play, account_id=THIRD, is_sample=is_sample)  # type: ignore[arg-type]


def everything(seconds: float, lab: Lab) -> None:
    """Provider, role and policy, each seen that much later than it was written."""
    lab.delete_provider()
    environment = lab.environment()
    plan = lab.plan(environment)
    faults = [
        lab.tell("late", action, what=what, seconds=seconds, times=1)
        for what, action in (
            ("provider", "CreateOpenIDConnectProvider"),
            ("role", "CreateRole"),
            ("policy", "PutRolePolicy"),
        )
    ]
    run = lab.finish(lab.approve(plan), seconds=PATIENCE_SECONDS * 2)
    assert all(lab.fault(number)["met"] for number in faults), "not every write was seen late"
    for number in faults:
        lab.end_fault(number)
    require_state(run, Run.State.SUCCEEDED)
    lab.require_connected(environment)


_add("late role, 3 s", partial(first_set_up, "role", "CreateRole", 3.0), is_sample=True)
_add("late provider, 10 s", partial(first_set_up, "provider", "CreateOpenIDConnectProvider", 10.0))
_add("flapping role, 10 s", partial(first_set_up, "role", "CreateRole", 10.0, kind="flapping"))
_add("flapping policy, 10 s", partial(first_set_up, "policy", "PutRolePolicy", 10.0, kind="flapping"))
_add("flapping provider, 10 s", partial(first_set_up, "provider", "CreateOpenIDConnectProvider", 10.0, kind="flapping"))
_add(f"late audience, {LONGEST:.0f} s", partial(audience, LONGEST))
_add(f"late trust, {LONGEST:.0f} s", partial(trust, LONGEST))
slowest = Matrix()
"""Played beside the kills, so that the whole stays within its time."""
slowest.add(f"late provider, role and policy, {LONGEST:.0f} s each", partial(everything, LONGEST), account_id=THIRD)
