"""CloudWatch: request and error counts per period of both variants, and the alarms of one rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws import understood
from sluice.names import Names
from sluice.plan import Plan

NAMESPACE = "AWS/SageMaker"
ERRORS = "InvocationModelErrors"

Dimensions = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and failed requests of one variant in one period."""

    requests: int
    errors: int


class Metrics:
    """What Sluice asks of CloudWatch."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def counts(
        self, endpoint: str, variant: str, *, start: datetime, end: datetime, period_seconds: int
    ) -> dict[datetime, Counts]:
        """Counts per period starting in [start, end); a period without requests has no entry.

        ``InvocationModelErrors`` is 0 or 1 per request, so its Sum counts errors and its SampleCount requests
        (SageMaker metrics reference). A period of which only one statistic arrived is left out: it is not known.
        """
        dimensions = _dimensions(endpoint, variant)
        errors = self._series(_stat(ERRORS, dimensions, period_seconds, "Sum"), start, end)
        requests = self._series(_stat(ERRORS, dimensions, period_seconds, "SampleCount"), start, end)
        return {
            at: Counts(requests=round(requests[at]), errors=round(errors[at]))
            for at in sorted(errors.keys() & requests.keys())
        }

    def _series(self, stat: Mapping[str, Any], start: datetime, end: datetime) -> dict[datetime, float]:
        query = {"Id": "series", "MetricStat": stat}
        found: dict[datetime, float] = {}
        token: dict[str, str] = {}
        while True:
            page = self._call("get_metric_data", MetricDataQueries=[query], StartTime=start, EndTime=end, **token)
            for series in page["MetricDataResults"]:
                found.update(zip(series["Timestamps"], series["Values"], strict=True))
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    def put_alarms(self, alarms: Sequence[Mapping[str, Any]]) -> None:
        for alarm in alarms:
            self._call("put_metric_alarm", **alarm)

    def delete_alarms(self, names: Sequence[str]) -> None:
        """Alarms that are gone already are no error."""
        existing = sorted(self.alarm_states(names))
        if existing:
            self._call("delete_alarms", AlarmNames=existing)

    def alarm_states(self, names: Sequence[str]) -> dict[str, str]:
        """``OK``, ``ALARM`` or ``INSUFFICIENT_DATA`` by name; an alarm that does not exist has no entry."""
        found = self._call("describe_alarms", AlarmNames=list(names), AlarmTypes=["MetricAlarm"])
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found["MetricAlarms"]}

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(**request)
        except ClientError as error:
            raise understood(error) from error


def alarm_names(names: Names, rollout_id: str) -> tuple[str, str]:
    """The error and the latency alarm of one rollout."""
    return names.rollout_resource(rollout_id, "errors"), names.rollout_resource(rollout_id, "latency")


def alarms_for(names: Names, rollout_id: str, plan: Plan) -> list[dict[str, Any]]:
    """PutMetricAlarm requests that watch the candidate's variant only.

    Both ask for a minimum of requests per period, so that one slow or failed request of three is no alarm; without
    traffic there are no points, and that is not breaching: the judge, not the alarm, asks for proof of health.
    """
    rules = plan.alarms
    errors, latency = alarm_names(names, rollout_id)
    dimensions = _dimensions(plan.endpoint, plan.candidate.variant)

    def stat(metric_id: str, metric: str, statistic: str) -> dict[str, Any]:
        return {
            "Id": metric_id,
            "MetricStat": _stat(metric, dimensions, plan.period_seconds, statistic),
            "ReturnData": False,
        }

    def alarm(name: str, what: str, expression: str, threshold: float, *stats: dict[str, Any]) -> dict[str, Any]:
        return {
            "AlarmName": name,
            "AlarmDescription": f"Rollout {rollout_id}: {what} of {plan.candidate.variant}",
            "Metrics": [{"Id": "breach", "Expression": expression, "ReturnData": True}, *stats],
            "EvaluationPeriods": rules.evaluation_periods,
            "DatapointsToAlarm": rules.datapoints_to_alarm,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }

    requests = stat("requests", ERRORS, "SampleCount")
    enough = f"requests >= {rules.min_requests}"
    made = [
        alarm(
            errors,
            "share of failed requests in percent",
            f"IF({enough}, 100 * errors / requests, 0)",
            rules.error_rate_percent,
            stat("errors", ERRORS, "Sum"),
            requests,
        )
    ]
    if rules.latency_p95_ms is not None:
        made.append(
            alarm(
                latency,
                "95th percentile of the model's latency in microseconds",
                f"IF({enough}, latency, 0)",
                rules.latency_p95_ms * 1000,
                stat("latency", "ModelLatency", "p95"),
                requests,
            )
        )
    return made


def whole_periods(start: datetime, end: datetime, period_seconds: int) -> list[datetime]:
    """Starts of the periods that lie wholly within [start, end]."""
    first = -(-start.timestamp() // period_seconds) * period_seconds
    count = int((end.timestamp() - first) // period_seconds)
    at = datetime.fromtimestamp(first, tz=start.tzinfo)
    return [at + timedelta(seconds=period_seconds * i) for i in range(max(count, 0))]


def _stat(metric: str, dimensions: Dimensions, period_seconds: int, stat: str) -> dict[str, Any]:
    return {
        "Metric": {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions},
        "Period": period_seconds,
        "Stat": stat,
    }


def _dimensions(endpoint: str, variant: str) -> Dimensions:
    return [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
