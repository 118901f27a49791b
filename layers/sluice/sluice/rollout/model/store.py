"""Where rollouts, endpoint locks, histories and uploads are kept: one DynamoDB table, conditional writes only.

MODEL#<model>      ROLLOUT#<version>#<attempt>    a rollout's record
MODEL#<model>      TEST                           the A/B test that was begun last
ROLLOUT#<id>       ENTRY#<key>                    one line of its history
ENDPOINT#<name>    LOCK                           which rollout may change the endpoint
UPLOAD#<s3 key>    <version id>                   what became of an uploaded file
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.errors import SluiceError
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import Command, FenceKind, Hold, Outcome, Phase, RolloutRecord, record_from
from sluice.rollout_id import RolloutId

_OPEN = "attribute_not_exists(fence_kind) AND phase <> :closed"


class FencedError(SluiceError):
    """A rollback, a newer version or a person has stopped this rollout: nothing may move it forward."""


class Store:
    """Every method may be called again with the same arguments and leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    # Rollouts

    def open(self, record: RolloutRecord) -> bool:
        """Keep a new, queued rollout; False if it is already there."""
        return self._table.put_new(
            {
                **_record_key(record.id),
                "id": str(record.id),
                "package_arn": record.package_arn,
                "endpoint": record.endpoint,
                "phase": "queued",
                "opened_at": record.opened_at.isoformat(),
                "approved_at": record.approved_at.isoformat(),
                **({"urgent": 1} if record.urgent else {}),
            }
        )

    def get(self, rollout_id: RolloutId) -> RolloutRecord:
        """The record as it is now (consistent read).

        Raises:
            LookupError: there is no such rollout.
        """
        item = self._table.get(_record_key(rollout_id))
        if item is None:
            raise LookupError(f"no rollout {rollout_id} in table {self._table.name}")
        return record_from(item)

    def rollouts(self, model: str, version: int | None = None) -> Iterator[RolloutRecord]:
        """Rollouts of a model, newest version and attempt first."""
        prefix = "ROLLOUT#" if version is None else f"ROLLOUT#{version:07d}#"
        for item in self._table.query(f"MODEL#{model}", prefix, newest_first=True):
            yield record_from(item)

    def advance(self, rollout_id: RolloutId, phase: Phase, **changes: str | int) -> None:
        """Enter a phase, unless the rollout is fenced or closed.

        Raises:
            FencedError: it is.
        """
        try:
            self._table.set(_record_key(rollout_id), {"phase": phase, **changes}, _OPEN, {":closed": "closed"})
        except ConditionFailedError:
            raise FencedError(f"rollout {rollout_id} may not go on") from None

    def mark_time(self, rollout_id: RolloutId, name: str, now: datetime) -> None:
        """Keep when something happened first, e.g. ``shifted_0``."""
        self._table.set_once(_record_key(rollout_id), name, now.isoformat())

    def end_watch(self, rollout_id: RolloutId, reason: str) -> None:
        """Let a rollout that only watches any more end as promoted at its next look."""
        self._table.set_once(_record_key(rollout_id), "watch_ended", reason)

    def steer(self, rollout_id: RolloutId, command: Command) -> bool:
        """Keep what a person said, for the next look; False if the rollout goes nowhere any more."""
        changes: dict[str, str | int] = {
            "command_kind": command.kind,
            "command_by": command.by,
            "command_reason": command.reason,
            "command_at": command.at.isoformat(),
            "command_skip_gates": int(command.skip_gates),
        }
        return self._set_open(rollout_id, changes)

    def hold(self, rollout_id: RolloutId, hold: Hold) -> None:
        """Keep what holds the rollout up; one that goes nowhere any more is left alone."""
        changes: dict[str, str | int] = {
            "hold_by": hold.by,
            "hold_reason": hold.reason,
            "hold_since": hold.since.isoformat(),
            "hold_at": hold.at.isoformat(),
            "hold_stage": hold.stage,
            "hold_gate": hold.gate,
        }
        self._set_open(rollout_id, changes)

    def open_gate(self, rollout_id: RolloutId, gate: int, now: datetime) -> bool:
        """A person says yes at a gate; False if the rollout goes nowhere any more."""
        return self._set_open(rollout_id, {f"gate_opened_{gate}": now.isoformat()})

    def _set_open(self, rollout_id: RolloutId, changes: Mapping[str, str | int]) -> bool:
        """Change a rollout that is neither fenced nor closed; False if it is."""
        try:
            self._table.set(
                _record_key(rollout_id), changes, f"attribute_exists(id) AND {_OPEN}", {":closed": "closed"}
            )
        except ConditionFailedError:
            return False
        return True

    def save_plan(self, rollout_id: RolloutId, plan: Plan, now: datetime) -> None:
        """Keep the plan. The first plan stays: a repeated step must not plan against its own changes."""
        text = json.dumps(plan.to_json())
        try:
            self._table.set(
                _record_key(rollout_id),
                {"phase": "provisioning", "rollout_plan": text, "planned_at": now.isoformat()},
                f"attribute_not_exists(rollout_plan) AND {_OPEN}",
                {":closed": "closed"},
            )
        except ConditionFailedError:
            if self.get(rollout_id).plan is None:
                raise FencedError(f"rollout {rollout_id} may not go on") from None

    def mark_asked(self, rollout_id: RolloutId, config: str) -> None:
        """Note that SageMaker accepted an update to this endpoint config."""
        self._table.add_to_set(_record_key(rollout_id), "asked", config)

    def fence(self, rollout_id: RolloutId, kind: FenceKind, reason: str, now: datetime) -> RolloutRecord:
        """Stop the rollout from going forward and return it; the first reason stays."""
        changes: dict[str, str | int] = {
            "fence_kind": kind,
            "fence_reason": reason,
            "fence_at": now.isoformat(),
        }
        self._set_open(rollout_id, changes)  # if it was fenced or closed before us, what stands there is returned
        return self.get(rollout_id)

    def restoring(self, rollout_id: RolloutId) -> None:
        """Enter the restoring phase; a closed rollout stays closed."""
        with suppress(ConditionFailedError):
            self._table.set(
                _record_key(rollout_id),
                {"phase": "restoring"},
                "attribute_exists(id) AND phase <> :closed",
                {":closed": "closed"},
            )

    def close_promoted(self, rollout_id: RolloutId, reason: str, now: datetime) -> None:
        """End the rollout as promoted, unless it was fenced at the last moment.

        Raises:
            FencedError: it was, or it has ended before.
        """
        self.advance(rollout_id, "closed", outcome="promoted", reason=reason, closed_at=now.isoformat())

    def closed_again(self, rollout_id: RolloutId, now: datetime) -> None:
        """Note that a promoted rollout's package was written to after its end, by us: that is no new approval."""
        self._table.set(
            _record_key(rollout_id), {"closed_at": now.isoformat()}, "outcome = :promoted", {":promoted": "promoted"}
        )

    def close(self, rollout_id: RolloutId, outcome: Outcome, reason: str, now: datetime) -> bool:
        """End the rollout; False if it has ended before, whatever the outcome was."""
        changes: dict[str, str | int] = {
            "phase": "closed",
            "outcome": outcome,
            "reason": reason,
            "closed_at": now.isoformat(),
        }
        try:
            self._table.set(
                _record_key(rollout_id),
                changes,
                "attribute_exists(id) AND phase <> :closed",
                {":closed": "closed"},
            )
        except ConditionFailedError:
            return False
        return True

    def begin_test(self, rollout_id: RolloutId) -> None:
        """Note the model's A/B test, for which outcomes are counted while its rollout is at its first stage."""
        me = str(rollout_id)
        with suppress(ConditionFailedError):
            self._table.set(
                {"pk": f"MODEL#{rollout_id.model}", "sk": "TEST"},
                {"rollout": me},
                "attribute_not_exists(rollout) OR rollout <> :me",
                {":me": me},
            )

    def last_test(self, model: str) -> RolloutId | None:
        """The A/B test begun last; it may be over."""
        item = self._table.get({"pk": f"MODEL#{model}", "sk": "TEST"})
        return RolloutId.required(item["rollout"]) if item else None

    # History

    def note(self, rollout_id: RolloutId, key: str, text: str, now: datetime, **data: Any) -> None:
        """Add a line to the history; the same key is written once."""
        self._table.put_new(
            {
                "pk": f"ROLLOUT#{rollout_id}",
                "sk": f"ENTRY#{key}",
                "at": now.isoformat(),
                "text": text,
                "data": json.dumps(data, default=str),
            }
        )

    def history(self, rollout_id: RolloutId) -> list[dict[str, Any]]:
        """The lines of the history by time: ``{"at", "key", "text", "data"}``."""
        lines = [
            {
                "at": item["at"],
                "key": item["sk"].removeprefix("ENTRY#"),
                "text": item["text"],
                "data": json.loads(item["data"]),
            }
            for item in self._table.query(f"ROLLOUT#{rollout_id}", "ENTRY#")
        ]
        return sorted(lines, key=lambda line: str(line["at"]))

    # The lock of an endpoint

    def lock(self, endpoint: str, rollout_id: RolloutId) -> bool:
        """Take the endpoint's lock; True if this rollout holds it now."""
        try:
            self._table.set(
                _lock_key(endpoint),
                {"holder": str(rollout_id)},
                "attribute_not_exists(holder) OR holder = :me",
                {":me": str(rollout_id)},
            )
        except ConditionFailedError:
            return False
        return True

    def lock_holder(self, endpoint: str) -> RolloutId | None:
        item = self._table.get(_lock_key(endpoint))
        return RolloutId.parse(item["holder"]) if item and "holder" in item else None

    def unlock(self, endpoint: str, rollout_id: RolloutId) -> None:
        """Give the lock back; nothing happens if another rollout holds it."""
        with suppress(ConditionFailedError):
            self._table.delete(_lock_key(endpoint), "holder = :me", {":me": str(rollout_id)})

    # Approvals and uploads that lead to nothing, and uploads that lead to a run

    def note_ignored_approval(self, package_arn: str, at: datetime, reason: str) -> None:
        """Keep why an approval could not be rolled out."""
        self._table.put_new({"pk": f"APPROVAL#{package_arn}", "sk": at.isoformat(), "reason": reason})

    def claim_upload(self, key: str, version_id: str, fate: Mapping[str, str]) -> Mapping[str, str]:
        """Note what becomes of an upload; returns the fate noted first, which is the one that counts."""
        upload = {"pk": f"UPLOAD#{key}", "sk": version_id or "null"}
        if self._table.put_new({**upload, **fate}):
            return fate
        return {name: str(value) for name, value in (self._table.get(upload) or {}).items()}


def _record_key(rollout_id: RolloutId) -> dict[str, str]:
    return {
        "pk": f"MODEL#{rollout_id.model}",
        "sk": f"ROLLOUT#{rollout_id.version:07d}#{rollout_id.attempt:03d}",
    }


def _lock_key(endpoint: str) -> dict[str, str]:
    return {"pk": f"ENDPOINT#{endpoint}", "sk": "LOCK"}
