"""CloudWatch's metrics of each variant; a client cannot know which variant a failed request reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rehearsal.material.paced_spec import PERIOD_SECONDS

Series = dict[float, float]  # start of the period in epoch seconds -> value


@dataclass(frozen=True, slots=True)
class Measured:
    """Sums per period of one variant."""

    variant: str
    requests: Series
    failed: Series

    def failures(self, since: float) -> int:
        """Failed requests in the periods that end after ``since``."""
        return round(sum(value for at, value in self.failed.items() if at + PERIOD_SECONDS > since))


def measure(cloudwatch: Any, endpoint: str, variants: Iterable[str], since: float, until: float) -> list[Measured]:
    """Read what has been published; the newest period appears only once it has ended."""

    def series(variant: str, metric: str) -> Series:
        dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
        stat = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions}
        found = cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": stat, "Period": PERIOD_SECONDS, "Stat": "Sum"}}],
            StartTime=datetime.fromtimestamp(since - PERIOD_SECONDS, UTC),
            EndTime=datetime.fromtimestamp(until, UTC),
        )["MetricDataResults"][0]
        return {at.timestamp(): value for at, value in zip(found["Timestamps"], found["Values"], strict=True)}

    def failed(variant: str) -> Series:
        """By the metrics that every kind of endpoint publishes: only real-time ones have InvocationModelErrors."""
        found = [series(variant, f"Invocation{status}Errors") for status in ("4XX", "5XX")]
        return {at: sum(each.get(at, 0.0) for each in found) for at in found[0].keys() | found[1].keys()}

    return [Measured(variant, series(variant, "Invocations"), failed(variant)) for variant in variants]


def measured_variants(cloudwatch: Any, endpoint: str) -> list[str]:
    """The variants of which anything has been published, those included that are gone."""
    found = cloudwatch.list_metrics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName"}],
    )["Metrics"]
    return sorted({each["Value"] for metric in found for each in metric["Dimensions"] if each["Name"] == "VariantName"})
