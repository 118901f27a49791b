"""A guarded deployment as data: its stages, the stages of its rollback, and when each is over."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from localaws.services.sagemaker.endpoint_state.guardrails import DeploymentPolicy, RoutingType


class Phase(StrEnum):
    """VariantStatus as the API spells it."""

    CREATING = "Creating"
    UPDATING = "Updating"
    ACTIVATING_TRAFFIC = "ActivatingTraffic"
    BAKING = "Baking"
    DELETING = "Deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The two fleets of one variant: instances of the new one, those of them with traffic, and of the old one."""

    new: int
    active: int
    old: int
    share: float  # of the variant's traffic that the new fleet gets


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One phase of a deployment: what is so during it, by variant, and how long it lasts."""

    phase: Phase
    counts: Mapping[str, Counts]
    seconds: float = 0.0
    waiting_for: str = ""  # the field of DeploymentConfig that a bake comes from

    def message(self, variant: str) -> str:
        """StatusMessage of one variant."""
        counts = self.counts[variant]
        if self.phase is Phase.BAKING:
            return (
                f"Baking for {self.seconds:.0f} seconds ({self.waiting_for}) with traffic enabled on capacity of "
                f"{counts.active} instance(s)."
            )
        if self.phase is Phase.ACTIVATING_TRAFFIC:
            return f"Activating traffic on {counts.active} instance(s)."
        if self.phase is Phase.DELETING:
            return f"Terminating instances; {counts.old} old and {counts.new} new instance(s) remain."
        return f"Creating instances: {counts.new} new beside {counts.old} old one(s)."


Fleets = Mapping[str, int]  # instances by variant


def forward(policy: DeploymentPolicy, old: Fleets, wanted: Fleets) -> list[Stage]:
    """From the old fleets to the wanted ones. A variant that is in one of them only counts as 0 in the other."""
    names = sorted({*old, *wanted})
    steps = {name: _steps(policy, wanted.get(name, 0)) for name in names}
    stages: list[Stage] = []
    counts = {name: Counts(new=0, active=0, old=old.get(name, 0), share=0.0) for name in names}
    for number in range(max(map(len, steps.values()))):
        reached = {name: steps[name][min(number, len(steps[name]) - 1)] for name in names}
        made = reached if policy.routing is RoutingType.ROLLING else {name: wanted.get(name, 0) for name in names}
        created = {name: replace(counts[name], new=made[name]) for name in names}
        counts = {name: _activated(created[name], reached[name], wanted.get(name, 0)) for name in names}
        if created != (stages[-1].counts if stages else None):
            stages.append(Stage(phase=Phase.CREATING, counts=created))
        stages.append(Stage(phase=Phase.ACTIVATING_TRAFFIC, counts=counts))
        if policy.routing is RoutingType.ROLLING:
            counts = {name: _thinned(counts[name], old.get(name, 0)) for name in names}
            stages.append(Stage(phase=Phase.DELETING, counts=counts))
        stages += _bake(counts, policy.wait_seconds, "WaitIntervalInSeconds")
    if policy.routing is not RoutingType.ROLLING:
        stages += _bake(counts, policy.termination_wait_seconds, "TerminationWaitInSeconds")
        stages.append(Stage(phase=Phase.DELETING, counts={name: replace(counts[name], old=0) for name in names}))
    return stages


def back(policy: DeploymentPolicy, old: Fleets, reached: Mapping[str, Counts]) -> list[Stage]:
    """From whatever was ``reached`` to the old fleets: traffic at once, or in batches where they must be rebuilt."""
    if policy.routing is not RoutingType.ROLLING:
        returned = {name: replace(counts, active=0, share=0.0) for name, counts in reached.items()}
        none = {name: replace(counts, new=0, old=old.get(name, 0)) for name, counts in returned.items()}
        return [Stage(phase=Phase.ACTIVATING_TRAFFIC, counts=returned), Stage(phase=Phase.DELETING, counts=none)]
    (name,) = reached
    return list(_rolled_back(name, policy, old[name], reached[name]))


def _rolled_back(name: str, policy: DeploymentPolicy, whole: int, counts: Counts) -> Iterator[Stage]:
    batch = policy.rollback_batch.instances(whole) if policy.rollback_batch else whole
    first, peak = True, counts
    while first or counts.old < whole:
        first = False
        rebuilt = replace(counts, old=min(whole, counts.old + max(batch, 1)))
        yield Stage(phase=Phase.CREATING, counts={name: rebuilt})
        lost = (whole - rebuilt.old) / whole if whole else 0.0
        left = math.ceil(peak.new * lost)  # rounded up: traffic that stays needs an instance
        returned = replace(rebuilt, active=min(left, rebuilt.active), share=min(lost, rebuilt.share))
        yield Stage(phase=Phase.ACTIVATING_TRAFFIC, counts={name: returned})
        counts = replace(returned, new=left)
        yield Stage(phase=Phase.DELETING, counts={name: counts})


def rollback_reason(alarming: Sequence[str], *, now: datetime, deadline: datetime | None) -> str | None:
    """Why a deployment must not go on, in the words of its FailureReason; None when it may."""
    if alarming:
        return f"The update was rolled back because these alarms are in ALARM state: {', '.join(alarming)}."
    if deadline is not None and now >= deadline:
        return "The update was rolled back because it exceeded MaximumExecutionTimeoutInSeconds."
    return None


def is_over(stage: Stage, *, entered: datetime, now: datetime, scale: float) -> bool:
    """Whether a stage has lasted as long as it must; ``scale`` shortens waits for tests."""
    return now >= entered + timedelta(seconds=stage.seconds * scale)


def _steps(policy: DeploymentPolicy, total: int) -> list[int]:
    """How many instances have traffic after each step."""
    batch = policy.batch.instances(total) if policy.batch else total
    if policy.routing is RoutingType.CANARY and batch < total:
        return [batch, total]
    return [*range(batch, total, batch), total] if batch else [total]


def _activated(counts: Counts, active: int, total: int) -> Counts:
    """With traffic on ``active`` of the ``total`` instances; a variant that goes away loses all of it at once."""
    return replace(counts, active=active, share=active / total if total else 1.0)


def _thinned(counts: Counts, whole: int) -> Counts:
    """Without the old instances whose traffic has moved; never fewer than the rest of it needs."""
    return replace(counts, old=whole - int(whole * counts.share))


def _bake(counts: Mapping[str, Counts], seconds: int, waiting_for: str) -> list[Stage]:
    if not seconds:
        return []
    return [Stage(phase=Phase.BAKING, counts=counts, seconds=seconds, waiting_for=waiting_for)]
