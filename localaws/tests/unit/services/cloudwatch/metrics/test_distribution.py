"""Statistics of samples: exact where CloudWatch is, bounded in memory where it is not."""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.services.cloudwatch.metrics.distribution import (
    DISTINCT_MAX,
    Distribution,
    StatisticError,
    parse_statistic,
)


def distribution(*values: float) -> Distribution:
    seen = Distribution()
    for value in values:
        seen.add(value)
    return seen


def statistic(name: str, *values: float) -> float | None:
    return parse_statistic(name)(distribution(*values))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SampleCount", 4),
        ("Sum", 10),
        ("Average", 2.5),
        ("Minimum", 1),
        ("Maximum", 4),
        ("p50", 2),
        ("p75", 3),
        ("p76", 4),
        ("p100", 4),
        ("p0", 1),
        ("tm50", 1.5),
        ("TC(1:3)", 2),
        ("TC(:2)", 2),
        ("TC(2:)", 2),
        ("PR(1:3)", 50),
        ("PR(:2)", 50),
    ],
)
def test_statistics_of_one_to_four(name: str, expected: float) -> None:
    assert statistic(name, 1, 2, 3, 4) == pytest.approx(expected)


def test_the_95th_percentile_of_20_samples_is_the_19th() -> None:
    assert statistic("p95", *range(1, 21)) == 19


def test_a_range_leaves_out_its_lower_end_and_holds_its_upper() -> None:
    assert statistic("TC(250000:500000)", 250_000, 250_001, 500_000, 500_001) == 2


@pytest.mark.parametrize("name", ["p101", "P95", "TC(:)", "TC(1)", "median", "", "tm(1:2)", "p95.5.5"])
def test_unknown_statistics_are_refused(name: str) -> None:
    with pytest.raises(StatisticError):
        parse_statistic(name)


def test_a_statistic_set_has_no_percentiles_unless_all_its_samples_are_equal() -> None:
    spread, equal = Distribution(), Distribution()
    spread.add_summary(count=3, total=6, minimum=1, maximum=3)
    equal.add_summary(count=3, total=6, minimum=2, maximum=2)

    assert parse_statistic("p50")(spread) is None
    assert parse_statistic("Average")(spread) == 2
    assert parse_statistic("p50")(equal) == 2


def test_memory_is_bounded_and_percentiles_stay_within_a_percent() -> None:
    numbers = random.Random(7)
    values = [numbers.lognormvariate(10, 1) for _ in range(20_000)]
    seen = distribution(*values)

    assert len(seen.values) < 3 * DISTINCT_MAX
    assert sys.getsizeof(seen.values) < 200_000
    for share in (0.5, 0.9, 0.95, 0.99):
        exact = sorted(values)[round(share * len(values)) - 1]
        assert parse_statistic(f"p{share * 100:g}")(seen) == pytest.approx(exact, rel=0.01)
    assert seen.maximum == max(values)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=50), st.integers(0, 49))
def test_merging_parts_is_the_same_as_adding_everything(values: list[int], cut: int) -> None:
    merged = distribution(*values[:cut])
    merged.merge(distribution(*values[cut:]))

    assert merged == distribution(*values)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_the_least_value_with_enough_samples_up_to_it(values: list[int], percent: int) -> None:
    found = statistic(f"p{percent}", *values)

    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)
