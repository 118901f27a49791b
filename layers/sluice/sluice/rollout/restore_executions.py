"""Executions that only restore: what follows one that died, or runs beside one that sleeps, without any limit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def restore_number(execution: str) -> int:
    """The number in the name of an execution that only restores; 0 in that of the rollout's own."""
    found = re.search(r"-restore-(\d+)$", execution)
    return int(found[1]) if found else 0


def start_restore(record: RolloutRecord, ports: RolloutPorts, *, after: str = "") -> int:
    """Have an execution restore the rollout's baseline, whatever another one does; returns its number. Idempotent.

    One that runs goes on: Step Functions answers a second start of the same name and input with the first one
    (StartExecution reference). ``after`` is an execution that is known to have ended.
    """
    number = max(record.restores, restore_number(after) + 1)
    while not ports.executions.start_restore(record.id, number):
        number += 1  # that one has ended, perhaps before the table was restored from a backup
    if number != record.restores:
        ports.store.note_restore(record.id, number)
    return number
