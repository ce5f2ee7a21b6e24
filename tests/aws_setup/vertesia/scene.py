"""A console beside a sandbox with its local Vertesia: people who connect it, and the worker who asks it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from aws_setup.models import VertesiaAccess, VertesiaJob
from aws_setup.vertesia import jobs
from aws_setup.vertesia.access import connect_organization, request_import
from aws_setup.vertesia.clients import VertesiaClients
from aws_setup.vertesia.creating import order_environment
from environments.models import Environment, Event
from tests.aws_setup.journeys import MONA, Console
from tests.aws_setup.sandboxed import Sandbox
from tests.sandbox.vertesia import ADMIN, MARKETING


class Scene:
    def __init__(self, sandbox: Sandbox, console: Console) -> None:
        self.sandbox, self.console = sandbox, console
        self.clients = VertesiaClients(find_local_url=lambda: sandbox.process.vertesia_url, now=timezone.now)
        console.open_vertesia = self.clients.open

    # --- people ---------------------------------------------------------------------------------------------------

    def enter(self, key: str = ADMIN) -> VertesiaJob:
        """Somebody enters an API key; a worker reads what it opens."""
        return self.finish(connect_organization(site="sandbox", api_key=key, actor=MONA, now=self.console.clock()))

    def connect(self, key: str = ADMIN) -> VertesiaAccess:
        job = self.enter(key)
        assert job.state == "done", job.problem
        return job.access

    def import_again(self, access: VertesiaAccess) -> VertesiaJob:
        job = request_import(access, actor=MONA, now=self.console.clock())
        assert job is not None
        return self.finish(job)

    def order(self, access: VertesiaAccess, **wanted: Any) -> VertesiaJob:
        values = {"name": "New", "region": "us-east-1", "project_ids": [MARKETING]} | wanted
        return order_environment(access, actor=MONA, now=self.console.clock(), **values)

    # --- a worker -------------------------------------------------------------------------------------------------

    def advance(self, job: VertesiaJob) -> datetime | None:
        due = jobs.advance_job(job.pk, open_vertesia=self.clients.open, clock=self.console.clock)
        job.refresh_from_db()
        return due

    def finish(self, job: VertesiaJob) -> VertesiaJob:
        """Advance the job until it is over, letting time pass as it asks."""
        for _ in range(100):
            due = self.advance(job)
            if job.is_finished:
                return VertesiaJob.objects.select_related("access__organization__issuer").get(pk=job.pk)
            assert due is not None
            self.console.clock.forward(max(0.1, (due - self.console.clock()).total_seconds()))
        raise AssertionError(f"the job is not over: {job.doing}")

    # --- what is there --------------------------------------------------------------------------------------------

    def environment(self, environment_id: str) -> Environment:
        return Environment.objects.select_related("organization__issuer").get(environment_id=environment_id)

    def fault(self, kind: str, **order: Any) -> None:
        status, answer = self.sandbox.process.control("POST", "vertesia/faults", {"kind": kind, **order})
        assert status == 200, answer

    def mend(self) -> None:
        self.sandbox.process.control("DELETE", "vertesia/faults")

    def there(self) -> list[dict[str, Any]]:
        """The environments that Vertesia holds, with what it stores as their API keys."""
        found: list[dict[str, Any]] = self.sandbox.process.control("GET", "vertesia/state")[1]["environments"]
        return found

    def stored_api_key(self, environment_id: str) -> str:
        [found] = [one for one in self.there() if one["id"] == environment_id]
        return str(found["stored_api_key"])

    def change_key(self, key_id: str, **changes: Any) -> None:
        status, answer = self.sandbox.process.control("POST", "vertesia/keys", {"id": key_id, **changes})
        assert status == 200, answer

    def delete_there(self, environment_id: str) -> None:
        self.sandbox.process.control("DELETE", f"vertesia/environments/{environment_id}")


def said(action: str) -> list[str]:
    """The sentences of the history with this action, the last one first."""
    return list(Event.objects.filter(action=action).values_list("sentence", flat=True))


def results(proof: Any) -> dict[str, str]:
    return {check.check_name: check.result for check in proof.checks.all()}


def check(proof: Any, name: str) -> Any:
    return proof.checks.get(check_name=name)
