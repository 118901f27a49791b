"""The simulated queue against queueing theory, and its laws against any input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from math import factorial, inf, sqrt
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.sizing.capacity.pool import Pool, SimulatedAnswer

REQUESTS = 200_000
BATCHES = 20


def poisson_arrivals(random: Random, rate: float) -> Iterator[float]:
    return accumulate(random.expovariate(rate) for _ in range(REQUESTS))


def waits(pool: Pool, arrivals: Iterator[float], services: Iterator[float]) -> list[float]:
    for arrived, service in zip(arrivals, services, strict=False):
        pool.arrive(arrived, service)
    return [one.started - one.arrived for one in pool.serve_until(inf)]


def assert_mean_is(waited: list[float], expected: float) -> None:
    """Within 4 standard errors, which come from batch means: neighbouring waits are alike."""
    size = len(waited) // BATCHES
    means = [fmean(waited[index * size : (index + 1) * size]) for index in range(BATCHES)]
    error = stdev(means) / sqrt(BATCHES)
    assert error < 0.1 * expected, "too few requests to tell"
    assert abs(fmean(means) - expected) < 4 * error


def constant(value: float) -> Iterator[float]:
    while True:
        yield value


def exponential(random: Random, mean: float) -> Iterator[float]:
    while True:
        yield random.expovariate(1 / mean)


def erlang_wait(slots: int, load: float, service: float) -> float:
    """Mean wait of M/M/c by Erlang's C formula."""
    busy = load**slots / factorial(slots) * slots / (slots - load)
    chance = busy / (sum(load**k / factorial(k) for k in range(slots)) + busy)
    return chance * service / (slots - load)


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
def test_one_slot_with_constant_service_waits_as_pollaczek_and_khinchine_say(utilisation: float) -> None:
    pool = Pool(concurrency=1)
    pool.add(1, ready=0)
    waited = waits(pool, poisson_arrivals(Random(1), utilisation), constant(1.0))
    assert_mean_is(waited, utilisation / (2 * (1 - utilisation)))


@pytest.mark.parametrize(("instances", "concurrency"), [(1, 1), (1, 4), (2, 2), (8, 2)])
def test_many_slots_with_random_service_wait_as_erlang_says(instances: int, concurrency: int) -> None:
    slots, service = instances * concurrency, 2.0
    load = 0.8 * slots
    pool = Pool(concurrency=concurrency)
    pool.add(instances, ready=0)
    waited = waits(pool, poisson_arrivals(Random(2), load / service), exponential(Random(3), service))
    assert_mean_is(waited, erlang_wait(slots, load, service))


times = st.floats(0, 50)
requests = st.lists(st.tuples(st.floats(0, 5), st.floats(0.001, 20)), min_size=1, max_size=40).map(
    lambda pairs: [
        (arrived, service) for arrived, (_, service) in zip(accumulate(gap for gap, _ in pairs), pairs, strict=True)
    ]
)


def served(pool: Pool, incoming: list[tuple[float, float]]) -> list[SimulatedAnswer]:
    for arrived, service in incoming:
        pool.arrive(arrived, service)
    return list(pool.serve_until(inf))


@given(requests, st.integers(1, 3), st.integers(1, 3), st.sampled_from([5.0, 20.0, inf]), times)
def test_every_request_ends_once_in_turn_and_no_slot_works_twice_at_once(
    incoming: list[tuple[float, float]], instances: int, concurrency: int, timeout: float, ready: float
) -> None:
    pool = Pool(concurrency=concurrency, timeout=timeout)
    pool.add(instances, ready=ready)
    answers = served(pool, incoming)
    assert [one.arrived for one in answers] == [arrived for arrived, _ in incoming]
    assert pool.waiting == 0
    begun = [one for one in answers if not one.rejected]
    assert [one.started for one in begun] == sorted(one.started for one in begun)
    for one in begun:
        assert one.started >= max(one.arrived, ready)
        assert one.finished - one.arrived <= timeout
        at_once = [other for other in begun if other.started <= one.started < other.finished]
        assert len(at_once) <= instances * concurrency
    assert all(one.finished - one.arrived > timeout for one in answers if one.rejected)


@given(requests, st.integers(1, 3))
def test_with_more_instances_nobody_waits_longer(incoming: list[tuple[float, float]], instances: int) -> None:
    few, many = Pool(concurrency=2), Pool(concurrency=2)
    few.add(instances, ready=0)
    many.add(instances + 1, ready=0)
    for slow, fast in zip(served(few, incoming), served(many, incoming), strict=True):
        assert fast.started <= slow.started + 1e-9


@given(requests, st.lists(times, max_size=8))
def test_asking_more_often_changes_nothing(incoming: list[tuple[float, float]], looks: list[float]) -> None:
    once, often = Pool(concurrency=1), Pool(concurrency=1)
    for pool in (once, often):
        pool.add(2, ready=1.0)
    expected = served(once, incoming)
    answers: list[SimulatedAnswer] = []
    moments = sorted([*((at, None) for at in looks), *((at, s) for at, s in incoming)], key=lambda one: one[0])
    for now, service in moments:
        if service is not None:
            often.arrive(now, service)
        answers += often.serve_until(now)
    assert [*answers, *often.serve_until(inf)] == expected


def test_an_instance_that_is_taken_away_finishes_its_work_and_begins_no_more() -> None:
    pool = Pool(concurrency=1)
    pool.add(2, ready=0)
    for at in (0.0, 0.1):
        pool.arrive(at, 10.0)
    first, second = pool.serve_until(1)
    assert pool.ready(1) == 2
    pool.remove(1)
    assert pool.ready(1) == 1
    for at in (2.0, 3.0):
        pool.arrive(at, 10.0)
    later = list(pool.serve_until(inf))
    assert (first.finished, second.finished) == (10.0, 10.1)
    assert [one.started for one in later] == [10.0, 20.0]


def test_an_instance_that_starts_helps_from_when_it_is_ready() -> None:
    pool = Pool(concurrency=1)
    pool.add(1, ready=0)
    pool.add(1, ready=5)
    for at in (0.0, 1.0, 2.0):
        pool.arrive(at, 10.0)
    assert [one.started for one in pool.serve_until(inf)] == [0.0, 5.0, 10.0]
    assert [pool.ready(now) for now in (0, 4.9, 5)] == [1, 1, 2]


def test_nothing_is_served_without_instances() -> None:
    pool = Pool(concurrency=1)
    pool.arrive(0.0, 1.0)
    assert list(pool.serve_until(inf)) == []
    assert pool.waiting == 1
