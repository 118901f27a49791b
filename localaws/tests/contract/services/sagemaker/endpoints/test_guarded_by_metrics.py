"""The whole loop: a new fleet fails, its own metrics show it, an alarm on them trips, and the old fleet is back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.tests.contract.services.sagemaker.endpoints.load import traffic
from localaws.tests.contract.services.sagemaker.endpoints.stage import DEADLINE_SECONDS, Stage, staged

ENHANCED = {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}
ONE = {"Type": "INSTANCE_COUNT", "Value": 1}
GUARD = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 600, "CanarySize": ONE}
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "new-fleet"}]},
}


@pytest.fixture
def measured(tmp_path: Path, artifacts: dict[str, bytes]) -> Iterator[Stage]:
    """Hosting with its usual timing, measured by CloudWatch; the metrics of a new fleet come sooner than on AWS."""
    timing = HostingTiming(health_check_seconds=DEADLINE_SECONDS, deploying_metrics_seconds=10)
    yield from staged(tmp_path, artifacts, timing, measured=True)


def watch_new_fleet(stage: Stage) -> None:
    """Create an alarm on the failures of the fleet of the config ``loop-2``."""
    dimensions = {"EndpointName": "loop", "VariantName": "v1", "EndpointConfigName": "loop-2"}
    stage.aws.client("cloudwatch").put_metric_alarm(
        AlarmName="new-fleet",
        Namespace="AWS/SageMaker",
        MetricName="InvocationModelErrors",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistic="Average",
        Period=10,
        EvaluationPeriods=1,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def test_an_alarm_on_the_new_fleet_alone_returns_to_the_old_one(measured: Stage) -> None:
    good, bad = measured.model("good", "low"), measured.model("bad", "script-low")
    measured.create("loop", measured.config("loop-1", {"v1": (good, 1.0)}, instances=2, MetricsConfig=ENHANCED))
    measured.config("loop-2", {"v1": (bad, 1.0)}, instances=2, MetricsConfig=ENHANCED)
    watch_new_fleet(measured)
    with traffic(measured, "loop", row="-1,0,0") as seen:  # only the new model's code refuses negative numbers
        measured.update("loop", "loop-2", DeploymentConfig=GUARD)
        shown = measured.settled("loop")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "loop-1")
    assert "ALARM state: new-fleet" in shown["FailureReason"]
    assert {type(problem).__name__ for problem in seen.problems} == {"ModelError"}
    assert seen.answered["low"] > len(seen.problems) / 2  # half of the traffic stayed
