"""Outcomes that clients report: counted once for the test that is under way, ignored or parked otherwise."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.aws.metric_data import Moments, pooled
from sluice.rollout.ab_outcomes.outcome import InferenceOutcome, OutcomeError
from sluice.rollout_id import RolloutId

from tests.fakes.ab_world import ROLLOUT, ab_world, counts_of, outcome, report, world_under_test
from tests.fakes.sluice_world import SluiceWorld

GOOD = outcome("order-1", variant="v7")


def counted(world: SluiceWorld) -> dict[str, Moments]:
    return {variant: pooled(counts_of(world, variant)) for variant in ("v6", "v7")}


def test_outcomes_are_counted_for_their_variant() -> None:
    world = world_under_test()
    reports = [outcome(f"a-{index}", variant="v7", value=index % 2) for index in range(5)]
    reports += [outcome(f"b-{index}", version=6, value=2.5) for index in range(3)]
    assert report(world, *reports) == []
    assert counted(world) == {"v6": Moments(3, 7.5, 18.75), "v7": Moments(5, 2.0, 2.0)}
    found = world.ports.outcomes.read(RolloutId.required(ROLLOUT), "conversion", ("v7", "v6"))
    assert {variant: each.beyond for variant, each in found.items()} == {"v7": 0, "v6": 3}


def test_an_outcome_counts_once_in_a_batch_and_ever_after() -> None:
    world = world_under_test()
    assert report(world, GOOD, {**GOOD, "value": 0}) == []
    world.clock.pass_seconds(3600)
    assert report(world, {**GOOD, "value": 0}, outcome("order-2", variant="v7")) == []
    assert counted(world)["v7"] == Moments(2, 2.0, 2.0)


def test_the_first_variant_reported_for_an_inference_stays() -> None:
    world = world_under_test()
    report(world, GOOD)
    report(world, {**GOOD, "variant": "v6"})
    assert counted(world) == {"v6": Moments(0, 0, 0), "v7": Moments(1, 1.0, 1.0)}


def test_more_outcomes_than_one_transaction_takes_are_counted() -> None:
    world = world_under_test()
    reports = [outcome(f"a-{index}", variant="v7") for index in range(120)]
    report(world, *reports[:70])
    report(world, *reports)
    assert counted(world)["v7"].count == 120


def test_outcomes_are_kept_by_the_period_in_which_they_come() -> None:
    world = world_under_test()
    for index in range(3):
        report(world, outcome(f"a-{index}", variant="v7"))
        world.clock.pass_seconds(60)
    assert [each.count for each in counts_of(world, "v7")] == [1, 1, 1]


@pytest.mark.parametrize(
    "detail",
    [{"metric": "spent"}, {"model": "churn"}, {"at": "2020-01-01T00:00:00Z"}],
    ids=["another metric", "a model without a test", "from before the test"],
)
def test_what_belongs_to_no_test_is_ignored(detail: dict[str, Any]) -> None:
    world = world_under_test()
    assert report(world, {**GOOD, **detail}) == []
    assert counted(world)["v7"].count == 0
    assert world.refused_outcomes.messages == []


def test_before_the_candidate_has_its_share_nothing_is_counted() -> None:
    world = ab_world()
    report(world, GOOD)
    assert counted(world)["v7"].count == 0


@pytest.mark.parametrize("end", ["the winner gets half", "rolled back", "closed"])
def test_late_outcomes_are_ignored(end: str) -> None:
    world = world_under_test()
    report(world, GOOD)
    rollout = RolloutId.required(ROLLOUT)
    if end == "the winner gets half":
        world.ports.store.mark_time(rollout, "shifting_1", world.clock.at)
    elif end == "rolled back":
        world.ports.store.fence(rollout, "alarm", "x", world.clock.at)
    else:
        world.ports.store.close(rollout, "rolled_back", "x", world.clock.at)
    assert report(world, outcome("order-2", variant="v7")) == []
    assert counted(world)["v7"].count == 1
    assert world.refused_outcomes.messages == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"variant": "v5"}, "variant is 'v5'; allowed: what fraud-7-1 compares, v7 (version 7) and v6 (version 6)"),
        ({"variant": None, "version": 5}, "version is 5; allowed"),
        ({"variant": None}, "variant is missing; allowed: what the response names"),
        ({"variant": None, "version": "7"}, "version is '7'; allowed: the number"),
        ({"value": "1"}, "value is '1'; allowed: a number"),
        ({"value": math.nan}, "value is nan; allowed: a number"),
        ({"value": 1e10}, "value is 10000000000.0; allowed: a number from -1e+09 to 1e+09"),
        ({"inference_id": ""}, "inference_id is ''; allowed: 1 to 64"),
        ({"inference_id": 7}, "inference_id is 7; allowed"),
        ({"metric": "errors"}, "metric is 'errors'; allowed: any other name"),
        ({"metric": "No Name"}, "metric is 'No Name'; allowed: a name of small letters"),
        ({"model": "Fraud!"}, "model is 'Fraud!'; allowed: a model's name"),
        ({"at": "yesterday"}, "at is 'yesterday'; allowed: a time with its zone"),
        ({"at": "2026-03-04T10:00:00"}, "at is '2026-03-04T10:00:00'; allowed: a time with its zone"),
    ],
)
def test_what_can_be_counted_for_nothing_is_parked_with_the_reason(change: dict[str, Any], reason: str) -> None:
    world = world_under_test()
    detail = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    assert report(world, detail, outcome("order-2", variant="v7")) == []
    ((_, told),) = world.refused_outcomes.messages
    assert told.startswith(reason)
    assert counted(world)["v7"].count == 1, "one wrong outcome does not take the others with it"


@pytest.mark.parametrize("was_written", [False, True])
def test_a_write_that_fails_sends_its_outcomes_back_to_be_counted_once(was_written: bool) -> None:
    world = world_under_test()
    world.faults.at = world.faults.seen + 3  # after the two reads that find the test
    world.faults.after_effect = was_written
    assert report(world, GOOD, outcome("order-2", variant="v7")) == ["0", "1"]
    assert report(world, GOOD, outcome("order-2", variant="v7")) == []
    assert counted(world)["v7"].count == 2


def test_a_true_outcome_is_one_and_its_time_may_be_reported() -> None:
    found = InferenceOutcome.parse({**GOOD, "value": True, "at": "2026-03-04T10:00:00+01:00"})
    assert (found.value, found.is_bounded) == (1.0, True)
    assert found.at is not None
    assert found.at.utcoffset() == timedelta(hours=1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["model", "inference_id", "variant", "version", "metric", "value", "at"]), JSON))
def test_any_detail_is_an_outcome_or_refused_as_one(detail: dict[str, Any]) -> None:
    try:
        found = InferenceOutcome.parse(detail)
    except OutcomeError:
        return
    assert math.isfinite(found.value)
    assert bool(found.variant) != (found.version is not None)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["v6", "v7"]), st.integers(0, 1)), max_size=30))
def test_whatever_is_repeated_each_inference_counts_once(reports: list[tuple[int, str, int]]) -> None:
    world = world_under_test()
    first: dict[int, str] = {}
    for number, variant, value in reports:
        report(world, outcome(f"order-{number}", variant=variant, value=value))
        first.setdefault(number, variant)
    for variant, sample in counted(world).items():
        assert sample.count == sum(each == variant for each in first.values())
