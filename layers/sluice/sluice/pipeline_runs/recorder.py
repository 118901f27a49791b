"""Records pipeline runs: in the table as they go on, in the registry and by an event when they have ended.

Events of executions and steps come late, twice and out of order. So none of them is trusted: each only
triggers a fresh read of the run.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from sluice.pipeline_runs.run import PipelineRun
from sluice.rollout.model.artifact import ARTIFACT_NOTE, artifact_note
from sluice.rollout.model.evaluation_report import MAX_METRICS, gate_verdict, metric_values, read_report

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.pipeline_runs.ports import PipelineRunPorts

_EXECUTION = re.compile(r"arn:[^:]+:sagemaker:[^:]+:[^:]+:pipeline/(?P<pipeline>[^/]+)/execution/[^/]+")


def record_run(execution: str, ports: PipelineRunPorts, *, record_end: bool) -> PipelineRun | None:
    """Record the run as it is now, and announce its end once; None if it is not of this stage, or long gone.

    ``record_end``: whether an end is to be recorded, too. The last step's event comes in the same moment as the
    execution's and would announce the end beside it; so it leaves the end to the other, or to the sweep if that is
    lost. After a crash between the announcement and its note, the same end is announced again: at least once.
    """
    found = _EXECUTION.fullmatch(execution)
    model = ports.names.model_of(found["pipeline"]) if found else None
    if model is None:
        return None
    run = read_run(execution, model, ports) or _run_of_deleted_pipeline(execution, model, ports)
    if run is None or (run.has_ended and not record_end):
        return run
    ports.runs.save(run)
    if run.has_ended and not ports.runs.is_end_announced(run):
        _announce_end(run, ports)
    return run


def read_run(execution: str, model: str, ports: PipelineRunPorts) -> PipelineRun | None:
    """Read a run with its metrics from SageMaker and the evaluation reports; None if SageMaker no longer has it.

    The gate's verdict is read here: a Fail step's message may join no JSON.
    """
    run = ports.run_reader.read(execution, model)
    if run is None:
        return None
    metrics: dict[str, float] = {}
    verdict = ""
    for uri in run.reports:
        report = read_report(uri, ports.bucket)
        metrics |= dict(metric_values(report))
        verdict = gate_verdict(report) or verdict
    return run.with_report(dict(islice(metrics.items(), MAX_METRICS)), verdict)


def _run_of_deleted_pipeline(execution: str, model: str, ports: PipelineRunPorts) -> PipelineRun | None:
    """The recorded run, stopped if it went on until its pipeline was deleted; None if it was never recorded."""
    known = next((each for each in ports.runs.runs(model) if each.execution == execution), None)
    if known is None or known.has_ended:
        return known
    return replace(
        known, status="Stopped", modified_at=ports.now(), execution_reason="the pipeline was deleted while it ran"
    )


def repeated_version(run: PipelineRun, ports: PipelineRunPorts) -> int | None:
    """The version whose model an all-cached run registered once more; None if it trained, or that is not known."""
    if not run.is_all_cached:
        return None
    return next((each.version for each in ports.runs.runs(run.model) if each.execution == run.training_execution), None)


def _announce_end(run: PipelineRun, ports: PipelineRunPorts) -> None:
    _annotate(run, ports)
    _publish(run, ports)
    ports.runs.mark_end_announced(run, ports.now())
    # Not the reason: it may quote values of the data.
    failed = run.failed_step.name if run.failed_step else ""
    ports.telemetry.log("pipeline run ended", status=run.status, version=run.version, failed_step=failed)
    ports.telemetry.measure("PipelineRunEnded", model=run.model, cause=run.status)


def _annotate(run: PipelineRun, ports: PipelineRunPorts) -> None:
    """Write the version's origin into its own metadata, which outlives the pipeline and the table.

    Only once: every annotation changes the package, and a change after a rollout looks like a new approval.
    """
    if not run.package_arn:
        return
    origin = {
        "sluice.execution": run.id,
        "sluice.data": run.input_data,
        "sluice.contract": run.parameters.get("DataContract", ""),
        "sluice.code": run.code,
        **{f"sluice.code.{step}": uri for step, uri in run.step_code.items() if uri != run.code},
    }
    package = ports.registry.describe(run.package_arn)
    origin[ARTIFACT_NOTE] = "" if ARTIFACT_NOTE in package.properties else _artifact(package, ports)
    missing = {name: value for name, value in origin.items() if value and name not in package.properties}
    if missing:
        ports.registry.annotate(run.package_arn, missing)


def _artifact(package: Package, ports: PipelineRunPorts) -> str:
    """What the version's artifact is now, with which it is compared before it serves; empty if it is gone."""
    uris = [uri for container in package.containers for _, uri in container.artifacts]
    found = ports.bucket.head(uris[0]) if len(uris) == 1 else None
    return artifact_note(found) if found else ""


def _publish(run: PipelineRun, ports: PipelineRunPorts) -> None:
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
            same_model_as=repeated_version(run, ports),
        )
    else:
        ports.events.publish("PipelineFailed", **common, status=run.status, reason=run.reason)
