"""Application Auto Scaling: registers variants, keeps policies, their alarms and schedules, and scales."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, Params, invalid
from localaws.services.autoscaling.capacity import VariantMissingError, Variants
from localaws.services.autoscaling.policy import TRACKING, AlarmTiming, ScalingPolicy, alarms_of, configuration_of
from localaws.services.autoscaling.scaler import Scaler, delete_alarms
from localaws.services.autoscaling.scheduled import ScheduledAction, next_time
from localaws.services.autoscaling.store import ScalingStore, missing
from localaws.services.autoscaling.target import Key, ScalableTarget, check_bounds, suspension

PAGE = 50
_LINKED_ROLE = (
    "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingTiming:
    """How often it looks, in real seconds, and how quickly the alarms of target tracking ring."""

    poll_seconds: float = 0.5
    alarms: AlarmTiming = AlarmTiming()  # noqa: RUF009 - frozen


class AutoScaling:
    """The service ``application-autoscaling``."""

    name = "application-autoscaling"

    def __init__(self, context: Context, timing: ScalingTiming | None = None) -> None:
        self._context = context
        self._timing = timing or ScalingTiming()
        self._lock = threading.RLock()
        self._store = ScalingStore()
        self._variants = Variants(context)
        self._scaler = Scaler(context, self._store, self._lock, self._variants)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "RegisterScalableTarget": self.register,
            "DeregisterScalableTarget": self.deregister,
            "DescribeScalableTargets": self.describe_targets,
            "PutScalingPolicy": self.put_policy,
            "DeleteScalingPolicy": self.delete_policy,
            "DescribeScalingPolicies": self.describe_policies,
            "PutScheduledAction": self.put_action,
            "DeleteScheduledAction": self.delete_action,
            "DescribeScheduledActions": self.describe_actions,
            "DescribeScalingActivities": self.describe_activities,
        }

    def start(self) -> None:
        """Begin to scale."""
        self._context.background("autoscaling", lambda: self._scaler.run(self._timing.poll_seconds))

    def register(self, params: Params, _call: Call) -> dict[str, Any]:
        """Create a target, or change what is given of one; new bounds soon take hold of the capacity."""
        key = Key.of(params)
        self._require_variant(key)
        least, most = params.get("MinCapacity"), params.get("MaxCapacity")
        with self._lock:
            present = self._store.targets.get(key)
            if present is None:
                target = self._new_target(key, least, most)
            else:
                target = present if least is None and most is None else present.bounded(least, most)
            suspended = suspension(params.get("SuspendedState"), target.suspended)
            self._store.targets[key] = replace(target, suspended=suspended)
        return {"ScalableTargetARN": target.arn}

    def deregister(self, params: Params, _call: Call) -> dict[str, Any]:
        """Drop a target with its policies, their alarms and its scheduled actions; the capacity stays."""
        key = Key.of(params)
        with self._lock:
            self._store.target(key)
            alarms = self._store.forget(key)
        delete_alarms(self._context, alarms)
        return {}

    def describe_targets(self, params: Params, _call: Call) -> dict[str, Any]:
        wanted = params.get("ResourceIds") or []
        with self._lock:
            found = [target for target in self._store.targets.values() if _matches(target.key, params)]
        shown = [target.shown() for target in found if not wanted or target.key.resource_id in wanted]
        return _page("ScalableTargets", shown, params)

    def put_policy(self, params: Params, call: Call) -> dict[str, Any]:
        """Create or replace a policy; the alarms of target tracking come with it."""
        key = Key.of(params)
        kind, configuration = configuration_of(params, key)
        name = params["PolicyName"]
        with self._lock:
            self._store.target(key)
            present = self._store.policies.get((key, name))
            if present and present.kind != kind:
                raise invalid(f"The type of the existing policy {name} is {present.kind}")
            policy = ScalingPolicy(
                key=key,
                name=name,
                arn=present.arn if present else _policy_arn(call, key, name),
                kind=kind,
                configuration=configuration,
                created=present.created if present else self._context.now(),
                alarms=_alarm_names(key, configuration) if kind == TRACKING else (),
            )
            self._store.policies[key, name] = policy
        cloudwatch = self._context.client("cloudwatch", None)
        for alarm in alarms_of(policy, self._timing.alarms) if kind == TRACKING else ():
            cloudwatch.put_metric_alarm(**alarm)
        delete_alarms(self._context, list(present.alarms) if present else [])
        return {"PolicyARN": policy.arn, "Alarms": self._alarms(policy)}

    def delete_policy(self, params: Params, _call: Call) -> dict[str, Any]:
        key = Key.of(params)
        with self._lock:
            policy = self._store.policies.pop((key, params["PolicyName"]), None)
        if policy is None:
            raise missing(f"No scaling policy found for {params['PolicyName']} of {key.resource_id}")
        delete_alarms(self._context, list(policy.alarms))
        return {}

    def describe_policies(self, params: Params, _call: Call) -> dict[str, Any]:
        names = params.get("PolicyNames") or []
        with self._lock:
            found = [policy for policy in self._store.policies.values() if _matches(policy.key, params)]
        shown = [policy.shown(self._alarms(policy)) for policy in found if not names or policy.name in names]
        return _page("ScalingPolicies", shown, params)

    def put_action(self, params: Params, call: Call) -> dict[str, Any]:
        """Create or replace a scheduled action."""
        key, name, now = Key.of(params), params["ScheduledActionName"], self._context.now()
        if not params.get("Schedule"):
            raise invalid("Schedule is required")
        action = ScheduledAction(
            key=key,
            name=name,
            arn=f"arn:aws:autoscaling:{call.region}:{call.account}:scheduledAction:{uuid.uuid4()}:resource/"
            f"sagemaker/{key.resource_id}:scheduledActionName/{name}",
            created=now,
            request=params,
            due=next_time(params, after=now, created=now),
        )
        if action.bounds == (None, None):
            raise invalid("MinCapacity or MaxCapacity is required in ScalableTargetAction")
        with self._lock:
            self._store.target(key).bounded(*action.bounds)  # refuses bounds that would cross
            self._store.actions[key, name] = action
        return {}

    def delete_action(self, params: Params, _call: Call) -> dict[str, Any]:
        with self._lock:
            found = self._store.actions.pop((Key.of(params), params["ScheduledActionName"]), None)
        if found is None:
            raise missing(f"No scheduled action found for {params['ScheduledActionName']}")
        return {}

    def describe_actions(self, params: Params, _call: Call) -> dict[str, Any]:
        names = params.get("ScheduledActionNames") or []
        with self._lock:
            found = [action for action in self._store.actions.values() if _matches(action.key, params)]
        return _page("ScheduledActions", [a.shown() for a in found if not names or a.name in names], params)

    def describe_activities(self, params: Params, _call: Call) -> dict[str, Any]:
        """Newest first."""
        with self._lock:
            shown = [activity.shown() for activity in self._store.activities if _matches(activity.key, params)]
        return _page("ScalingActivities", shown[::-1], params)

    def _new_target(self, key: Key, least: int | None, most: int | None) -> ScalableTarget:
        if least is None or most is None:
            raise invalid("MinCapacity and MaxCapacity are required to register a scalable target")
        check_bounds(least, most)
        context = self._context
        if len(self._store.targets) >= context.quotas.scalable_targets:
            # The error that RegisterScalableTarget declares for it; the text is ours.
            raise AwsError("LimitExceededException", f"You have reached the limit of {context.quotas.scalable_targets}")
        place = f"{context.region}:{context.account}"
        return ScalableTarget(
            key=key,
            arn=f"arn:aws:application-autoscaling:{place}:scalable-target/{uuid.uuid4().hex}",
            role_arn=f"arn:aws:iam::{context.account}:role/{_LINKED_ROLE}",
            created=context.now(),
            least=least,
            most=most,
            suspended={},
        )

    def _require_variant(self, key: Key) -> None:
        try:
            self._variants.read(key)
        except VariantMissingError as error:
            raise invalid(str(error)) from error

    def _alarms(self, policy: ScalingPolicy) -> list[dict[str, str]]:
        """The alarms a policy owns, and for a step policy those that invoke it."""
        names = list(policy.alarms)
        if policy.kind != TRACKING:
            pages = (
                self._context.client("cloudwatch", None)
                .get_paginator("describe_alarms")
                .paginate(ActionPrefix=policy.arn)
            )
            names = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
        prefix = f"arn:aws:cloudwatch:{self._context.region}:{self._context.account}:alarm:"
        return [{"AlarmName": name, "AlarmARN": prefix + name} for name in names]


def _policy_arn(call: Call, key: Key, name: str) -> str:
    where = f"{call.region}:{call.account}:scalingPolicy:{uuid.uuid4()}:resource/sagemaker/{key.resource_id}"
    return f"arn:aws:autoscaling:{where}:policyName/{name}"


def _alarm_names(key: Key, configuration: Mapping[str, Any]) -> tuple[str, ...]:
    kinds = ("AlarmHigh",) if configuration.get("DisableScaleIn") else ("AlarmHigh", "AlarmLow")
    return tuple(f"TargetTracking-{key.resource_id}-{kind}-{uuid.uuid4()}" for kind in kinds)


def _matches(key: Key, params: Params) -> bool:
    return (
        params["ServiceNamespace"] == "sagemaker"
        and params.get("ResourceId") in (None, key.resource_id)
        and params.get("ScalableDimension") in (None, key.dimension)
    )


def _page(field: str, shown: Iterable[dict[str, Any]], params: Params) -> dict[str, Any]:
    found, start = list(shown), int(params.get("NextToken") or 0)
    end = start + int(params.get("MaxResults") or PAGE)
    return {field: found[start:end], **({"NextToken": str(end)} if end < len(found) else {})}
