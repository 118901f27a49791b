"""Rules between the fields of a spec: what AWS, or plain sense, refuses in combination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.errors import Problem
from sluice.spec_reading import child, element

ONE_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Rule:
    """A check that needs the values at some paths; it is skipped while one of them is wrong by itself."""

    needs: tuple[str, ...]
    find: Callable[..., Iterator[Problem]]


def broken_rules(values: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems between ``values``, which are the fields that are in order, by path."""
    for rule in _RULES:
        if all(path in values for path in rule.needs):
            yield from rule.find(*(values[path] for path in rule.needs))


def _repeated_columns(columns: Sequence[Any]) -> Iterator[Problem]:
    path = "data.columns"
    yield from _repeated(path, [column.name for column in columns], suffix=".name")
    for index, column in enumerate(columns):
        where = child(element(path, index), "categories")
        yield from _repeated(where, column.categories)
        if column.categories and column.type != "category":
            yield Problem(where, list(column.categories), "only with type: category", "a number has no categories")


def _repeated(path: str, names: Sequence[str], suffix: str = "") -> Iterator[Problem]:
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        if seen[name]:
            yield Problem(element(path, index) + suffix, name, "each name once", f"{name!r} is there twice")
        seen[name] += 1


def _target_among_features(target: str, columns: Sequence[Any]) -> Iterator[Problem]:
    if target in {column.name for column in columns}:
        message = f"{target!r} is also listed as a feature"
        yield Problem("data.target", target, "a column that is not in data.columns", message)


def _weights_that_do_not_rise(stages: Sequence[Any]) -> Iterator[Problem]:
    for index in range(1, len(stages)):
        before, weight = stages[index - 1].weight, stages[index].weight
        if weight <= before:
            path = child(element("rollout.stages", index), "weight")
            yield Problem(path, weight, f"{before + 1} to 99", f"{weight} does not rise above {before}")


def _bakes_without_a_measurement(stages: Sequence[Any], period_seconds: int) -> Iterator[Problem]:
    for index, stage in enumerate(stages):
        if stage.bake_seconds < period_seconds:
            path = child(element("rollout.stages", index), "bake")
            allowed = f"{period_seconds}s or longer (endpoint.metrics_period_seconds)"
            yield Problem(path, f"{stage.bake_seconds}s", allowed, "ends before its first metrics are published")


def _impossible_alarm(datapoints: int, periods: int) -> Iterator[Problem]:
    if datapoints > periods:
        message = f"{datapoints} of {periods} periods can never be too high"
        yield Problem("rollout.alarms.datapoints_to_alarm", datapoints, f"1 to {periods}", message)


def _alarm_over_a_day(periods: int, period_seconds: int) -> Iterator[Problem]:
    most = ONE_DAY_SECONDS // period_seconds
    if periods > most:
        message = f"CloudWatch looks back one day at most; {periods} periods of {period_seconds} s are longer"
        yield Problem("rollout.alarms.evaluation_periods", periods, f"1 to {most}", message)


def _judge_that_contradicts_itself(harm_ratio: float, safe_ratio: float) -> Iterator[Problem]:
    if safe_ratio <= harm_ratio:
        message = f"{safe_ratio:g} would call a version safe that {harm_ratio:g} calls harmful"
        yield Problem("rollout.judge.safe_ratio", safe_ratio, f"more than {harm_ratio:g} (harm_ratio)", message)


_RULES = (
    Rule(("data.columns",), _repeated_columns),
    Rule(("data.target", "data.columns"), _target_among_features),
    Rule(("rollout.stages",), _weights_that_do_not_rise),
    Rule(("rollout.stages", "endpoint.metrics_period_seconds"), _bakes_without_a_measurement),
    Rule(
        ("rollout.alarms.datapoints_to_alarm", "rollout.alarms.evaluation_periods"),
        _impossible_alarm,
    ),
    Rule(("rollout.alarms.evaluation_periods", "endpoint.metrics_period_seconds"), _alarm_over_a_day),
    Rule(("rollout.judge.harm_ratio", "rollout.judge.safe_ratio"), _judge_that_contradicts_itself),
)
