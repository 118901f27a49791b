"""Rules between the fields of a spec: what AWS, or plain sense, refuses in combination."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sluice.errors import Problem
from sluice.spec_reading import element

ONE_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Rule:
    """A check on the values at some paths; it is skipped while one of them is wrong by itself.

    ``a[].b`` stands for the ``b`` of each item of list ``a`` that is in order, as a mapping from path to value.
    """

    needs: tuple[str, ...]
    find: Callable[..., Iterator[Problem]]


def broken_rules(values: Mapping[str, Any], rules: Sequence[Rule]) -> Iterator[Problem]:
    """The problems between ``values``, which are the fields that are in order, by path."""
    for rule in rules:
        needed = [_at(values, path) for path in rule.needs]
        if None not in needed:
            yield from rule.find(*needed)


def _at(values: Mapping[str, Any], path: str) -> Any:
    if "[]" not in path:
        return values.get(path)
    each = re.compile(re.escape(path).replace(r"\[\]", r"\[\d+\]"))
    return {found: value for found, value in values.items() if each.fullmatch(found)} or None


def _repeated(names: Mapping[str, str]) -> Iterator[Problem]:
    seen = set()
    for path, name in names.items():
        if name in seen:
            yield Problem(path, name, "each name once", f"{name!r} is there twice")
        seen.add(name)


def _repeated_categories(lists: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    for path, names in lists.items():
        yield from _repeated({element(path, index): name for index, name in enumerate(names)})


def _numbers_with_categories(kinds: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    for path, names in lists.items():
        kind = kinds.get(path.removesuffix("categories") + "type")
        if names and kind == "number":
            yield Problem(path, list(names), "only with type: category", "a number has no categories")


def _target_among_features(target: str, names: Mapping[str, str]) -> Iterator[Problem]:
    if target in names.values():
        message = f"{target!r} is also listed as a feature"
        yield Problem("data.target", target, "a column that is not in data.columns", message)


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


def _alarm_over_a_day(periods: int, period_seconds: int) -> Iterator[Problem]:
    most = ONE_DAY_SECONDS // period_seconds
    if periods > most:
        message = f"CloudWatch looks back one day at most; {periods} periods of {period_seconds} s are longer"
        yield Problem("rollout.alarms.evaluation_periods", periods, f"1 to {most}", message)


def _judge_that_contradicts_itself(harm_ratio: float, safe_ratio: float) -> Iterator[Problem]:
    if safe_ratio <= harm_ratio:
        message = f"{safe_ratio:g} would call a version safe that {harm_ratio:g} calls harmful"
        yield Problem("rollout.judge.safe_ratio", safe_ratio, f"more than {harm_ratio:g} (harm_ratio)", message)


RULES = (
    Rule(("data.columns[].name",), _repeated),
    Rule(("data.columns[].categories",), _repeated_categories),
    Rule(("data.columns[].type", "data.columns[].categories"), _numbers_with_categories),
    Rule(("data.target", "data.columns[].name"), _target_among_features),
    Rule(("rollout.stages[].weight",), _weights_that_do_not_rise),
    Rule(("rollout.stages[].bake", "endpoint.metrics_period_seconds"), _bakes_without_a_measurement),
    Rule(("rollout.alarms.datapoints_to_alarm", "rollout.alarms.evaluation_periods"), _impossible_alarm),
    Rule(("rollout.alarms.evaluation_periods", "endpoint.metrics_period_seconds"), _alarm_over_a_day),
    Rule(("rollout.judge.harm_ratio", "rollout.judge.safe_ratio"), _judge_that_contradicts_itself),
)
"""Rules that hold for every spec, whatever pipeline it names."""
