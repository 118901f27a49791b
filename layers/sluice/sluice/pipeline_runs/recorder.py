"""What became of a pipeline run: recorded, told to the registry, and published when it has ended.

Events of executions and steps come late, twice and out of order; each only says that it is time to look.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluice.pipeline_runs.run import Run
from sluice.rollout.model.live_version import metrics_at

if TYPE_CHECKING:
    from sluice.pipeline_runs.ports import PipelineRunsPorts

_EXECUTION = re.compile(r"arn:[^:]+:sagemaker:[^:]+:[^:]+:pipeline/(?P<pipeline>[^/]+)/execution/[^/]+")


def record_run(execution: str, ports: PipelineRunsPorts, *, may_end: bool) -> Run | None:
    """Record the run as it is now, and announce its end once; None if it is not of this stage, or long gone.

    ``may_end``: whether an end is to be recorded. The last step's event comes in the same moment as the execution's
    and would announce the end beside it; so it leaves the end to the other, or to the sweep if that is lost. After a
    crash between the announcement and its note, the same end is announced again.
    """
    found = _EXECUTION.fullmatch(execution)
    model = ports.names.model_of(found["pipeline"]) if found else None
    if model is None:
        return None
    run = read_run(execution, model, ports) or _cut_short(execution, model, ports)
    if run is None or (run.has_ended and not may_end):
        return run
    ports.runs.save(run)
    if run.has_ended and not ports.runs.is_told(run):
        _annotate(run, ports)
        _publish(run, ports)
        ports.runs.mark_told(run, ports.now())
    return run


def read_run(execution: str, model: str, ports: PipelineRunsPorts) -> Run | None:
    """The run with its metrics, from SageMaker and the evaluation reports; None if SageMaker has it no more."""
    run = ports.run_source.read(execution, model)
    if run is None:
        return None
    metrics: dict[str, float] = {}
    for uri in run.reports:
        metrics |= metrics_at(uri, ports.bucket)
    return run.measured(metrics)


def _cut_short(execution: str, model: str, ports: PipelineRunsPorts) -> Run | None:
    """What is recorded of a run that went on until its pipeline was deleted."""
    known = next((each for each in ports.runs.runs(model) if each.execution == execution), None)
    if known is None or known.has_ended:
        return known
    return replace(
        known, status="Stopped", modified_at=ports.now(), execution_reason="the pipeline was deleted while it ran"
    )


def same_model_as(run: Run, ports: PipelineRunsPorts) -> int | None:
    """The version that an all-cached run registered once more; None if it trained, or the first is not known."""
    if not run.computed_nothing:
        return None
    return next((each.version for each in ports.runs.runs(run.model) if each.execution == run.model_from), None)


def _annotate(run: Run, ports: PipelineRunsPorts) -> None:
    """Write to the version where it comes from, which outlives the pipeline and the table.

    Only once: every note changes the package, and a change after a rollout looks like a new approval.
    """
    if not run.package_arn:
        return
    origin = {
        "sluice.execution": run.id,
        "sluice.data": run.input_data,
        "sluice.contract": run.parameters.get("DataContract", ""),
        "sluice.code": run.code,
    }
    known = ports.registry.describe(run.package_arn).properties
    missing = {name: value for name, value in origin.items() if value and name not in known}
    if missing:
        ports.registry.annotate(run.package_arn, missing)


def _publish(run: Run, ports: PipelineRunsPorts) -> None:
    common: dict[str, Any] = {
        "model": run.model,
        "execution": run.execution,
        "input_data": run.input_data,
        "metrics": run.metrics,
        "cache_hits": [step.name for step in run.steps if step.cached_from],
        "seconds": round(((run.ended_at or run.modified_at) - run.started_at).total_seconds(), 3),
    }
    if run.status == "Succeeded":
        ports.events.publish(
            "PipelineSucceeded",
            **common,
            version=run.version,
            package=run.package_arn,
            same_model_as=same_model_as(run, ports),
        )
    else:
        ports.events.publish("PipelineFailed", **common, status=run.status, reason=run.reason)
