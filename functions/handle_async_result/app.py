"""Handle async result: a batch of notifications and retry messages becomes results, retries and parked failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.async_inference.message_batch import process_records
from sluice.bootstrap.async_inference import async_inference_ports
from sluice.bootstrap.entry import entry

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from sluice.async_inference.ports import AsyncInferencePorts


def run(event: Mapping[str, Any], ports: AsyncInferencePorts) -> PartialItemFailureResponse:
    """Returns the messages to be redelivered, which SQS moves to the DLQ after five receives."""
    return process_records(event["Records"], ports)


handler = entry("handle_async_result", run, async_inference_ports, certain=("results", "events"))
