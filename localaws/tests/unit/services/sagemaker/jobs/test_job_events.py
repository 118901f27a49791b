"""Events of jobs: each kind writes time in its own way, and training tells of its stages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from localaws.services.sagemaker.jobs.job_events import job_event, with_transition

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON_MS = 1_767_268_800_000


def test_processing_writes_milliseconds_as_numbers_and_training_as_text() -> None:
    description = {"CreationTime": NOON, "SecondaryStatusTransitions": [{"StartTime": NOON}]}
    assert job_event("Processing", description, {})["CreationTime"] == NOON_MS
    training = job_event("Training", description, {"team": "risk"})
    assert training["CreationTime"] == str(NOON_MS)
    assert training["SecondaryStatusTransitions"] == [{"StartTime": str(NOON_MS)}]
    assert training["Tags"] == {"team": "risk"}


def test_transform_writes_iso_times_and_not_when_it_was_modified() -> None:
    event = job_event("Transform", {"CreationTime": NOON, "LastModifiedTime": NOON}, {})
    assert event == {"CreationTime": "2026-01-01T12:00:00Z", "Tags": {}}


def test_a_stage_ends_when_the_next_begins() -> None:
    description: dict[str, Any] = {}
    for minute, stage in enumerate(("Starting", "Training", "Completed")):
        description = with_transition(description, stage, NOON + timedelta(minutes=minute))
    spans = [
        (entry["Status"], entry["StartTime"].minute, entry["EndTime"].minute)
        for entry in description["SecondaryStatusTransitions"]
    ]
    assert spans == [("Starting", 0, 1), ("Training", 1, 2), ("Completed", 2, 2)]
    assert description["SecondaryStatus"] == "Completed"
