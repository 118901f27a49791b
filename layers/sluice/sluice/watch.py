"""What a look at a bake sees, and what follows from it. Alarms veto, the judge proves, silence waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from sluice.judge import Decision, Row, Rules, Verdict
from sluice.metrics import Counts, whole_periods
from sluice.plan import Plan
from sluice.rollout import FenceKind, RolloutRecord

LAG_SECONDS = {60: 120, 10: 10}
"""How long after its end a metric period is taken as complete, by period. Not documented by AWS; a baseline
whose data is late would look like a bad canary, so one-minute metrics get two minutes."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which the weights did not change."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look. ``alarms``: state by name; an alarm that should exist and does not is None."""

    verdict: Verdict
    alarms: Mapping[str, str | None]
    now: datetime
    in_force_since: datetime


@dataclass(frozen=True, slots=True)
class Conclusion:
    """``pause`` is a hold that only a person ends, ``promote`` skips the stages left; ``by`` is who stops the rollout.

    ``is_doubt``: nothing bad was seen, there was just no proof in time.
    """

    action: Literal["advance", "hold", "roll_back", "pause", "promote"]
    reason: str
    by: FenceKind = "judge"
    is_doubt: bool = False


def next_look_seconds(plan: Plan, now: datetime) -> int:
    """Seconds until the next metric period is complete: an earlier look would see nothing new."""
    if plan.look_seconds > plan.period_seconds:
        return plan.look_seconds
    since_complete = (now.timestamp() - LAG_SECONDS[plan.period_seconds]) % plan.period_seconds
    return ceil(plan.period_seconds - since_complete) + 1


def rules_of(plan: Plan) -> Rules:
    return Rules(
        harm_ratio=plan.judge.harm_ratio,
        safe_ratio=plan.judge.safe_ratio,
        safe_margin=plan.judge.safe_margin,
        alpha=plan.judge.alpha,
        beta=plan.judge.beta,
    )


def windows(record: RolloutRecord, now: datetime) -> list[Window]:
    """Stretches between weight changes whose metrics are complete; the newest is still growing."""
    complete = now - timedelta(seconds=LAG_SECONDS[record.planned().period_seconds])
    return [
        Window(start, min(record.shifting_at.get(stage + 1, complete), complete))
        for stage, start in sorted(record.shifted_at.items())
    ]


def rows(
    stretches: Sequence[Window],
    candidate: Mapping[datetime, Counts],
    baseline: Mapping[datetime, Counts],
    period_seconds: int,
) -> list[Row]:
    """One row per whole period within a stretch, oldest first; no data counts as no requests."""
    nothing = Counts(0, 0)
    return [
        Row(
            canary_requests=candidate.get(at, nothing).requests,
            canary_errors=candidate.get(at, nothing).errors,
            baseline_requests=baseline.get(at, nothing).requests,
            baseline_errors=baseline.get(at, nothing).errors,
        )
        for stretch in stretches
        for at in whole_periods(stretch.start, stretch.end, period_seconds)
    ]


def conclude(seen: Seen, plan: Plan, stage: int) -> Conclusion:
    """Only proof advances: the bake is over, no alarm is missing or ringing, and the judge is convinced."""
    ringing = sorted(name for name, state in seen.alarms.items() if state == "ALARM")
    if ringing:
        return Conclusion("roll_back", f"alarm {', '.join(ringing)}", "alarm")
    if seen.verdict.decision is Decision.ROLL_BACK:
        return Conclusion("roll_back", "judge: " + "; ".join(seen.verdict.reasons))
    baked = seen.in_force_since + timedelta(seconds=plan.stages[stage].bake_seconds)
    if seen.now < baked:
        return Conclusion("hold", f"baking until {baked:%H:%M:%S}")
    missing = sorted(name for name, state in seen.alarms.items() if state is None)
    if not missing and seen.verdict.decision is Decision.ADVANCE:
        return Conclusion("advance", "; ".join(seen.verdict.reasons))
    doubt = f"alarm {', '.join(missing)} is missing" if missing else "; ".join(seen.verdict.reasons)
    if seen.now < baked + timedelta(seconds=plan.max_hold_seconds):
        return Conclusion("hold", doubt)
    if plan.on_doubt == "pause":
        return Conclusion("pause", doubt)
    return Conclusion("roll_back", f"in doubt for {plan.max_hold_seconds} s after the bake: {doubt}", is_doubt=True)
