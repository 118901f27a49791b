"""Functions that keep gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.rollout.gates.gates import GateResponse


@dataclass
class FakeGates:
    """Gate functions by ARN, closed unless a test opens them, and what each was asked."""

    answers: dict[str, GateResponse] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def ask(self, arn: str, question: Mapping[str, Any]) -> GateResponse:
        self.asked.append((arn, dict(question)))
        return self.answers.get(arn, GateResponse(False, "not yet"))
