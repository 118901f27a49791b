"""Stores run slots: one item per model, changed only on the condition that it is as the writer read it.

MODEL#<model>      TURN                           the model's run slot: its current or its last claim
MODEL#<model>      STARTED#<run>                  a run that has been started, for good
"""

from __future__ import annotations

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.training.run_slot import RunSlot, SlotPhase

_AS_SEEN = "turn_number = :number AND phase = :phase"


class RunSlotStore:
    """Each change names the claim that it is about: one that comes late, for an earlier claim, changes nothing."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def get(self, model: str) -> RunSlot | None:
        """The current claim, or the last one; None before the first."""
        item = self._table.get(_key(model))
        return RunSlot.parse(model, item) if item else None

    def claim(self, slot: RunSlot, last: RunSlot | None) -> bool:
        """Claim the model's slot, if ``last`` is still its last claim and free; False if it is not.

        Claims are numbered, so one that has come and gone unseen in between is noticed.
        """
        if last is None:
            return self._set(slot.model, slot.item(), "attribute_not_exists(turn_number)", {})
        return self._set(slot.model, slot.item(), _AS_SEEN, _seen(last))

    def enter_phase(self, slot: RunSlot, phase: SlotPhase, **changes: str) -> bool:
        """Move a claim to its next phase; False if another invocation has."""
        return self._set(slot.model, {"phase": phase, **changes}, _AS_SEEN, _seen(slot))

    def mark_ended(self, model: str, run: str, status: str) -> bool:
        """Note that a run's execution has ended; False if the run does not hold the model's slot."""
        wanted = {":run": run, ":free": "free"}
        return self._set(model, {"ended": status}, "run = :run AND phase <> :free", wanted)

    def mark_started(self, slot: RunSlot) -> None:
        """Remember for good that this run has been started."""
        self._table.put_new({**_started(slot.model, slot.run), "execution": slot.execution, "digest": slot.digest})

    def started_execution(self, model: str, run: str) -> str | None:
        """The ARN of the execution of a run that has been started; None if the run has not been."""
        item = self._table.get(_started(model, run))
        return str(item["execution"]) if item else None

    def _set(self, model: str, changes: dict[str, str], condition: str, values: dict[str, str]) -> bool:
        try:
            self._table.set(_key(model), changes, condition, values)
        except ConditionFailedError:
            return False
        return True


def _seen(slot: RunSlot) -> dict[str, str]:
    return {":number": str(slot.number), ":phase": slot.phase}


def _key(model: str) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": "TURN"}


def _started(model: str, run: str) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": f"STARTED#{run}"}
