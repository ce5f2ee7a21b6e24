"""Set-ups that the running worker does: `python -m tests.bench.set_ups NUMBER FIRST`, in the console's environment.

Prints, as JSON, how each run went: `state`, `seconds` from taking it up to its end, `aws_seconds`, `aws_calls`.
"""

from __future__ import annotations

import json
import sys
import time

import django

django.setup()

from django.utils import timezone  # noqa: E402 - models can be imported only once Django is set up

from aws_setup import approval, headless  # noqa: E402
from aws_setup.models import Run  # noqa: E402
from aws_setup.wiring import open_gateway  # noqa: E402
from environments.history import operating_system_actor  # noqa: E402
from environments.installation import default_issuer  # noqa: E402
from environments.registry import register_environment  # noqa: E402
from tests.bench.connecting import ORGANIZATION, REGION, environment_id  # noqa: E402

GIVE_UP_SECONDS = 500


def main(number: int, first: int) -> None:
    actor = operating_system_actor()
    issuer = default_issuer()
    account = headless.find_account(open_gateway, account_id="", now=timezone.now())
    plans = []
    for position in range(first, first + number):
        environment = register_environment(
            organization_name="",
            organization_id=ORGANIZATION,
            issuer=issuer,
            environment_id=environment_id(position),
            name=f"Bench {position}",
            region=REGION,
            provider="bedrock",
            actor=actor,
        )
        answers: dict[str, object] = {
            "region": REGION,
            "organization_id": ORGANIZATION,
            "environment_id": environment.environment_id,
            "account_id": account.account_id,
            "issuer_url": issuer.url,
        }
        plans.append(headless.plan_connection(environment, answers=answers, open_gateway=open_gateway, actor=actor))
    runs = []
    for plan in plans:
        run = approval.approve_plan(plan, fingerprint=plan.fingerprint, actor=actor, now=timezone.now())
        runs.append(run.pk)
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while Run.objects.filter(pk__in=runs, finished_at__isnull=True).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    found = []
    for run in Run.objects.filter(pk__in=runs):
        ended, started = run.finished_at or timezone.now(), run.started_at or run.created_at
        found.append(
            {
                "state": run.state,
                "seconds": (ended - started).total_seconds(),
                "aws_seconds": run.aws_seconds,
                "aws_calls": run.aws_calls,
                "problem": run.problem,
            }
        )
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
