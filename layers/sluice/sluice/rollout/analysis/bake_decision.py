"""Decides what follows from an analysis: harm vetoes, only proof advances, anything else holds; commands come last.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import Command, FenceKind


@dataclass(frozen=True, slots=True)
class Decision:
    """``pause`` is a hold that only a person ends, ``promote`` skips the stages left; ``by`` is who stops the rollout.

    ``wait``: there is proof, but a gate or a window holds it up, ``until`` a window opens if that is known.
    ``is_doubt``: nothing bad was seen, there was just no proof in time; ``is_unknown``: and only because AWS did not
    answer what was asked, for which the version is not to blame. ``asks_a_person``: nobody has paused it, but the doubt
    has lasted, and a person is to decide.
    """

    action: Literal["advance", "hold", "wait", "roll_back", "pause", "promote"]
    reason: str
    by: FenceKind = "judge"
    is_doubt: bool = False
    until: datetime | None = None
    is_unknown: bool = False
    asks_a_person: bool = False


def decide(
    findings: Sequence[Finding],
    plan: Plan,
    stage: int,
    *,
    in_force_since: datetime,
    now: datetime,
    command: Command | None = None,
) -> Decision:
    """Harm rolls back at once. Only proof advances: the bake is over, something proves safety, nothing holds.

    ``in_force_since``: when the stage's weights came into force, from which its bake counts. ``command``: the last that
    a person gave.
    """
    return apply_command(_decide(findings, plan, stage, in_force_since, now), command)


def _decide(findings: Sequence[Finding], plan: Plan, stage: int, in_force_since: datetime, now: datetime) -> Decision:
    harmful = [found for found in findings if found.answer is Answer.ROLL_BACK]
    if harmful:
        is_doubt = all(found.is_doubt for found in harmful)
        return Decision("roll_back", _joined_reasons(harmful), harmful[0].by, is_doubt)
    baked = in_force_since + timedelta(seconds=plan.stages[stage].bake_seconds)
    if now < baked:
        return Decision("hold", f"baking until {baked:%H:%M:%S}")
    open_questions = [found for found in findings if found.answer is Answer.HOLD]
    proven = [found for found in findings if found.answer is Answer.ADVANCE]
    if proven and not open_questions:
        return Decision("advance", _joined_reasons(proven))
    doubt = _joined_reasons(open_questions) or "nothing that was seen proves it safe"
    if now < in_force_since + timedelta(seconds=plan.longest_seconds(stage)):
        return Decision("hold", doubt)
    if plan.on_doubt == "pause":
        return Decision("pause", doubt, asks_a_person=True)
    reason = f"in doubt for {plan.max_hold_seconds} s after the bake: {doubt}"
    is_unknown = bool(open_questions) and all(found.is_unknown for found in open_questions)
    return Decision("roll_back", reason, is_doubt=True, is_unknown=is_unknown)


def apply_command(decision: Decision, command: Command | None) -> Decision:
    """The decision after the last command: paused, or promoted without further proof.

    A person may hold or hurry where proof is missing, but never overrules harm.
    """
    harm = decision.action == "roll_back" and not decision.is_doubt
    if command is None or command.kind == "resume" or harm:
        return decision
    if command.kind == "promote":
        return Decision("promote", command.attribution)
    said = f"{command.attribution}; {decision.reason}"
    return replace(decision, action="pause", reason=said, asks_a_person=False)


def _joined_reasons(findings: Sequence[Finding]) -> str:
    return "; ".join(f"{found.name}: {found.reason}" for found in findings)
