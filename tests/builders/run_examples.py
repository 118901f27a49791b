"""Pipeline runs as SageMaker would tell of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sluice.pipeline_runs.run import PipelineRun, StepRun

from tests.fakes.aws_state import START

ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/sluice-dev-fraud/execution/"
BUCKET = "s3://sluice-dev-data"
DATA = f"{BUCKET}/manifests/fraud/{'d' * 64}.manifest"
CODE = f"{BUCKET}/code/tabular/{'c' * 64}"
GATE = "regression_metrics.mse.value has to be at most the MseThreshold of 6.0"


def step(name: str, kind: str, begin: int, end: int | None, **more: str) -> StepRun:
    """A step by its seconds after the run's start; it has succeeded once it has an end."""
    return StepRun(
        name=name,
        kind=kind,
        started_at=START + timedelta(seconds=begin),
        ended_at=None if end is None else START + timedelta(seconds=end),
        **{"status": "Executing" if end is None else "Succeeded", **more},  # type: ignore[arg-type]
    )


def package(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/{version}"


def running(name: str = "one") -> PipelineRun:
    """It trains."""
    return PipelineRun(
        model="fraud",
        execution=ARN + name,
        status="Executing",
        started_at=START,
        modified_at=START,
        parameters={"InputData": DATA, "Eta": "0.2", "DataContract": f"{BUCKET}/contracts/fraud/1.json"},
        code=CODE,
        steps=(step("PreprocessData", "Processing", 1, 21), step("TrainModel", "Training", 21, None)),
    )


def succeeded(name: str = "one", version: int = 7) -> PipelineRun:
    return replace(
        running(name),
        status="Succeeded",
        modified_at=START + timedelta(seconds=61),
        steps=(
            step("PreprocessData", "Processing", 1, 21),
            step("TrainModel", "Training", 21, 50),
            step("EvaluateModel", "Processing", 50, 59),
            step("CheckModelQuality", "Condition", 59, 59),
            step("RegisterModel", "RegisterModel", 59, 60),
        ),
        reports=(f"{BUCKET}/pipelines/fraud/one/evaluation/evaluation.json",),
        package_arn=package(version),
    )


def cached(name: str = "two", source: str = "one", version: int = 8) -> PipelineRun:
    """Every job of it was taken from another run."""
    first = succeeded(name, version)
    jobs = ("Processing", "Training")
    return replace(
        first,
        steps=tuple(replace(one, cached_from=ARN + source) if one.kind in jobs else one for one in first.steps),
    )


def refused(name: str = "one") -> PipelineRun:
    """The gate was missed."""
    done = succeeded(name)
    fail = step("FailPipeline", "Fail", 59, 60, status="Failed", reason=GATE)
    reason = "Step failure: One or multiple steps failed."
    return replace(done, status="Failed", steps=(*done.steps[:-1], fail), package_arn="", execution_reason=reason)


def later(run: PipelineRun, hours: int) -> PipelineRun:
    """The same so many hours after."""
    shift = timedelta(hours=hours)
    steps = tuple(
        replace(
            one, started_at=one.started_at and one.started_at + shift, ended_at=one.ended_at and one.ended_at + shift
        )
        for one in run.steps
    )
    return replace(run, started_at=run.started_at + shift, modified_at=run.modified_at + shift, steps=steps)
