"""PutMetricData, GetMetricData, GetMetricStatistics, ListMetrics."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localaws.service_api import AwsError, Call, Operation, Params
from localaws.services.cloudwatch.metric_math.functions import Series
from localaws.services.cloudwatch.metric_math.syntax import ExpressionError
from localaws.services.cloudwatch.metrics.distribution import Distribution, parse_statistic
from localaws.services.cloudwatch.metrics.metric_data import metric_of, samples_of, time_of, wrong_value
from localaws.services.cloudwatch.metrics.paging import epoch, moment, offset, page
from localaws.services.cloudwatch.metrics.query import (
    Query,
    Range,
    Reading,
    check_period,
    check_statistic,
    dimensions_of,
    parse_queries,
    validation_error,
)
from localaws.services.cloudwatch.metrics.store import Metric, Store, finest_period

DATAPOINTS_MAX = 100_800
STATISTICS_MAX = 1_440
QUERIES_MAX = 500
DATA_MAX = 1_000
LIST_PAGE = 500
RECENT_SECONDS = 3 * 3600
LISTED_SECONDS = 15 * 86_400


class MetricOperations:
    """Customers' access to metrics. ``clock`` gives epoch seconds; ``lock`` guards the store."""

    def __init__(self, store: Store, lock: threading.RLock, clock: Callable[[], float]) -> None:
        self._store = store
        self._lock = lock
        self._clock = clock

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "PutMetricData": self.put_metric_data,
            "GetMetricData": self.get_metric_data,
            "GetMetricStatistics": self.get_metric_statistics,
            "ListMetrics": self.list_metrics,
        }

    def put_metric_data(self, params: Params, _call: Call) -> dict[str, Any]:
        """All or nothing: everything is checked before anything is stored."""
        if params["Namespace"].startswith("AWS/"):
            raise wrong_value("The value AWS/ for parameter Namespace is invalid.")
        data = params.get("MetricData") or []
        if not data or len(data) > DATA_MAX:
            raise wrong_value(f"MetricData must have 1 to {DATA_MAX} members.")
        with self._lock:
            now = self._clock()
            checked = [(metric_of(params["Namespace"], datum), samples_of(datum), datum) for datum in data]
            times = [time_of(datum, now) for datum in data]
            for (metric, samples, datum), at in zip(checked, times, strict=True):
                self._store.put(
                    metric,
                    samples,
                    at=at,
                    now=now,
                    unit=datum.get("Unit") or "None",
                    resolution=datum.get("StorageResolution") or 60,
                )
        return {}

    def get_metric_data(self, params: Params, _call: Call) -> dict[str, Any]:
        """Every query over the same range; a page holds at most ``MaxDatapoints`` points of all together."""
        if not 1 <= len(params["MetricDataQueries"]) <= QUERIES_MAX:
            raise validation_error(f"MetricDataQueries must have 1 to {QUERIES_MAX} members.")
        queries = parse_queries(params["MetricDataQueries"])
        start, end = epoch(params["StartTime"]), epoch(params["EndTime"])
        if start >= end:
            raise validation_error("The parameter StartTime must be less than the parameter EndTime.")
        limit = params.get("MaxDatapoints") or DATAPOINTS_MAX
        with self._lock:
            reading = Reading(queries, self._store, Range(int(start), math.ceil(end), self._clock()))
            try:
                found = [(query, _series(reading, query)) for query in queries if query.return_data]
            except ExpressionError as error:
                raise validation_error(str(error)) from error
        descending = params.get("ScanBy") != "TimestampAscending"
        begin = offset(params.get("NextToken"))
        results = list(_results(found, _labels(queries), begin, begin + limit, descending=descending))
        total = sum(len(series) for _, several in found for series in several)
        more = {"NextToken": str(begin + limit)} if begin + limit < total else {}
        return {"MetricDataResults": results, "Messages": [], **more}

    def get_metric_statistics(self, params: Params, _call: Call) -> dict[str, Any]:
        names = [*(params.get("Statistics") or ()), *(params.get("ExtendedStatistics") or ())]
        if not names:
            raise AwsError("MissingParameter", "Either Statistics or ExtendedStatistics must be specified.")
        for name in names:
            check_statistic(name)
        period = params["Period"]
        check_period(period)
        start, end = int(epoch(params["StartTime"])) // period * period, epoch(params["EndTime"])
        if start >= end:
            raise wrong_value("The parameter StartTime must be less than the parameter EndTime.")
        if (end - start) / period > STATISTICS_MAX:
            raise AwsError(
                "InvalidParameterCombination",
                f"You have requested up to {math.ceil((end - start) / period)} datapoints, which exceeds the "
                f"limit of {STATISTICS_MAX}.",
            )
        metric = Metric.of(params["Namespace"], params["MetricName"], dimensions_of(params.get("Dimensions")))
        with self._lock:
            unit = params.get("Unit") or self._store.unit(metric)
            now = self._clock()
            points = self._store.points(
                metric,
                start=start,
                end=math.ceil(end),
                period=period,
                now=now,
                unit=params.get("Unit"),
            )
            if period < finest_period(start, now):
                points = []
        datapoints = [
            {"Timestamp": moment(point.start), "Unit": unit, **_statistics(point.samples, params)} for point in points
        ]
        return {"Label": params["MetricName"], "Datapoints": datapoints}

    def list_metrics(self, params: Params, _call: Call) -> dict[str, Any]:
        """Metrics with data in the last two weeks, or three hours if ``RecentlyActive``."""

        def accept(metric: Metric) -> bool:
            known = dict(metric.dimensions)
            return (
                params.get("Namespace") in (None, metric.namespace)
                and params.get("MetricName") in (None, metric.name)
                and all(
                    wanted["Name"] in known and wanted.get("Value") in (None, known[wanted["Name"]])
                    for wanted in params.get("Dimensions") or ()
                )
            )

        age = RECENT_SECONDS if params.get("RecentlyActive") else LISTED_SECONDS
        with self._lock:
            found = self._store.metrics(active_since=self._clock() - age, accept=accept)
        shown, more = page(found, params.get("NextToken"), LIST_PAGE)
        return {"Metrics": [_shown(metric) for metric in shown], **more}


