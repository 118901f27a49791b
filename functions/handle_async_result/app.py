"""Handle async result: a batch of notifications and retry messages becomes results, retries and parked failures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.async_inference.messages import parse_message
    from sluice.async_inference.result_handler import handle_messages
    from sluice.aws.sqs_batch import process_batch
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import async_inference_ports

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts


def run(event: Mapping[str, Any], ports: AsyncInferencePorts) -> Mapping[str, Any]:
    """Returns the messages to be redelivered, which SQS moves to the dead-letter queue after five receives."""
    handle = partial(handle_messages, ports=ports)
    return process_batch(event["Records"], parse_message, handle, ports.telemetry)


handler = entry("handle_async_result", run, async_inference_ports, certain=("results", "events"))
