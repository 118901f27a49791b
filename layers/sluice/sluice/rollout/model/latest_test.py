"""Stores which A/B test of a model is its latest.

MODEL#<model>      TEST                           the model's latest A/B test
"""

from __future__ import annotations

from contextlib import suppress

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.rollout_id import RolloutId


class LatestTests:
    """Every write is idempotent: repeated with the same arguments, it leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def begin_test(self, rollout_id: RolloutId) -> None:
        """Store the model's A/B test; its outcomes are counted while its rollout is at the first stage."""
        me = str(rollout_id)
        with suppress(ConditionFailedError):
            self._table.set(
                {"pk": f"MODEL#{rollout_id.model}", "sk": "TEST"},
                {"rollout": me},
                "attribute_not_exists(rollout) OR rollout <> :me",
                {":me": me},
            )

    def last_test(self, model: str) -> RolloutId | None:
        """The model's latest A/B test; it may be over."""
        item = self._table.get({"pk": f"MODEL#{model}", "sk": "TEST"})
        return RolloutId.required(item["rollout"]) if item else None
