"""Rules between the fields of a spec: what AWS, or plain sense, refuses in combination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from sluice.errors import Problem
from sluice.spec.data_rules import DATA_RULES
from sluice.spec.endpoint_rules import ENDPOINT_RULES
from sluice.spec.schema.rule import Rule, broken_rules
from sluice.spec.serving_modes import REAL_TIME, strategy_of
from sluice.spec.strategy_rules import METRICS_KEPT_SECONDS, STRATEGY_RULES

__all__ = ["RULES", "Rule", "broken_rules"]

ONE_DAY_SECONDS = 86_400


def _weights_that_do_not_rise(weights: Mapping[str, int]) -> Iterator[Problem]:
    for (_, before), (path, weight) in pairwise(weights.items()):
        if weight <= before:
            allowed = f"{before + 1} to 99" if before < 99 else "nothing after 99"
            yield Problem(path, weight, allowed, f"{weight} does not rise above {before}")


def _bakes_without_a_measurement(bakes: Mapping[str, int], period_seconds: int) -> Iterator[Problem]:
    for path, seconds in bakes.items():
        if seconds < period_seconds:
            allowed = f"{period_seconds}s or longer (endpoint.metrics_period_seconds)"
            yield Problem(path, f"{seconds}s", allowed, "ends before its first metrics are published")


def _impossible_alarm(datapoints: int, periods: int) -> Iterator[Problem]:
    if datapoints > periods:
        message = f"{datapoints} of {periods} periods can never be too high"
        yield Problem("rollout.alarms.datapoints_to_alarm", datapoints, f"1 to {periods}", message)


def _alarm_over_a_day(periods: int, period_seconds: int, kind: str, strategy: str) -> Iterator[Problem]:
    """While SageMaker itself deploys, alarms watch what it publishes once a minute, whatever the endpoint does."""
    if kind != REAL_TIME or strategy_of(kind, strategy) == "blue_green":
        period_seconds = max(period_seconds, 60)
    most = ONE_DAY_SECONDS // period_seconds
    if periods > most:
        message = f"CloudWatch looks back one day at most; {periods} periods of {period_seconds} s are longer"
        yield Problem("rollout.alarms.evaluation_periods", periods, f"1 to {most}", message)


def _rollout_longer_than_its_metrics_last(
    bakes: Mapping[str, int], max_hold_seconds: int, period_seconds: int
) -> Iterator[Problem]:
    kept = METRICS_KEPT_SECONDS[period_seconds]
    longest = sum(bakes.values()) + len(bakes) * max_hold_seconds
    if longest > kept:
        allowed = f"{kept}s or less for all bakes, each with its rollout.max_hold"
        message = f"CloudWatch keeps {period_seconds}-second metrics for {kept // 3600} hours, the judge needs them all"
        yield Problem("rollout.stages", f"{longest}s", allowed, message)


def _test_longer_than_its_metrics_last(
    strategy: str, most: int, final_bake: int, max_hold_seconds: int, period_seconds: int
) -> Iterator[Problem]:
    kept = METRICS_KEPT_SECONDS[period_seconds]
    left = kept - final_bake - 2 * max_hold_seconds
    if strategy == "ab_test" and most > left:
        message = f"CloudWatch keeps {period_seconds}-second metrics for {kept // 3600} hours, the judge needs them all"
        allowed = f"{max(left, 0)}s or less: what rollout.max_hold, twice, and final_bake leave of {kept}s"
        yield Problem("rollout.ab_test.max_duration", f"{most}s", allowed, message)


def _test_that_ends_before_it_may(least: int, most: int) -> Iterator[Problem]:
    if most < least:
        allowed = f"{least}s (min_duration) or longer"
        yield Problem("rollout.ab_test.max_duration", f"{most}s", allowed, "is shorter than min_duration")


def _test_without_a_measurement(least: int, final: int, period_seconds: int) -> Iterator[Problem]:
    bakes = {"rollout.ab_test.min_duration": least, "rollout.ab_test.final_bake": final}
    yield from _bakes_without_a_measurement(bakes, period_seconds)


def _test_for_the_worse(metric: str, better: str) -> Iterator[Problem]:
    if metric in ("errors", "latency") and better != "lower":
        yield Problem("rollout.ab_test.better", better, "lower", f"more {metric} are never better")


def _judge_that_contradicts_itself(harm_ratio: float, safe_ratio: float) -> Iterator[Problem]:
    if safe_ratio <= harm_ratio:
        message = f"{safe_ratio:g} would call a version safe that {harm_ratio:g} calls harmful"
        yield Problem("rollout.judge.safe_ratio", safe_ratio, f"more than {harm_ratio:g} (harm_ratio)", message)


def _windows_without_time(begins: Mapping[str, str], ends: Mapping[str, str]) -> Iterator[Problem]:
    for (path, begin), end in zip(begins.items(), ends.values(), strict=False):
        if begin in (end, "24:00"):
            yield Problem(path, begin, "a time other than its end, and not 24:00", f"{begin} to {end} is no window")


RULES = (
    *DATA_RULES,
    *ENDPOINT_RULES,
    *STRATEGY_RULES,
    Rule(("rollout.windows.open[].from", "rollout.windows.open[].to"), _windows_without_time),
    Rule(("rollout.stages[].weight",), _weights_that_do_not_rise),
    Rule(("rollout.stages[].bake", "endpoint.metrics_period_seconds"), _bakes_without_a_measurement),
    Rule(
        ("rollout.stages[].bake", "rollout.max_hold", "endpoint.metrics_period_seconds"),
        _rollout_longer_than_its_metrics_last,
    ),
    Rule(
        (
            "rollout.strategy",
            "rollout.ab_test.max_duration",
            "rollout.ab_test.final_bake",
            "rollout.max_hold",
            "endpoint.metrics_period_seconds",
        ),
        _test_longer_than_its_metrics_last,
    ),
    Rule(("rollout.ab_test.min_duration", "rollout.ab_test.max_duration"), _test_that_ends_before_it_may),
    Rule(
        ("rollout.ab_test.min_duration", "rollout.ab_test.final_bake", "endpoint.metrics_period_seconds"),
        _test_without_a_measurement,
    ),
    Rule(("rollout.ab_test.metric", "rollout.ab_test.better"), _test_for_the_worse),
    Rule(("rollout.alarms.datapoints_to_alarm", "rollout.alarms.evaluation_periods"), _impossible_alarm),
    Rule(
        (
            "rollout.alarms.evaluation_periods",
            "endpoint.metrics_period_seconds",
            "endpoint.type",
            "rollout.strategy",
        ),
        _alarm_over_a_day,
    ),
    Rule(("rollout.judge.harm_ratio", "rollout.judge.safe_ratio"), _judge_that_contradicts_itself),
)
"""Rules that hold for every spec, whatever pipeline it names."""
