"""Gates: who must approve the end of a stage or the promotion. Only a clear yes opens one.

Pure: who asks a gate's function is an argument."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sluice.bounded_json import BoundsError, parse_json
from sluice.names import Names
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord

HUMAN = "human"

MAX_ANSWER_BYTES = 1 << 16
MAX_REASON = 1_000
"""Bytes of an answer, and characters of its reason: anything longer keeps the gate closed, or is cut."""

StoredFindings = Sequence[Mapping[str, Any]]
"""The findings of an analysis, as the history keeps them."""


@dataclass(frozen=True, slots=True)
class RolloutGate:
    """``index`` is that of the stage it ends; the gate before the promotion comes after the last stage."""

    index: int
    keeper: str  # HUMAN, or the ARN of a Lambda function

    def name(self, plan: Plan) -> str:
        """The gate's name for people, such as ``the gate of stage 1``."""
        return gate_name(self.index, len(plan.stages))


@dataclass(frozen=True, slots=True)
class GateResponse:
    """The answer of a gate's function; ``reason`` also says why it could not be asked."""

    allow: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """An obstacle that keeps a rollout from advancing. ``until``: when it ends by itself; None if that is not known.

    ``passage``: of a gate, the rollout that waits at it and the stage that it ends.
    """

    by: str
    reason: str
    gate: int = -1
    until: datetime | None = None
    passage: Mapping[str, Any] = field(default_factory=dict)


def gate_name(index: int, stages: int) -> str:
    """The name for people of the gate with that index in a plan with that many stages."""
    return f"the gate of stage {index + 1}" if index < stages else "the gate before the promotion"


def gates_ahead(plan: Plan, stage: int, *, to_promotion: bool) -> tuple[RolloutGate, ...]:
    """The gates between ``stage`` and what follows it, in the order in which they are passed."""
    keepers = [(stage, plan.stages[stage].gate)] if plan.stages else []
    if to_promotion:
        keepers.append((len(plan.stages), plan.gate))
    return tuple(RolloutGate(index, keeper) for index, keeper in keepers if keeper)


def closed_gate(
    plan: Plan,
    stage: int,
    record: RolloutRecord,
    evidence: StoredFindings,
    ask: Callable[[str, Mapping[str, Any]], GateResponse],
    *,
    names: Names,
    to_promotion: bool,
) -> Obstacle | None:
    """The first gate ahead that is closed; None if all are open. None behind a closed one is asked."""
    for gate in gates_ahead(plan, stage, to_promotion=to_promotion):
        if gate.keeper == HUMAN and gate.index in record.gates_opened:
            continue
        passage = _passage(gate, plan, record)
        if gate.keeper == HUMAN:
            said = f"waits for a person: {names.command(f'continue {record.id.model}')}"
        else:
            weight = 100 if gate.index == len(plan.stages) else plan.stages[gate.index].weight
            answer = ask(gate.keeper, {**passage, "weight": weight, "evidence": list(evidence)})
            if answer.allow:
                continue
            said = f"is closed by {gate.keeper.split(':function:')[-1]}: {answer.reason}"
        return Obstacle(gate.keeper, f"{gate.name(plan)} {said}", gate.index, passage=passage)
    return None


def _passage(gate: RolloutGate, plan: Plan, record: RolloutRecord) -> dict[str, Any]:
    return {
        "rollout": str(record.id),
        "model": record.id.model,
        "version": record.id.version,
        "stage": "promotion" if gate.index == len(plan.stages) else gate.index,
    }


def read_response(payload: bytes, *, failed: bool) -> GateResponse:
    """``{"allow": true, "reason": "…"}`` opens; nothing else does."""
    try:
        said = parse_json(payload, MAX_ANSWER_BYTES)
    except BoundsError as error:
        return GateResponse(False, f"answered something that cannot be read: {error}")
    if not isinstance(said, dict):
        return GateResponse(False, f"answered {_brief(said)} instead of {{'allow': …, 'reason': …}}")
    if failed:
        return GateResponse(
            False, f"failed: {_text(said.get('errorMessage') or said.get('errorType') or 'no message')}"
        )
    if not isinstance(said.get("allow"), bool):
        return GateResponse(False, f"answered {_brief(said)} without an 'allow' that is true or false")
    return GateResponse(said["allow"], _text(said.get("reason") or "no reason given"))


def _text(said: object) -> str:
    """What is kept with the rollout, and told in an event and by mail."""
    text = said if isinstance(said, str) else json.dumps(said)
    return text if len(text) <= MAX_REASON else text[: MAX_REASON - 1] + "…"


def _brief(said: object) -> str:
    text = json.dumps(said)
    return text if len(text) <= 120 else text[:119] + "…"
