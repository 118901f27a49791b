"""The data types of CloudWatch metrics: counts, spans, periods and dimensions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

NAMESPACE = "AWS/SageMaker"


OUTCOMES = "Sluice/Outcomes"  # what users publish themselves


MODEL_ERRORS = ("InvocationModelErrors",)
"""Failed requests of a real-time endpoint on instances: whatever is not answered 2XX."""


STATUS_ERRORS = ("Invocation4XXErrors", "Invocation5XXErrors")
"""Failed requests of asynchronous and serverless endpoints, which publish no InvocationModelErrors: the lists of their
metrics in the SageMaker developer guide are exhaustive.

For each request 1 or 0 is sent to each of them, says the guide; whether a metric of which only zeros were sent has data
at all is not certain. So both readings work: see ``counts_of`` and the alarms of a rollout.
"""


LATENCY = "ModelLatency"  # in microseconds


Dimensions = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and failed requests of one variant in one period."""

    requests: int
    errors: int


Series = Mapping[datetime, float]


def counts_of(failures: Sequence[tuple[Series, Series]], answered: Series) -> dict[datetime, Counts]:
    """Requests and failed ones of each period with requests.

    Args:
        failures: for each metric of failed requests its Sum and its SampleCount.
        answered: the requests by a metric that all have; empty for none.

    A metric without a point in a period had no failure there, unless another of its points shows that its zeros are
    published, too: then that point is still to come, and the period is left out as unknown. So is one for which only
    one statistic has arrived.
    """
    sends_zeros = [any(each.get(at, 0) < count for at, count in seen.items()) for each, seen in failures]
    times = {at for at, count in answered.items() if count > 0}.union(*(seen for _, seen in failures))
    return {
        at: Counts(
            requests=round(max(answered.get(at, 0.0), *(seen.get(at, 0.0) for _, seen in failures))),
            errors=round(sum(each.get(at, 0.0) for each, _ in failures)),
        )
        for at in sorted(times)
        if all(
            (at in each) == (at in seen) and (at in seen or not zeros)
            for (each, seen), zeros in zip(failures, sends_zeros, strict=True)
        )
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Periods that start in [start, end); none when it has not begun, as in an analysis before the warm-up is over."""

    start: datetime
    end: datetime
    period_seconds: int


_KEPT = ((60, 3 * 3600), (300, 15 * 86_400), (3600, 63 * 86_400))
"""Period in seconds, and the age in seconds beyond which CloudWatch has data of no shorter one (GetMetricData)."""


_MARGIN_SECONDS = 600  # what is nearly too old may be so when it is read


def readable_period(start: datetime, period_seconds: int, now: datetime) -> int:
    """The period at which data from ``start`` on can be read at ``now``: ``period_seconds``, or longer if it is old.

    For a shorter one CloudWatch answers no points at all, even of what is new (MetricStat, CloudWatch API reference).
    """
    age = (now - start).total_seconds() + _MARGIN_SECONDS
    return max([period_seconds, *(period for period, seconds in _KEPT if age > seconds)])


def whole_periods(start: datetime, end: datetime, period_seconds: int) -> list[datetime]:
    """Starts of the periods that lie wholly within [start, end]."""
    first = -(-start.timestamp() // period_seconds) * period_seconds
    count = int((end.timestamp() - first) // period_seconds)
    at = datetime.fromtimestamp(first, tz=start.tzinfo)
    return [at + timedelta(seconds=period_seconds * i) for i in range(max(count, 0))]


def readable_periods(
    stretches: Iterable[tuple[datetime, datetime, int]], now: datetime
) -> list[tuple[int, list[datetime]]]:
    """For each stretch of time and period: the ``readable_period``, and its ``whole_periods``."""
    found = [(start, end, readable_period(start, seconds, now)) for start, end, seconds in stretches]
    return [(seconds, whole_periods(start, end, seconds)) for start, end, seconds in found]


def stat(
    metric: str, of: Dimensions, period_seconds: int, statistic: str, namespace: str = NAMESPACE
) -> dict[str, Any]:
    """One statistic of one metric, as GetMetricData and metric-math alarms name it."""
    return {
        "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": of},
        "Period": period_seconds,
        "Stat": statistic,
    }


def dimensions(endpoint: str, variant: str, config: str = "") -> Dimensions:
    """The dimensions of one variant; with ``config``, only of the fleet deployed from that endpoint config."""
    named = {"EndpointName": endpoint, "VariantName": variant} | ({"EndpointConfigName": config} if config else {})
    return [{"Name": name, "Value": value} for name, value in named.items()]


def dimensions_each(endpoint: str, variants: Iterable[str]) -> list[Dimensions]:
    """``dimensions`` of each variant."""
    return [dimensions(endpoint, variant) for variant in variants]


@dataclass(frozen=True, slots=True)
class Moments:
    """Outcomes of one variant in one period: how many, their sum and the sum of their squares."""

    count: int
    total: float
    squares: float


def pooled(samples: Iterable[Moments]) -> Moments:
    """All outcomes together."""
    each = list(samples)
    return Moments(
        sum(sample.count for sample in each),
        sum(sample.total for sample in each),
        sum(sample.squares for sample in each),
    )


def pooled_each(samples: Iterable[Iterable[Moments]]) -> list[Moments]:
    """``pooled`` of each."""
    return [pooled(each) for each in samples]


PERCENTILES = {"p90": 0.90, "p99": 0.99}


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """Latencies of one variant over a stretch of time: requests, and percentiles in microseconds."""

    requests: float
    percentiles: Mapping[str, float]
