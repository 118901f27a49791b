"""Scalable targets: what may be scaled, between which bounds. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from localaws.service_api import AwsError, invalid

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
_SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What identifies a target. Make it with ``of``, which refuses what is not supported by the local AWS."""

    resource_id: str
    dimension: str

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Key:
        """Raises ValidationException, or NotImplemented (501) for anything but variants of endpoints."""
        namespace, dimension = params["ServiceNamespace"], params["ScalableDimension"]
        if namespace != "sagemaker" or dimension not in {INSTANCES, PROVISIONED}:
            raise AwsError(
                "NotImplemented", f"scaling of {namespace} {dimension} is not supported by the local AWS", 501
            )
        if not _RESOURCE.fullmatch(params["ResourceId"]):
            raise invalid(f"Unsupported resource ID: {params['ResourceId']}")
        return cls(params["ResourceId"], dimension)

    @property
    def endpoint(self) -> str:
        return self.resource_id.split("/")[1]

    @property
    def variant(self) -> str:
        return self.resource_id.split("/")[3]

    def shown(self) -> dict[str, str]:
        """As every description begins."""
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalableTarget:
    """One registered target."""

    key: Key
    arn: str
    role_arn: str
    created: datetime
    least: int
    most: int
    suspended: Mapping[str, bool]
    must_enforce: bool = True  # the bounds are new: the capacity has yet to be moved into them

    def clamp(self, capacity: int) -> int:
        """The nearest capacity within the bounds."""
        return min(max(capacity, self.least), self.most)

    def bounded(self, least: int | None, most: int | None) -> ScalableTarget:
        """With other bounds, as far as given; raises ValidationException when they cross."""
        least = self.least if least is None else least
        most = self.most if most is None else most
        check_bounds(least, most)
        return replace(self, least=least, most=most, must_enforce=True)

    def shown(self) -> dict[str, Any]:
        """One entry of DescribeScalableTargets."""
        return {
            **self.key.shown(),
            "MinCapacity": self.least,
            "MaxCapacity": self.most,
            "RoleARN": self.role_arn,
            "CreationTime": self.created,
            "SuspendedState": dict(self.suspended),
            "ScalableTargetARN": self.arn,
        }


def check_bounds(least: int, most: int) -> None:
    """Raise ValidationException for bounds nothing can lie between."""
    if least < 0 or most < 0:
        raise invalid("MinCapacity and MaxCapacity must be greater than or equal to 0")
    if least > most:
        raise invalid("Maximum capacity cannot be less than minimum capacity")


def suspension(given: Mapping[str, Any] | None, present: Mapping[str, bool]) -> dict[str, bool]:
    """The SuspendedState after a registration; what is not given stays."""
    return {name: bool((given or {}).get(name, present.get(name, False))) for name in _SUSPENSIONS}
