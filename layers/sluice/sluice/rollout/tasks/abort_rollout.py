"""Aborts a rollout from outside the state machine: on an alarm, on a person's request, or after a failed execution."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sluice.errors import PermanentError
from sluice.events import DEAD_STATUSES, AbortRequested, AlarmStateChanged, ExecutionEnded, is_hint
from sluice.rollout.model.record import FenceKind, identify_rollout
from sluice.rollout.rollback import roll_back_now
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts

MAX_RESTORES = 10
_MOVED = {
    "weights": "baseline's weights asked for",
    "config": "baseline's config asked for",
    "deployment": "SageMaker told to take its deployment back",
}


class RolloutStuckError(PermanentError):
    """Ten executions failed to restore: a person has to intervene. The event goes to the dead-letter queue."""


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
    return _abort(rollout_id, "alarm", f"alarm {rung}: {rang.reason}", lambda _id, _ports: "", ports)


def _abort_on_request(asked: AbortRequested, ports: RolloutPorts) -> dict[str, Any]:
    """Abort the rollout that a person has stopped.

    Its execution restores the baseline. One that has ended while the record is open, as after the table was restored
    from a backup, does not: another one is started.
    """
    return _abort(RolloutId.required(asked.rollout), "aborted", "aborted", _execution_gone, ports)


def _abort_on_failure(ended: ExecutionEnded, ports: RolloutPorts) -> dict[str, Any]:
    """Abort the rollout whose execution ended badly, and start another execution that restores the baseline.

    Raises:
        RolloutStuckError: ten executions could not restore it.
    """
    rollout_id = RolloutId.within(ended.name)
    if rollout_id is None:
        return {"ignored": f"execution {ended.name} is no rollout's"}
    why = ": ".join(filter(None, (f"execution {ended.status}", ended.error, ended.cause)))
    return _abort(rollout_id, "failed", why, lambda _id, _ports: ended.name, ports)


def abort_rollout(event: Mapping[str, Any], ports: RolloutPorts) -> dict[str, Any]:
    """Fence the rollout that an event is about, then move its traffic at once if the endpoint accepts it.

    Returns the ``rollout`` and what was ``moved``, or why the event was ``ignored``.

    Raises:
        RolloutStuckError: the execution that ended was the tenth that could not restore the baseline.
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

    A person fences it before the request. An execution is asked for how it ended, unless the fence is there already.
    """
    name = str(hint["detail"].get("name", ""))
    rollout_id = RolloutId.within(name) if name else RolloutId.required(hint["detail"]["rollout"])
    try:
        record = ports.store.get(rollout_id) if rollout_id else None
    except LookupError:
        return ""
    if record is None or record.is_closed or record.fence is not None:
        return ""
    if not name:
        return f"nobody has stopped rollout {rollout_id}"
    status = ports.executions.status(name)
    return "" if status in DEAD_STATUSES else f"execution {name} is {status or 'not known'}"


def _rollout_of(alarm: str, ports: RolloutPorts) -> RolloutId | None:
    return RolloutId.within(alarm.removeprefix(ports.names.prefix)) if alarm.startswith(ports.names.prefix) else None


def _execution_gone(rollout_id: RolloutId, ports: RolloutPorts) -> str:
    """The rollout's execution if it has ended; empty if it runs."""
    return "" if ports.executions.status(str(rollout_id)) == "RUNNING" else str(rollout_id)


def _abort(
    rollout_id: RolloutId,
    kind: FenceKind,
    reason: str,
    gone: Callable[[RolloutId, RolloutPorts], str],
    ports: RolloutPorts,
) -> dict[str, Any]:
    """``gone`` names the execution that has ended; empty if one still runs and restores. It is asked after the fence.

    If Step Functions does not answer, the fence stands all the same, and the event comes again.
    """
    ports.telemetry.identify("rollout", rollout_id)
    try:
        record = ports.store.fence(rollout_id, kind, reason, ports.now())
    except LookupError:
        return {"ignored": f"rollout {rollout_id} is not known"}
    identify_rollout(record, ports.telemetry)
    if record.is_closed:
        return {"ignored": f"rollout {rollout_id} has ended: {record.outcome}"}
    if execution := gone(rollout_id, ports):
        ports.telemetry.identify("execution", execution)
        _restore_again(execution, rollout_id, ports)  # first: the quick attempt below may fail, this one is retried
    moved = roll_back_now(record, ports)
    if moved:
        ports.history.append(rollout_id, "going-back", f"{_MOVED[moved]}: {reason}", ports.now())
    cause = record.fence.kind if record.fence else kind
    ports.telemetry.log("rollout aborted", cause=cause, reason=reason, moved=moved or "nothing")
    return {"rollout": str(rollout_id), "moved": moved}


def _restore_again(execution: str, rollout_id: RolloutId, ports: RolloutPorts) -> None:
    found = re.search(r"-restore-(\d+)$", execution)
    for attempt in range(int(found[1]) + 1 if found else 1, MAX_RESTORES + 1):
        # One that has ended was of this rollout before the table was restored, or this event comes late: the next one.
        if ports.executions.start_restore(rollout_id, attempt):
            return
    reason = f"{MAX_RESTORES} executions could not restore it, the last is {execution}"
    ports.events.publish("RolloutStuck", rollout=str(rollout_id), reason=reason)
    raise RolloutStuckError(f"rollout {rollout_id}: {reason}")
