"""A deployment that SageMaker carries out, watches and takes back by itself: how UpdateEndpoint is asked for one."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.spec.strategies import BlueGreen

_ROUTING = {"all_at_once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
_SIZE = {"canary": "CanarySize", "linear": "LinearStepSize"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """``alarms`` are the names of metric alarms, 1 to 10; while one of them is in ALARM SageMaker goes back.

    ``resizes``: the new fleet has another size than the old one, so the old one's is not to be kept.
    """

    how: BlueGreen
    alarms: tuple[str, ...]
    resizes: bool

    def request(self) -> dict[str, object]:
        """What UpdateEndpoint takes besides the names."""
        config = self._policy() | {
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in self.alarms]}
        }
        asked: dict[str, object] = {"DeploymentConfig": config}
        if self.resizes:
            asked["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DesiredInstanceCount"}]
        return asked

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
