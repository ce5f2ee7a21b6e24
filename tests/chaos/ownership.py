"""Adoption and teardown in an account full of other people's things: nothing of theirs is changed unasked."""

from __future__ import annotations

import json

from aws_setup.models import Run
from tests.chaos.kills import digest_found, make_by_hand
from tests.chaos.lab import Lab
from tests.chaos.rows import Matrix
from tests.live_account import SECOND, require_state

ownership = Matrix()


@ownership.row("adopt: nothing happens to a found role without consent", account_id=SECOND, is_sample=True)
def no_consent(lab: Lab) -> None:
    environment = lab.environment()
    name = make_by_hand(lab, environment.environment_id)
    before = lab.role(name)
    assert lab.blocked(environment, role_name=name) == "role_not_ours"
    assert lab.blocked(environment, role_name=name.upper()) == "role_not_ours"
    assert lab.blocked(environment, role_name=name, adopts="0" * 64) == "role_not_ours"
    assert lab.role(name) == before


@ownership.row("adopt: ours is merged in, theirs stays, and it is given back", account_id=SECOND, is_sample=True)
def adopt_and_give_back(lab: Lab) -> None:
    environment = lab.environment()
    name = make_by_hand(lab, environment.environment_id)
    lab.iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockReadOnly")
    lab.iam.put_role_policy(RoleName=name, PolicyName="Theirs", PolicyDocument=json.dumps(ALLOW_EC2))
    before = lab.role(name)
    assert before is not None
    assert lab.blocked(environment, role_name=name) == "role_not_ours"
    consent = {"role_name": name, "adopts": digest_found(lab, environment.pk)}
    require_state(lab.connect(environment, **consent), Run.State.SUCCEEDED)
    lab.require_connected(environment)
    adopted = lab.role(name)
    assert adopted is not None
    assert adopted["trust_policy"]["Statement"][0] == before["trust_policy"]["Statement"][0]
    assert adopted["inline_policies"]["Theirs"] == ALLOW_EC2
    require_state(lab.connect(environment, purpose="disconnect"), Run.State.SUCCEEDED)
    lab.require_gone(environment)
    after = lab.role(name)
    assert after is not None
    assert {**after, "last_used": None} == {**before, "last_used": None}, after


ALLOW_EC2 = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]}


@ownership.row("adopt: a role that changed since is asked about again", account_id=SECOND)
def changed_since_consent(lab: Lab) -> None:
    environment = lab.environment()
    name = make_by_hand(lab, environment.environment_id)
    assert lab.blocked(environment, role_name=name) == "role_not_ours"
    digest = digest_found(lab, environment.pk)
    lab.iam.tag_role(RoleName=name, Tags=[{"Key": "Team", "Value": "other"}])
    assert lab.blocked(environment, role_name=name, adopts=digest) == "role_not_ours"


@ownership.row("adopt: the role of Vertesia's own script, which checks no audience", account_id=SECOND)
def helper_script(lab: Lab) -> None:
    environment = lab.environment()
    name = f"VertesiaBedrockRole{environment.environment_id[:6]}"
    host = lab.provider_arn.split(":oidc-provider/", 1)[1]
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": lab.provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:sub": environment.subject}},
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    lab.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    lab.iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockFullAccess")
    assert lab.blocked(environment, role_name=name) == "role_not_ours"
    consent = {"role_name": name, "adopts": digest_found(lab, environment.pk)}
    require_state(lab.connect(environment, **consent), Run.State.SUCCEEDED)
    role = lab.role(name)
    assert role is not None
    [only] = role["trust_policy"]["Statement"]
    assert only["Condition"]["StringEquals"] == {f"{host}:aud": "bedrock", f"{host}:sub": environment.subject}
    assert role["attached_policies"] == ["arn:aws:iam::aws:policy/AmazonBedrockFullAccess"]


@ownership.row("provider with others' audience: ours is added, theirs stays", account_id=SECOND, is_sample=True)
def others_audience(lab: Lab) -> None:
    lab.delete_provider()
    url = f"http://{lab.provider_arn.split(':oidc-provider/', 1)[1]}"
    lab.iam.create_open_id_connect_provider(Url=url, ClientIDList=["blobs"])
    lab.connected()
    provider = lab.provider()
    assert provider is not None
    assert sorted(provider["audiences"]) == ["bedrock", "blobs"]


@ownership.row("disconnect: the provider is kept unless it is asked for", account_id=SECOND)
def provider_is_kept(lab: Lab) -> None:
    environment = lab.connected()
    require_state(lab.connect(environment, purpose="disconnect"), Run.State.SUCCEEDED)
    lab.require_gone(environment)
    assert lab.provider() is not None


@ownership.row(
    "disconnect: a provider that other roles trust stays, asked for or not", account_id=SECOND, is_sample=True
)
def provider_in_use(lab: Lab) -> None:
    first, second = lab.connected(), lab.connected()
    run = lab.connect(first, purpose="disconnect", removes_provider=True)
    require_state(run, Run.State.SUCCEEDED)
    lab.require_gone(first)
    lab.require_connected(second)
    why = run.steps.get(action__action="DeleteOpenIDConnectProvider").action["why"]
    assert "Other roles trust it" in why, why


@ownership.row("disconnect: twice, and where somebody was faster", account_id=SECOND)
def disconnect_twice(lab: Lab) -> None:
    environment = lab.connected()
    plan = lab.plan(environment, purpose="disconnect")
    [role] = lab.roles_of(environment)
    lab.iam.delete_role_policy(RoleName=role["name"], PolicyName="VertesiaBedrock")
    lab.iam.delete_role(RoleName=role["name"])
    require_state(lab.finish(lab.approve(plan)), Run.State.SUCCEEDED)
    lab.require_gone(environment)
    require_state(lab.connect(environment, purpose="disconnect"), Run.State.SUCCEEDED)
    lab.require_gone(environment)
    assert environment.events.filter(action="plan.approved").count() >= 2


@ownership.row("repair: what an administrator broke at night is put back", account_id=SECOND)
def repair(lab: Lab) -> None:
    environment = lab.connected()
    [role] = lab.roles_of(environment)
    lab.iam.delete_role_policy(RoleName=role["name"], PolicyName="VertesiaBedrock")
    lab.iam.untag_role(RoleName=role["name"], TagKeys=["vertesia-aws-setup:environment"])
    lab.iam.attach_role_policy(RoleName=role["name"], PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockReadOnly")
    lab.iam.update_role(RoleName=role["name"], MaxSessionDuration=43200)
    require_state(lab.connect(environment, purpose="repair"), Run.State.SUCCEEDED)
    lab.require_connected(environment)


@ownership.row("accept: what an administrator meant is the new agreement", account_id=SECOND)
def accept(lab: Lab) -> None:
    environment = lab.connected()
    [role] = lab.roles_of(environment)
    lab.iam.attach_role_policy(RoleName=role["name"], PolicyArn="arn:aws:iam::aws:policy/AmazonBedrockReadOnly")
    plan = lab.plan(environment, purpose="accept")
    assert {action["verb"] for action in plan.actions} == {"keep"}, plan.actions
    require_state(lab.finish(lab.approve(plan)), Run.State.SUCCEEDED)
    again = lab.plan(environment, purpose="repair")
    assert {action["verb"] for action in again.actions} == {"keep"}, again.actions
