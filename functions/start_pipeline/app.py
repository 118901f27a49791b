"""Start pipeline: uploads, requests and wake-ups become one run after the other of each model."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.errors import RETRYABLE_ERRORS, PermanentError, SpecError
from sluice.training.intake import Batch, receive
from sluice.training.run_queue import advance

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts

log = logging.getLogger(__name__)

Failures = list[dict[str, str]]


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Failures]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: TrainingPorts) -> dict[str, Failures]:
    """Messages that cannot be dealt with now go back to the queue, and after five times to its DLQ."""
    failures: Failures = []
    batch = Batch(cache(ports.specs.get), len(event["Records"]))
    messages: dict[str, list[str]] = defaultdict(list)
    delays: dict[str, set[int]] = defaultdict(set)
    for message in event["Records"]:
        try:
            look = receive(json.loads(message["body"]), batch, ports)
        except (*RETRYABLE_ERRORS, SpecError, AttributeError, KeyError, TypeError, ValueError):
            log.exception("message %s goes back to the queue", message["messageId"])
            failures.append({"itemIdentifier": message["messageId"]})
            continue
        if look is not None:
            messages[look.model].append(message["messageId"])
            delays[look.model].add(look.delay_seconds)
    for model, together in messages.items():
        try:
            _look(model, delays[model], ports)
        except RETRYABLE_ERRORS:
            log.exception("the turn of %s could not be looked at now", model)
            failures.extend({"itemIdentifier": message_id} for message_id in together)
    return {"batchItemFailures": failures}


def _look(model: str, delays: set[int], ports: TrainingPorts) -> None:
    for delay in delays - {0}:
        ports.wakeups.book(model, delay)
    if 0 not in delays:
        return
    try:
        advance(model, ports)
    except PermanentError:
        # What waits goes on waiting; the sweep looks again once there is a spec to go by.
        log.exception("%s has no valid spec now", model)
