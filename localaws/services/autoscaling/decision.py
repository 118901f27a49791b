"""Decides the new capacity from what alarms propose and from the cooldowns. Pure.

Scaling out: the policy that asks for most wins. Scaling in: only when every policy that can wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an alarm in ALARM proposes: a capacity as a function of the present one."""

    policy: str
    alarm: str
    capacity_from: Callable[[int], int]
    out_cooldown_seconds: int
    in_cooldown_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """The last change by a policy, whose cooldown may still run."""

    at: datetime
    before: int
    after: int
    cooldown_seconds: int

    @property
    def is_out(self) -> bool:
        return self.after > self.before

    def is_cooling(self, now: datetime) -> bool:
        return now < self.at + timedelta(seconds=self.cooldown_seconds)


@dataclass(frozen=True, slots=True)
class ScalingDecision:
    """The capacity to go to, and the proposal that it follows."""

    capacity: int
    proposal: Proposal
    cooldown_seconds: int


def decide(
    current: int,
    proposals: Sequence[Proposal],
    *,
    clamp: Callable[[int], int],
    last: Scaling | None,
    now: datetime,
    all_want_in: bool,
) -> ScalingDecision | None:
    """None to leave the capacity as it is. ``all_want_in``: no policy that could scale in is against it.

    While a scale-out cools down, what it added counts as part of the next one: the proposal is reckoned from the
    capacity before it. A scale-out ends the cooldown of a scale-in; a scale-in waits for either.
    """
    cooling = last if last and last.is_cooling(now) else None
    base = cooling.before if cooling and cooling.is_out else current
    out = [(clamp(proposal.capacity_from(base)), proposal) for proposal in proposals]
    most = max(out, key=lambda pair: pair[0], default=None)
    if most and most[0] > current:
        return ScalingDecision(most[0], most[1], most[1].out_cooldown_seconds)
    if cooling or not all_want_in:
        return None
    least = max(
        ((clamp(proposal.capacity_from(current)), proposal) for proposal in proposals),
        key=lambda pair: pair[0],
        default=None,
    )
    if least and least[0] < current:
        return ScalingDecision(least[0], least[1], least[1].in_cooldown_seconds)
    return None
