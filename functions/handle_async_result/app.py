"""Handle async result: a batch of notifications and retry messages becomes results, retries and parked failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.async_inference.message_batch import process_records
from sluice.bootstrap.assembly import live_ports

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from sluice.async_inference.ports import AsyncInferencePorts


def handler(event: Mapping[str, Any], _context: object) -> PartialItemFailureResponse:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: AsyncInferencePorts) -> PartialItemFailureResponse:
    """Returns the messages to be redelivered, which SQS moves to the DLQ after five receives."""
    return process_records(event["Records"], ports)
