"""Speeds up moto's SQS, which counts all messages of a queue several times to read one setting, and mends another."""

from __future__ import annotations

import time
from typing import Any

_SETTINGS = {"Policy": "policy", "QueueArn": "queue_arn", "MessageRetentionPeriod": "message_retention_period"}


def speed_up_queues() -> None:
    """Read settings without counting, and the time without making dates of it; each receipt needs both, per message."""
    from moto.sqs import models

    backend = models.SQSBackend
    if hasattr(backend, "all_queue_attributes"):
        return
    backend.all_queue_attributes = backend.get_queue_attributes
    backend.get_queue_attributes = _queue_attributes
    models.unix_time_millis = lambda: time.time() * 1000


def _queue_attributes(backend: Any, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
    if not attribute_names or not _SETTINGS.keys() >= set(attribute_names):
        found: dict[str, Any] = backend.all_queue_attributes(queue_name, attribute_names)
        return found
    queue = backend.get_queue(queue_name)
    settings = {name: getattr(queue, _SETTINGS[name]) for name in attribute_names}
    return {name: value for name, value in settings.items() if value}


def keep_policies_of_queues() -> None:
    """Setting one attribute leaves the others as they are (API reference); moto would drop the queue's policy."""
    from moto.sqs.models import Queue

    set_attributes = getattr(Queue, "_moto_set_attributes", Queue._set_attributes)

    def set_given_attributes(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        before = getattr(self, "policy", None)
        set_attributes(self, attributes, now)
        if "Policy" not in attributes:
            self.policy = before

    Queue._moto_set_attributes = set_attributes
    Queue._set_attributes = set_given_attributes


def may_give_messages(url: str) -> bool:
    """Whether ReceiveMessage on the queue could answer anything but "nothing": a message, or that there is no queue.

    To be asked with the lock of SQS.
    """
    from moto.sqs.models import sqs_backends

    name = url.rpartition("/")[2]
    backends = [backend for account in list(sqs_backends.values()) for backend in list(account.values())]
    queues = [backend.queues[name] for backend in backends if name in backend.queues]
    return not queues or any(queue.messages for queue in queues)
