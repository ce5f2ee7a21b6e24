"""The signs of life that worker and beat leave in the broker: a key each, which runs out where nobody renews it.

So a page learns with one round trip, and without a message to a worker, whether anybody works.
"""

import functools
from contextlib import suppress
from typing import Any

import redis
from celery import bootsteps
from celery.beat import Scheduler
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

WORKER_KEY = "vertesia-aws-setup:worker"
BEAT_KEY = "vertesia-aws-setup:beat"
HEARTBEAT_SECONDS = 3.0
HEARTBEAT_LIFETIME_SECONDS = 9
BROKER_TIMEOUT_SECONDS = 1.0


@functools.lru_cache(maxsize=4)
def connect_to_broker(url: str) -> redis.Redis:
    """A client that gives up after BROKER_TIMEOUT_SECONDS. `redis+socket://`, as Celery spells it, is `unix://` here.

    Raises ValueError where the URL is not one of Redis.
    """
    return redis.Redis.from_url(
        url.replace("redis+socket://", "unix://", 1),
        socket_timeout=BROKER_TIMEOUT_SECONDS,
        socket_connect_timeout=BROKER_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _renew(key: str, *, lifetime: float) -> None:
    # Where it fails the key runs out, which says what there is to say; Celery itself reconnects and logs.
    with suppress(redis.RedisError):
        connect_to_broker(settings.CELERY_BROKER_URL).set(key, "1", px=int(lifetime * 1000))


class WorkerHeartbeat(bootsteps.StartStopStep):
    """Renews WORKER_KEY while this worker takes tasks: a step of its consumer, so it stops with the connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer_entry: Any = None

    def start(self, parent: Any) -> None:
        self._beat()
        self._timer_entry = parent.timer.call_repeatedly(HEARTBEAT_SECONDS, self._beat)

    def stop(self, parent: Any) -> None:
        if self._timer_entry is not None:
            self._timer_entry.cancel()
            self._timer_entry = None

    def _beat(self) -> None:
        _renew(WORKER_KEY, lifetime=HEARTBEAT_LIFETIME_SECONDS)


class HeartbeatScheduler(Scheduler):
    """Celery's in-memory scheduler, which renews BEAT_KEY at every tick.

    In memory, because what is due stands in the database: a schedule file could only be lost or corrupted.
    """

    def tick(self, *args: Any, **kwargs: Any) -> float:
        _renew(BEAT_KEY, lifetime=HEARTBEAT_LIFETIME_SECONDS + settings.CELERY_BEAT_MAX_LOOP_INTERVAL)
        return float(super().tick(*args, **kwargs))
