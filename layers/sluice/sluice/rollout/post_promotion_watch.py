"""The bake after a promotion (``rollout.watch``): the candidate has all traffic, and an alarm still rolls it back."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from sluice.rollout.analysis.alarms import alarm_finding, watched_alarms
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.traffic.task_result import TaskResult, task_result

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def watch_promotion(record: RolloutRecord, ports: RolloutPorts) -> TaskResult | None:
    """WAIT while the bake lasts, ROLL_BACK if an alarm rings; None once it has ended."""
    plan = record.planned()
    if not plan.is_watched or not plan.watch_seconds or record.watch_ended:
        return None
    now = ports.now()
    if record.watching_since is None:
        ports.store.mark_time(record.id, "watching_since", now)
        ports.history.append(record.id, "watching", f"version {record.id.version} has all traffic and is watched", now)
        return task_result("WAIT", wait_seconds=_interval(plan))
    watched = watched_alarms(ports.names, str(record.id), plan)
    found = alarm_finding(watched, ports.metrics.alarm_states(watched))
    if found.answer is Answer.ROLL_BACK:
        reason = f"alarm {found.reason} in the watch after the promotion"
        ports.store.fence(record.id, "alarm", reason, now)
        return task_result("ROLL_BACK", reason=reason)
    if now < record.watching_since + timedelta(seconds=plan.watch_seconds):
        return task_result("WAIT", wait_seconds=_interval(plan))
    return None


def _interval(plan: Plan) -> int:
    """Seconds between two readings of the alarms, whose events arrive sooner: at most a hundred readings in all."""
    return max(plan.look_seconds, ceil(plan.watch_seconds / 100))
