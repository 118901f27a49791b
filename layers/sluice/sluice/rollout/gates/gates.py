"""Gates: who must agree before a stage ends, or before the promotion. Anything but a clear yes is a no."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.model.plan import Plan

HUMAN = "human"


@dataclass(frozen=True, slots=True)
class Gate:
    """``index`` is that of the stage it ends; the gate before the promotion comes after the last stage."""

    index: int
    keeper: str  # HUMAN, or the ARN of a Lambda function

    def name(self, plan: Plan) -> str:
        """As people know it, such as ``the gate of stage 1``."""
        return gate_name(self.index, len(plan.stages))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gate's function said; ``reason`` also says why it could not be asked."""

    allow: bool
    reason: str


def gate_name(index: int, stages: int) -> str:
    """What people call the gate with that index in a plan with so many stages."""
    return f"the gate of stage {index + 1}" if index < stages else "the gate before the promotion"


def gates_ahead(plan: Plan, stage: int, *, to_promotion: bool) -> tuple[Gate, ...]:
    """The gates between ``stage`` and what follows it, in the order in which they are passed."""
    keepers = [(stage, plan.stages[stage].gate)] if plan.stages else []
    if to_promotion:
        keepers.append((len(plan.stages), plan.gate))
    return tuple(Gate(index, keeper) for index, keeper in keepers if keeper)


class GateFunctions:
    """Asks the Lambda functions that keep gates."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def ask(self, arn: str, question: Mapping[str, Any]) -> Answer:
        """What the function says. One that cannot be asked, fails or says anything else keeps its gate closed."""
        try:
            said = self._client.invoke(FunctionName=arn, Payload=json.dumps(question, default=str).encode())
            payload = said["Payload"].read()
        except RETRYABLE_ERRORS as error:
            return Answer(False, f"could not be asked: {error}")
        return read_answer(payload, failed=bool(said.get("FunctionError")))


def read_answer(payload: bytes, *, failed: bool) -> Answer:
    """``{"allow": true, "reason": "…"}`` opens; nothing else does."""
    try:
        said = json.loads(payload)
    except ValueError:
        return Answer(False, "answered something that is no JSON")
    if not isinstance(said, dict):
        return Answer(False, f"answered {_brief(said)} instead of {{'allow': …, 'reason': …}}")
    if failed:
        return Answer(False, f"failed: {said.get('errorMessage') or said.get('errorType') or 'no message'}")
    if not isinstance(said.get("allow"), bool):
        return Answer(False, f"answered {_brief(said)} without an 'allow' that is true or false")
    return Answer(said["allow"], str(said.get("reason") or "no reason given"))


def _brief(said: object) -> str:
    text = json.dumps(said)
    return text if len(text) <= 120 else text[:119] + "…"
