"""Where turns are kept: one item per model, changed only by whoever sees it as it is.

MODEL#<model>      TURN                           the model's current or last turn
MODEL#<model>      STARTED#<run>                  a run that has been started, for good
"""

from __future__ import annotations

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.training.run_slot import Phase, Turn

_AS_SEEN = "turn_number = :number AND phase = :phase"


class Turns:
    """Each change names the turn it is about: one that comes late, for an earlier turn, changes nothing."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def get(self, model: str) -> Turn | None:
        """The current turn, or the last one; None before the first."""
        item = self._table.get(_key(model))
        return Turn.parse(model, item) if item else None

    def claim(self, turn: Turn, last: Turn | None) -> bool:
        """Take the model's turn, if ``last`` is still its last and over; False if it is not.

        Turns are numbered, so one that has come and gone unseen in between is noticed.
        """
        if last is None:
            return self._set(turn.model, turn.item(), "attribute_not_exists(turn_number)", {})
        return self._set(turn.model, turn.item(), _AS_SEEN, _seen(last))

    def move(self, turn: Turn, phase: Phase, **changes: str) -> bool:
        """Enter the next phase; False if someone else has."""
        return self._set(turn.model, {"phase": phase, **changes}, _AS_SEEN, _seen(turn))

    def mark_ended(self, model: str, run: str, status: str) -> bool:
        """Note that a run's execution has ended; False if it is not the model's current run."""
        wanted = {":run": run, ":free": "free"}
        return self._set(model, {"ended": status}, "run = :run AND phase <> :free", wanted)

    def mark_started(self, turn: Turn) -> None:
        """Remember for good that this run has been started."""
        self._table.put_new({**_started(turn.model, turn.run), "execution": turn.execution, "digest": turn.digest})

    def started(self, model: str, run: str) -> str | None:
        """The ARN of the execution of a run that has been started, None if none has been."""
        item = self._table.get(_started(model, run))
        return str(item["execution"]) if item else None

    def _set(self, model: str, changes: dict[str, str], condition: str, values: dict[str, str]) -> bool:
        try:
            self._table.set(_key(model), changes, condition, values)
        except ConditionFailedError:
            return False
        return True


def _seen(turn: Turn) -> dict[str, str]:
    return {":number": str(turn.number), ":phase": turn.phase}


def _key(model: str) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": "TURN"}


def _started(model: str, run: str) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": f"STARTED#{run}"}
