"""Which A/B test counts outcomes now, and for which of its variants one counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluice.rollout.ab_outcomes.outcome import InferenceOutcome, OutcomeError
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.ab_outcomes.ports import OutcomePorts


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTest:
    """An A/B test that counts outcomes now."""

    record: RolloutRecord
    metric: str
    variants: Mapping[str, int | None]  # the versions that the candidate and the baseline serve
    row_seconds: int
    since: datetime

    def row(self, now: datetime) -> datetime:
        """The start of the period that an outcome which arrives now is counted in.

        Outcomes count when they arrive, not when they happened: what past analyses have seen never changes.
        """
        return datetime.fromtimestamp(now.timestamp() // self.row_seconds * self.row_seconds, tz=UTC)


def running_test(model: str, ports: OutcomePorts) -> RunningTest | None:
    """The model's A/B test, from when both versions have their share of the traffic until one is to get more."""
    rollout = ports.store.last_test(model)
    if rollout is None:
        return None
    record = ports.store.get(rollout)
    plan = record.planned()
    if not record.may_advance or plan.experiment is None or plan.baseline is None:
        return None
    if 0 not in record.shifted_at or 1 in record.shifting_at:
        return None
    return RunningTest(
        record=record,
        metric=plan.experiment.metric,
        variants={
            plan.candidate.variant: record.id.version,
            plan.baseline.variant: ports.names.version_served(plan.baseline.variant, plan.baseline.model),
        },
        row_seconds=plan.experiment.row_seconds,
        since=record.shifted_at[0],
    )


def counted_variant(outcome: InferenceOutcome, test: RunningTest | None) -> str | None:
    """The variant the outcome counts for. Pure.

    None if the outcome does not belong to the test: clients report outcomes all the time.

    Raises:
        OutcomeError: it names something that the test does not compare: the client has it wrong.
    """
    if test is None or outcome.metric != test.metric:
        return None
    if outcome.at is not None and outcome.at < test.since:
        return None
    for variant, version in test.variants.items():
        if outcome.variant == variant or (not outcome.variant and outcome.version == version):
            return variant
    field, given = ("variant", repr(outcome.variant)) if outcome.variant else ("version", str(outcome.version))
    compared = " and ".join(f"{variant} (version {version})" for variant, version in test.variants.items())
    raise OutcomeError(f"{field} is {given}; allowed: what {test.record.id} compares, {compared}", field)
