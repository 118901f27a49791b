"""The alarm that nothing but Sluice sets: how a deployment that SageMaker carries out is stopped from outside.

SageMaker has no call that stops an update of an endpoint. But it takes a guarded one back as soon as one of its alarms
is in ALARM, so each such rollout has an alarm on a metric that never has data. It keeps whatever state it is set to.
"""

from __future__ import annotations

from typing import Any

from sluice.names import Names


def stop_alarm_name(names: Names, rollout_id: str) -> str:
    return names.rollout_resource(rollout_id, "stop")


def stop_alarm(names: Names, rollout_id: str) -> dict[str, Any]:
    """The PutMetricAlarm request; repeated, it keeps the alarm's state."""
    return {
        "AlarmName": stop_alarm_name(names, rollout_id),
        "AlarmDescription": f"Rollout {rollout_id}: set by Sluice to have SageMaker take the deployment back",
        "Namespace": "Sluice",
        "MetricName": "DeploymentStopped",
        "Dimensions": [{"Name": "Rollout", "Value": rollout_id}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
    }
