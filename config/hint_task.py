"""Tasks whose messages are hints: one that can be acknowledged no more must not keep a worker from taking up others."""

from celery import Task
from celery.worker.request import Request
from kombu.transport.virtual import QoS


class HintRequest(Request):
    """A message as the worker takes it up.

    Where the broker went away in between, kombu only logs that the acknowledgement failed, and goes on counting the
    message as reserved: with as many of them as the worker has processes, it asks the broker for nothing more, for ever
    (kombu/transport/redis.py, QoS.ack). The broker has lost the message anyway, and the next sweep repeats it.
    """

    def acknowledge(self) -> None:
        super().acknowledge()
        reserved = getattr(self.message.channel, "qos", None)
        tag = self.message.delivery_tag
        if isinstance(reserved, QoS) and tag in (reserved._delivered or ()):
            QoS.ack(reserved, tag)


class HintTask(Task):  # type: ignore[type-arg]
    """The base of every task here."""

    Request = "config.hint_task:HintRequest"
