"""The quick attempt of a rollback, outside the state machine: its first step, if the endpoint accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.rollout.analysis.alarms import stop_alarm_name
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.traffic.apply_step import apply_step, is_as_read
from sluice.rollout.traffic.capacity import try_deregister_lost_variants
from sluice.rollout.traffic.reconcile import SetWeights, StopDeployment, UseConfig, next_step_towards_baseline

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def set_stop_alarm(record: RolloutRecord, ports: RolloutPorts) -> bool:
    """Have SageMaker roll its own deployment back. If it ignores the alarm, the old config is put back afterwards."""
    why = record.fence.reason if record.fence else "the rollout failed"
    return ports.metrics.set_alarm(stop_alarm_name(ports.names, str(record.id)), f"Rollout {record.id}: {why}")


def roll_back_now(record: RolloutRecord, ports: RolloutPorts) -> str:
    """Take the first step of the rollback if the endpoint accepts it.

    Returns what was moved: ``weights`` back at once, the old ``config`` requested where only that serves the
    baseline, the ``deployment`` of SageMaker stopped by its alarm, or nothing.
    """
    if record.plan is None:
        return ""
    read_at = ports.now()
    state = ports.hosting.describe(record.endpoint)
    step = next_step_towards_baseline(record.plan, state)
    if isinstance(step, SetWeights):
        return "weights" if apply_step(step, record.endpoint, ports.hosting) else ""
    if isinstance(step, StopDeployment):
        return "deployment" if set_stop_alarm(record, ports) else ""
    serving = state is not None and state.config == record.plan.candidate.config
    if isinstance(step, UseConfig) and serving:
        try_deregister_lost_variants(record.plan, step.config, state, ports)
        is_accepted = is_as_read(state, read_at, ports) and apply_step(step, record.endpoint, ports.hosting)
        return "config" if is_accepted else ""
    return ""
