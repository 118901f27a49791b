"""The rules of the gate on a version's metrics: limits from the spec, and the version in service. Pure.

A pipeline's condition can compare one number with one number, so that EvaluateModel judges the rules and the
condition only asks whether one failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

NONE = "none"
UNKNOWN = "unknown"
_RULE = re.compile(r"(?P<metric>[a-z0-9_]+)(?P<sign><=|>=)(?P<limit>\S+)")


class GateError(Exception):
    """A rule cannot be judged, and the text says why."""


def failed_rules(rules: str, live: str, metrics: Mapping[str, float]) -> list[str]:
    """Each rule that ``metrics`` break, with metric, value and threshold; GateError for one without its metric.

    ``rules`` are such as ``mse<=6 auc>=0.9 live<=10``, where the last says by how many percent the metric in
    ``live``, such as ``7 mse=4.2``, may be missed. ``none`` stands for no rules and for no live version; a live
    metric that is ``unknown`` fails the rule.
    """
    return list(_failed(rules, live, metrics))


def _failed(rules: str, live: str, metrics: Mapping[str, float]) -> Iterator[str]:
    for text in rules.split() if rules != NONE else ():
        rule = _RULE.fullmatch(text)
        if rule is None:
            raise GateError(f"the gate has a rule that cannot be read: {text}")
        limit = float(rule["limit"])
        if rule["metric"] == "live":
            yield from _worse_than_live(live, limit, metrics)
            continue
        value = _value(metrics, rule["metric"])
        if rule["sign"] == "<=" and value > limit:
            yield f"{rule['metric']} is {value:.6g}, above the maximum of {limit:g}"
        if rule["sign"] == ">=" and value < limit:
            yield f"{rule['metric']} is {value:.6g}, below the minimum of {limit:g}"


def _worse_than_live(live: str, percent: float, metrics: Mapping[str, float]) -> Iterator[str]:
    if live == NONE:
        return
    version, _, measured = live.partition(" ")
    metric, _, number = measured.partition("=")
    if number == UNKNOWN:
        yield (
            f"{metric} of live version {version} is not known, so nothing shows that this one is not worse: "
            "take not_worse_than_live_percent out of the spec until a measured version is live"
        )
        return
    value, before = _value(metrics, metric), float(number)
    more_is_better = metric == "auc"
    threshold = before * (1 - percent / 100) if more_is_better else before * (1 + percent / 100)
    if value < threshold if more_is_better else value > threshold:
        side = "below" if more_is_better else "above"
        yield (
            f"{metric} is {value:.6g}, {side} {threshold:.6g}: "
            f"worse than the {before:.6g} of live version {version} by more than {percent:g} %"
        )


def _value(metrics: Mapping[str, float], name: str) -> float:
    if name not in metrics:
        raise GateError(f"the gate asks for {name}, which this evaluation does not measure: {', '.join(metrics)}")
    return metrics[name]
