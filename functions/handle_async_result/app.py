"""Handle async result: SageMaker's word on each asynchronous inference becomes a result, another try, or a failure."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.async_inference.messages import Message, parse
from sluice.async_inference.result_handler import take
from sluice.bootstrap.assembly import live_ports

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts

log = logging.getLogger(__name__)

Failures = list[dict[str, str]]


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Failures]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: AsyncInferencePorts) -> dict[str, Failures]:
    """Messages that cannot be dealt with now, or at all, go back to the queue, and after five times to its DLQ."""
    messages: dict[str, Message] = {}
    failed: set[str] = set()
    for record in event["Records"]:
        try:
            message = parse(record["body"])
        except (AttributeError, KeyError, TypeError, ValueError):
            log.exception("message %s goes back to the queue", record["messageId"])
            failed.add(record["messageId"])
            continue
        if message is not None:
            messages[record["messageId"]] = message
    failed |= take(messages, ports)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(failed)]}
