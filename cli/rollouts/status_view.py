"""Shows the status of models as text or as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.rollout.model.record import RolloutRecord

from cli.inference.batch_view import BatchStatus, show_list
from cli.inference.batch_view import as_json as batch_as_json
from cli.rollouts.endpoint_view import ServingNow, endpoint_as_json, show_endpoint, traffic
from cli.rollouts.evidence_view import newest_analysis, show_evidence
from cli.session import CliSession
from cli.training import executions, packages
from cli.training.listings import minute, show_runs, show_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """Everything that is known of one model right now."""

    model: str
    endpoint: ServingNow
    rollouts: list[RolloutRecord]
    history: list[dict[str, Any]]
    """The history of the newest rollout."""
    versions: list[packages.Version]
    runs: list[executions.Execution]
    steps: list[executions.ExecutionStep]
    """The steps of the newest run."""
    batch: BatchStatus | None = None
    """The runs of a batch model, which has no endpoint."""
    remarks: tuple[str, ...] = ()
    """What is wrong, in sentences."""


def show_all(session: CliSession, found: list[ModelStatus]) -> None:
    """A line per model."""
    rows = [
        (
            one.model,
            "batch" if one.batch else one.endpoint.state.status if one.endpoint.state else "none",
            f"v{one.batch.version}, {one.batch.last}" if one.batch else traffic(one.endpoint.state),
            f"{one.rollouts[0].id} {progress(one.rollouts[0])}" if one.rollouts else "",
            f"{one.versions[0].number} {one.versions[0].approval}" if one.versions else "",
            one.runs[0].status if one.runs else "",
        )
        for one in found
    ]
    head = ("model", "endpoint", "traffic", "last rollout", "newest version", "last run")
    session.out.table(f"Models in stage {session.names.stage}", head, rows)


def show_one(session: CliSession, found: ModelStatus) -> None:
    """Everything about one model."""
    if found.batch:
        session.out.text(f"No endpoint: version {found.batch.version} scores files, {found.batch.last}")
        show_list(session, found.batch.runs)
    else:
        show_endpoint(session, found.endpoint)
    for remark in found.remarks:
        session.out.text(f"Note: {remark}")
    rollouts = [(str(one.id), progress(one), minute(one.opened_at), _why(one)) for one in found.rollouts]
    session.out.table("Rollouts", ("rollout", "state", "opened", "reason"), rollouts)
    analysis = newest_analysis(found.history)
    if analysis and not found.rollouts[0].is_closed:
        show_evidence(session, analysis)
    if found.history:
        lines = [(minute(datetime.fromisoformat(line["at"])), str(line["text"])) for line in found.history]
        session.out.table(f"History of {found.rollouts[0].id}", ("at", "what"), lines)
    show_versions(session, found.versions)
    show_runs(session, found.runs)
    if found.steps:
        rows = [(one.name, one.status, one.took, one.reason) for one in found.steps]
        session.out.table(f"Steps of {found.runs[0].id}", ("step", "status", "took", "reason"), rows)


def progress(record: RolloutRecord) -> str:
    """Where a rollout is, e.g. ``baking, stage 1 of 2 at 10%``."""
    if record.is_closed:
        return record.outcome or "closed"
    stages = record.plan.stages if record.plan else ()
    doing = _doing(record)
    if record.phase == "baking" and 0 <= record.stage < len(stages):
        return f"{doing}, stage {record.stage + 1} of {len(stages)} at {stages[record.stage].weight}%"
    return doing


def _doing(record: RolloutRecord) -> str:
    """Its phase, or what a person or a gate has made of it."""
    if not record.may_advance or (record.phase not in ("queued", "baking") and record.held_by is None):
        return record.phase
    if record.command is not None and record.command.kind == "pause":
        return "paused"
    return "waiting" if record.held_by else record.phase


def _why(record: RolloutRecord) -> str:
    if record.reason:
        return record.reason
    if record.fence:
        return f"{record.fence.kind}: {record.fence.reason}"
    return record.held_by.reason if record.held_by else ""


def as_json(found: ModelStatus) -> dict[str, object]:
    """The same for programs; ``endpoint`` is null when there is none."""
    return {
        "model": found.model,
        "endpoint": endpoint_as_json(found.endpoint),
        "batch": {"version": found.batch.version, "runs": [batch_as_json(one) for one in found.batch.runs]}
        if found.batch
        else None,
        "rollouts": [_rollout_as_json(one) for one in found.rollouts],
        "history": found.history,
        "remarks": list(found.remarks),
        "versions": [packages.as_json(one) for one in found.versions],
        "runs": [executions.as_json(one, found.steps if index == 0 else None) for index, one in enumerate(found.runs)],
    }


def _rollout_as_json(record: RolloutRecord) -> dict[str, object]:
    return {
        "id": str(record.id),
        "phase": record.phase,
        "outcome": record.outcome,
        "state": progress(record),
        "opened_at": record.opened_at.isoformat(),
        "closed_at": record.closed_at.isoformat() if record.closed_at else None,
        "reason": _why(record),
        "waits_for": record.held_by.by if record.held_by and record.may_advance else None,
    }
