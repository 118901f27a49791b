"""What a rollout of a batch model compares its version on, as data in the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sluice.spec.serving import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """The settings of the spec and the input of the last run."""

    settings: Batch  # without a schedule
    input_digest: str = ""  # of the last run's manifest; empty: there is nothing to compare on

    @property
    def is_compared(self) -> bool:
        return bool(self.input_digest) and self.settings.sample_rows > 0

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """From the plan as it is stored."""
        return cls(settings=Batch(**raw["settings"]), input_digest=raw["input_digest"])
