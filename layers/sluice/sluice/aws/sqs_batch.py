"""SQS batches with partial failures, by Powertools: messages that failed go back to the queue, the others do not.

This is the one guard around each message: whatever is in it, and whatever it has its function raise, only that message
goes back, and after five times to the dead-letter queue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, ExceptionInfo, FailureResponse
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sluice.errors import RetryableError
from sluice.telemetry.port import Telemetry

Parsed = TypeVar("Parsed")


def process_batch(
    records: list[dict[str, Any]],
    parse: Callable[[str], Parsed],
    handle: Callable[[Mapping[str, Parsed]], Collection[str]],
    telemetry: Telemetry,
) -> PartialItemFailureResponse:
    """Parse each message alone, then handle all that could be parsed together; returns which go back to the queue.

    Args:
        records: as SQS hands them to the function.
        parse: takes the body of one message. When it raises, that message fails alone.
        handle: takes what was parsed by message id, and returns the ids of messages that failed. When it raises, it is
            called again with half of the messages at a time until those that it raises for are alone, so it has to be
            idempotent. A RetryableError is AWS's fault and no message's: then all of them go back.
        telemetry: is given one ERROR line for each message that failed alone; ``handle`` logs its own.
    """
    processor = _TwoStepProcessor(handle, telemetry)
    with processor(records, lambda record: parse(record.body)):
        processor.process()
    return processor.response()


class _TwoStepProcessor(BatchProcessor, Generic[Parsed]):
    """Powertools' processor knows one handler for each record; here a second step handles the records together."""

    def __init__(self, handle: Callable[[Mapping[str, Parsed]], Collection[str]], telemetry: Telemetry) -> None:
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        self._handle = handle
        self._telemetry = telemetry

    def process(self) -> list[tuple[Any, ...]]:
        results = super().process()
        parsed = {record["messageId"]: (result, record) for status, result, record in results if status == "success"}
        failed = self._handled({message_id: result for message_id, (result, _) in parsed.items()})
        self.fail_messages.extend(SQSRecord(parsed[message_id][1]) for message_id in parsed if message_id in failed)
        return results

    def failure_handler(self, record: SQSRecord, exception: ExceptionInfo) -> FailureResponse:
        self._log(record.message_id, exception[1])
        return super().failure_handler(record, exception)

    def _handled(self, messages: dict[str, Parsed]) -> Collection[str]:
        """The ids of the messages that failed."""
        try:
            return self._handle(messages)
        except RetryableError as error:
            self._telemetry.error("all messages go back to the queue", error=type(error).__name__)
            return messages.keys()
        except Exception as error:
            ids = list(messages)
            if len(ids) < 2:
                for message_id in ids:
                    self._log(message_id, error)
                return ids
        half = len(ids) // 2
        return {
            message_id
            for part in (ids[:half], ids[half:])
            for message_id in self._handled({each: messages[each] for each in part})
        }

    def _log(self, message_id: str, error: BaseException | None) -> None:
        """Where it was raised, and not its text: that may quote what is in the message."""
        place = error.__traceback__ if error else None
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        at = f"{place.tb_frame.f_globals.get('__name__', '')}:{place.tb_lineno}" if place else ""
        self._telemetry.error(
            "message goes back to the queue", message_id=message_id, error=type(error).__name__, raised_at=at
        )
