"""Where outcomes are counted during an A/B test: one counter per variant and period, and a note of each outcome seen.

OUTCOMES#<rollout>#<metric>              <variant>#<start of the period>#<shard>   count, total, squares, beyond
OUTCOME#<rollout>#<metric>#<inference>   SEEN                                      it was counted

The notes and their sum in a counter are written together or not at all, so an outcome counts once however often it
comes. Everything expires by itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sluice.aws.metric_data import Moments, pooled_each
from sluice.aws.table import ItemTable
from sluice.rollout.ab_outcomes.outcome import InferenceOutcome
from sluice.rollout_id import RolloutId

SHARDS = 4
"""A counter takes about 500 writes a second in transactions; several functions write at a time."""

TOGETHER = 50
"""Outcomes in one transaction, of the 100 writes that it takes."""

KEPT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Counted:
    """Outcomes of one variant by start of period. ``beyond``: how many values lay outside 0..1."""

    periods: Mapping[datetime, Moments]
    beyond: int


class OutcomeStore:
    """Every method may be called again with the same arguments and leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def add(self, outcomes: Sequence[InferenceOutcome], test: RolloutId, variant: str, row: datetime) -> int:
        """Count outcomes of one metric for a variant in the period that starts at ``row``; returns how many are new."""
        new = {outcome.inference_id: outcome for outcome in reversed(outcomes)}  # within a batch the first one counts
        ids = sorted(new)
        return sum(
            self._add([new[each] for each in ids[start : start + TOGETHER]], test, variant, row)
            for start in range(0, len(ids), TOGETHER)
        )

    def read(self, test: RolloutId, metric: str, variants: Sequence[str]) -> dict[str, Counted]:
        """What was counted so far, by variant (consistent reads)."""
        counters = _counters(test, metric)
        shards: dict[tuple[str, datetime], list[Moments]] = {}
        beyond = dict.fromkeys(variants, 0)
        for variant in variants:
            for item in self._table.query(counters, f"{variant}#"):
                row = datetime.fromtimestamp(int(item["sk"].split("#")[1]), tz=UTC)
                sample = Moments(round(float(item["count"])), float(item["total"]), float(item["squares"]))
                shards.setdefault((variant, row), []).append(sample)
                beyond[variant] += round(float(item["beyond"]))
        periods: dict[str, dict[datetime, Moments]] = {variant: {} for variant in variants}
        keys = sorted(shards)
        for (variant, row), sample in zip(keys, pooled_each([shards[key] for key in keys]), strict=True):
            periods[variant][row] = sample
        return {variant: Counted(periods[variant], beyond[variant]) for variant in variants}

    def _add(self, outcomes: Sequence[InferenceOutcome], test: RolloutId, variant: str, row: datetime) -> int:
        """Leave out the outcomes that were counted before, and try the rest again."""
        left = list(outcomes)
        expires = int((row + timedelta(days=KEPT_DAYS)).timestamp())
        while left:
            first = left[0]
            shard = zlib.crc32(first.inference_id.encode()) % SHARDS
            seen = self._table.count_new(
                [{"pk": _note(test, each), "sk": "SEEN", "expires": expires} for each in left],
                {
                    "pk": _counters(test, first.metric),
                    "sk": f"{variant}#{int(row.timestamp()):010d}#{shard}",
                },
                _amounts(left),
                expires,
            )
            if not seen:
                return len(left)
            left = [each for index, each in enumerate(left) if index not in seen]
        return 0


def _amounts(outcomes: Sequence[InferenceOutcome]) -> dict[str, float]:
    return {
        "count": len(outcomes),
        "total": sum(each.value for each in outcomes),
        "squares": sum(each.value**2 for each in outcomes),
        "beyond": sum(not each.is_bounded for each in outcomes),
    }


def _counters(test: RolloutId, metric: str) -> str:
    return f"OUTCOMES#{test}#{metric}"


def _note(test: RolloutId, outcome: InferenceOutcome) -> str:
    return f"OUTCOME#{test}#{outcome.metric}#{outcome.inference_id}"
