"""The advice obeys AWS's limits, and its costs follow the price table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sluice.spec.model import ModelSpec

from cli.sizing.advice import LATENCY, SCHEDULES, TRAFFIC, TYPES, Advice, advise, endpoint_settings
from cli.sizing.advice_view import block
from cli.sizing.prices import read_prices
from cli.sizing.serving_costs import Costs, Workload
from tests.builders.spec_examples import spec_with

PRICES = read_prices()
SMALL = Workload(
    payload_mb=0.01,
    response_seconds=0.1,
    traffic="steady",
    requests_per_month=1_000_000,
    latency="seconds",
    instance_type="ml.m5.large",
)

workloads = st.builds(
    Workload,
    payload_mb=st.floats(0.001, 5000),
    response_seconds=st.floats(0.001, 10_000),
    traffic=st.sampled_from(list(TRAFFIC)),
    requests_per_month=st.integers(1, 10**10),
    latency=st.sampled_from(list(LATENCY)),
    gpu=st.booleans(),
    schedule=st.sampled_from(SCHEDULES),
    memory_mb=st.sampled_from([1024, 2048, 6144]),
    instance_type=st.sampled_from(["ml.m5.large", "ml.g5.xlarge"]),
    peak_factor=st.none() | st.floats(1, 100),
)


def fitting(load: Workload) -> set[str]:
    return {one.type for one in advise(load, PRICES).verdicts if one.fits}


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        pytest.param({}, {"real-time", "serverless"}, id="small and awaited"),
        pytest.param({"payload_mb": 4}, {"real-time", "serverless"}, id="exactly serverless's largest request"),
        pytest.param({"payload_mb": 4.001}, {"real-time"}, id="over serverless's largest request"),
        pytest.param({"payload_mb": 6}, {"real-time"}, id="exactly the largest request of real-time"),
        pytest.param({"payload_mb": 6.001}, set(), id="too large to be awaited"),
        pytest.param({"payload_mb": 1024, "latency": "minutes"}, {"async"}, id="exactly async's largest request"),
        pytest.param({"payload_mb": 1025, "latency": "minutes"}, set(), id="too large for all but a job"),
        pytest.param({"payload_mb": 1025, "latency": "hours"}, {"batch"}, id="large, nobody waits"),
        pytest.param({"response_seconds": 60, "requests_per_month": 9}, {"real-time", "serverless"}, id="60 seconds"),
        pytest.param({"response_seconds": 61, "latency": "minutes"}, {"async"}, id="longer than a minute"),
        pytest.param({"response_seconds": 3601, "latency": "hours"}, set(), id="longer than an hour"),
        pytest.param({"latency": "instant"}, {"real-time"}, id="no cold starts"),
        pytest.param({"latency": "minutes"}, {"real-time", "serverless", "async"}, id="fetched later"),
        pytest.param({"latency": "hours"}, set(TYPES), id="no hurry"),
        pytest.param({"gpu": True, "instance_type": "ml.g5.xlarge"}, {"real-time"}, id="a GPU"),
        pytest.param({"peak_factor": 5256.0}, {"real-time", "serverless"}, id="200 requests at once"),
        pytest.param({"peak_factor": 5257.0}, {"real-time"}, id="more than 200 requests at once"),
    ],
)
def test_what_fits_follows_the_limits(changes: dict[str, Any], fits: set[str]) -> None:
    assert fitting(replace(SMALL, **changes)) == fits


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        pytest.param({}, "serverless", id="little work: pay by request"),
        pytest.param({"requests_per_month": 24_000_000}, "real-time", id="much work: pay by the hour"),
        pytest.param({"latency": "instant"}, "real-time", id="no cold starts"),
        pytest.param({"payload_mb": 50, "latency": "minutes", "traffic": "spiky"}, "async", id="large inputs"),
        pytest.param({"traffic": "batch", "latency": "hours", "schedule": "weekly"}, "batch", id="every Sunday"),
        pytest.param(
            {"traffic": "batch", "latency": "hours", "requests_per_month": 10_000}, "batch", id="a job, though dearer"
        ),
        pytest.param({"traffic": "batch", "latency": "seconds"}, "serverless", id="a batch that somebody waits for"),
        pytest.param({"payload_mb": 50}, None, id="nothing fits"),
    ],
)
def test_the_choice(changes: dict[str, Any], chosen: str | None) -> None:
    advice = advise(replace(SMALL, **changes), PRICES)
    assert (advice.chosen.type if advice.chosen else None) == chosen


@given(workloads)
def test_what_is_chosen_fits_and_only_a_batch_costs_more_than_another(load: Workload) -> None:
    advice: Advice = advise(load, PRICES)
    fits = [one for one in advice.verdicts if one.fits]
    assert (advice.chosen is None) == (not fits)
    if advice.chosen:
        assert advice.chosen.fits
        cheapest = min(one.usd_per_month for one in fits)
        assert advice.chosen.usd_per_month == cheapest or (load.traffic, advice.chosen.type) == ("batch", "batch")


def test_a_month_of_one_instance_and_of_serverless_by_hand() -> None:
    costs = Costs(SMALL, PRICES)
    data = 1_000_000 * 0.01 / 1024 * 0.016
    assert costs.real_time(1_000_000) == pytest.approx(730 * 0.115 + data)
    assert costs.serverless(1_000_000) == pytest.approx(1_000_000 * 0.1 * 2 * 0.00002 + data)
    assert costs.batch(1_000_000) == pytest.approx((30 * 5 / 60 + 100_000 / 3600 / 2) * 0.115)


@pytest.mark.parametrize(
    ("traffic", "hours"),
    [
        pytest.param("steady", 730, id="never stops"),
        pytest.param("spiky", 60 / 4 + 10_000 / 3600 / 2, id="60 bursts"),
        pytest.param("rare", 730, id="each request a burst, more than fit into a month"),
        pytest.param("batch", 30 / 4 + 10_000 / 3600 / 2, id="daily runs"),
    ],
)
def test_async_pays_for_work_bursts_and_objects(traffic: str, hours: float) -> None:
    costs = Costs(replace(SMALL, traffic=traffic), PRICES)
    objects, data = 100_000 * (2 * 0.000005 + 2 * 0.0000004), 100_000 * 0.01 / 1024 * 0.016
    assert costs.asynchronous(100_000) == pytest.approx(hours * 0.115 + objects + data)


def test_rare_traffic_pays_for_each_of_few_bursts() -> None:
    costs = Costs(replace(SMALL, traffic="rare", payload_mb=0.001), PRICES)
    assert costs.asynchronous(8) == pytest.approx(8 / 4 * 0.115, rel=0.01)


def test_nothing_fits_names_the_way_that_breaks_least() -> None:
    advice = advise(replace(SMALL, payload_mb=50, gpu=True, instance_type="ml.g5.xlarge", latency="instant"), PRICES)
    assert advice.chosen is None
    assert "The nearest is real-time, but: a request of 50 MB is over its limit of 6 MB." in advice.why


def test_a_job_without_a_schedule_has_to_be_started_by_someone() -> None:
    def drawbacks(schedule: str) -> tuple[str, ...]:
        return advise(replace(SMALL, schedule=schedule), PRICES).verdicts[3].drawbacks

    assert "someone or something has to start the job" in drawbacks("none")
    assert "someone or something has to start the job" not in drawbacks("daily")


def test_the_settings_are_sized_for_the_workload() -> None:
    costs = Costs(replace(SMALL, requests_per_month=60_000_000), PRICES)
    assert endpoint_settings("real-time", costs) == {
        "type": "real-time",
        "instance_type": "ml.m5.large",
        "instance_count": 3,  # 3.4 requests at once at the peak, of which an instance takes 1.4
    }
    assert endpoint_settings("serverless", costs)["serverless"] == {
        "memory_mb": 2048,
        "max_concurrency": 7,
    }  # twice what is expected
    assert endpoint_settings("async", costs)["async"] == {"max_concurrent_invocations_per_instance": 2}


@given(workloads)
def test_every_cost_rises_with_the_requests(load: Workload) -> None:
    costs = Costs(load, PRICES)
    for cost in (costs.real_time, costs.serverless, costs.asynchronous, costs.batch):
        assert 0 < cost(load.requests_per_month) <= cost(load.requests_per_month * 2) * (1 + 1e-9)


@given(workloads, st.lists(st.floats(1, 1000), max_size=20))
def test_the_crossover_is_where_the_costs_cross(load: Workload, beyond: list[float]) -> None:
    costs = Costs(load, PRICES)
    crossing = costs.crossover()
    if crossing is None:
        for requests in (1, load.requests_per_month, round(costs.requests_per_instance), 10**12):
            assert costs.serverless(requests) <= costs.real_time(requests) * (1 + 1e-9)
        return
    assert costs.real_time(crossing.first + 1) <= costs.serverless(crossing.first + 1) * (1 + 1e-9)
    assert costs.real_time(crossing.first - 1) >= costs.serverless(crossing.first - 1) * (1 - 1e-9)
    for factor in beyond:
        requests = round((crossing.for_good + 1) * factor)
        assert costs.real_time(requests) <= costs.serverless(requests) * (1 + 1e-9)


def test_there_is_a_crossover_for_steady_traffic_and_none_for_spiky() -> None:
    steady, spiky = (Costs(replace(SMALL, traffic=one), PRICES).crossover() for one in ("steady", "spiky"))
    assert steady is not None
    assert 20_000_000 < steady.first < 22_000_000
    assert steady.first < steady.for_good
    assert spiky is None


@pytest.mark.parametrize("kind", TYPES)
def test_the_endpoint_block_of_every_type_is_accepted_by_apply(kind: str) -> None:
    written = yaml.safe_load(block(kind, Costs(SMALL, PRICES)))
    assert ModelSpec.parse(spec_with(("endpoint", written["endpoint"]))).endpoint.type == kind
