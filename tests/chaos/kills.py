"""A worker's process is killed at every boundary of every action; the run goes on by itself to the same end."""

from __future__ import annotations

import json
from functools import partial

from aws_setup.models import Account, Draft, Run
from aws_setup.observed import ObservedRole
from tests.chaos.lab import Lab
from tests.chaos.rows import Matrix
from tests.live_account import HOME, SECOND, require_state

kills = Matrix()
SAMPLE = {"hold_before CreateRole", "hold_after PutRolePolicy", "hold_after DeleteRole"}
MOMENTS = ("hold_before", "hold_after")
PATIENCE_SECONDS = 60


def _end(lab: Lab, run: Run) -> None:
    require_state(lab.finish(run, seconds=PATIENCE_SECONDS), Run.State.SUCCEEDED)


def first_set_up(moment: str, action: str, lab: Lab) -> None:
    if action == "CreateOpenIDConnectProvider":
        lab.delete_provider()
    environment = lab.environment()
    plan = lab.plan(environment)
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    lab.require_connected(environment)


def adding_an_audience(moment: str, action: str, lab: Lab) -> None:
    lab.delete_provider()
    from_address = lab.provider_arn.split(":oidc-provider/", 1)[1]
    lab.iam.create_open_id_connect_provider(Url=f"http://{from_address}", ClientIDList=["blobs"])
    environment = lab.environment()
    plan = lab.plan(environment)
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    lab.require_connected(environment)
    provider = lab.provider()
    assert provider is not None
    assert sorted(provider["audiences"]) == ["bedrock", "blobs"], provider["audiences"]


def planning(moment: str, action: str, lab: Lab) -> None:
    environment = lab.environment()
    draft = lab.kill_at(moment, action, partial(lab.draft, environment))
    run = lab.approve(lab.planned(draft, seconds=PATIENCE_SECONDS))
    _end(lab, run)
    lab.require_connected(environment)


def changing(answers: dict[str, object], moment: str, action: str, lab: Lab) -> None:
    environment = lab.connected()
    plan = lab.plan(environment, purpose="change", **answers)
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    lab.require_connected(environment)


def changing_ids(moment: str, action: str, lab: Lab) -> None:
    environment = lab.connected()
    other = environment.environment_id[::-1]
    plan = lab.plan(environment, purpose="change", environment_id=other)
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    environment.refresh_from_db()
    assert environment.environment_id == other
    lab.require_connected(environment)


def disconnecting(moment: str, action: str, lab: Lab) -> None:
    environment = lab.connected(**({"permissions": "full"} if action == "DetachRolePolicy" else {}))
    plan = lab.plan(environment, purpose="disconnect")
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    lab.require_gone(environment)


def adopting(moment: str, action: str, lab: Lab) -> None:
    environment = lab.environment()
    name = make_by_hand(lab, environment.environment_id)
    assert lab.blocked(environment, role_name=name) == "role_not_ours"
    plan = lab.plan(environment, role_name=name, adopts=digest_found(lab, environment.pk))
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    lab.require_connected(environment)
    role = lab.role(name)
    assert role is not None
    assert len(role["trust_policy"]["Statement"]) == 2, role["trust_policy"]


def giving_back(moment: str, action: str, lab: Lab) -> None:
    environment = lab.environment()
    name = make_by_hand(lab, environment.environment_id)
    before = lab.role(name)
    assert lab.blocked(environment, role_name=name) == "role_not_ours"
    adopted = lab.connect(environment, role_name=name, adopts=digest_found(lab, environment.pk))
    require_state(adopted, Run.State.SUCCEEDED)
    plan = lab.plan(environment, purpose="disconnect")
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    lab.require_gone(environment)
    after = lab.role(name)
    assert before is not None
    assert after is not None
    assert {**after, "last_used": None} == {**before, "last_used": None}, after


