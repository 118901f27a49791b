"""One batch of the queue: each record is parsed, all messages are handled together, failed ones are reported to SQS.

Handling them together keeps the calls of AWS per record low: inferences are read 100 at a time, results written 25 at
a time, events and retries sent ten at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sluice.async_inference.messages import Message, parse_message
from sluice.async_inference.result_handler import handle_messages
from sluice.errors import RetryableError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

    from sluice.async_inference.ports import AsyncInferencePorts


def process_records(records: Sequence[Mapping[str, Any]], ports: AsyncInferencePorts) -> PartialItemFailureResponse:
    """Returns SQS's partial failures: messages that SQS redelivers, and moves to the DLQ after five receives."""
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    received: dict[str, SQSRecord] = {}
    messages: dict[str, Message] = {}

    def parse(record: SQSRecord) -> None:
        try:
            message = parse_message(record.body)
        except Exception as error:
            ports.telemetry.error("message not parsed", message_id=record.message_id, error=type(error).__name__)
            raise
        if message is not None:
            received[record.message_id], messages[record.message_id] = record, message

    with processor(list(records), handler=parse):  # type: ignore[arg-type]  # asks for dicts, and changes none
        processor.process()
        for message_id in sorted(handle_messages(messages, ports)):
            error = RetryableError(f"message {message_id} has to be redelivered")
            processor.failure_handler(received[message_id], (RetryableError, error, error.__traceback__))
    return processor.response()
