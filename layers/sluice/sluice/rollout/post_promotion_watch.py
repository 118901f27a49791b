"""The bake after a promotion (``rollout.watch``): the candidate has all traffic, and an alarm still rolls it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from sluice.rollout.analysis.alarms import alarm_finding, watched_alarms
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.doubt import ask_in_doubt
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.traffic.task_result import TaskResult, slow_poll_seconds, task_result

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def watch_promotion(record: RolloutRecord, ports: RolloutPorts) -> TaskResult | None:
    """WAIT while the bake lasts, ROLL_BACK if an alarm rings; None once it has ended.

    An alarm that is missing or cannot be evaluated holds its end up, for ``max_hold``; then ``on_doubt`` decides: the
    version goes back, or a person is asked, whose ``promote`` ends the watch.
    """
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
    ends = record.watching_since + timedelta(seconds=plan.watch_seconds)
    if now < ends:
        return task_result("WAIT", wait_seconds=_interval(plan))
    return _in_doubt(record, plan, found, ends, ports) if found.answer is Answer.HOLD else None


def _in_doubt(
    record: RolloutRecord, plan: Plan, found: Finding, ends: datetime, ports: RolloutPorts
) -> TaskResult | None:
    """An alarm is missing, or cannot be evaluated, so nothing shows that the version does well: as in any stage."""
    now = ports.now()
    if _is_decided(record):
        return None
    wait_seconds = max(_interval(plan), slow_poll_seconds(record.opened_at, now))
    if now < ends + timedelta(seconds=plan.max_hold_seconds):
        return task_result("WAIT", wait_seconds=wait_seconds, reason=found.reason)
    if plan.on_doubt == "pause":
        reason = ask_in_doubt(record, f"alarm: {found.reason}", ports)
        return task_result("WAIT", wait_seconds=wait_seconds, reason=reason)
    reason = f"in doubt for {plan.max_hold_seconds} s after the watch: alarm: {found.reason}"
    ports.store.fence(record.id, "judge", reason, now, is_unknown=True)
    return task_result("ROLL_BACK", reason=reason)


def _is_decided(record: RolloutRecord) -> bool:
    """Whether a person has promoted the version in its watch. What they said in its stages was of another doubt."""
    command, began = record.command, record.watching_since
    return command is not None and began is not None and command.kind == "promote" and command.at > began


def _interval(plan: Plan) -> int:
    """Seconds between two readings of the alarms, whose events arrive sooner: at most a hundred readings in all."""
    return max(plan.look_seconds, ceil(plan.watch_seconds / 100))