def removing_the_provider(moment: str, action: str, lab: Lab) -> None:
    """Nobody else trusts it: of the rows here, each takes away what it made."""
    lab.forget_everything_of_ours()
    if action == "RemoveClientIDFromOpenIDConnectProvider":
        url = f"http://{lab.provider_arn.split(':oidc-provider/', 1)[1]}"
        lab.iam.create_open_id_connect_provider(Url=url, ClientIDList=["blobs"])
    environment = lab.connected()
    plan = lab.plan(environment, purpose="disconnect", removes_provider=True)
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    lab.require_gone(environment)
    provider = lab.provider()
    if action == "DeleteOpenIDConnectProvider":
        assert provider is None, provider
    else:
        assert provider is not None
        assert provider["audiences"] == ["blobs"], provider["audiences"]


def repairing(moment: str, action: str, lab: Lab) -> None:
    """What an administrator changed at night is put back."""
    environment = lab.connected()
    [role] = lab.roles_of(environment)
    lab.iam.update_role(RoleName=role["name"], MaxSessionDuration=43200)
    plan = lab.plan(environment, purpose="repair")
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    lab.require_connected(environment)


def bounding(moment: str, action: str, lab: Lab) -> None:
    """The company wants a boundary by now: a role that has none gets it at its next change."""
    environment = lab.connected()
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]}
    name = f"Boundary{environment.environment_id[:8]}"
    arn = lab.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(allow))["Policy"]["Arn"]
    Account.objects.filter(pk=lab.account.pk).update(boundary_arn=arn)
    try:
        plan = lab.plan(environment, purpose="change")
    finally:
        Account.objects.filter(pk=lab.account.pk).update(boundary_arn="")
    run = lab.kill_at(moment, action, partial(lab.approve, plan))
    _end(lab, run)
    [role] = lab.roles_of(environment)
    assert role["permissions_boundary"] == arn, role


def make_by_hand(lab: Lab, environment_id: str) -> str:
    """A role that somebody made for something of theirs, under a name that is wanted here; the name."""
    name = f"ByHand{environment_id[:8]}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
    lab.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return name


def digest_found(lab: Lab, environment_pk: int) -> str:
    """The digest that the page shows of the role which stands in the way."""
    from_draft = Draft.objects.filter(environment_id=environment_pk, found__isnull=False).order_by("-id").first()
    assert from_draft is not None
    assert from_draft.found is not None
    return ObservedRole.from_json(from_draft.found["role"]).digest


def _add(name: str, play: object, calls: tuple[str, ...], account_id: str) -> None:
    for action in calls:
        for moment in MOMENTS:
            words = f"{moment} {action}"
            kills.add(
                f"kill {name}: {words}",
                partial(play, moment, action),  # type: ignore[call-overload]
                account_id=account_id,
                is_sample=words in SAMPLE,
            )


_add("planning", planning, ("GetRole",), HOME)
_add(
    "first set-up",
    first_set_up,
    (
        "GetCallerIdentity",
        "CreateOpenIDConnectProvider",
        "CreateRole",
        "PutRolePolicy",
        "AssumeRoleWithWebIdentity",
        "ListFoundationModels",
    ),
    HOME,
)
_add("adding an audience", adding_an_audience, ("AddClientIDToOpenIDConnectProvider",), SECOND)
_add("changing ids", changing_ids, ("UpdateAssumeRolePolicy", "TagRole"), SECOND)
_add(
    "to a managed policy", partial(changing, {"permissions": "full"}), ("AttachRolePolicy", "DeleteRolePolicy"), SECOND
)
_add("disconnecting", disconnecting, ("DetachRolePolicy", "DeleteRole"), SECOND)
_add("repairing", repairing, ("UpdateRole",), SECOND)
_add("bounding", bounding, ("PutRolePermissionsBoundary",), SECOND)
_add("giving back", giving_back, ("UntagRole",), HOME)
_add("adopting", adopting, ("UpdateAssumeRolePolicy",), SECOND)
_add(
    "removing the provider",
    removing_the_provider,
    ("DeleteOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider"),
    HOME,
)
