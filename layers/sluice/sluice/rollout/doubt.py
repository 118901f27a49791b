"""Asks people to decide, with ``on_doubt: pause``: the doubt is shown as what the rollout waits for, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.rollout.model.record import DOUBT, DOUBT_IN_WATCH, Hold, RolloutRecord
from sluice.rollout.model.stuck import is_to_be_told

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def ask_in_doubt(record: RolloutRecord, doubt: str, ports: RolloutPorts) -> str:
    """Record that a person has to decide, and publish ``RolloutStuck``: at once, and then once a day.

    Returns the reason of the hold. The event comes first: after a crash before its note it is published once more.
    """
    now = ports.now()
    by = DOUBT_IN_WATCH if record.watching_since else DOUBT
    last = record.held_by if record.held_by and record.held_by.by == by else None
    since = last.since if last else now
    ends = "ends the watch" if record.watching_since else "goes on without proof"
    promote, abort = (ports.names.command(f"{word} {record.id.model}") for word in ("promote", "abort"))
    reason = (
        f"in doubt since {since:%Y-%m-%d %H:%M} UTC, which a person has to decide (on_doubt: pause): {doubt}; "
        f"{promote} {ends}, {abort} puts the version before back"
    )
    if last is None or is_to_be_told(record, now):
        ports.events.publish("RolloutStuck", rollout=str(record.id), reason=reason)
        ports.store.note_stuck(record.id, now)
    hold = Hold(by=by, reason=reason, since=since, at=now, stage=record.stage)
    ports.store.record_hold(record.id, hold)
    return reason
