"""The record of a rollout: its identity, phase, plan, timestamps, commands, fence and outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sluice.rollout.model.maintenance import MAINTENANCE, Maintenance, parse_maintenance
from sluice.rollout.model.patience import UNSEEN
from sluice.rollout.model.plan import ADDED_FIELDS, Plan
from sluice.rollout_id import RolloutId
from sluice.stored import join_added, split_added

if TYPE_CHECKING:
    from sluice.telemetry.port import Telemetry

RolloutPhase = Literal["queued", "provisioning", "baking", "promoting", "watching", "restoring", "closed"]
PAST_ITS_STAGES: tuple[RolloutPhase, ...] = ("promoting", "watching")  # nothing is ahead that would obey a pause
RolloutOutcome = Literal["promoted", "rolled_back", "superseded", "withdrawn", "failed"]
FenceKind = Literal["alarm", "judge", "guardrails", "aborted", "superseded", "withdrawn", "failed"]

CommandKind = Literal["pause", "resume", "promote"]

SCALING = "scaling_"
"""What the attributes begin with that say when so many instances of the candidate were first asked for."""

DOUBT = "doubt"
DOUBT_IN_WATCH = "doubt in the watch"
"""By what a rollout is held that a person has to decide on."""

RESTORING = "restoring_"
"""What the attributes begin with that say when a way back made its first step of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Once it is set, no step moves the rollout forward."""

    kind: FenceKind
    reason: str
    at: datetime
    is_unknown: bool = False  # AWS did not answer: nothing is known against the version


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The last command that a person gave."""

    kind: CommandKind
    by: str  # the person's ARN
    reason: str
    at: datetime
    skip_gates: bool = False  # a promotion that neither gates nor freeze windows hold

    def __str__(self) -> str:
        return f"{self.kind} {self.attribution}"

    @property
    def attribution(self) -> str:
        """Who gave it and why: ``by ARN: reason``."""
        past = " past gates and windows" if self.skip_gates else ""
        return f"by {self.by}{past}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The last time that something held a rollout: a window, a gate, a pause, a doubt, or SageMaker's maintenance."""

    by: str  # window, pause, human, maintenance, doubt, doubt in the watch, or the ARN of a gate's Lambda function
    reason: str
    since: datetime
    at: datetime  # when it was last checked
    stage: int  # -1: before the start
    gate: int = -1  # the gate's index; -1 if no gate holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRecord:
    """One rollout as it is stored. Times are UTC."""

    id: RolloutId
    package_arn: str
    endpoint: str
    phase: RolloutPhase
    opened_at: datetime
    approved_at: datetime  # when the decision was made that it is for, by the registry's clock
    urgent: bool = False  # replaces a version that was rejected while it served: no stages
    stage: int = -1  # index of the stage shifted to last; -1 before the first
    plan: Plan | None = None
    planned_at: datetime | None = None
    compared_at: datetime | None = None  # when a batch version's comparison was published
    requested_configs: frozenset[str] = field(default_factory=frozenset)  # endpoint configs requested so far
    requested_at: datetime | None = None  # when SageMaker was asked for the last of them on the way forward
    shifting_at: Mapping[int, datetime] = field(default_factory=dict)  # stage -> when its weights were requested
    shifted_at: Mapping[int, datetime] = field(default_factory=dict)  # stage -> when its weights took effect
    scaling_at: Mapping[int, datetime] = field(default_factory=dict)  # instances -> when they were first asked for
    maintenance: Mapping[int, tuple[Maintenance, ...]] = field(default_factory=dict)  # stage -> by SageMaker
    fleet_ready_at: datetime | None = None  # when a candidate that SageMaker deployed was seen in service first
    watching_since: datetime | None = None  # when the candidate had all the traffic
    watch_ended: str = ""  # why the bake after the promotion ended early
    command: Command | None = None
    hold: Hold | None = None
    gates_announced: Mapping[int, datetime] = field(default_factory=dict)  # gate -> when its event was published
    gates_opened: Mapping[int, datetime] = field(default_factory=dict)  # gate -> when a person opened it
    fence: Fence | None = None
    restores: int = 0  # the number of the last execution that only restores; 0: none was started
    restoring_at: Mapping[str, datetime] = field(default_factory=dict)  # kind of step -> when it was first accepted
    stuck_told_at: datetime | None = None  # when people were told last that it cannot be restored
    outcome: RolloutOutcome | None = None
    reason: str = ""
    closed_at: datetime | None = None
    announced_at: datetime | None = None  # when the promotion's event was published

    @property
    def is_closed(self) -> bool:
        return self.phase == "closed"

    @property
    def held_by(self) -> Hold | None:
        """The hold on the rollout now; None if there is none, or it has ended since."""
        if self.hold is None or self.hold.stage != self.stage or self.hold.gate in self.gates_opened:
            return None
        if self.phase == "watching":
            return self.hold if self.hold.by == DOUBT_IN_WATCH else None
        if self.phase not in ("queued", "baking") and not self._is_held_in_provision:
            return None
        return None if self.hold.by == MAINTENANCE and not self.is_maintained else self.hold

    @property
    def _is_held_in_provision(self) -> bool:
        """By a pause, or a batch model's version by its gate or window, which come after its comparison.

        Nothing else holds a rollout there: any other hold is one from before its start.
        """
        if self.phase != "provisioning" or self.hold is None:
            return False
        if self.plan is not None and self.plan.engine == "batch":
            return self.planned_at is not None and self.hold.at >= self.planned_at
        is_paused = self.command is not None and self.command.kind == "pause"
        return is_paused and self.hold.by == "pause"

    @property
    def is_maintained(self) -> bool:
        """Whether the last analysis of the stage saw SageMaker maintain the endpoint's hosts."""
        seen = self.maintenance.get(self.stage, ())
        return bool(seen) and not seen[-1].is_over

    def unseen_until(self, now: datetime) -> datetime | None:
        """Until when DescribeEndpoint may not show the last config that was asked for; None if it does by now."""
        until = self.requested_at + UNSEEN if self.requested_at is not None else now
        return until if until > now else None

    @property
    def may_advance(self) -> bool:
        return self.fence is None and not self.is_closed

    def loggable(self, reason: str) -> str:
        """A reason as far as it may be logged: that of a batch model may quote a row that a transform job met."""
        return "" if self.plan is not None and self.plan.engine == "batch" else reason

    def planned(self) -> Plan:
        """The plan; a rollout past its first step always has one."""
        if self.plan is None:
            raise LookupError(f"rollout {self.id} has no plan yet")
        return self.plan


