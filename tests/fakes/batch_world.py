"""A world with a batch model, and short ways to ask for a run and to end its job."""

from __future__ import annotations

from typing import Any

from sluice.spec.model import ModelSpec

from tests.fakes.sluice_world import SPEC, SluiceWorld, sluice_world

BATCH_SPEC = ModelSpec.parse(
    {
        **SPEC.to_json(),
        "endpoint": {
            "type": "batch",
            "batch": {
                "instance_count": 2,
                "max_payload_mb": 20,
                "max_concurrent_transforms": 4,
                "input_filter": "$[1:]",
                "sample_rows": 10,
            },
        },
        "rollout": {"strategy": "auto"},
    }
)
JOB = "sluice-dev-fraud-20260304t020000-5f7200"


def batch_world(live: int = 1) -> SluiceWorld:
    """With this version promoted, or none if it is 0."""
    world = sluice_world(BATCH_SPEC)
    if live:
        world.live(live)
        world.events.published.clear()
    return world


def put_input(world: SluiceWorld) -> None:
    """Two files with five rows."""
    world.bucket.objects |= {
        "batch/fraud/input/a.csv": b"1,30,1\n2,31,1\n3,32,1\n",
        "batch/fraud/input/märz 1/b.csv": b"4,33,1\n5,34,1",
    }


def requested(**change: str) -> dict[str, Any]:
    """A BatchRequested event, as a schedule sends it."""
    detail = {"model": "fraud", "request": "schedule", "at": "2026-03-04T02:00:00Z", "input": ""}
    return {"source": "sluice", "detail-type": "BatchRequested", "detail": {"stage": "dev", **detail, **change}}


def job_ended(job: str = JOB, status: str = "Completed") -> dict[str, Any]:
    """SageMaker's event, as far as it is read."""
    return {"detail": {"TransformJobName": job, "TransformJobStatus": status}}
