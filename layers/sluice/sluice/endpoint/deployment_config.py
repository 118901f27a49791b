"""The DeploymentConfig of UpdateEndpoint: a blue/green or rolling deployment that SageMaker rolls back by itself."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.spec.strategies import BlueGreen

_ROUTING = {"all_at_once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
_SIZE = {"canary": "CanarySize", "linear": "LinearStepSize"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """``alarms`` are the names of 1 to 10 metric alarms; if one of them goes to ALARM, SageMaker rolls back.

    ``resizes``: the new fleet has another size than the old one, so the old instance count is not retained.
    """

    how: BlueGreen
    alarms: tuple[str, ...]
    resizes: bool

    def request(self) -> dict[str, object]:
        """What UpdateEndpoint takes besides the names."""
        config = self._policy() | {
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in self.alarms]}
        }
        request: dict[str, object] = {"DeploymentConfig": config}
        if self.resizes:
            request["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DesiredInstanceCount"}]
        return request

    def _policy(self) -> dict[str, object]:
        size = {"Type": "CAPACITY_PERCENT", "Value": self.how.size_percent}
        if self.how.routing == "rolling":
            rolling = {
                "MaximumBatchSize": size,
                "WaitIntervalInSeconds": self.how.wait_seconds,
                "MaximumExecutionTimeoutInSeconds": self.how.timeout_seconds,
            }
            return {"RollingUpdatePolicy": rolling}
        traffic: dict[str, object] = {
            "Type": _ROUTING[self.how.routing],
            "WaitIntervalInSeconds": self.how.wait_seconds,
        }
        if self.how.routing in _SIZE:
            traffic[_SIZE[self.how.routing]] = size
        blue_green = {
            "TrafficRoutingConfiguration": traffic,
            "TerminationWaitInSeconds": self.how.termination_wait_seconds,
            "MaximumExecutionTimeoutInSeconds": self.how.timeout_seconds,
        }
        return {"BlueGreenUpdatePolicy": blue_green}