def identify_rollout(record: RolloutRecord, telemetry: Telemetry) -> None:
    """Add the rollout's keys to every further log line of this invocation."""
    telemetry.identify("rollout", record.id)
    telemetry.identify("model", record.id.model)
    telemetry.identify("version", record.id.version)
    telemetry.identify("endpoint", record.endpoint)


def parse_record(item: Mapping[str, Any]) -> RolloutRecord:
    """A record from the flat attributes of its DynamoDB item."""
    return RolloutRecord(
        id=RolloutId.required(item["id"]),
        package_arn=item["package_arn"],
        endpoint=item["endpoint"],
        phase=item["phase"],
        opened_at=datetime.fromisoformat(item["opened_at"]),
        approved_at=datetime.fromisoformat(item["approved_at"]),
        urgent=bool(item.get("urgent")),
        stage=int(item.get("stage", -1)),
        plan=_plan_from(item),
        planned_at=datetime.fromisoformat(item["planned_at"]) if "planned_at" in item else None,
        compared_at=datetime.fromisoformat(item["compared_at"]) if "compared_at" in item else None,
        requested_configs=frozenset(item.get("asked", ())),
        requested_at=datetime.fromisoformat(item["asked_at"]) if "asked_at" in item else None,
        shifting_at=_times(item, "shifting_"),
        shifted_at=_times(item, "shifted_"),
        scaling_at=_times(item, SCALING),
        maintenance=_maintenance(item),
        fleet_ready_at=datetime.fromisoformat(item["fleet_ready_at"]) if "fleet_ready_at" in item else None,
        watching_since=datetime.fromisoformat(item["watching_since"]) if "watching_since" in item else None,
        watch_ended=item.get("watch_ended", ""),
        command=_command_from(item),
        hold=_hold_from(item),
        gates_announced=_times(item, "gate_told_"),
        gates_opened=_times(item, "gate_opened_"),
        fence=_fence_from(item),
        restores=int(item.get("restores", 0)),
        restoring_at=_named_times(item, RESTORING),
        stuck_told_at=datetime.fromisoformat(item["stuck_told_at"]) if "stuck_told_at" in item else None,
        outcome=item.get("outcome"),
        reason=item.get("reason", ""),
        closed_at=datetime.fromisoformat(item["closed_at"]) if "closed_at" in item else None,
        announced_at=datetime.fromisoformat(item["announced_at"]) if "announced_at" in item else None,
    )


def plan_attributes(plan: Plan) -> dict[str, str]:
    """The attributes of a rollout's item that hold its plan: what release 0.2 knows of it, and the rest."""
    known, added = split_added(plan.to_json(), ADDED_FIELDS)
    used = {path: value for path, value in added.items() if value is not None and value is not False}  # their defaults
    return {"rollout_plan": json.dumps(known), **({"rollout_plan_added": json.dumps(used)} if used else {})}


def _plan_from(item: Mapping[str, Any]) -> Plan | None:
    if "rollout_plan" not in item:
        return None
    known = json.loads(item["rollout_plan"])
    added = json.loads(item.get("rollout_plan_added", "{}"))
    if all("." not in path for path in added):  # fields of the plan itself: of most rollouts there are no others
        return Plan.from_json(known | added)
    return Plan.from_json(join_added(known, added))


def _times(item: Mapping[str, Any], prefix: str) -> dict[int, datetime]:
    """Stage index -> time, from attributes such as ``shifted_0``."""
    return {int(name): at for name, at in _named_times(item, prefix).items()}


def _named_times(item: Mapping[str, Any], prefix: str) -> dict[str, datetime]:
    return {
        name.removeprefix(prefix): datetime.fromisoformat(value)
        for name, value in item.items()
        if name.startswith(prefix)
    }


def _maintenance(item: Mapping[str, Any]) -> dict[int, tuple[Maintenance, ...]]:
    prefix = "maintenance_"
    return {
        int(name.removeprefix(prefix)): parse_maintenance(text)
        for name, text in item.items()
        if name.startswith(prefix)
    }


def command_attributes(command: Command) -> dict[str, str | int]:
    """The attributes of a rollout's item that hold a command."""
    return {
        "command_kind": command.kind,
        "command_by": command.by,
        "command_reason": command.reason,
        "command_at": command.at.isoformat(),
        "command_skip_gates": int(command.skip_gates),
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
        is_unknown=bool(int(item.get("fence_is_unknown", 0))),
    )
