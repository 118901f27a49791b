"""The findings of an analysis: named pieces of evidence, each with an answer of its own.

The judge of errors, that of latency, the alarms, the share of the traffic, an A/B test and the agreement of a shadow
all speak in findings; ``bake_decision.decide`` joins them and knows none of them by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sluice.rollout.model.record import FenceKind


class Answer(StrEnum):
    """The answer of one piece of evidence about the stage. A stage ends well when some advance and none holds."""

    ADVANCE = "ADVANCE"  # proven to be good enough
    HOLD = "HOLD"  # not proven: the stage must not end yet
    ROLL_BACK = "ROLL_BACK"  # proven harmful: at once, whatever the others say
    ABSTAIN = "ABSTAIN"  # no evidence either way; blocks nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One piece of evidence of one analysis. ``numbers`` are stored with it and shown to people: plain JSON."""

    name: str
    answer: Answer
    reason: str  # a sentence for people
    by: FenceKind = "judge"  # who stops the rollout, if this does
    is_doubt: bool = False  # it stops for lack of proof, not for harm: a person may decide otherwise
    is_unknown: bool = False  # what it asks could not be read, which says nothing of the version
    numbers: Mapping[str, Any] = field(default_factory=dict)
