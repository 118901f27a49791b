"""CloudWatch: request and error counts per period of a variant, and alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sluice.aws.metric_data import (
    LATENCY,
    MODEL_ERRORS,
    NAMESPACE,
    OUTCOMES,
    PERCENTILES,
    Counts,
    Dimensions,
    LatencySummary,
    Moments,
    Span,
    counts_of,
    stat,
)
from sluice.aws.paging import pages
from sluice.errors import AwsRefusedError, MetricsUnknownError

REQUESTS_THAT_SHOW = 100
"""Among this many requests some exceed the live version's 90th percentile, unless CloudWatch does not count them."""

_REFUSED = frozenset({"InvalidParameterCombination", "InvalidParameterValue", "ValidationError"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentAlarm:
    """An alarm that has no data. ``since``: when it lost it, or was made; ``ever``: whether it may have had some."""

    name: str
    since: datetime | None
    ever: bool


class CloudWatch:
    """Reads metrics, and keeps alarms.

    Every method that reads metrics raises ``MetricsUnknownError`` when CloudWatch does not answer with all the data.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def counts(self, of: Dimensions, span: Span, failures: Sequence[str] = MODEL_ERRORS) -> dict[datetime, Counts]:
        """Counts per period; a period without requests has no entry. ``failures``: metrics of requests that failed.

        Each is 0 or 1 per request, so its Sum counts errors and its SampleCount requests (SageMaker metrics reference).
        A period for which only some statistics have arrived is left out as unknown (``counts_of``).
        """
        ids = [(f"errors{index or ''}", f"requests{index or ''}") for index in range(len(failures))]
        wanted: dict[str, tuple[str, str]] = {}
        for (errors, requests), metric in zip(ids, failures, strict=True):
            wanted |= {errors: (metric, "Sum"), requests: (metric, "SampleCount")}
        if len(failures) > 1:
            wanted["answered"] = (LATENCY, "SampleCount")
        found = self._read(of, span, wanted)
        return counts_of([(found[errors], found[requests]) for errors, requests in ids], found.get("answered", {}))

    def slow_counts(
        self, of: Dimensions, limits_us: Mapping[str, int], *spans: Span
    ) -> dict[str, dict[datetime, Counts]] | None:
        """For each limit, by name, the requests beyond it as ``errors``; None where CloudWatch does not count them.

        Whether it counts for this metric is not documented: it may refuse ``TC(…)``, or accept it and have no data.
        That is decided over all spans, which do not overlap: a short one may well have no slow request.
        A period with requests and without a count had none beyond the limit.
        """
        wanted = {name: (LATENCY, f"TC({limit}:)") for name, limit in limits_us.items()}
        found: dict[str, dict[datetime, float]] = {"requests": {}, **{name: {} for name in wanted}}
        try:
            for span in spans:
                for name, series in self._read(of, span, {"requests": (LATENCY, "SampleCount"), **wanted}).items():
                    found[name].update(series)
        except AwsRefusedError as error:
            if error.code in _REFUSED:
                return None
            raise
        requests = found.pop("requests")
        if not any(found.values()) and sum(requests.values()) >= REQUESTS_THAT_SHOW:
            return None
        return {
            name: {
                at: Counts(requests=round(seen), errors=min(round(slow.get(at, 0)), round(seen)))
                for at, seen in sorted(requests.items())
            }
            for name, slow in found.items()
        }

    def mean_latencies(self, of: Dimensions, span: Span) -> dict[datetime, float]:
        """The mean latency in microseconds of each period with requests."""
        return self._read(of, span, {"mean": (LATENCY, "Average")})["mean"]

    def latency_summaries(self, of: Dimensions, span: Span) -> list[LatencySummary]:
        """One per period with requests, the newest first."""
        found = self._read(
            of, span, {"requests": (LATENCY, "SampleCount"), **{name: (LATENCY, name) for name in PERCENTILES}}
        )
        requests = found.pop("requests")
        return [
            LatencySummary(
                requests=requests[at],
                percentiles={name: values[at] for name, values in found.items() if at in values},
            )
            for at in sorted(requests, reverse=True)
        ]

    def published_values(self, model: str, variant: str, metric: str, span: Span) -> dict[datetime, Moments]:
        """A metric that users publish in ``Sluice/Outcomes``: values from 0 to 1, such as 1 for each yes.

        Periods with other values are left out, because CloudWatch does not report their sum of squares.
        """
        of = [{"Name": "Model", "Value": model}, {"Name": "Variant", "Value": variant}]
        wanted = {name.lower(): (metric, name) for name in ("SampleCount", "Sum", "Minimum", "Maximum")}
        found = self._read(of, span, wanted, OUTCOMES)
        return {
            at: Moments(round(count), found["sum"][at], found["sum"][at])
            for at, count in sorted(found["samplecount"].items())
            if at in found["sum"] and found["minimum"].get(at, -1) >= 0 and found["maximum"].get(at, 2) <= 1
        }

    def _read(
        self, of: Dimensions, span: Span, wanted: Mapping[str, tuple[str, str]], namespace: str = NAMESPACE
    ) -> dict[str, dict[datetime, float]]:
        """Series by id; ``wanted`` names metric and statistic.

        Raises:
            MetricsUnknownError: a series is not there, or not complete: CloudWatch answers 200 and says it beside the
                values, of which an empty list would look like no requests, or like none that was slow.
        """
        queries = [
            {"Id": name, "MetricStat": stat(metric, of, span.period_seconds, statistic, namespace)}
            for name, (metric, statistic) in wanted.items()
        ]
        found: dict[str, dict[datetime, float]] = {name: {} for name in wanted}
        if span.start >= span.end:
            return found  # CloudWatch refuses an empty span
        aligned = span.start.timestamp() // span.period_seconds * span.period_seconds
        start = datetime.fromtimestamp(aligned, tz=span.start.tzinfo)  # periods would count from any other start
        listing = self._client.get_metric_data
        status = dict.fromkeys(wanted, "no result")
        for page in pages(listing, MetricDataQueries=queries, StartTime=start, EndTime=span.end):
            for series in page["MetricDataResults"]:
                # A series that continues on the next page is PartialData on this one: its last status counts.
                status[series["Id"]] = _status(series)
                found[series["Id"]].update(zip(series["Timestamps"], series["Values"], strict=True))
            if page.get("Messages"):
                status |= dict.fromkeys(wanted, _said(page["Messages"]))
        _refuse_incomplete(of, wanted, status)
        return found

    def put_alarms(self, alarms: Sequence[Mapping[str, Any]]) -> None:
        """Create or replace metric alarms; each is a PutMetricAlarm request."""
        for alarm in alarms:
            self._client.put_metric_alarm(**alarm)

    def put_composite_alarm(self, alarm: Mapping[str, Any]) -> None:
        """Create or replace a composite alarm. The alarms that its rule names must exist."""
        self._client.put_composite_alarm(**alarm)

    def delete_alarms(self, names: Sequence[str]) -> None:
        """Delete the alarms that exist. Composite ones go first: CloudWatch keeps the alarms that they refer to."""
        found = self._described(names)
        for composite in found["CompositeAlarms"]:
            self._client.delete_alarms(AlarmNames=[composite["AlarmName"]])
        if single := sorted(alarm["AlarmName"] for alarm in found["MetricAlarms"]):
            self._client.delete_alarms(AlarmNames=single)

    def alarm_states(self, names: Sequence[str]) -> dict[str, str]:
        """``OK``, ``ALARM`` or ``INSUFFICIENT_DATA`` by name; an alarm that does not exist has no entry.

        An alarm that CloudWatch cannot evaluate, and so leaves in the state it had, has what is the matter in place of
        that state: ``EVALUATION_ERROR``, ``EVALUATION_FAILURE`` or ``PARTIAL_DATA``.
        """
        found = self._described(names)
        return {alarm["AlarmName"]: _state(alarm) for kind in found.values() for alarm in kind}

    def silent_alarms(self, names: Sequence[str]) -> list[SilentAlarm]:
        """Those of the metric alarms that are in INSUFFICIENT_DATA."""
        return [
            _silent(alarm)
            for alarm in self._described(names)["MetricAlarms"]
            if alarm["StateValue"] == "INSUFFICIENT_DATA"
        ]

    def set_alarm(self, name: str, reason: str) -> bool:
        """Set an alarm's state to ALARM; False if the alarm does not exist (any more)."""
        try:
            self._client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=reason[:1023])
        except AwsRefusedError as error:
            if error.code in ("ResourceNotFound", "ResourceNotFoundException"):
                return False
            raise
        return True

    def _described(self, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        kinds = ["MetricAlarm", "CompositeAlarm"]
        found: dict[str, list[dict[str, Any]]] = {"MetricAlarms": [], "CompositeAlarms": []}
        if not names:
            return found  # without names CloudWatch describes every alarm of the account
        for page in pages(self._client.describe_alarms, AlarmNames=list(names), AlarmTypes=kinds, MaxRecords=100):
            for kind, described in found.items():
                described.extend(page.get(kind, []))
        return found


def _status(series: Mapping[str, Any]) -> str:
    """``Complete``, or what kept it from being so, with CloudWatch's words if it has some."""
    status = str(series.get("StatusCode", "no status"))
    return status if status == "Complete" or not series.get("Messages") else f"{status}, {_said(series['Messages'])}"


def _said(messages: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{each.get('Code', '')}: {each.get('Value', '')}" for each in messages)


def _refuse_incomplete(of: Dimensions, wanted: Mapping[str, tuple[str, str]], status: Mapping[str, str]) -> None:
    lacking = [name for name in wanted if status[name] != "Complete"]
    if lacking:
        series = ", ".join(f"{' '.join(wanted[name])} ({status[name]})" for name in lacking)
        where = " ".join(each["Value"] for each in of)
        text = f"CloudWatch did not answer with all data of {where}: {series}"
        raise MetricsUnknownError(text, code=status[lacking[0]].partition(",")[0])


def _silent(alarm: Mapping[str, Any]) -> SilentAlarm:
    """An alarm is made without data: what has not changed since it was last configured has had none as it is now."""
    since = alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp")
    configured = alarm.get("AlarmConfigurationUpdatedTimestamp")
    ever = since is None or configured is None or since > configured + timedelta(minutes=1)
    return SilentAlarm(name=alarm["AlarmName"], since=since, ever=ever)


def _state(alarm: Mapping[str, Any]) -> str:
    state, trouble = str(alarm["StateValue"]), str(alarm.get("EvaluationState") or "")
    return trouble if trouble and state != "ALARM" else state
