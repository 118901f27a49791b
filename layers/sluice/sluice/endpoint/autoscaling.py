"""Application Auto Scaling: variants are registered, with their policies, and released. Every write may be repeated.

What is as it should be is not written again: a policy that is put anew begins to watch anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.aws.cloudwatch import CloudWatch
from sluice.endpoint.scaling_requests import (
    WAKE_UP,
    clock_actions_for,
    is_ours,
    policies_for,
    resource_of,
    says_the_same,
    wake_up_alarm,
    wake_up_alarm_name,
)
from sluice.endpoint.scaling_rules import ScalingRules
from sluice.errors import AwsRefusedError, RetryableError
from sluice.names import Names

_RETRY_HELPS = frozenset({"ConcurrentUpdateException", "InternalServiceException", "FailedResourceAccessException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A variant whose capacity is scaled, by whomever."""

    variant: str
    dimension: str
    least: int
    most: int
    policies: tuple[str, ...] = ()

    @property
    def range(self) -> tuple[int, int]:
        return self.least, self.most

    @property
    def is_from_spec(self) -> bool:
        return any(is_ours(name) for name in self.policies)

    @property
    def is_by_hand(self) -> bool:
        """Whether there is anything about it that no spec asked for."""
        return not self.policies or not all(is_ours(name) for name in self.policies)


class AutoScaling:
    """What Sluice asks of Application Auto Scaling."""

    def __init__(self, client: Any, metrics: CloudWatch, names: Names) -> None:
        self._client = client
        self._metrics = metrics
        self._names = names

    def registered(self, endpoint: str, variants: Iterable[str]) -> list[Registered]:
        """Those of the variants that are scaled, by whomever."""
        resources = {resource_of(endpoint, variant): variant for variant in variants}
        if not resources:
            return []
        found = self._call("describe_scalable_targets", ServiceNamespace="sagemaker", ResourceIds=list(resources))
        return [self._registered(target, resources[target["ResourceId"]]) for target in found["ScalableTargets"]]

    def ensure(self, endpoint: str, variant: str, rules: ScalingRules, period_seconds: int) -> bool:
        """Have the variant scaled by these rules and no others; whether anything had to be done for it."""
        there = self.registered(endpoint, [variant])
        if any(not all(map(is_ours, one.policies)) or one.dimension != rules.dimension for one in there):
            self.release(endpoint, [variant])
            there = []
        place = _place(endpoint, variant, rules.dimension)
        changed = not any(one.range == (rules.least, rules.most) for one in there)
        if changed:
            self._call("register_scalable_target", **place, MinCapacity=rules.least, MaxCapacity=rules.most)
        changed |= self._keep_policies(place, endpoint, rules, period_seconds)
        return self._keep_clock(place, rules) or changed

    def release(self, endpoint: str, variants: Iterable[str]) -> list[str]:
        """Scale the variants no more; their capacity stays. Returns those that had been scaled."""
        released = self.registered(endpoint, variants)
        for one in released:
            try:
                self._call("deregister_scalable_target", **_place(endpoint, one.variant, one.dimension))
            except AwsRefusedError as error:
                if error.code != "ObjectNotFoundException":
                    raise
        if any(WAKE_UP in one.policies for one in released):
            self._metrics.delete_alarms([wake_up_alarm_name(self._names, endpoint)])
        return [one.variant for one in released]

    def _registered(self, target: Mapping[str, Any], variant: str) -> Registered:
        return Registered(
            variant=variant,
            dimension=target["ScalableDimension"],
            least=target["MinCapacity"],
            most=target["MaxCapacity"],
            policies=tuple(each["PolicyName"] for each in self._policies(target)),
        )

    def _keep_policies(self, place: Mapping[str, str], endpoint: str, rules: ScalingRules, period_seconds: int) -> bool:
        there = {each["PolicyName"]: each for each in self._policies(place)}
        changed = False
        for wanted in policies_for(rules, endpoint):
            found = there.get(wanted["PolicyName"])
            if found is None or not says_the_same(wanted, found):
                found = self._call("put_scaling_policy", **place, **wanted)
                changed = True
            if wanted["PolicyName"] == WAKE_UP:
                self._metrics.put_alarms([wake_up_alarm(self._names, endpoint, found["PolicyARN"], period_seconds)])
        return changed

    def _keep_clock(self, place: Mapping[str, str], rules: ScalingRules) -> bool:
        """The scheduled actions, without those of an earlier spec; whether anything had to be done for it."""
        answer = self._call("describe_scheduled_actions", **place)
        there = {each["ScheduledActionName"]: each for each in answer["ScheduledActions"]}
        wanted = {each["ScheduledActionName"]: each for each in clock_actions_for(rules)}
        missing = [each for name, each in wanted.items() if not says_the_same(each, there.get(name, {}))]
        stale = [name for name in there if is_ours(name) and name not in wanted]
        for action in missing:
            self._call("put_scheduled_action", **place, **action)
        for name in stale:
            self._call("delete_scheduled_action", **place, ScheduledActionName=name)
        return bool(missing or stale)

    def _policies(self, of: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        place = {key: of[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        return list(self._call("describe_scaling_policies", **place)["ScalingPolicies"])

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(**request)
        except AwsRefusedError as error:
            if error.code in _RETRY_HELPS:
                raise RetryableError(str(error)) from error
            raise


def _place(endpoint: str, variant: str, dimension: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": resource_of(endpoint, variant),
        "ScalableDimension": dimension,
    }
