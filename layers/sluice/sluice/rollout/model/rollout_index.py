"""What is current of a model: its open rollouts and its last promotion, found without reading its whole history.

MODEL#<model>      CURRENT                        the last promotion, and since when this index is complete
MODEL#<model>      CURRENT#<version>#<attempt>    a rollout that is open, or was until a moment ago

Rollouts that began before there was this index are added by the sweep. It does so twice: between the two, functions of
an earlier release, which know nothing of it, finish their work. Until then the index is not complete, and its reader
has to read all rollouts. A release that knows nothing of it may come back; after it the sweep adds what is missing of
a model whose newest rollout shows it. Idempotent.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout_id import RolloutId

_PREFIX = "CURRENT"
_SETTLES = timedelta(minutes=15)
"""No invocation of an earlier release lasts longer; its rollout's next one is of this release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRollouts:
    """The index of one model; ``open`` may hold one that was closed by an earlier release."""

    open: tuple[RolloutId, ...] = ()
    promoted: RolloutId | None = None
    promoted_at: datetime | None = None
    built_at: datetime | None = None
    is_complete: bool = False


class RolloutIndex:
    """Reads and builds the index; ``RecordStore`` writes it together with the records."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def read(self, model: str) -> CurrentRollouts:
        """The index as it is now, in one consistent read."""
        items = list(self._table.query(_partition(model), _PREFIX))
        header: dict[str, Any] = next((item for item in items if item["sk"] == _PREFIX), {})
        return CurrentRollouts(
            open=tuple(RolloutId.required(item["id"]) for item in items if item["sk"] != _PREFIX),
            promoted=RolloutId.required(header["promoted"]) if "promoted" in header else None,
            promoted_at=datetime.fromisoformat(header["promoted_at"]) if "promoted_at" in header else None,
            built_at=datetime.fromisoformat(header["built_at"]) if "built_at" in header else None,
            is_complete="complete_since" in header,
        )

    def is_due(self, current: CurrentRollouts, now: datetime) -> bool:
        """Whether the index has to be built, for the first or for the second time."""
        return not current.is_complete and (current.built_at is None or now - current.built_at >= _SETTLES)

    def build(self, model: str, rollouts: Iterable[RolloutRecord], current: CurrentRollouts, now: datetime) -> None:
        """Add what is missing of all ``rollouts`` of the model. A crash anywhere leaves it to be built again."""
        known = list(rollouts)
        for record in known:
            if not record.is_closed:
                self._table.put_new(open_item(record.id))
        if (last := last_promoted(known, current.promoted)) is not None:
            self._note_promotion(last)
        name = "built_at" if current.built_at is None else "complete_since"
        self._table.set_once(header_key(model), name, now.isoformat())

    def _note_promotion(self, last: RolloutRecord) -> None:
        at = (last.closed_at or last.opened_at).isoformat()
        with suppress(ConditionFailedError):  # a later one has been noted
            self._table.set(
                header_key(last.id.model),
                promotion(last.id, at),
                "attribute_not_exists(promoted_at) OR promoted_at <= :at",
                {":at": at},
            )


def last_promoted(rollouts: Iterable[RolloutRecord], noted: RolloutId | None) -> RolloutRecord | None:
    """The rollout that was promoted last, of two at one time the ``noted`` one; None if none was. Pure."""
    promotions = (record for record in rollouts if record.outcome == "promoted")
    return max(promotions, key=lambda each: (each.closed_at or each.opened_at, each.id == noted), default=None)


def is_outdated(current: CurrentRollouts, newest: RolloutRecord | None) -> bool:
    """Whether the index, read before it, lacks the newest rollout: it is open, or was promoted last of all. Pure."""
    if newest is None or not current.is_complete:
        return False
    if not newest.is_closed:
        return newest.id not in current.open
    if newest.outcome != "promoted" or newest.closed_at is None or newest.id == current.promoted:
        return False
    return current.promoted_at is None or newest.closed_at > current.promoted_at


def header_key(model: str) -> dict[str, str]:
    return {"pk": _partition(model), "sk": _PREFIX}


def open_key(rollout_id: RolloutId) -> dict[str, str]:
    return {
        "pk": _partition(rollout_id.model),
        "sk": f"{_PREFIX}#{rollout_id.version:07d}#{rollout_id.attempt:03d}",
    }


def open_item(rollout_id: RolloutId) -> dict[str, str]:
    """The item of a rollout that is open."""
    return {**open_key(rollout_id), "id": str(rollout_id)}


def promotion(rollout_id: RolloutId, at: str) -> dict[str, str]:
    """The attributes of the last promotion."""
    return {"promoted": str(rollout_id), "promoted_at": at}


def _partition(model: str) -> str:
    return f"MODEL#{model}"
