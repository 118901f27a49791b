"""Reconciles capacities: reads alarms, schedules and bounds, and changes what has to change."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.autoscaling.alarm_reading import ActiveAlarm, AlarmReading
from localaws.services.autoscaling.capacity import VariantMissingError, Variants
from localaws.services.autoscaling.decision import Scaling, ScalingDecision, decide
from localaws.services.autoscaling.scheduled import next_time
from localaws.services.autoscaling.store import Activity, ScalingStore
from localaws.services.autoscaling.target import ScalableTarget

LOG = logging.getLogger(__name__)


class Scaler:
    """``lock`` guards the store and is never held while calling out."""

    def __init__(self, context: Context, store: ScalingStore, lock: threading.RLock, variants: Variants) -> None:
        self._context = context
        self._store = store
        self._lock = lock
        self._variants = variants
        self._alarms = AlarmReading(context)
        self._handled: set[tuple[str, str, int]] = set()  # in which an alarm was already acted on

    def step(self) -> None:
        """Do all that is due now."""
        now = self._context.now()
        self._run_scheduled(now)
        with self._lock:
            targets, policies = list(self._store.targets.values()), list(self._store.policies.values())
        active = list(self._alarms.active(policies, now))
        current = {each.invocation for each in active}
        self._handled &= current
        for target in targets:
            try:
                self._scale(target, [each for each in active if each.policy.key == target.key], now)
            except VariantMissingError:
                self._forget(target)

    def _scale(self, target: ScalableTarget, active: list[ActiveAlarm], now: datetime) -> None:
        capacity = self._variants.read(target.key)
        if not capacity.is_settled:
            return  # scaling is blocked during any change of the endpoint
        self._conclude(target, capacity.desired, now)
        if target.must_enforce:
            self._enforce(target, capacity.desired, now)
            return
        fresh = [each for each in active if each.invocation not in self._handled]
        if not fresh:
            return
        proposals = [proposal for each in active if (proposal := self._alarms.proposal(each, now))]
        with self._lock:
            low = {each.name for each in active}
            all_want_in = all(p.alarms[1] in low for p in self._store.policies_of(target.key) if p.scales_in)
            last = self._store.last.get(target.key)
        decision = decide(capacity.desired, proposals, clamp=target.clamp, last=last, now=now, all_want_in=all_want_in)
        if decision and not _is_suspended(target, capacity.desired, decision):
            self._act(target, capacity.desired, decision, now)
        elif not (last and last.is_cooling(now)):
            self._handled |= {each.invocation for each in fresh}

    def _act(self, target: ScalableTarget, before: int, decision: ScalingDecision, now: datetime) -> None:
        cause = f"monitor alarm {decision.proposal.alarm} in state ALARM triggered policy {decision.proposal.policy}"
        if self._set(target, decision.capacity, cause, now):
            scaling = Scaling(
                at=now, before=before, after=decision.capacity, cooldown_seconds=decision.cooldown_seconds
            )
            with self._lock:
                self._store.last[target.key] = scaling

    def _enforce(self, target: ScalableTarget, current: int, now: datetime) -> None:
        """Move the capacity into new bounds."""
        wanted = target.clamp(current)
        bound = "minimum" if wanted > current else "maximum"
        if wanted != current and not self._set(target, wanted, f"{bound} capacity was set to {wanted}", now):
            return
        with self._lock:
            if self._store.targets.get(target.key) == target:
                self._store.targets[target.key] = replace(target, must_enforce=False)

    def _set(self, target: ScalableTarget, capacity: int, cause: str, now: datetime) -> bool:
        activity = Activity(key=target.key, capacity=capacity, cause=cause, started=now)
        try:
            self._variants.write(target.key, capacity)
        except ClientError as error:
            if "in-progress" in str(error):
                return False  # somebody else was quicker: once more when it has settled
            activity.end("Failed", str(error), now)
        with self._lock:
            self._store.begin(activity)
        return activity.ended is None

    def _conclude(self, target: ScalableTarget, desired: int, now: datetime) -> None:
        with self._lock:
            for activity in self._store.under_way(target.key):
                if activity.capacity == desired:
                    what = f"Successfully set {activity.what} to {desired}. Change successfully fulfilled by sagemaker."
                    activity.end("Successful", what, now)
                else:
                    activity.end("Failed", f"The {activity.what} is {desired}.", now)

    def _run_scheduled(self, now: datetime) -> None:
        with self._lock:
            for place, action in list(self._store.actions.items()):
                if action.due is None or action.due > now:
                    continue
                due = next_time(action.request, after=now, created=action.created)
                self._store.actions[place] = replace(action, due=due)
                target = self._store.targets[action.key]
                if target.suspended["ScheduledScalingSuspended"]:
                    continue
                try:
                    self._store.targets[action.key] = target.bounded(*action.bounds)
                except AwsError as error:  # the target's other bound was changed since
                    LOG.warning("scheduled action %s: %s", action.name, error)

    def _forget(self, target: ScalableTarget) -> None:
        """The endpoint is gone, and its registration goes with it."""
        with self._lock:
            alarms = self._store.forget(target.key)
        delete_alarms(self._context, alarms)

    def run(self, every_seconds: float) -> None:
        """Until the local AWS stops."""
        while not self._context.stopping.wait(every_seconds):
            try:
                self.step()
            except (ClientError, BotoCoreError):
                if not self._context.stopping.is_set():
                    LOG.exception("one look at what to scale failed; the next one follows")


def _is_suspended(target: ScalableTarget, current: int, decision: ScalingDecision) -> bool:
    way = "Out" if decision.capacity > current else "In"
    return target.suspended[f"DynamicScaling{way}Suspended"]


def delete_alarms(context: Context, names: list[str]) -> None:
    """Delete alarms that a policy owned; one that somebody deleted before is no problem."""
    for name in names:
        try:
            context.client("cloudwatch", None).delete_alarms(AlarmNames=[name])
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ResourceNotFound", "ResourceNotFoundException"}:
                raise
