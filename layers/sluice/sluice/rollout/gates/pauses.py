"""A person's pause, as what holds a rollout. Tells nobody: a task that asks no gate needs no right to publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.rollout.gates.gates import Obstacle
from sluice.rollout.model.record import Hold, RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.gates.ports import GatePorts

BEFORE_THE_START = -1
_PAUSE = "pause"


def pause_of(record: RolloutRecord) -> Obstacle | None:
    """The pause that holds the rollout; None if nobody paused it."""
    command = record.command
    return Obstacle(_PAUSE, str(command)) if command is not None and command.kind == "pause" else None


def obstacle_to_provision(record: RolloutRecord, ports: GatePorts) -> Obstacle | None:
    """The pause that keeps a version from its fleet, or from its first traffic; recorded. None if nobody paused it."""
    obstacle = pause_of(record)
    if obstacle is not None:
        now, last = ports.now(), record.hold
        since = last.since if last and (last.by, last.stage) == (_PAUSE, BEFORE_THE_START) else now
        hold = Hold(by=_PAUSE, reason=obstacle.reason, since=since, at=now, stage=BEFORE_THE_START)
        ports.store.record_hold(record.id, hold)
    return obstacle
