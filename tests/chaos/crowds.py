"""Many people and many set-ups at once: one run per environment, one provider per account, nobody asked twice."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import redis
from celery import current_app
from django.conf import settings
from django.db import connection
from django.utils import timezone

from aws_setup.approval import approve_plan
from aws_setup.diagnosis import Blocked
from aws_setup.models import Plan, Run
from environments.history import Actor
from tests.chaos.lab import Lab
from tests.chaos.rows import Matrix
from tests.live_account import SECOND, require_state

crowds = Matrix()
MANY = 50


def _approve(plan_pk: int, actor: str) -> Run | Blocked:
    plan = Plan.objects.get(pk=plan_pk)
    try:
        return approve_plan(plan, fingerprint=plan.fingerprint, actor=Actor(actor), now=timezone.now())
    except Blocked as refusal:
        return refusal


def _at_once(plans: list[int]) -> list[Run | Blocked]:
    barrier = Barrier(len(plans))

    def approve(plan_pk: int) -> Run | Blocked:
        try:
            barrier.wait(timeout=30)
            return _approve(plan_pk, "ann")
        finally:
            connection.close()

    with ThreadPoolExecutor(len(plans)) as pool:
        return list(pool.map(approve, plans))


@crowds.row("twenty approvals of one plan at the same moment", account_id=SECOND, is_sample=True)
def twenty_approvals(lab: Lab) -> None:
    environment = lab.environment()
    plan = lab.plan(environment)
    runs = [run for run in _at_once([plan.pk] * 20) if isinstance(run, Run)]
    assert len(runs) == 1, f"{len(runs)} runs"
    require_state(lab.finish(runs[0]), Run.State.SUCCEEDED)
    lab.require_connected(environment)


@crowds.row("two people approve different plans at the same moment", account_id=SECOND, is_sample=True)
def two_plans(lab: Lab) -> None:
    environment = lab.environment()
    plans = [lab.plan(environment).pk, lab.plan(environment, region="eu-west-1").pk]
    answers = _at_once(plans)
    [run] = [answer for answer in answers if isinstance(answer, Run)]
    [refusal] = [answer for answer in answers if isinstance(answer, Blocked)]
    assert "AWS region" in refusal.problem.evidence, refusal.problem
    assert refusal.problem.sentence.startswith("ann approved another plan"), refusal.problem
    require_state(lab.finish(run), Run.State.SUCCEEDED)
    lab.require_connected(environment)


@crowds.row(f"{MANY} environments of one account at once", account_id=SECOND)
def fifty_environments(lab: Lab) -> None:
    lab.delete_provider()
    environments = [lab.environment() for _ in range(MANY)]
    drafts = [lab.draft(environment) for environment in environments]
    plans = [lab.planned(draft, seconds=120) for draft in drafts]
    assert all(plan.actions[0]["action"] == "CreateOpenIDConnectProvider" for plan in plans)
    runs = [lab.approve(plan) for plan in plans]
    for run in runs:
        require_state(lab.finish(run, seconds=180), Run.State.SUCCEEDED)
    provider = lab.provider()
    assert provider is not None
    assert provider["audiences"] == ["bedrock"], provider["audiences"]
    for environment in environments:
        lab.require_connected(environment)


@crowds.row("every message to the workers is lost", account_id=SECOND, is_sample=True)
def lost_messages(lab: Lab) -> None:
    """The database is the queue of record: the next sweep finds what nobody was told of."""
    environment = lab.environment()
    plan = lab.plan(environment)
    broker = redis.Redis.from_url(str(current_app.conf.broker_url))
    run = lab.approve(plan)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        broker.delete("celery")
    require_state(lab.finish(run), Run.State.SUCCEEDED)
    lab.require_connected(environment)


@crowds.row("the database is locked for three seconds", account_id=SECOND)
def locked_database(lab: Lab) -> None:
    environment = lab.environment()
    plan = lab.plan(environment)
    run = lab.approve(plan)
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None, timeout=20)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(3)
    other.execute("ROLLBACK")
    other.close()
    require_state(lab.finish(run), Run.State.SUCCEEDED)
    lab.require_connected(environment)


@crowds.row("somebody deletes the role in the middle of its set-up", account_id=SECOND)
def role_deleted_under_way(lab: Lab) -> None:
    """What was approved and is gone again is made again: it was approved."""
    environment = lab.environment()
    plan = lab.plan(environment)
    number = lab.tell("throttled", "PutRolePolicy", times=2)
    run = lab.approve(plan)
    deadline = time.monotonic() + 30
    while not lab.fault(number)["met"] and time.monotonic() < deadline:
        time.sleep(0.05)
    [role] = lab.roles_of(environment)
    lab.iam.delete_role(RoleName=role["name"])
    lab.require_others_untouched()
    require_state(lab.finish(run), Run.State.SUCCEEDED)
    lab.end_fault(number)
    lab.require_connected(environment)


@crowds.row("somebody widens the trust between plan and approval", account_id=SECOND)
def changed_since_seen(lab: Lab) -> None:
    """Nothing that nobody saw is overwritten: the run stops and says what is new."""
    environment = lab.connected()
    role = lab.roles_of(environment)[0]
    plan = lab.plan(environment, purpose="change", environment_id=environment.environment_id[::-1])
    trust = role["trust_policy"]
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    widened = trust | {"Statement": [*trust["Statement"], statement]}
    lab.iam.update_assume_role_policy(RoleName=role["name"], PolicyDocument=json.dumps(widened))
    run = lab.finish(lab.approve(plan))
    require_state(run, Run.State.FAILED)
    assert (run.problem or {})["code"] == "plan_outdated", run.problem
    found = lab.role(role["name"])
    assert found is not None
    assert found["trust_policy"] == widened
