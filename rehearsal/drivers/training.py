"""Uploads training data and follows the pipeline run by its events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from rehearsal.drivers.progress import Progress
from rehearsal.drivers.surroundings import Surroundings
from rehearsal.drivers.timeline import Event, Timeline
from rehearsal.material.data import Dataset

TRAINING_SECONDS = 150
EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"
STEP = "SageMaker Model Building Pipeline Execution Step Status Change"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way: its key names the run it starts."""

    key: str
    rows: int
    at: float


@dataclass(frozen=True, slots=True)
class Run:
    """A pipeline execution that has ended."""

    arn: str
    status: str
    steps: tuple[tuple[str, str, float], ...]  # name, status, seconds
    version: int | None
    failure: str


class Training:
    """Uploads data and waits for what comes of it."""

    def __init__(self, around: Surroundings, timeline: Timeline, progress: Progress, model: str) -> None:
        self._around = around
        self._timeline = timeline
        self._progress = progress
        self._model = model
        self._bucket = around.bucket()

    def upload(self, name: str, data: Dataset) -> Upload:
        """Put a file where anyone would: ``data/<model>/``."""
        key = f"data/{self._model}/{name}"
        at = time.time()
        self._around.client("s3").put_object(Bucket=self._bucket, Key=key, Body=data.to_csv())
        return Upload(key, len(data.rows), at)

    def run_of(self, upload: Upload) -> Run:
        """The run that the upload started, once it has ended."""
        with self._progress.step(f"pipeline runs on {upload.key} ({upload.rows} rows)") as step:
            started = self._timeline.wait_for(
                f"a pipeline to start on {upload.key}",
                lambda event: event.kind == "PipelineStarted" and upload.key in event.detail["files"],
                timeout_seconds=TRAINING_SECONDS,
            )
            arn = started.detail["execution"]
            ended = self._timeline.wait_for(
                f"{arn} to end",
                lambda event: (
                    event.kind == EXECUTION
                    and event.detail["pipelineExecutionArn"] == arn
                    and event.detail["currentPipelineExecutionStatus"] in ("Succeeded", "Failed", "Stopped")
                ),
                timeout_seconds=TRAINING_SECONDS,
            )
            run = self._describe(arn, ended)
            took = ", ".join(f"{name} {seconds:.1f} s" for name, _, seconds in run.steps if seconds >= 0.05)
            step.note = f"{run.status}: {took}"
        return run

    def _describe(self, arn: str, ended: Event) -> Run:
        sagemaker = self._around.client("sagemaker")
        found = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
        steps = found["PipelineExecutionSteps"]
        version = next(
            (
                int(step["Metadata"]["RegisterModel"]["Arn"].rsplit("/", 1)[1])
                for step in steps
                if "RegisterModel" in step.get("Metadata", {})
            ),
            None,
        )
        failure = next((step["FailureReason"] for step in steps if step.get("FailureReason")), "")
        return Run(
            arn=arn,
            status=ended.detail["currentPipelineExecutionStatus"],
            steps=tuple((step["StepName"], step["StepStatus"], _seconds(step)) for step in steps),
            version=version,
            failure=failure,
        )


def _seconds(step: dict[str, Any]) -> float:
    if "StartTime" not in step or "EndTime" not in step:
        return 0.0
    took: float = (step["EndTime"] - step["StartTime"]).total_seconds()
    return took
