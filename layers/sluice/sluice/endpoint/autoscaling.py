"""Application Auto Scaling: registers variants as scalable targets with their policies, and deregisters them.

Every write is idempotent. Nothing that is up to date is written again: a policy that is put again restarts its
alarms.
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
    matches,
    policies_for,
    resource_of,
    wake_up_alarm,
    wake_up_alarm_name,
)
from sluice.endpoint.scaling_rules import INSTANCES, ScalingRules
from sluice.errors import AwsRefusedError, RetryableError
from sluice.names import Names

_NO_VARIANT = "sluice-has-no-such-variant"
_TRANSIENT = frozenset({"ConcurrentUpdateException", "InternalServiceException", "FailedResourceAccessException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalableTarget:
    """A variant that is registered as a scalable target, by Sluice or by somebody else."""

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
        """Whether it has a policy that is in no spec, or none at all."""
        return not self.policies or not all(is_ours(name) for name in self.policies)


class AutoScaling:
    """Keeps the scalable targets, policies and scheduled actions of an endpoint's variants."""

    def __init__(self, client: Any, metrics: CloudWatch, names: Names) -> None:
        self._client = client
        self._metrics = metrics
        self._names = names

    def registered(self, endpoint: str, variants: Iterable[str]) -> list[ScalableTarget]:
        """The variants that are registered as scalable targets."""
        resources = {resource_of(endpoint, variant): variant for variant in variants}
        if not resources:
            return []
        found = self._call("describe_scalable_targets", ServiceNamespace="sagemaker", ResourceIds=list(resources))
        return [self._registered(target, resources[target["ResourceId"]]) for target in found["ScalableTargets"]]

    def ensure(self, endpoint: str, variant: str, rules: ScalingRules) -> bool:
        """Reconcile the variant's autoscaling with these rules; True if anything had to be changed."""
        there = self.registered(endpoint, [variant])
        if any(not all(map(is_ours, one.policies)) or one.dimension != rules.dimension for one in there):
            self.deregister(endpoint, [variant])
            there = []
        place = _place(endpoint, variant, rules.dimension)
        # First the clock of what is registered: an action that fires in between must not take a floor away again.
        changed = bool(there) and self._reconcile_scheduled_actions(place, rules)
        if not any(one.range == (rules.least, rules.most) for one in there):
            self._call("register_scalable_target", **place, MinCapacity=rules.least, MaxCapacity=rules.most)
            changed = True
        changed |= self._reconcile_policies(place, endpoint, rules)
        if not there:
            self._reconcile_scheduled_actions(place, rules)
        return changed

    def require_deregistering(self, endpoint: str) -> None:
        """Find out whether this role may deregister variants of the endpoint, without changing anything.

        The service first asks for the permission, and then for the target, of a variant that no endpoint has. How it
        refuses such a variant is not documented for SageMaker; whatever it says but that the role may not, it may.

        Raises:
            AwsRefusedError: it may not.
        """
        try:
            self._call("deregister_scalable_target", **_place(endpoint, _NO_VARIANT, INSTANCES))
        except AwsRefusedError as error:
            if error.is_access_refusal:
                raise

    def deregister(self, endpoint: str, variants: Iterable[str]) -> list[str]:
        """Deregister the variants; their capacity stays as it is. Returns those that were registered."""
        targets = self.registered(endpoint, variants)
        for one in targets:
            try:
                self._call("deregister_scalable_target", **_place(endpoint, one.variant, one.dimension))
            except AwsRefusedError as error:
                if error.code != "ObjectNotFoundException":
                    raise
        if any(WAKE_UP in one.policies for one in targets):
            self._metrics.delete_alarms([wake_up_alarm_name(self._names, endpoint)])
        return [one.variant for one in targets]

    def _registered(self, target: Mapping[str, Any], variant: str) -> ScalableTarget:
        return ScalableTarget(
            variant=variant,
            dimension=target["ScalableDimension"],
            least=target["MinCapacity"],
            most=target["MaxCapacity"],
            policies=tuple(each["PolicyName"] for each in self._policies(target)),
        )

    def _reconcile_policies(self, place: Mapping[str, str], endpoint: str, rules: ScalingRules) -> bool:
        there = {each["PolicyName"]: each for each in self._policies(place)}
        changed = False
        for wanted in policies_for(rules, endpoint):
            found = there.get(wanted["PolicyName"])
            if found is None or not matches(wanted, found):
                found = self._call("put_scaling_policy", **place, **wanted)
                changed = True
            if wanted["PolicyName"] == WAKE_UP:
                self._metrics.put_alarms([wake_up_alarm(self._names, endpoint, found["PolicyARN"])])
        return changed

    def _reconcile_scheduled_actions(self, place: Mapping[str, str], rules: ScalingRules) -> bool:
        """Reconcile the scheduled actions; those of an earlier spec are deleted. True if anything had to be changed."""
        answer = self._call("describe_scheduled_actions", **place)
        there = {each["ScheduledActionName"]: each for each in answer["ScheduledActions"]}
        wanted = {each["ScheduledActionName"]: each for each in clock_actions_for(rules)}
        missing = [each for name, each in wanted.items() if not matches(each, there.get(name, {}))]
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
            if error.code in _TRANSIENT:
                raise RetryableError(str(error)) from error
            raise


def _place(endpoint: str, variant: str, dimension: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": resource_of(endpoint, variant),
        "ScalableDimension": dimension,
    }
