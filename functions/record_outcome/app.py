"""Record outcome: count the outcomes that clients report of answered requests for the running A/B test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.aws.sqs_batch import process_batch
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import outcomes_ports
    from sluice.rollout.tasks.record_outcome import OutcomeBatch

if TYPE_CHECKING:
    from sluice.rollout.ab_outcomes.ports import OutcomePorts


def run(event: Mapping[str, Any], ports: OutcomePorts) -> Mapping[str, Any]:
    """Messages that cannot be handled now go back to the queue, and after five times to its dead-letter queue."""
    batch = OutcomeBatch(ports)
    return process_batch(event["Records"], batch.read, batch.count, ports.telemetry)


handler = entry("record_outcome", run, outcomes_ports, certain=("store", "outcomes"))
