"""Record outcome: what clients report of answered requests is counted for the A/B test that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.rollout.ab_outcomes.counting import take

if TYPE_CHECKING:
    from sluice.rollout.ab_outcomes.ports import AbOutcomesPorts


def handler(event: Mapping[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: AbOutcomesPorts) -> dict[str, list[dict[str, str]]]:
    """Messages that cannot be dealt with now go back to the queue, and after five times to its DLQ."""
    failed = take({message["messageId"]: message["body"] for message in event["Records"]}, ports)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(failed)]}
