"""Gates: who must approve the end of a stage or the promotion. Only a clear yes opens one. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sluice.rollout.model.plan import Plan

HUMAN = "human"


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


def gate_name(index: int, stages: int) -> str:
    """The name for people of the gate with that index in a plan with that many stages."""
    return f"the gate of stage {index + 1}" if index < stages else "the gate before the promotion"


def gates_ahead(plan: Plan, stage: int, *, to_promotion: bool) -> tuple[RolloutGate, ...]:
    """The gates between ``stage`` and what follows it, in the order in which they are passed."""
    keepers = [(stage, plan.stages[stage].gate)] if plan.stages else []
    if to_promotion:
        keepers.append((len(plan.stages), plan.gate))
    return tuple(RolloutGate(index, keeper) for index, keeper in keepers if keeper)


def read_response(payload: bytes, *, failed: bool) -> GateResponse:
    """``{"allow": true, "reason": "…"}`` opens; nothing else does."""
    try:
        said = json.loads(payload)
    except ValueError:
        return GateResponse(False, "answered something that is no JSON")
    if not isinstance(said, dict):
        return GateResponse(False, f"answered {_brief(said)} instead of {{'allow': …, 'reason': …}}")
    if failed:
        return GateResponse(False, f"failed: {said.get('errorMessage') or said.get('errorType') or 'no message'}")
    if not isinstance(said.get("allow"), bool):
        return GateResponse(False, f"answered {_brief(said)} without an 'allow' that is true or false")
    return GateResponse(said["allow"], str(said.get("reason") or "no reason given"))


def _brief(said: object) -> str:
    text = json.dumps(said)
    return text if len(text) <= 120 else text[:119] + "…"
