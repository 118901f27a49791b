"""Parses and validates a DeploymentConfig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from localaws.service_api import invalid


class RoutingType(StrEnum):
    """How traffic gets to the new fleet."""

    ALL_AT_ONCE = "ALL_AT_ONCE"
    CANARY = "CANARY"
    LINEAR = "LINEAR"
    ROLLING = "ROLLING"


@dataclass(frozen=True, slots=True)
class Size:
    """A part of a fleet. A percentage is rounded down to whole instances, but to one at least."""

    kind: str  # INSTANCE_COUNT | CAPACITY_PERCENT
    value: int

    def instances(self, total: int) -> int:
        count = self.value if self.kind == "INSTANCE_COUNT" else max(1, total * self.value // 100)
        return min(count, total)

    def percent(self, total: int) -> float:
        """What it asks for, in percent of ``total`` instances."""
        return 100.0 * self.value / total if self.kind == "INSTANCE_COUNT" else float(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPolicy:
    """One valid DeploymentConfig. Times in seconds, as they were given."""

    routing: RoutingType
    batch: Size | None  # what gets traffic in one step; None: everything
    wait_seconds: int
    termination_wait_seconds: int = 0
    max_seconds: int | None = None
    rollback_batch: Size | None = None  # None: the whole old fleet at once
    alarms: tuple[str, ...] = ()


_WHOLE = Size("CAPACITY_PERCENT", 100)
_SIZE_FIELD = {RoutingType.CANARY: "CanarySize", RoutingType.LINEAR: "LinearStepSize"}
_PERCENT_RANGE = {RoutingType.CANARY: (0, 50), RoutingType.LINEAR: (10, 50), RoutingType.ROLLING: (5, 50)}


def parse_policy(config: Mapping[str, Any]) -> DeploymentPolicy:
    """The policy in a DeploymentConfig; raises ValidationException for one that no endpoint could have."""
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if bool(blue_green) == bool(rolling):
        raise invalid("DeploymentConfig needs exactly one of BlueGreenUpdatePolicy and RollingUpdatePolicy.")
    named = (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
    alarms = tuple(alarm["AlarmName"] for alarm in named)
    return _blue_green(blue_green, alarms) if blue_green else _rolling(rolling or {}, alarms)


def _blue_green(given: Mapping[str, Any], alarms: tuple[str, ...]) -> DeploymentPolicy:
    traffic = given["TrafficRoutingConfiguration"]
    routing = RoutingType(traffic["Type"])
    wanted = _SIZE_FIELD.get(routing)
    for field in _SIZE_FIELD.values():
        if bool(traffic.get(field)) != (field == wanted):
            raise invalid(
                f"{field} is {'required' if field == wanted else 'not allowed'} for {routing} traffic routing."
            )
    return DeploymentPolicy(
        routing=routing,
        batch=_size(traffic[wanted]) if wanted else None,
        wait_seconds=traffic["WaitIntervalInSeconds"],
        termination_wait_seconds=given.get("TerminationWaitInSeconds") or 0,
        max_seconds=given.get("MaximumExecutionTimeoutInSeconds"),
        alarms=alarms,
    )


def _rolling(given: Mapping[str, Any], alarms: tuple[str, ...]) -> DeploymentPolicy:
    return DeploymentPolicy(
        routing=RoutingType.ROLLING,
        batch=_size(given["MaximumBatchSize"]),
        wait_seconds=given["WaitIntervalInSeconds"],
        max_seconds=given.get("MaximumExecutionTimeoutInSeconds"),
        rollback_batch=_size(given["RollbackMaximumBatchSize"]) if given.get("RollbackMaximumBatchSize") else _WHOLE,
        alarms=alarms,
    )


def _size(given: Mapping[str, Any]) -> Size:
    return Size(given["Type"], given["Value"])


def check_fits(policy: DeploymentPolicy, present: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Raise ValidationException when the fleets, instances by variant, cannot be deployed under ``policy``."""
    if policy.routing is RoutingType.ALL_AT_ONCE:
        return
    if set(present) != set(wanted):
        raise invalid(
            f"Deployment guardrails need the variant names of the endpoint ({', '.join(sorted(present))}) "
            f"in the new endpoint config too; it has {', '.join(sorted(wanted))}."
        )
    if policy.routing is RoutingType.ROLLING and len(wanted) > 1:
        raise invalid("Rolling deployments are not supported for endpoints with several production variants.")
    least, most = _PERCENT_RANGE[policy.routing]
    for variant, instances in wanted.items():
        if policy.batch and instances and not least <= policy.batch.percent(instances) <= most:
            raise invalid(
                f"The batch size of a {policy.routing} deployment must be {least}-{most}% of the {instances} "
                f"instance(s) of variant {variant}."
            )
