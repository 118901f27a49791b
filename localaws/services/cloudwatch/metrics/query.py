"""Lists of metric queries, as GetMetricData and metric-math alarms have them: checked once, then read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localaws.service_api import AwsError
from localaws.services.cloudwatch.metric_math.expression import ExpressionScope, compute
from localaws.services.cloudwatch.metric_math.functions import KEYWORDS, Series
from localaws.services.cloudwatch.metric_math.syntax import ExpressionError, names, parse
from localaws.services.cloudwatch.metrics.distribution import StatisticError, parse_statistic
from localaws.services.cloudwatch.metrics.store import Metric, Store, finest_period

EXPRESSION_MAX = 2048
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class MetricStat:
    """One statistic of one metric, period by period."""

    metric: Metric
    statistic: str
    period: int
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One entry of a list: a ``stat``, or an ``expression`` over the others."""

    id: str
    stat: MetricStat | None = None
    expression: str = ""
    label: str | None = None
    return_data: bool = True


@dataclass(frozen=True, slots=True)
class Range:
    """What to read: [start, end) in epoch seconds, as visible at ``now``.

    ``aligned`` counts periods from multiples of their length, as GetMetricData does; an alarm's slide.
    """

    start: int
    end: int
    now: float
    aligned: bool = True


@dataclass(frozen=True, slots=True)
class TimedSeries:
    """One series with, per point, when its newest sample was published and how many samples it stands on."""

    series: Series
    published: Mapping[int, float] = field(default_factory=dict)
    samples: Mapping[int, float] = field(default_factory=dict)


def validation_error(message: str) -> AwsError:
    """CloudWatch's answer to most wrong parameters."""
    return AwsError("ValidationError", message)


def dimensions_of(raw: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """``[{"Name": …, "Value": …}]`` as a mapping."""
    return {entry["Name"]: entry["Value"] for entry in raw or ()}


def parse_queries(raw: Sequence[Mapping[str, Any]]) -> tuple[Query, ...]:
    """Check a list of metric data queries and everything its expressions refer to. AwsError if it is wrong."""
    queries = tuple(_query(entry) for entry in raw)
    known = {query.id for query in queries}
    if len(known) < len(queries):
        raise validation_error("The values for parameter id in MetricDataQueries are not unique.")
    sample = Reading(queries, Store(), Range(0, MINUTE, 0.0), sample=True)
    for query in queries:
        if query.expression:
            _check_expression(query, known, sample)
    return queries


MINUTE = 60


def _query(entry: Mapping[str, Any]) -> Query:
    name = entry["Id"]
    if not _ID.fullmatch(name):
        raise validation_error(
            f"The value {name} for parameter Id does not start with a lower-case letter or holds other characters "
            "than letters, digits and underscores."
        )
    stat, expression = entry.get("MetricStat"), entry.get("Expression") or ""
    if (stat is None) == (not expression):
        raise validation_error(f"Exactly one of MetricStat and Expression is required in the query {name}.")
    if len(expression) > EXPRESSION_MAX:
        raise validation_error(f"The expression of {name} is longer than {EXPRESSION_MAX} characters.")
    returned = entry.get("ReturnData")
    return Query(
        id=name,
        stat=_stat(stat) if stat else None,
        expression=expression,
        label=entry.get("Label"),
        return_data=True if returned is None else returned,
    )


def _stat(raw: Mapping[str, Any]) -> MetricStat:
    metric = raw["Metric"]
    if not metric.get("Namespace") or not metric.get("MetricName"):
        raise validation_error("Namespace and MetricName are required in MetricStat.")
    check_period(raw["Period"])
    check_statistic(raw["Stat"])
    identity = Metric.of(metric["Namespace"], metric["MetricName"], dimensions_of(metric.get("Dimensions")))
    return MetricStat(identity, raw["Stat"], raw["Period"], raw.get("Unit"))


def check_period(period: int) -> None:
    """1, 5, 10, 20, 30 or a multiple of 60 seconds."""
    if period not in (1, 5, 10, 20, 30) and (period < MINUTE or period % MINUTE):
        raise validation_error(f"Period must be 1, 5, 10, 20, 30 or a multiple of 60, got {period}.")


def check_statistic(name: str) -> None:
    """A statistic this CloudWatch can compute."""
    try:
        parse_statistic(name)
    except StatisticError as error:
        raise validation_error(str(error)) from error


def _check_expression(query: Query, known: set[str], sample: Reading) -> None:
    try:
        unknown = set(names(parse(query.expression))) - known - KEYWORDS
        if unknown:
            raise ExpressionError(f"undefined: {', '.join(sorted(unknown))}")
        sample.answers(query.id)
    except ExpressionError as error:
        raise validation_error(f"Error in expression '{query.id}' [{error}]") from error


class Reading:
    """One reading of all queries of a list. With ``sample`` each metric has one made-up point, to try expressions."""

    def __init__(self, queries: Sequence[Query], store: Store, span: Range, *, sample: bool = False) -> None:
        self._queries = {query.id: query for query in queries}
        self._store = store
        self._span = span
        self._sample = sample
        self._known: dict[str, list[TimedSeries]] = {}
        self._open: set[str] = set()  # being computed, to find circles

    def answers(self, name: str) -> list[TimedSeries]:
        """The series of one query: one, or several of an expression over METRICS(). ExpressionError if wrong."""
        if name not in self._known:
            if name in self._open:
                raise ExpressionError(f"{name} refers to itself")
            self._open.add(name)
            query = self._queries[name]
            self._known[name] = [self._read(query.stat)] if query.stat else list(self._computed(query))
        return self._known[name]

    def _read(self, stat: MetricStat) -> TimedSeries:
        if self._sample:
            return TimedSeries({0: 1.0})
        span = self._span
        start = span.start // stat.period * stat.period if span.aligned else span.start
        if span.aligned and stat.period < finest_period(start, span.now):
            return TimedSeries({})
        points = self._store.points(
            stat.metric, start=start, end=span.end, period=stat.period, now=span.now, unit=stat.unit
        )
        compute_statistic = parse_statistic(stat.statistic)
        values = {point.start: compute_statistic(point.samples) for point in points}
        return TimedSeries(
            {start: value for start, value in values.items() if value is not None},
            {point.start: point.published for point in points},
            {point.start: point.samples.count for point in points},
        )

    def _computed(self, query: Query) -> Iterator[TimedSeries]:
        stats = {name: other.stat for name, other in self._queries.items() if other.stat}
        period = max((stat.period for stat in stats.values()), default=MINUTE)
        start = self._span.start // period * period if self._span.aligned else self._span.start
        around = ExpressionScope(
            value_of=self._series,
            metrics={name: self.answers(name)[0].series for name in stats},
            periods=range(start, self._span.end, period),
            period=period,
        )
        published: dict[int, float] = {}
        for name in stats:
            for time, at in self.answers(name)[0].published.items():
                published[time] = max(at, published.get(time, at))
        for series in compute(query.expression, around):
            yield TimedSeries(series, published)

    def _series(self, name: str) -> Series | list[Series]:
        if name not in self._queries:
            raise ExpressionError(f"undefined: {name}")
        found = [answer.series for answer in self.answers(name)]
        return found[0] if len(found) == 1 else found
