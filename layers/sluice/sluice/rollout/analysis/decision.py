"""What follows from an analysis: harm vetoes, only proof advances, anything less holds. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import FenceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look: everything that was found, and since when the stage is in force."""

    findings: tuple[Finding, ...]
    now: datetime
    in_force_since: datetime


@dataclass(frozen=True, slots=True)
class Conclusion:
    """``pause`` is a hold that only a person ends, ``promote`` skips the stages left; ``by`` is who stops the rollout.

    ``wait``: there is proof, but a gate or a window holds it up, ``until`` a window opens if that is known.
    ``is_doubt``: nothing bad was seen, there was just no proof in time.
    """

    action: Literal["advance", "hold", "wait", "roll_back", "pause", "promote"]
    reason: str
    by: FenceKind = "judge"
    is_doubt: bool = False
    until: datetime | None = None


def conclude(seen: Seen, plan: Plan, stage: int) -> Conclusion:
    """Harm rolls back at once. Only proof advances: the bake is over, something proves safety, nothing holds."""
    harmful = [found for found in seen.findings if found.answer is Answer.ROLL_BACK]
    if harmful:
        is_doubt = all(found.is_doubt for found in harmful)
        return Conclusion("roll_back", _told(harmful), harmful[0].by, is_doubt)
    baked = seen.in_force_since + timedelta(seconds=plan.stages[stage].bake_seconds)
    if seen.now < baked:
        return Conclusion("hold", f"baking until {baked:%H:%M:%S}")
    open_questions = [found for found in seen.findings if found.answer is Answer.HOLD]
    proven = [found for found in seen.findings if found.answer is Answer.ADVANCE]
    if proven and not open_questions:
        return Conclusion("advance", _told(proven))
    doubt = _told(open_questions) or "nothing that was seen proves it safe"
    if seen.now < seen.in_force_since + timedelta(seconds=plan.longest_seconds(stage)):
        return Conclusion("hold", doubt)
    if plan.on_doubt == "pause":
        return Conclusion("pause", doubt)
    return Conclusion("roll_back", f"in doubt for {plan.max_hold_seconds} s after the bake: {doubt}", is_doubt=True)


def _told(findings: Sequence[Finding]) -> str:
    return "; ".join(f"{found.name}: {found.reason}" for found in findings)
