"""The batch scene under load: an event is delivered later than the state it tells of, and in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rehearsal.drivers.progress import Progress
from rehearsal.drivers.timeline import Event
from rehearsal.scenarios.scene_context import SceneContext
from rehearsal.scenes import batch

BUCKET = "sluice-dev-data"


@dataclass
class LateTimeline:
    """Delivers an event only to whom waits for it."""

    pending: list[Event]
    delivered: list[Event] = field(default_factory=list)

    def events(self) -> list[Event]:
        return list(self.delivered)

    def wait_for(self, what: str, wanted: Callable[[Event], bool], *, timeout_seconds: float) -> Event:
        found = next(event for event in self.pending if wanted(event))
        self.delivered.append(found)
        return found


def stage_with(*pending: Event) -> SceneContext:
    around = SimpleNamespace(
        bucket=lambda: BUCKET,
        client=lambda _service: SimpleNamespace(put_object=lambda **_request: None),
        sluice=lambda *_arguments: "job: completed\n  took 3 s\n",
        folder=Path(),
    )
    progress = Progress()
    progress.begin("batch")
    return SceneContext(
        model="batch",
        around=cast(Any, around),
        artifacts=cast(Any, None),
        timeline=cast(Any, LateTimeline(list(pending))),
        progress=progress,
    )


def event(kind: str, **detail: Any) -> Event:
    return Event(0.0, "sluice", kind, {"model": "batch", **detail})


def completed(folder: str, rows: int, version: int = 2) -> Event:
    return event(
        "BatchCompleted", input=f"s3://{BUCKET}/batch/batch/{folder}/", rows_out=rows, version=version, rows_set_aside=4
    )


def test_the_run_by_command_is_waited_for_though_the_command_has_returned() -> None:
    context = stage_with(completed("input", 100_000, version=1), completed("small", 500))
    batch.run_by_command(context, ["1,2"] * 500, 2)
    (outcome,) = context.progress.outcomes()
    assert outcome.right, outcome.seen


def test_a_run_by_command_that_loses_a_row_is_seen() -> None:
    context = stage_with(completed("small", 499))
    batch.run_by_command(context, ["1,2"] * 500, 2)
    (outcome,) = context.progress.outcomes()
    assert not outcome.right


def test_the_comparison_is_waited_for_though_the_promotion_came_first() -> None:
    difference = {"rows": batch.SAMPLE_ROWS, "mean_difference": batch.DIFFERENT_BY, "failures": 0}
    context = stage_with(event("BatchVersionCompared", difference=difference, current_version=1, version=2))
    batch.check_comparison(context, 1, 2)
    (outcome,) = context.progress.outcomes()
    assert outcome.right, outcome.seen
