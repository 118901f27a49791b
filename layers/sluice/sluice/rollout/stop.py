"""Stops a rollout whose next step is impossible, and says whose fault that is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sluice.rollout.model.patience import CAPACITY_PATIENCE
from sluice.rollout.model.record import FenceKind, RolloutRecord
from sluice.rollout.traffic.reconcile import Impossible, ReconcileStep, SetCapacity
from sluice.rollout.traffic.task_result import TaskResult, task_result

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def unless_in_vain(step: ReconcileStep, record: RolloutRecord, now: datetime) -> ReconcileStep:
    """The step, or that it is impossible: instances that SageMaker does not provide are not asked for without end."""
    if not isinstance(step, SetCapacity):
        return step
    since = record.scaling_at.get(step.count)
    if since is None or now - since < CAPACITY_PATIENCE:
        return step
    return Impossible(f"SageMaker has not provided {step.count} instances of {step.variant} since {since:%H:%M} UTC")


def stop_as_impossible(step: Impossible, record: RolloutRecord, ports: RolloutPorts, *, stage: int = 0) -> TaskResult:
    """ROLL_BACK, with the rollout fenced: only what is the version's own fault marks it Rejected."""
    kind: FenceKind = "guardrails" if step.by_sagemaker else "failed"
    ports.store.fence(record.id, kind, step.reason, ports.now(), is_unknown=not step.is_of_version)
    return task_result("ROLL_BACK", stage=stage, reason=step.reason)
