"""How runs are shown: a line each, or one with its steps on a time line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sluice.pipeline_runs.run import PipelineRun, StepRun

from cli.session import CliSession
from cli.training.cache_misses import CacheMiss
from cli.training.listings import minute

_WIDTH = 24
"""Characters of the time line: with the other columns it fits into 80."""

WORKED = "█"
CACHED = "░"


def show_list(session: CliSession, runs: Sequence[PipelineRun]) -> None:
    versions = {one.execution: one.version for one in runs}
    rows = [
        (
            one.id,
            one.status,
            minute(one.started_at),
            took(one.started_at, one.ended_at),
            _cached(one),
            shown(one.metrics),
            outcome(one, versions.get(one.training_execution)),
        )
        for one in runs
    ]
    session.out.table("Runs", ("run", "status", "started", "took", "from cache", "metrics", "outcome"), rows)


def show_one(session: CliSession, run: PipelineRun, repeated: int | None, misses: Sequence[CacheMiss] = ()) -> None:
    lasted = took(run.started_at, run.ended_at)
    session.out.text(f"Run {run.id} of {run.model}: {run.status}" + (f" in {lasted}" if lasted else ""))
    facts = {
        "outcome": outcome(run, repeated),
        "started": minute(run.started_at),
        "data": run.input_data,
        "metrics": shown(run.metrics),
        "parameters": ", ".join(
            f"{name}={value}" for name, value in run.parameters.items() if "://" not in value and value
        ),
        "code": shown_code(run),
    }
    for name, value in facts.items():
        if value:
            session.out.text(f"  {name:<10}  {value}")
    until = run.ended_at or session.now()
    rows = [
        (step.name, step.status, bar(step, run.started_at, until), took(step.started_at, step.ended_at))
        for step in run.steps
    ]
    session.out.table("Steps", ("step", "status", "when", "took"), rows)
    for step in run.steps:
        if remark := _remark(step):
            session.out.text(f"  {step.name}: {remark}")
        for miss in misses:
            if miss.step == step.name:
                session.out.text(f"  {step.name}: {miss}")


def bar(step: StepRun, begin: datetime, until: datetime) -> str:
    """The step's part of the time from ``begin`` to ``until``; at least one character long."""
    whole = until - begin
    if step.started_at is None or whole <= timedelta(0):
        return ""
    first = min(int((step.started_at - begin) / whole * _WIDTH), _WIDTH - 1)
    last = int(((step.ended_at or until) - begin) / whole * _WIDTH)
    return " " * first + (CACHED if step.cached_from else WORKED) * max(last - first, 1)


def outcome(run: PipelineRun, repeated: int | None) -> str:
    """The version that the run registered, such as ``fraud/8``, or why it registered none."""
    if run.version is None:
        return run.reason
    if run.is_all_cached:
        other = f"the model of run {_id(run.training_execution)}"
        same = f"the same model as {run.model}/{repeated}" if repeated else other
        return f"{run.model}/{run.version}, all from the cache: {same}"
    return f"{run.model}/{run.version}"


def _cached(run: PipelineRun) -> str:
    return f"{run.cache_hits} of {run.jobs}" if run.cache_hits else ""


def _remark(step: StepRun) -> str:
    parts = (
        f"from the cache, of run {_id(step.cached_from)}" if step.cached_from else "",
        f"{step.attempts} attempts" if step.attempts > 1 else "",
        step.reason,
    )
    return ", ".join(filter(None, parts))


def _id(execution: str) -> str:
    return execution.rsplit("/", 1)[-1]


def shown(metrics: Mapping[str, float]) -> str:
    """For people, e.g. ``mse 4.21``."""
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())


def shown_code(run: PipelineRun) -> str:
    """For people, e.g. ``PreprocessData  s3://…``, a line for each job; one URI if all jobs have the same."""
    codes = run.step_code
    if len(set(codes.values())) <= 1:
        return run.code
    width = max(map(len, codes))
    return f"\n{' ' * 14}".join(f"{step:<{width}}  {uri}" for step, uri in codes.items())


def took(start: datetime | None, end: datetime | None) -> str:
    """For people, e.g. ``0:00:12``; empty while it has not ended."""
    return str(timedelta(seconds=round((end - start).total_seconds()))) if start and end else ""


def as_json(run: PipelineRun, repeated: int | None) -> dict[str, object]:
    """The same for programs, without the steps."""
    return {
        "id": run.id,
        "arn": run.execution,
        "status": run.status,
        "started": run.started_at.isoformat(),
        "ended": run.ended_at.isoformat() if run.ended_at else None,
        "version": f"{run.model}/{run.version}" if run.version else None,
        "same_model_as": f"{run.model}/{repeated}" if repeated else None,
        "reason": run.reason,
        "metrics": dict(run.metrics),
        "input_data": run.input_data,
        "parameters": dict(run.parameters),
        "code": run.code,
        "step_code": dict(run.step_code),
        "cache_hits": [step.name for step in run.steps if step.cached_from],
    }
