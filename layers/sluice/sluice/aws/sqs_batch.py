"""SQS batches with partial failures, by Powertools: messages that failed go back to the queue, the others do not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, ExceptionInfo, FailureResponse
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sluice.telemetry.port import Telemetry

Parsed = TypeVar("Parsed")


def process_batch(
    records: list[dict[str, Any]],
    parse: Callable[[str], Parsed],
    handle: Callable[[Mapping[str, Parsed]], Collection[str]],
    telemetry: Telemetry,
    *,
    expected: tuple[type[Exception], ...],
) -> PartialItemFailureResponse:
    """Parse each message alone, then handle all that could be parsed together; returns which go back to the queue.

    Args:
        records: as SQS hands them to the function.
        parse: takes the body of one message. When it raises one of ``expected``, that message fails alone; any other
            error is a defect and ends the invocation.
        handle: takes what was parsed by message id, and returns the ids of messages that failed.
        telemetry: is given one ERROR line for each message that failed alone; ``handle`` logs its own.
    """
    processor = _TwoStepProcessor(handle, telemetry, expected)
    with processor(records, lambda record: parse(record.body)):
        processor.process()
    return processor.response()


class _TwoStepProcessor(BatchProcessor, Generic[Parsed]):
    """Powertools' processor knows one handler for each record; here a second step handles the records together."""

    def __init__(
        self,
        handle: Callable[[Mapping[str, Parsed]], Collection[str]],
        telemetry: Telemetry,
        expected: tuple[type[Exception], ...],
    ) -> None:
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        self._handle = handle
        self._telemetry = telemetry
        self._expected = expected

    def process(self) -> list[tuple[Any, ...]]:
        results = super().process()
        parsed = {record["messageId"]: (result, record) for status, result, record in results if status == "success"}
        failed = self._handle({message_id: result for message_id, (result, _) in parsed.items()})
        self.fail_messages.extend(SQSRecord(parsed[message_id][1]) for message_id in parsed if message_id in failed)
        return results

    def failure_handler(self, record: SQSRecord, exception: ExceptionInfo) -> FailureResponse:
        error = exception[1]
        if error is not None and not isinstance(error, self._expected):
            raise error
        self._telemetry.error(
            "message goes back to the queue", message_id=record.message_id, error=type(error).__name__
        )
        return super().failure_handler(record, exception)
