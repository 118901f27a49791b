"""Roll back, outside the state machine: an alarm rang, a person aborted, or a rollout's execution ended badly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.errors import PermanentError
from sluice.events import AbortRequested, AlarmRang, ExecutionEnded
from sluice.rollout.model.record import FenceKind
from sluice.rollout.rollback import go_back_now
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
    """Ten executions failed to restore: a person has to look. The event goes to the dead-letter queue."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: RolloutPorts) -> dict[str, Any]:
    """Fence the rollout first, then move the traffic at once if the endpoint accepts it."""
    if event["detail-type"] == "CloudWatch Alarm State Change":
        return _alarm(AlarmRang.parse(event), ports)
    if event["detail-type"] == "RolloutAbortRequested":
        return _stop(RolloutId.required(AbortRequested.parse(event).rollout), "aborted", "aborted", "", ports)
    ended = ExecutionEnded.parse(event)
    rollout_id = RolloutId.within(ended.name)
    if rollout_id is None:
        return {"ignored": f"execution {ended.name} is no rollout's"}
    why = ": ".join(filter(None, (f"execution {ended.status}", ended.error, ended.cause)))
    return _stop(rollout_id, "failed", why, ended.name, ports)


def _alarm(rang: AlarmRang, ports: RolloutPorts) -> dict[str, Any]:
    """One of a rollout's own alarms tells more than the composite that follows it: what was measured, and how bad."""
    rollout_id = _rollout_of(rang.name, ports)
    if rang.state != "ALARM" or rollout_id is None:
        return {"ignored": f"alarm {rang.name} is {rang.state}"}
    if rang.because_of and all(_rollout_of(name, ports) == rollout_id for name in rang.because_of):
        return {"ignored": f"alarm {rang.name} follows {', '.join(rang.because_of)}, which tell themselves"}
    rung = ", ".join(rang.because_of) or rang.name
    return _stop(rollout_id, "alarm", f"alarm {rung}: {rang.reason}", "", ports)


def _rollout_of(alarm: str, ports: RolloutPorts) -> RolloutId | None:
    return RolloutId.within(alarm.removeprefix(ports.names.prefix)) if alarm.startswith(ports.names.prefix) else None


def _stop(rollout_id: RolloutId, kind: FenceKind, reason: str, ended: str, ports: RolloutPorts) -> dict[str, Any]:
    """``ended`` is the execution that is gone, empty if one is still there to restore."""
    try:
        record = ports.store.fence(rollout_id, kind, reason, ports.now())
    except LookupError:
        return {"ignored": f"rollout {rollout_id} is not known"}
    if record.is_closed:
        return {"ignored": f"rollout {rollout_id} has ended: {record.outcome}"}
    if ended:
        _restore_again(ended, rollout_id, ports)  # first: the quick attempt below may fail, this one does not give up
    moved = go_back_now(record, ports)
    if moved:
        ports.history.append(rollout_id, "going-back", f"{_MOVED[moved]}: {reason}", ports.now())
    return {"rollout": str(rollout_id), "moved": moved}


def _restore_again(execution: str, rollout_id: RolloutId, ports: RolloutPorts) -> None:
    found = re.search(r"-restore-(\d+)$", execution)
    attempt = int(found[1]) + 1 if found else 1
    if attempt > MAX_RESTORES:
        reason = f"{MAX_RESTORES} executions could not restore it, the last is {execution}"
        ports.events.publish("RolloutStuck", rollout=str(rollout_id), reason=reason)
        raise RolloutStuckError(f"rollout {rollout_id}: {reason}")
    ports.executions.start_restore(rollout_id, attempt)
