"""An A/B test of two weeks: within the history of an execution, the memory of CloudWatch and the time of a look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import MODEL_ERRORS, Dimensions, Moments, Span
from sluice.errors import SpecError
from sluice.rollout.analysis.confidence_sequence import Pair, bounded_interval
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.fakes.ab_world import ROLLOUT, TEST, ab_world, outcome, report
from tests.fakes.sluice_world import MACHINE, SPEC

HISTORY_EVENTS = 10_000
EVENTS_OF = {"Task": 5, "Choice": 2, "Wait": 2, "Succeed": 2, "Fail": 2}
LONGEST: dict[str, Any] = {"min_duration": "1h", "max_duration": "14d", "final_bake": "30m"}
DATA_POINTS_OF_A_CALL = 100_800


def test_two_weeks_of_a_tie_stay_within_the_history() -> None:
    world = ab_world(**LONGEST)
    world.metrics.per_period = {}  # what the judge thinks of errors is not what this is about, and takes its time
    began, events = world.clock.at, 0

    def count(state: str) -> None:
        nonlocal events
        events += EVENTS_OF[MACHINE["States"][state]["Type"]]
        if state == "AnalyzeStage" and events % 50 < 5:  # now and then somebody converts, of either version alike
            ids = {"v6": f"a-{events}", "v7": f"b-{events}"}
            report(world, *(outcome(each, variant=variant, value=1) for variant, each in ids.items()))

    assert world.play(ROLLOUT, on_state=count, limit=HISTORY_EVENTS) == "RolledBack"
    assert world.clock.at - began >= timedelta(days=14)
    assert events < HISTORY_EVENTS
    assert "a tie" in world.ports.store.get(RolloutId.required(ROLLOUT)).reason


def test_no_question_of_an_analysis_asks_for_more_than_one_answer_holds() -> None:
    world = ab_world(metric="errors", better="lower", max_requests=10**9, **LONGEST)
    most = 0
    asked = world.metrics.counts

    def counts(of: Dimensions, span: Span, failures: Sequence[str] = MODEL_ERRORS) -> Any:
        nonlocal most
        periods = (span.end - span.start).total_seconds() / span.period_seconds
        most = max(most, round(2 * periods))  # a sum and a number of samples for each period
        return asked(of, span, failures)

    world.metrics.counts = counts  # type: ignore[method-assign]
    world.play(ROLLOUT, limit=HISTORY_EVENTS)
    assert 0 < most <= DATA_POINTS_OF_A_CALL


def test_the_rows_of_two_weeks_are_few() -> None:
    world = ab_world(**LONGEST)
    with pytest.raises(AssertionError, match="did not end"):
        world.play(ROLLOUT, limit=30)
    plan = world.ports.store.get(RolloutId.required(ROLLOUT)).planned()
    assert plan.experiment is not None
    rows = plan.experiment.max_seconds // plan.experiment.row_seconds
    assert rows < 1500
    pair = Pair(Moments(1000, 100, 100), Moments(9000, 900, 900))
    found = bounded_interval([pair] * rows, 0.05)
    assert found is not None
    assert found.high - found.low < 0.002


def test_a_test_that_outlives_its_metrics_is_refused() -> None:
    raw = SPEC.to_json()
    raw["rollout"].update(strategy="ab_test", ab_test={**TEST, "max_duration": "14d"}, max_hold="1d")
    with pytest.raises(SpecError, match="CloudWatch keeps 60-second metrics for 360 hours"):
        ModelSpec.parse(raw)
