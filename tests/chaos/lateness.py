"""IAM shows its own writes late, or now and then: the run waits as long as that takes, and ends as if undisturbed."""

from __future__ import annotations

from functools import partial

from aws_setup.models import Run
from tests.chaos.lab import Lab, require_state
from tests.chaos.rows import THIRD, Matrix

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


_add("late role, 3 s", partial(first_set_up, "role", "CreateRole", 3.0), is_sample=True)
_add(f"late role, {LONGEST:.0f} s", partial(first_set_up, "role", "CreateRole", LONGEST))
_add("late provider, 20 s", partial(first_set_up, "provider", "CreateOpenIDConnectProvider", 20.0))
_add("late policy, 30 s", partial(first_set_up, "policy", "PutRolePolicy", 30.0))
_add("late audience, 20 s", partial(audience, 20.0))
_add("late trust, 30 s", partial(trust, 30.0))
_add("flapping role, 20 s", partial(first_set_up, "role", "CreateRole", 20.0, kind="flapping"))
_add("flapping policy, 20 s", partial(first_set_up, "policy", "PutRolePolicy", 20.0, kind="flapping"))
