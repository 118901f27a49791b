"""The simulation loses no request, repeats itself, and settles where arithmetic says it must."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.failures import BadInputError
from cli.sizing.capacity.policy import TargetTracking
from cli.sizing.capacity.search import suggest
from cli.sizing.capacity.simulator import Fleet, Minute, Run, Totals, percentile, simulate
from cli.sizing.capacity.trace import Trace, read_trace
from cli.sizing.simulate import SHIPPED_TRACE
from cli.sizing.traces.black_friday import PEAK, QUIET, lines, requests_per_minute

FLEET = Fleet(concurrency=2, service_time=lambda _random: 0.5, startup_seconds=150, usd_per_hour=0.1)
FIXED = TargetTracking(min_instances=1, max_instances=1)


def fixed(count: int) -> TargetTracking:
    return TargetTracking(min_instances=count, max_instances=count)


def exponential(random: Random) -> float:
    return random.expovariate(1 / 0.5)


counts = st.lists(st.integers(0, 400), min_size=1, max_size=25).filter(any)


@settings(max_examples=40, deadline=None)
@given(
    counts,
    st.sampled_from([1, 60]),
    st.builds(
        TargetTracking,
        target=st.floats(1, 500),
        min_instances=st.integers(1, 3),
        max_instances=st.integers(3, 9),
        scale_in_cooldown_seconds=st.integers(0, 600),
        scale_out_cooldown_seconds=st.integers(0, 600),
    ),
    st.floats(0.1, 900),
    st.integers(0, 5),
)
def test_every_request_is_answered_or_rejected(
    requests: list[int], span: int, policy: TargetTracking, startup: float, seed: int
) -> None:
    fleet = replace(FLEET, startup_seconds=startup, service_time=exponential)
    run = simulate(Trace(span, requests), policy, fleet, seed=seed)
    totals = run.totals()
    assert totals.requests == sum(requests) == len(run.latencies) + totals.rejected
    assert len(run.latencies) == sum(len(minute.latencies) for minute in run.minutes)
    assert all(0 <= latency <= 60 for latency in run.latencies)
    assert all(policy.min_instances <= one.ready + one.starting <= policy.max_instances for one in run.minutes)
    assert 0 <= totals.utilisation <= 1
    assert all(0 <= one.utilisation <= 1 for one in run.minutes)
    assert totals.most_instances == max(one.ready + one.starting for one in run.minutes)
    hours = len(run.minutes) / 60
    assert policy.min_instances * hours <= run.instance_hours * (1 + 1e-9)
    assert run.instance_hours <= policy.max_instances * hours * (1 + 1e-9)


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    trace, fleet = Trace(60, [200] * 10), replace(FLEET, service_time=exponential)
    first, again, other = (simulate(trace, TargetTracking(), fleet, seed=seed).latencies for seed in (1, 1, 2))
    assert first == again != other


def test_the_requests_do_not_depend_on_the_policy() -> None:
    trace, fleet = Trace(60, [100] * 5), replace(FLEET, service_time=exponential, timeout_seconds=1e9)
    runs = [simulate(trace, fixed(count), fleet, seed=1) for count in (10, 50)]
    assert runs[0].latencies == runs[1].latencies  # nobody waits in either


def test_steady_traffic_settles_at_the_target_with_the_utilisation_that_the_load_makes() -> None:
    run = simulate(Trace(60, [600] * 60), TargetTracking(target=100), FLEET, seed=0)
    assert run.minutes[-1].ready == 6
    settled = run.minutes[-20:]
    worked = sum(one.busy_seconds for one in settled) / sum(one.capacity_seconds for one in settled)
    assert worked == pytest.approx(600 * 0.5 / (6 * 2 * 60), rel=0.01)


def test_new_instances_help_once_they_have_started() -> None:
    run = simulate(Trace(60, [600] * 12), TargetTracking(target=100), FLEET, seed=0)
    assert [one.ready for one in run.minutes] == [1, 1, 1, 1, 1, *[6] * 7]
    assert [one.starting for one in run.minutes] == [0, 0, 0, 5, 5, *[0] * 7]
    slots_there = [one.capacity_seconds / 60 for one in run.minutes]
    assert slots_there == [2, 2, 2, 2, 2, 2 + 5 * 2 / 2, *[12] * 6]  # ready in the middle of the sixth minute


def test_work_counts_in_the_minutes_in_which_it_is_done() -> None:
    slow = replace(FLEET, service_time=lambda _random: 150.0, timeout_seconds=1e9, concurrency=1)
    run = simulate(Trace(60, [1, 0, 0, 0]), FIXED, slow, seed=0)
    first, *others = [one.busy_seconds for one in run.minutes]
    assert 0 < first <= 60
    assert sum([first, *others]) == pytest.approx(150)
    assert others[0] == pytest.approx(60)


def test_too_much_for_the_fleet_is_rejected_at_the_rate_that_is_too_much() -> None:
    run = simulate(Trace(60, [480] * 60), FIXED, FLEET, seed=0)  # it can do 240 a minute
    late = run.minutes[10:50]
    assert sum(one.rejected for one in late) == pytest.approx(240 * 40, rel=0.03)
    assert run.minutes[30].percentile(0.5) == pytest.approx(60, abs=1)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_more_instances_are_never_slower(share: float) -> None:
    fleet = replace(FLEET, service_time=exponential, timeout_seconds=1e9)
    trace = Trace(60, [200, 900, 400, 0, 1200, 100])
    found = [percentile(simulate(trace, fixed(count), fleet, seed=3).latencies, share) for count in (2, 3, 5, 9)]
    assert found == sorted(found, key=lambda one: -(one or 0))


def test_cost_is_the_time_that_instances_are_there() -> None:
    run = simulate(Trace(60, [10] * 90), fixed(3), FLEET, seed=0)
    assert run.instance_hours == pytest.approx(4.5)
    assert run.totals().usd == pytest.approx(0.45)


def test_the_end_of_the_trace_still_answers_what_waits() -> None:
    run = simulate(Trace(1, [30]), FIXED, FLEET, seed=0)
    assert (len(run.minutes), len(run.latencies), run.totals().rejected) == (1, 30, 0)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.95) == 4.0
    assert percentile([], 0.5) is None


def test_the_totals_see_the_slowest_minute_behind_a_good_average() -> None:
    calm, jam = Minute(arrived=99, latencies=[0.1] * 99), Minute(arrived=2, rejected=1, latencies=[30.0])
    totals = Run([calm, jam], 1.0, 1.0, sorted(calm.latencies + jam.latencies)).totals()
    assert (totals.p50, totals.p99, totals.worst_p95) == (0.1, 0.1, 30.0)
    assert (totals.requests, totals.rejected) == (101, 1)


def made_run(usd: float, p95: float, rejected: int = 0) -> Totals:
    minute = Minute(arrived=1, rejected=rejected, latencies=[p95])
    return Run([minute], 1.0, usd, [p95]).totals()


@pytest.mark.parametrize(("goal", "least", "most"), [(0.3, 270, 300), (0.45, 420, 450), (2.0, 1000, 1000)])
def test_the_search_finds_the_cheapest_target_that_is_good_enough(goal: float, least: float, most: float) -> None:
    found = suggest(lambda target: made_run(1000 / target, target / 1000), highest=1000, p95_seconds=goal)
    assert found.good
    assert least <= found.best.target <= most
    assert [one.target for one in found.tried] == sorted({one.target for one in found.tried})


def test_what_rejects_requests_is_never_called_good() -> None:
    found = suggest(
        lambda target: made_run(1, 0.1, rejected=0 if 100 < target < 200 else int(target)), highest=50, p95_seconds=1
    )
    assert not found.good
    assert found.best.totals.rejected == min(one.totals.rejected for one in found.tried)


def test_the_search_copes_with_a_model_that_answers_less_than_once_a_minute() -> None:
    found = suggest(lambda _target: made_run(1, 0.1), highest=1, p95_seconds=1)
    assert [one.target for one in found.tried] == [1.0]


def test_black_friday_is_as_its_script_makes_it_and_spans_two_orders() -> None:
    made = requests_per_minute()
    assert SHIPPED_TRACE.read_text().splitlines() == list(lines(made))
    assert (min(made), max(made)) == (QUIET, PEAK) == (100, 10_000)
    assert read_trace(SHIPPED_TRACE) == Trace(60, made)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.integers(0, 9))
def test_arrivals_are_in_order_and_in_their_spans(requests: list[int], seed: int) -> None:
    arrivals = list(Trace(1, requests).arrivals(Random(seed)))
    assert arrivals == sorted(arrivals)
    assert [sum(index <= at < index + 1 for at in arrivals) for index in range(len(requests))] == requests


def test_a_trace_may_leave_out_quiet_times(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("second, requests\n0,5\n\n3,7\n")
    trace = read_trace(file)
    assert trace == Trace(1, [5, 0, 0, 7])
    assert (trace.total, trace.minutes, Trace(60, [1, 2]).minutes, Trace(1, [1] * 61).minutes) == (12, 1, 2, 2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", ":1: expected the columns"),
        ("hour,requests\n1,2\n", ":1: expected the columns second,requests or minute,requests, got hour,requests"),
        ("minute,requests\n", "has no requests"),
        ("minute,requests\n0,0\n", "has no requests"),
        ("minute,requests\n0,1\n0,1\n", ":3: time 0 does not rise"),
        ("minute,requests\n0,-1\n", ":2: expected two whole numbers from 0, got 0,-1"),
        ("minute,requests\n0,1.5\n", ":2: expected two whole numbers"),
        ("minute,requests\n0,1,2\n", ":2: expected two whole numbers"),
        ("minute,requests\n0,²\n", ":2: expected two whole numbers"),
        ("minute,requests\n99999999,1\n", ":2: a trace may last 31 days at most"),
        ("second,requests\n0,5000001\n", ":2: a trace may have 5,000,000 requests at most"),
        (b"minute,requests\n\xff", "cannot be read"),
    ],
)
def test_a_trace_that_is_none_is_refused_with_its_line(tmp_path: Path, text: Any, problem: str) -> None:
    file = tmp_path / "trace.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInputError) as caught:
        read_trace(file)
    assert str(caught.value).startswith(str(file))
    assert problem in str(caught.value)


def test_a_trace_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be read"):
        read_trace(tmp_path / "none.csv")
