"""Record outcome: what clients report of answered requests is counted for the A/B test that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from sluice.bootstrap.entry import entry
from sluice.bootstrap.outcomes import outcomes_ports
from sluice.rollout.tasks.record_outcome import OutcomeBatch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from sluice.rollout.ab_outcomes.ports import AbOutcomesPorts

processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def run(event: Mapping[str, Any], ports: AbOutcomesPorts) -> dict[str, list[dict[str, str]]]:
    """Messages that cannot be handled now go back to the queue, and after five times to its dead-letter queue."""
    batch = OutcomeBatch(ports)

    def read(record: SQSRecord) -> None:
        batch.read(record.message_id, record.body)

    with processor(event["Records"], read):
        processor.process()
    failed = {str(each["itemIdentifier"]) for each in processor.response()["batchItemFailures"]} | batch.count()
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(failed)]}


handler = entry("record_outcome", run, outcomes_ports, certain=("store", "outcomes"))
