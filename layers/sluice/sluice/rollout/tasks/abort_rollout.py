"""Aborts a rollout from outside the state machine: on an alarm, on a person's request, or after a failed execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.events import DEAD_STATUSES, AbortRequested, AlarmStateChanged, ExecutionEnded, is_hint
from sluice.rollout.first_step_back import roll_back_now
from sluice.rollout.model.record import FenceKind, RolloutRecord, identify_rollout
from sluice.rollout.restore_executions import restore_number, start_restore
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts

QUICK_RESTORES = 10
"""Up to so many executions that restore follow one another at once; the sweep starts the others, one each time.

Else one that dies within a second, as of a definition that cannot be run, would be followed by hundreds an hour.
"""

_MOVED = {
    "weights": "baseline's weights asked for",
    "config": "baseline's config asked for",
    "deployment": "SageMaker told to take its deployment back",
}


def _abort_on_alarm(rang: AlarmStateChanged, ports: RolloutPorts) -> dict[str, Any]:
    """Abort the rollout that an alarm belongs to; any other alarm, and any other state of it, is ignored.

    A composite alarm that follows one of the rollout's own alarms is ignored as well: that one's event has the
    better reason, what was measured and how bad it is.
    """
    rollout_id = _rollout_of(rang.name, ports)
    if rang.state != "ALARM" or rollout_id is None:
        return {"ignored": f"alarm {rang.name} is {rang.state}"}
    if rang.because_of and all(_rollout_of(name, ports) == rollout_id for name in rang.because_of):
        return {"ignored": f"alarm {rang.name} follows {', '.join(rang.because_of)}, which have events of their own"}
    rung = ", ".join(rang.because_of) or rang.name
    return _abort(rollout_id, "alarm", f"alarm {rung}: {rang.reason}", ports)


def _abort_on_request(asked: AbortRequested, ports: RolloutPorts) -> dict[str, Any]:
    """Abort the rollout that a person has stopped, or of which the sweep finds that nothing restores it."""
    return _abort(RolloutId.required(asked.rollout), "aborted", "aborted", ports)


def _abort_on_failure(ended: ExecutionEnded, ports: RolloutPorts) -> dict[str, Any]:
    """Abort the rollout whose execution ended badly; another execution restores the baseline."""
    rollout_id = RolloutId.within(ended.name)
    if rollout_id is None:
        return {"ignored": f"execution {ended.name} is no rollout's"}
    why = ": ".join(filter(None, (f"execution {ended.status}", ended.error, ended.cause)))
    return _abort(rollout_id, "failed", why, ports, ended=ended)


def abort_rollout(event: Mapping[str, Any], ports: RolloutPorts) -> dict[str, Any]:
    """Fence the rollout that an event is about, move its traffic at once if the endpoint accepts it, and restore.

    Returns the ``rollout`` and what was ``moved``, or why the event was ``ignored``.
    """
    if is_hint(event) and (reason := _why_untrue(event, ports)):
        return {"ignored": reason}
    match event["detail-type"]:
        case "CloudWatch Alarm State Change":
            return _abort_on_alarm(AlarmStateChanged.parse(event), ports)
        case "RolloutAbortRequested":
            return _abort_on_request(AbortRequested.parse(event), ports)
        case _:
            return _abort_on_failure(ExecutionEnded.parse(event), ports)


def _why_untrue(hint: Mapping[str, Any], ports: RolloutPorts) -> str:
    """Why the rollout that a hint is about is not to be stopped; empty if it is, or if there is none.

    A person fences it before the request. An execution is asked for how it ended, unless the fence is there already and
    the record knows it: Step Functions forgets executions. What it does not know would say which number comes next.
    """
    name = str(hint["detail"].get("name", ""))
    rollout_id = RolloutId.within(name) if name else RolloutId.required(hint["detail"]["rollout"])
    try:
        record = ports.store.get(rollout_id) if rollout_id else None
    except LookupError:
        return ""
    if record is None or record.is_closed:
        return ""
    if record.fence is not None and restore_number(name) <= record.restores:
        return ""
    if not name:
        return f"nobody has stopped rollout {rollout_id}"
    status = ports.executions.status(name)
    return "" if status in DEAD_STATUSES else f"execution {name} is {status or 'not known'}"


def _rollout_of(alarm: str, ports: RolloutPorts) -> RolloutId | None:
    return RolloutId.within(alarm.removeprefix(ports.names.prefix)) if alarm.startswith(ports.names.prefix) else None


def _abort(
    rollout_id: RolloutId, kind: FenceKind, reason: str, ports: RolloutPorts, *, ended: ExecutionEnded | None = None
) -> dict[str, Any]:
    """Fence, try at once, and have an execution restore: the rollout's own may sleep for hours, or have ended.

    Neither of the last two waits for the other to succeed. What failed is raised in the end, so the event comes again.
    """
    ports.telemetry.identify("rollout", rollout_id)
    try:
        # An execution that ended, as by hand, says nothing of the version.
        record = ports.store.fence(rollout_id, kind, reason, ports.now(), is_unknown=ended is not None)
    except LookupError:
        return {"ignored": f"rollout {rollout_id} is not known"}
    identify_rollout(record, ports.telemetry)
    if ended is not None:
        ports.telemetry.identify("execution", ended.name)
    if record.is_closed:
        return _announced(record, ended, ports) or {"ignored": f"rollout {rollout_id} has ended: {record.outcome}"}
    try:
        moved = roll_back_now(record, ports)
    finally:
        if ended is None or ended.is_replayed or restore_number(ended.name) < QUICK_RESTORES:
            start_restore(record, ports, after=ended.name if ended else "")
    if moved:
        ports.history.append(rollout_id, "going-back", f"{_MOVED[moved]}: {reason}", ports.now())
    cause = record.fence.kind if record.fence else kind
    ports.telemetry.log("rollout aborted", cause=cause, reason=reason, moved=moved or "nothing")
    return {"rollout": str(rollout_id), "moved": moved}


def _announced(record: RolloutRecord, ended: ExecutionEnded | None, ports: RolloutPorts) -> dict[str, Any] | None:
    """Have a promotion announced whose execution ended before it was; None if there is nothing to announce.

    Of promotions of release 0.2 nobody noted whether they were: only Step Functions itself is listened to.
    """
    is_told = record.outcome != "promoted" or record.announced_at is not None
    if is_told or ended is None or ended.is_replayed or restore_number(ended.name) >= QUICK_RESTORES:
        return None
    start_restore(record, ports, after=ended.name)
    ports.telemetry.log("promotion is to be announced by another execution", outcome="promoted")
    return {"rollout": str(record.id), "moved": ""}
