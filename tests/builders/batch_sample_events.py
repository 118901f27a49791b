"""What becomes of each sample of batch inference: the phase of its run afterwards."""

from __future__ import annotations

STARTS = {
    "asked-for": "running",
    "asked-for-another-folder": "running",
    "schedule-fired": "running",
    "unknown-model": "skipped",
}
RESULTS = {
    "completed": "completed",
    "failed": "completed",  # the event is old: what counts is what the job is now
    "stopped-in-capitals": "completed",
    "told-again-by-the-sweep": "completed",
    "sample-of-a-rollout": None,
}
STARTS_NOT_DELIVERED = {"of-another-stage"}
RESULTS_NOT_DELIVERED = {"started", "of-another-application"}