def _series(reading: Reading, query: Query) -> list[Series]:
    return [answer.series for answer in reading.answers(query.id)]


def _results(
    found: list[tuple[Query, list[Series]]],
    labels: Mapping[str, str],
    begin: int,
    end: int,
    *,
    descending: bool,
) -> Iterator[dict[str, Any]]:
    """The part [begin, end) of all points laid end to end; a series cut short is PartialData."""
    position = 0
    for query, several in found:
        for series in several:
            times = sorted(series, reverse=descending)
            part = times[max(begin - position, 0) : max(end - position, 0)]
            position += len(times)
            yield {
                "Id": query.id,
                "Label": labels[query.id],
                "Timestamps": [moment(at) for at in part],
                "Values": [series[at] for at in part],
                "StatusCode": "PartialData" if position > end else "Complete",
            }


def _labels(queries: tuple[Query, ...]) -> dict[str, str]:
    """A query's own label, or its metric's name, with the dimensions' values where the name is not unique."""
    names = [query.stat.metric.name for query in queries if query.stat]
    labels = {}
    for query in queries:
        default = query.id
        if query.stat:
            metric = query.stat.metric
            values = [value for _, value in metric.dimensions]
            default = metric.name if names.count(metric.name) == 1 else " ".join([*values, metric.name])
        labels[query.id] = query.label or default
    return labels


def _statistics(samples: Distribution, params: Params) -> dict[str, Any]:
    shown: dict[str, Any] = {name: parse_statistic(name)(samples) for name in params.get("Statistics") or ()}
    extended = {name: parse_statistic(name)(samples) for name in params.get("ExtendedStatistics") or ()}
    return shown | ({"ExtendedStatistics": extended} if extended else {})


def _shown(metric: Metric) -> dict[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }
