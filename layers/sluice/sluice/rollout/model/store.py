"""Stores the records of rollouts in DynamoDB, with conditional writes only.

MODEL#<model>      ROLLOUT#<version>#<attempt>    a rollout's record
MODEL#<model>      CURRENT…                       which rollouts are open, and which was promoted last
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.errors import SluiceError
from sluice.rollout.model.latest_test import LatestTests
from sluice.rollout.model.maintenance import Maintenance, maintenance_text
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import (
    PAST_ITS_STAGES,
    Command,
    FenceKind,
    Hold,
    RolloutOutcome,
    RolloutPhase,
    RolloutRecord,
    command_attributes,
    parse_record,
    plan_attributes,
)
from sluice.rollout.model.rollout_index import (
    CurrentRollouts,
    RolloutIndex,
    header_key,
    is_outdated,
    last_promoted,
    open_item,
    open_key,
    promotion,
)
from sluice.rollout_id import RolloutId

_OPEN = "attribute_not_exists(fence_kind) AND phase <> :closed"
_NOT_PAUSED = f"{_OPEN} AND attribute_not_exists(command_kind) OR {_OPEN} AND command_kind <> :pause"


class FencedError(SluiceError):
    """The rollout is fenced or closed: no task may move it forward."""


class RecordStore(LatestTests):
    """Every write is idempotent: repeated with the same arguments, it leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        super().__init__(table)
        self._index = RolloutIndex(table)

    def open(self, record: RolloutRecord) -> bool:
        """Store a new, queued rollout; False if another call has stored it."""
        is_new = self._table.put_new(
            {
                **_record_key(record.id),
                "id": str(record.id),
                "package_arn": record.package_arn,
                "endpoint": record.endpoint,
                "phase": "queued",
                "opened_at": record.opened_at.isoformat(),
                "approved_at": record.approved_at.isoformat(),
                **({"urgent": 1} if record.urgent else {}),
            },
            open_item(record.id),
        )
        if not is_new and not self.get(record.id).is_closed:
            self._table.put_new(open_item(record.id))  # an earlier release opened it, and stored no such item
        return is_new

    def get(self, rollout_id: RolloutId) -> RolloutRecord:
        """The record as it is now (consistent read).

        Raises:
            LookupError: there is no such rollout.
        """
        item = self._table.get(_record_key(rollout_id))
        if item is None:
            raise LookupError(f"no rollout {rollout_id} in table {self._table.name}")
        return parse_record(item)

    def rollouts(self, model: str, version: int | None = None) -> Iterator[RolloutRecord]:
        """Rollouts of a model, newest version and attempt first."""
        prefix = "ROLLOUT#" if version is None else f"ROLLOUT#{version:07d}#"
        for item in self._table.query(f"MODEL#{model}", prefix, newest_first=True):
            yield parse_record(item)

    def newest(self, model: str) -> RolloutRecord | None:
        """The last attempt of the newest version that was rolled out; None if there is no rollout."""
        found = self._table.query(f"MODEL#{model}", "ROLLOUT#", newest_first=True, page_items=1)
        return next((parse_record(item) for item in found), None)

    def open_rollouts(self, model: str) -> list[RolloutRecord]:
        """The rollouts of a model that are not closed, newest version and attempt first.

        It reads no others, unless the model's history is older than the index and the sweep has not been here yet.
        """
        return self._open_of(model, self._index.read(model))

    def index_open_rollouts(self, model: str, now: datetime) -> list[RolloutRecord]:
        """``open_rollouts``; those of an earlier release are indexed first, twice, and after it was at work again."""
        current = self._index.read(model)
        if not self._index.is_due(current, now) and not is_outdated(current, self.newest(model)):
            return self._open_of(model, current)
        known = list(self.rollouts(model))
        self._index.build(model, known, current, now)
        return [record for record in known if not record.is_closed]

    def _open_of(self, model: str, current: CurrentRollouts) -> list[RolloutRecord]:
        found = map(self.get, reversed(current.open)) if current.is_complete else self.rollouts(model)
        return [record for record in found if not record.is_closed]

    def last_promotion(self, model: str) -> RolloutRecord | None:
        """The rollout that was promoted last, of whatever version; None if none was. It reads as ``open_rollouts``."""
        current = self._index.read(model)
        if current.is_complete:
            return self.get(current.promoted) if current.promoted else None
        return last_promoted(self.rollouts(model), current.promoted)

    def advance(self, rollout_id: RolloutId, phase: RolloutPhase, **changes: str | int) -> None:
        """Enter a phase, unless the rollout is fenced or closed.

        Raises:
            FencedError: it is.
        """
        if not self._set_open(rollout_id, {"phase": phase, **changes}):
            raise FencedError(f"rollout {rollout_id} may not go on")

    def advance_unless_paused(self, rollout_id: RolloutId, phase: RolloutPhase, **changes: str | int) -> bool:
        """``advance``; False, and nothing is changed, if a person has paused the rollout, at whatever moment.

        Raises:
            FencedError: it is fenced or closed.
        """
        changes = {"phase": phase, **changes}
        try:
            self._table.set(_record_key(rollout_id), changes, _NOT_PAUSED, {":closed": "closed", ":pause": "pause"})
        except ConditionFailedError:
            if not self.get(rollout_id).may_advance:
                raise FencedError(f"rollout {rollout_id} may not go on") from None
            return False
        return True

    def mark_time(self, rollout_id: RolloutId, name: str, now: datetime) -> None:
        """Store when something happened first, such as ``shifted_0``; a later call changes nothing."""
        self._table.set_once(_record_key(rollout_id), name, now.isoformat())

    def record_maintenance(self, rollout_id: RolloutId, stage: int, seen: Sequence[Maintenance]) -> None:
        """Store what a stage has seen of maintenance; a fenced or closed rollout is left alone."""
        self._set_open(rollout_id, {f"maintenance_{stage}": maintenance_text(seen)})

    def end_watch(self, rollout_id: RolloutId, reason: str) -> None:
        """End the bake after the promotion early: the rollout closes as promoted at its next poll."""
        self._table.set_once(_record_key(rollout_id), "watch_ended", reason)

    def set_command(self, rollout_id: RolloutId, command: Command) -> bool:
        """Store a person's command; False if the rollout is fenced or closed, or past its stages, for a pause."""
        too_late = PAST_ITS_STAGES if command.kind == "pause" else ()
        return self._set_open(rollout_id, command_attributes(command), unless_in=too_late)

    def record_hold(self, rollout_id: RolloutId, hold: Hold) -> None:
        """Store what holds the rollout; a fenced or closed one is left alone."""
        when = {"hold_since": hold.since.isoformat(), "hold_at": hold.at.isoformat()}
        what = {"hold_by": hold.by, "hold_reason": hold.reason}
        self._set_open(rollout_id, {**what, **when, "hold_stage": hold.stage, "hold_gate": hold.gate})

    def open_gate(self, rollout_id: RolloutId, gate: int, now: datetime) -> bool:
        """Store that a person opened a gate; False if the rollout is fenced or closed."""
        return self._set_open(rollout_id, {f"gate_opened_{gate}": now.isoformat()})

    def _set_open(
        self, rollout_id: RolloutId, changes: Mapping[str, str | int], *, unless_in: Sequence[RolloutPhase] = ()
    ) -> bool:
        """Change a rollout; False if it is fenced, closed, or in one of these phases."""
        terms = ["attribute_exists(id)", _OPEN, *(f"phase <> :{phase}" for phase in unless_in)]
        values = {f":{phase}": phase for phase in ("closed", *unless_in)}
        try:
            self._table.set(_record_key(rollout_id), changes, " AND ".join(terms), values)
        except ConditionFailedError:
            return False
        return True

    def save_plan(self, rollout_id: RolloutId, plan: Plan, now: datetime) -> None:
        """Store the plan. The first plan stays: a repeated task must not plan against its own changes."""
        try:
            self._table.set(
                _record_key(rollout_id),
                {"phase": "provisioning", **plan_attributes(plan), "planned_at": now.isoformat()},
                f"attribute_not_exists(rollout_plan) AND {_OPEN}",
                {":closed": "closed"},
            )
        except ConditionFailedError:
            if self.get(rollout_id).plan is None:
                raise FencedError(f"rollout {rollout_id} may not go on") from None

    def note_request(self, rollout_id: RolloutId, now: datetime) -> None:
        """Store that SageMaker is asked now to move the endpoint forward to another config."""
        self._note(rollout_id, {"asked_at": now.isoformat()})

    def mark_requested(self, rollout_id: RolloutId, config: str) -> None:
        """Store that SageMaker accepted an update to this endpoint config."""
        self._table.add_to_set(_record_key(rollout_id), "asked", config)

    def fence(
        self, rollout_id: RolloutId, kind: FenceKind, reason: str, now: datetime, *, is_unknown: bool = False
    ) -> RolloutRecord:
        """Stop the rollout from advancing and return its record; the first fence stays.

        ``is_unknown``: only because AWS did not answer, for which the version is not marked Rejected.
        """
        changes: dict[str, str | int] = {
            "fence_kind": kind,
            "fence_reason": reason,
            "fence_at": now.isoformat(),
            "fence_is_unknown": int(is_unknown),
        }
        self._set_open(rollout_id, changes)  # if it was fenced or closed before, that record is returned
        return self.get(rollout_id)

    def begin_restoring(self, rollout_id: RolloutId) -> None:
        """Enter the restoring phase; a closed rollout stays closed."""
        with suppress(ConditionFailedError):
            self._table.set(
                _record_key(rollout_id),
                {"phase": "restoring"},
                "attribute_exists(id) AND phase <> :closed",
                {":closed": "closed"},
            )

    def note_restore(self, rollout_id: RolloutId, number: int) -> None:
        """Store the number of the last execution that only restores; one that is too low only costs some calls."""
        self._note(rollout_id, {"restores": number})

    def note_stuck(self, rollout_id: RolloutId, now: datetime) -> None:
        """Store that people were told that the rollout cannot be restored."""
        self._note(rollout_id, {"stuck_told_at": now.isoformat()})

    def _note(self, rollout_id: RolloutId, changes: Mapping[str, str | int]) -> None:
        with suppress(ConditionFailedError):  # there is no such rollout
            self._table.set(_record_key(rollout_id), changes, "attribute_exists(id)", {})

    def close_promoted(self, rollout_id: RolloutId, reason: str, now: datetime) -> None:
        """Close the rollout as promoted, unless it was fenced at the last moment.

        Raises:
            FencedError: it was fenced, or closed by another call.
        """
        at = now.isoformat()
        try:
            self._table.set_and_delete(
                _record_key(rollout_id),
                {"phase": "closed", "outcome": "promoted", "reason": reason, "closed_at": at},
                _OPEN,
                {":closed": "closed"},
                gone=open_key(rollout_id),
                also={**header_key(rollout_id.model), **promotion(rollout_id, at)},
            )
        except ConditionFailedError:
            if not self._is_closed_by(rollout_id, "promoted", now):
                raise FencedError(f"rollout {rollout_id} may not go on") from None

    def close(self, rollout_id: RolloutId, outcome: RolloutOutcome, reason: str, now: datetime) -> bool:
        """Close the rollout; False if another call has closed it, with whatever outcome."""
        changes: dict[str, str | int] = {
            "phase": "closed",
            "outcome": outcome,
            "reason": reason,
            "closed_at": now.isoformat(),
        }
        try:
            self._table.set_and_delete(
                _record_key(rollout_id),
                changes,
                "attribute_exists(id) AND phase <> :closed",
                {":closed": "closed"},
                gone=open_key(rollout_id),
            )
        except ConditionFailedError:
            return self._is_closed_by(rollout_id, outcome, now)
        return True

    def _is_closed_by(self, rollout_id: RolloutId, outcome: RolloutOutcome, now: datetime) -> bool:
        """Whether it is closed as this call wants it: the SDK repeats a call whose answer was lost."""
        stored = self.get(rollout_id)
        return (stored.outcome, stored.closed_at) == (outcome, now)


def _record_key(rollout_id: RolloutId) -> dict[str, str]:
    return {
        "pk": f"MODEL#{rollout_id.model}",
        "sk": f"ROLLOUT#{rollout_id.version:07d}#{rollout_id.attempt:03d}",
    }
