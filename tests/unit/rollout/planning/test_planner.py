"""Plans: what a spec and a live endpoint lead to, within the limits of Step Functions, and unchanged by storage."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.model.plan import Plan, PlanError, PlannedFleet, provisioned_count, weights_at
from sluice.rollout.planning.planner import make_plan
from sluice.spec.model import ModelSpec

from tests.builders.spec_examples import spec_with


def spec(*changes: tuple[str, object]) -> ModelSpec:
    return ModelSpec.parse(spec_with(*changes))


def live(*counts: int, status: str = "InService", version: int = 6) -> EndpointState:
    variants = tuple(
        VariantState(
            name=f"v{version + index}", weight=1.0, desired_count=count, instance_type="ml.c5.xlarge", model="m"
        )
        for index, count in enumerate(counts)
    )
    return EndpointState(name="sluice-dev-fraud", status=status, config="live-6", variants=variants, failure_reason="x")


def plan(spec: ModelSpec, found: EndpointState | None) -> Plan:
    return make_plan(spec, Names("dev"), "fraud-7-1", 7, found)


def test_without_an_endpoint_one_is_created_at_once() -> None:
    made = plan(spec(), None)
    assert (made.engine, made.stages, made.baseline) == ("create", (), None)
    assert provisioned_count(made) == 1
    assert weights_at(made, 50) == {"v7": 100.0}


def test_beside_a_live_version_traffic_is_shifted() -> None:
    made = plan(spec(("endpoint.instance_count", 4)), live(3))
    assert made.engine == "weights"
    assert made.baseline == PlannedFleet(
        variant="v6", instance_type="ml.c5.xlarge", instance_count=3, config="live-6", model="m", weight=1.0
    )
    assert [(each.weight, each.bake_seconds, each.candidate_count) for each in made.stages] == [
        (10, 600, 1),
        (50, 600, 2),
    ]
    assert provisioned_count(made) == 1
    assert weights_at(made, 10) == {"v6": 90.0, "v7": 10.0}


def test_the_candidate_gets_as_many_instances_as_the_baseline_needs_by_now() -> None:
    made = plan(spec(("endpoint.instance_count", 2)), live(9))
    assert made.candidate.instance_count == 9
    assert [each.candidate_count for each in made.stages] == [1, 5]


def test_a_version_that_serves_already_is_only_acknowledged() -> None:
    made = plan(spec(), live(2, version=7))
    assert (made.engine, made.stages) == ("none", ())


@pytest.mark.parametrize(
    ("found", "why"),
    [
        pytest.param(live(1, status="Failed"), "is Failed (x); delete it and approve again", id="failed"),
        pytest.param(live(1, 1), "serves v6, v7; a rollout starts from exactly one variant", id="two variants"),
        pytest.param(live(), "a rollout starts from exactly one variant", id="none"),
    ],
)
def test_an_endpoint_to_start_from_is_in_order(found: EndpointState, why: str) -> None:
    with pytest.raises(PlanError) as refused:
        plan(spec(), found)
    assert why in str(refused.value)


def test_an_endpoint_with_a_shadow_of_somebody_is_not_touched() -> None:
    found = live(1)
    with pytest.raises(PlanError, match="serves v6, v9"):
        plan(spec(), replace(found, shadows=(replace(found.variants[0], name="v9"),)))


def test_an_endpoint_of_another_kind_is_not_turned_into_what_the_spec_wants() -> None:
    with pytest.raises(PlanError, match=r"answers asynchronously and cannot become real-time; set endpoint.suffix"):
        plan(spec(), replace(live(1), is_async=True))


BLUE_GREEN = ("rollout.strategy", "blue_green")


def test_sagemaker_deploys_under_the_name_of_the_variant_that_serves() -> None:
    made = plan(spec(BLUE_GREEN), live(3))
    assert (made.engine, made.stages, made.candidate.variant) == ("guardrails", (), "v6")
    assert made.blue_green
    assert (made.has_alarms, made.is_watched) == (True, False)


def test_one_instance_is_not_deployed_in_parts_whatever_the_spec_hoped_for() -> None:
    asked = spec(BLUE_GREEN, ("endpoint.instance_count", 2), ("rollout.blue_green", {"routing": "canary"}))
    shrunk = replace(asked, endpoint=replace(asked.endpoint, instance_count=1))
    with pytest.raises(PlanError, match="needs 2 or more; the endpoint has 1"):
        plan(shrunk, live(1))
    assert plan(shrunk, live(2)).engine == "guardrails"


def test_steps_that_rounding_multiplies_are_refused_before_the_deployment_times_out() -> None:
    """A quarter of seven instances is one: seven steps, where the spec counted four."""
    settings = {"routing": "linear", "size_percent": 25, "wait": "20m"}
    asked = spec(BLUE_GREEN, ("endpoint.instance_count", 7), ("rollout.blue_green", settings))
    with pytest.raises(PlanError, match="7 steps on 7 instances"):
        plan(asked, live(1))


def staged(*stages: tuple[int, int], max_hold: int, period: int = 60) -> ModelSpec:
    listed: list[dict[str, Any]] = [{"weight": weight, "bake": f"{bake}s"} for weight, bake in stages]
    return spec(
        ("rollout.stages", listed),
        ("rollout.max_hold", f"{max_hold}s"),
        ("endpoint.metrics_period_seconds", period),
    )


@pytest.mark.parametrize(
    ("made", "look_seconds"),
    [
        pytest.param(staged((10, 600), (50, 600), max_hold=3600), 60, id="as shipped: once a period"),
        pytest.param(staged((10, 60), max_hold=0, period=10), 10, id="quick"),
        pytest.param(staged((10, 86_400), max_hold=3600), 300, id="a day: less often"),
        pytest.param(staged((10, 86_400 * 5), max_hold=0), 1440, id="five days: rarer still"),
    ],
)
def test_an_analysis_comes_once_a_period_where_the_history_allows(made: ModelSpec, look_seconds: int) -> None:
    assert plan(made, live(1)).look_seconds == look_seconds


@given(
    count=st.integers(1, 200),
    baseline=st.integers(0, 200),
    weights=st.lists(st.integers(1, 99), min_size=1, max_size=20, unique=True).map(sorted),
)
def test_every_stage_has_an_instance_and_none_more_than_the_fleet(
    count: int, baseline: int, weights: list[int]
) -> None:
    stages = [{"weight": weight, "bake": "10m"} for weight in weights]
    made = plan(spec(("endpoint.instance_count", count), ("rollout.stages", stages)), live(baseline))
    counts = [each.candidate_count for each in made.stages]
    assert counts == sorted(counts)
    assert counts[0] >= 1
    assert counts[-1] <= made.candidate.instance_count == max(count, baseline, 1)
    for each in made.stages:
        assert sum(weights_at(made, each.weight).values()) == 100


PLANS = {"create": (spec(), None), "weights": (spec(), live(2)), "none": (spec(), live(2, version=7))}


@pytest.mark.parametrize(("asked", "found"), PLANS.values(), ids=PLANS)
def test_a_plan_survives_its_storage(asked: ModelSpec, found: EndpointState | None) -> None:
    made = plan(asked, found)
    assert Plan.from_json(json.loads(json.dumps(made.to_json()))) == made
