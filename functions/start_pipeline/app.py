"""Start pipeline: serializes the pipeline runs of each model, from uploads, requests for a run and wake-ups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.aws.sqs_batch import process_batch
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import training_ports
    from sluice.training.intake_batch import IntakeBatch

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts


def run(event: Mapping[str, Any], ports: TrainingPorts) -> Mapping[str, Any]:
    """Take in an SQS batch; messages that fail go back to the queue, and after five times to its dead-letter queue."""
    records = event["Records"]
    batch = IntakeBatch(len(records), ports)
    return process_batch(records, batch.take_in, batch.check_queues, ports.telemetry)


handler = entry("start_pipeline", run, training_ports, certain=("pending_inputs",))
