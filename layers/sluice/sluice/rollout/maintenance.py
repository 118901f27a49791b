"""Holds a rollout while SageMaker maintains the endpoint's hosts, and tells people if that does not end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.rollout.model.maintenance import MAINTENANCE, maintained_no_more, maintained_now
from sluice.rollout.model.record import Hold, RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts

PATIENCE = timedelta(hours=1)
"""How long maintenance may last before people are told."""


def hold_for_maintenance(record: RolloutRecord, stage: int, now: datetime, ports: RolloutPorts) -> str:
    """Record that SageMaker maintains the endpoint now, publish it once if it lasts; returns the reason of the hold.

    After a crash between the event and its note the same event is published again: at least once.
    """
    seen = maintained_now(record.maintenance.get(stage, ()), now)
    last = seen[-1]
    reason = f"SageMaker maintains the endpoint's hosts (SystemUpdating) since {last.since:%Y-%m-%d %H:%M} UTC"
    if record.held_by is None or record.held_by.by == MAINTENANCE:  # what people have to do is shown first
        hold = Hold(by=MAINTENANCE, reason=reason, since=last.since, at=now, stage=stage)
        ports.store.record_hold(record.id, hold)
    if last.duration >= PATIENCE and not last.is_announced:
        ports.events.publish("RolloutStuck", rollout=str(record.id), reason=_lasting(record, reason, ports))
        seen = (*seen[:-1], replace(last, is_announced=True))
    ports.store.record_maintenance(record.id, stage, seen)
    return reason


def note_end_of_maintenance(record: RolloutRecord, stage: int, now: datetime, ports: RolloutPorts) -> RolloutRecord:
    """Record that the stage's maintenance has ended, unless it had before; returns the record with it."""
    seen = record.maintenance.get(stage, ())
    ended = maintained_no_more(seen, now)
    if ended != seen:
        ports.store.record_maintenance(record.id, stage, ended)
    return replace(record, maintenance={**record.maintenance, stage: ended})


def _lasting(record: RolloutRecord, reason: str, ports: RolloutPorts) -> str:
    abort = ports.names.command(f"abort {record.id.model}")
    return (
        f"{reason}: nothing is judged meanwhile, and SageMaker accepts no change. It goes on by itself afterwards; "
        f"alarms and {abort} still end it. If it does not end, ask AWS Support"
    )
