"""Whether the console's parts answer: database, broker, worker, beat. Reads what `config.heartbeat` leaves."""

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.heartbeat import BEAT_KEY, WORKER_KEY, connect_to_broker

BROKER_SENTENCE = (
    "The broker does not answer: Redis or Valkey is not running, or REDIS_URL names another place. "
    "`make run` starts an embedded one."
)
WORKER_SENTENCE = (
    "No worker answers. Start one with `celery --app config worker`, or everything with `make run`. "
    "What was asked for is kept and goes on as soon as a worker is there."
)
BEAT_SENTENCE = (
    "The scheduler does not answer: nothing that waits is taken up again. Start it with `celery --app config beat`, "
    "or everything with `make run`."
)
DATABASE_SENTENCE = "The database does not answer."


def _problem_without(key: str, sentence: str, *, broker_url: str) -> str | None:
    try:
        return None if connect_to_broker(broker_url or settings.CELERY_BROKER_URL).exists(key) else sentence
    except (redis.RedisError, ValueError):
        return BROKER_SENTENCE


def worker_problem(*, broker_url: str = "") -> str | None:
    """A sentence where no worker answers, else None. Cheap enough for every poll; true within about 10 seconds."""
    return _problem_without(WORKER_KEY, WORKER_SENTENCE, broker_url=broker_url)


def beat_problem(*, broker_url: str = "") -> str | None:
    """A sentence where beat does not answer, else None."""
    return _problem_without(BEAT_KEY, BEAT_SENTENCE, broker_url=broker_url)


def broker_problem(*, broker_url: str = "") -> str | None:
    """A sentence where the broker does not answer, else None."""
    try:
        connect_to_broker(broker_url or settings.CELERY_BROKER_URL).ping()
    except (redis.RedisError, ValueError):
        return BROKER_SENTENCE
    return None


def database_problem() -> str | None:
    """A sentence where the database does not answer, else None."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return DATABASE_SENTENCE
    return None


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Each part with `ok` and, where it fails, a sentence. 200 where all are ok, else 503. Calls nothing outside."""
    problems = {
        "database": database_problem(),
        "broker": broker_problem(),
        "worker": worker_problem(),
        "beat": beat_problem(),
    }
    is_well = not any(problems.values())
    return JsonResponse(
        {
            "status": "ok" if is_well else "failing",
            **{part: {"ok": sentence is None, "detail": sentence or "answers"} for part, sentence in problems.items()},
        },
        status=200 if is_well else 503,
    )
