"""Stores metric samples by period; a sample becomes visible when its publisher would have sent it.

Times are epoch seconds and always arguments; a bucket or period is named by the second it starts at. The store
does not lock: its owner does, and takes the time of a sample inside the lock, so that nothing is ever added to
a period that has been evaluated as closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from localaws.services.cloudwatch.metrics.distribution import Distribution

FINE_PUBLISHING_SECONDS = 10  # publishers at least this frequent are kept second by second
MINUTE = 60
KEPT_AT = ((MINUTE, 3 * 3600), (300, 15 * 86_400), (3600, 63 * 86_400))
"""After so many seconds data points are kept, and can be read, at no finer a period than this, in seconds.

"Data points that are initially published with a shorter period are aggregated together for long-term storage"
(CloudWatch API reference, GetMetricData): below a minute for 3 hours, a minute for 15 days, 5 minutes for 63 days.
"""
KEEP_SECONDS = 455 * 86_400


def finest_period(start: float, now: float) -> int:
    """The shortest period in seconds that a reading from ``start`` on may have: with a shorter one it has no points.

    "If the StartTime parameter specifies a time stamp that is greater than 3 hours ago, you must specify the period as
    follows or no data points in that time range is returned" (CloudWatch API reference, MetricStat).
    """
    return max((period for period, seconds in KEPT_AT if now - start > seconds), default=1)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's identity. Make it with ``of``, which puts dimensions in one order."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> Metric:
        return cls(namespace, name, tuple(sorted(dimensions.items())))


@dataclass(frozen=True, slots=True)
class Point:
    """One period of one metric."""

    start: int
    samples: Distribution
    published: float  # when its newest part became visible


@dataclass(slots=True)
class _Bucket:
    samples: Distribution
    published: float


@dataclass(slots=True)
class _Series:
    # (start, seconds covered) -> bucket: samples published by the minute and by the second may coexist
    buckets: dict[tuple[int, int], _Bucket] = field(default_factory=dict)
    newest: float = 0.0


class Store:
    """All metrics. Samples of different units are different series and are read together unless one is asked for."""

    def __init__(self) -> None:
        self._series: dict[Metric, dict[str, _Series]] = {}

    def record(
        self,
        metric: Metric,
        value: float,
        *,
        at: float,
        unit: str = "None",
        publish_every_seconds: int = MINUTE,
    ) -> None:
        """Add what a service publishes: visible once the publishing period that contains ``at`` has closed."""
        fine = publish_every_seconds <= FINE_PUBLISHING_SECONDS
        width = 1 if fine else publish_every_seconds
        published = _floor(at, publish_every_seconds) + publish_every_seconds
        self._bucket(metric, unit, at, width, published).samples.add(value)

    def put(self, metric: Metric, samples: Distribution, *, at: float, now: float, unit: str, resolution: int) -> None:
        """Add what a customer puts: visible at once. ``at`` is the samples' own time, ``resolution`` 1 or 60."""
        self._bucket(metric, unit, at, resolution, now).samples.merge(samples)

    def points(
        self, metric: Metric, *, start: int, end: int, period: int, now: float, unit: str | None = None
    ) -> list[Point]:
        """The non-empty periods of [start, end), in order, counted from ``start``; what is visible at ``now``."""
        periods: dict[int, Point] = {}
        for (at, _), bucket in self._visible(metric, unit, start, end, now):
            begin = start + (at - start) // period * period
            known = periods.get(begin)
            merged = known.samples if known else Distribution()
            merged.merge(bucket.samples)
            published = max(known.published, bucket.published) if known else bucket.published
            periods[begin] = Point(begin, merged, published)
        return [periods[begin] for begin in sorted(periods)]

    def metrics(self, *, active_since: float, accept: Callable[[Metric], bool]) -> list[Metric]:
        """Metrics with a sample since ``active_since``, in a stable order."""
        found = (
            metric
            for metric, units in self._series.items()
            if accept(metric) and any(series.newest >= active_since for series in units.values())
        )
        return sorted(found, key=lambda metric: (metric.namespace, metric.name, metric.dimensions))

    def unit(self, metric: Metric) -> str:
        """The unit of a metric's samples; "None" if there are none."""
        return next(iter(self._series.get(metric, {})), "None")

    def forget(self, now: float) -> None:
        """Fold what is old into longer periods and drop what is too old, which bounds the memory."""
        for metric, units in list(self._series.items()):
            for unit, series in list(units.items()):
                _age(series, now)
                if not series.buckets:
                    del units[unit]
            if not units:
                del self._series[metric]

    def _bucket(self, metric: Metric, unit: str, at: float, width: int, published: float) -> _Bucket:
        series = self._series.setdefault(metric, {}).setdefault(unit, _Series())
        series.newest = max(series.newest, at)
        key = (_floor(at, width), width)
        bucket = series.buckets.get(key)
        if bucket is None:
            bucket = series.buckets[key] = _Bucket(Distribution(), published)
        return bucket

    def _visible(
        self, metric: Metric, unit: str | None, start: int, end: int, now: float
    ) -> Iterator[tuple[tuple[int, int], _Bucket]]:
        for series_unit, series in self._series.get(metric, {}).items():
            if unit is None or unit == series_unit:
                for key, bucket in series.buckets.items():
                    if start <= key[0] < end and bucket.published <= now:
                        yield key, bucket


def _age(series: _Series, now: float) -> None:
    for (start, width), bucket in list(series.buckets.items()):
        kept_at = finest_period(start, now)
        if start < now - KEEP_SECONDS:
            del series.buckets[(start, width)]
        elif width < kept_at:
            del series.buckets[(start, width)]
            folded = series.buckets.setdefault(
                (_floor(start, kept_at), kept_at), _Bucket(Distribution(), bucket.published)
            )
            folded.samples.merge(bucket.samples)


def _floor(at: float, width: int) -> int:
    return int(at // width) * width
