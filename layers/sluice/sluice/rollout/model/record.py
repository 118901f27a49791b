"""A rollout: its identity, its phases and what is known of it. The record everyone reads and writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sluice.rollout.model.plan import Plan
from sluice.rollout_id import RolloutId

Phase = Literal["queued", "provisioning", "baking", "promoting", "watching", "restoring", "closed"]
Outcome = Literal["promoted", "rolled_back", "superseded", "withdrawn", "failed"]
FenceKind = Literal["alarm", "judge", "guardrails", "aborted", "superseded", "withdrawn", "failed"]

CommandKind = Literal["pause", "resume", "promote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Once set, no step moves the rollout forward any more."""

    kind: FenceKind
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The last thing a person said."""

    kind: CommandKind
    by: str  # ARN of who said it
    reason: str
    at: datetime
    skip_gates: bool = False  # a promotion that neither gates nor windows hold up

    def __str__(self) -> str:
        return f"{self.kind} {self.said}"

    @property
    def said(self) -> str:
        """By whom and why."""
        past = " past gates and windows" if self.skip_gates else ""
        return f"by {self.by}{past}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The last time that a window or a gate held up a rollout that could have gone forward."""

    by: str  # window, pause, human, or the ARN of a gate's function
    reason: str
    since: datetime
    at: datetime  # when it was looked at last
    stage: int  # -1: before the start
    gate: int = -1  # the gate's index; -1 if it is none


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRecord:
    """One rollout as stored."""

    id: RolloutId
    package_arn: str
    endpoint: str
    phase: Phase
    opened_at: datetime
    approved_at: datetime  # when the package was last modified as this rollout was opened
    urgent: bool = False  # away from a version that was rejected while it served: no stages
    stage: int = -1  # index of the stage shifted to last; -1 before the first
    plan: Plan | None = None
    planned_at: datetime | None = None
    compared_at: datetime | None = None  # when a batch version's comparison with the current one was told
    asked: frozenset[str] = field(default_factory=frozenset)  # endpoint configs requested so far
    shifting_at: Mapping[int, datetime] = field(default_factory=dict)  # stage -> when its weights were asked for
    shifted_at: Mapping[int, datetime] = field(default_factory=dict)  # stage -> when they were in force
    watching_since: datetime | None = None  # when the candidate had all the traffic
    watch_ended: str = ""  # who ended the watch early
    command: Command | None = None
    hold: Hold | None = None
    gates_told: Mapping[int, datetime] = field(default_factory=dict)  # gate -> when people were told that it waits
    gates_opened: Mapping[int, datetime] = field(default_factory=dict)  # gate -> when a person opened it
    fence: Fence | None = None
    outcome: Outcome | None = None
    reason: str = ""
    closed_at: datetime | None = None

    @property
    def is_closed(self) -> bool:
        return self.phase == "closed"

    @property
    def held_by(self) -> Hold | None:
        """What holds the rollout up now; None if it is not held, or its gate was opened since."""
        is_waiting = self.hold is not None and self.hold.stage == self.stage and self.phase in ("queued", "baking")
        return self.hold if is_waiting and self.hold and self.hold.gate not in self.gates_opened else None

    @property
    def may_advance(self) -> bool:
        return self.fence is None and not self.is_closed

    def planned(self) -> Plan:
        """The plan; a rollout past its first step always has one."""
        if self.plan is None:
            raise LookupError(f"rollout {self.id} has no plan yet")
        return self.plan


def record_from(item: Mapping[str, Any]) -> RolloutRecord:
    """A record from the flat attributes it is stored as."""
    return RolloutRecord(
        id=RolloutId.required(item["id"]),
        package_arn=item["package_arn"],
        endpoint=item["endpoint"],
        phase=item["phase"],
        opened_at=datetime.fromisoformat(item["opened_at"]),
        approved_at=datetime.fromisoformat(item["approved_at"]),
        urgent=bool(item.get("urgent")),
        stage=int(item.get("stage", -1)),
        plan=Plan.from_json(json.loads(item["rollout_plan"])) if "rollout_plan" in item else None,
        planned_at=datetime.fromisoformat(item["planned_at"]) if "planned_at" in item else None,
        compared_at=datetime.fromisoformat(item["compared_at"]) if "compared_at" in item else None,
        asked=frozenset(item.get("asked", ())),
        shifting_at=_times(item, "shifting_"),
        shifted_at=_times(item, "shifted_"),
        watching_since=datetime.fromisoformat(item["watching_since"]) if "watching_since" in item else None,
        watch_ended=item.get("watch_ended", ""),
        command=_command_from(item),
        hold=_hold_from(item),
        gates_told=_times(item, "gate_told_"),
        gates_opened=_times(item, "gate_opened_"),
        fence=_fence_from(item),
        outcome=item.get("outcome"),
        reason=item.get("reason", ""),
        closed_at=datetime.fromisoformat(item["closed_at"]) if "closed_at" in item else None,
    )


def _times(item: Mapping[str, Any], prefix: str) -> dict[int, datetime]:
    """Stage index -> time, from attributes such as ``shifted_0``."""
    return {
        int(name.removeprefix(prefix)): datetime.fromisoformat(value)
        for name, value in item.items()
        if name.startswith(prefix)
    }


def _command_from(item: Mapping[str, Any]) -> Command | None:
    if "command_kind" not in item:
        return None
    return Command(
        kind=item["command_kind"],
        by=item["command_by"],
        reason=item["command_reason"],
        at=datetime.fromisoformat(item["command_at"]),
        skip_gates=bool(int(item.get("command_skip_gates", 0))),
    )


def _hold_from(item: Mapping[str, Any]) -> Hold | None:
    if "hold_at" not in item:
        return None
    return Hold(
        by=item["hold_by"],
        reason=item["hold_reason"],
        since=datetime.fromisoformat(item["hold_since"]),
        at=datetime.fromisoformat(item["hold_at"]),
        stage=int(item["hold_stage"]),
        gate=int(item["hold_gate"]),
    )


def _fence_from(item: Mapping[str, Any]) -> Fence | None:
    if "fence_kind" not in item:
        return None
    return Fence(
        kind=item["fence_kind"],
        reason=item["fence_reason"],
        at=datetime.fromisoformat(item["fence_at"]),
    )
