"""What a rollout will take: time, requests, money, and what would end it."""

from __future__ import annotations

import pytest
from sluice.batch.instance_prices import shipped_prices
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan

from cli.rollouts.forecast import Traffic, extra_cost, least_seconds, proof_of_safety, rollback_triggers
from tests.fakes.sluice_world import spec_with_rollout

SERVING = VariantState(name="v6", weight=1.0, desired_count=4, instance_type="ml.m5.large", model="m6")
LIVE = EndpointState(name="sluice-dev-fraud", status="InService", config="c6", variants=(SERVING,))
STAGES = [{"weight": 10, "bake": "1h"}, {"weight": 50, "bake": "2h"}]
BUSY = Traffic(requests=72_000, errors=72, seconds=3600)


def plan_with(**rollout: object) -> Plan:
    return make_plan(spec_with_rollout(**rollout), Names("dev"), "fraud-7-1", 7, LIVE)


@pytest.mark.parametrize(
    ("rollout", "seconds"),
    [
        pytest.param({"stages": STAGES, "watch": "30m"}, 3 * 3600 + 1800, id="bakes and the watch"),
        pytest.param({"strategy": "all_at_once"}, 0, id="at once"),
        pytest.param({"strategy": "shadow", "shadow": {"duration": "1h"}}, 3600, id="the shadow's time"),
        pytest.param(
            {"strategy": "blue_green", "blue_green": {"routing": "linear", "wait": "10m", "termination_wait": "5m"}},
            4 * 600 + 300,
            id="each step of a quarter, and the old fleet's last minutes",
        ),
    ],
)
def test_how_long_it_lasts_at_least(rollout: dict[str, object], seconds: int) -> None:
    assert least_seconds(plan_with(**rollout)) == seconds


def test_more_traffic_gives_proof_sooner_with_about_the_same_requests() -> None:
    plan = plan_with(stages=STAGES)
    slow = proof_of_safety(plan, Traffic(requests=7_200, errors=7, seconds=3600))
    fast = proof_of_safety(plan, BUSY)
    assert slow is not None
    assert fast is not None
    assert fast.seconds < slow.seconds
    assert 0.3 < fast.requests / slow.requests < 3


def test_a_bigger_share_gives_proof_sooner() -> None:
    small, large = (proof_of_safety(plan_with(stages=[{"weight": weight, "bake": "1h"}]), BUSY) for weight in (1, 50))
    assert small is not None
    assert large is not None
    assert large.seconds < small.seconds


@pytest.mark.parametrize(
    ("rollout", "traffic"),
    [
        pytest.param({}, Traffic(requests=0, errors=0, seconds=3600), id="no traffic"),
        pytest.param({}, Traffic(requests=1, errors=0, seconds=3600), id="next to none"),
        pytest.param({"strategy": "all_at_once"}, BUSY, id="no stages"),
    ],
)
def test_where_no_proof_is_to_be_had(rollout: dict[str, object], traffic: Traffic) -> None:
    assert proof_of_safety(plan_with(**rollout), traffic) is None


def test_the_second_fleet_costs_its_instances_for_the_time_of_each_stage() -> None:
    prices = shipped_prices()
    hour = prices.instances["ml.m5.large"].usd_per_hour
    cost = extra_cost(plan_with(stages=STAGES, max_hold="1h"), prices)
    assert cost is not None
    assert cost.least_usd == pytest.approx((1 * 1 + 2 * 2) * hour)
    assert cost.most_usd == pytest.approx((1 * 2 + 2 * 3) * hour)
    assert (cost.as_of, cost.region) == (prices.as_of, prices.region)


@pytest.mark.parametrize("rollout", [{"strategy": "all_at_once"}])
def test_without_two_fleets_there_is_nothing_more_to_pay(rollout: dict[str, object]) -> None:
    assert extra_cost(plan_with(**rollout), shipped_prices()) is None


def test_everything_that_would_put_the_old_version_back_is_named() -> None:
    alarms = {"error_rate_percent": 3, "latency_p95_ms": 250, "also": ["checkout-broken"]}
    found = list(rollback_triggers(plan_with(stages=STAGES, alarms=alarms), "`sluice abort fraud`"))
    assert [each.partition(":")[0] for each in found] == [
        "alarm",
        "alarm",
        "alarm of your own",
        "judge",
        "judge",
        "doubt",
        "people",
    ]
    assert "3 %" in found[0]
    assert "250 ms" in found[1]
    assert "checkout-broken" in found[2]


def test_what_pauses_in_doubt_does_not_go_back_in_doubt() -> None:
    found = rollback_triggers(plan_with(stages=STAGES, on_doubt="pause"), "`sluice abort fraud`")
    assert not [each for each in found if each.startswith("doubt")]
