"""Carries out one deployment under a DeploymentConfig, and rolls it back on an alarm, a failure or a timeout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from localaws.services.sagemaker.endpoint_state import deployment_plan as plan
from localaws.services.sagemaker.endpoint_state import endpoint as changes
from localaws.services.sagemaker.endpoint_state.deployment_plan import Counts, Stage
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint
from localaws.services.sagemaker.endpoint_state.variant import Progress, Variant
from localaws.services.sagemaker.endpoints.alarm_watch import AlarmsUnreadableError, AlarmWatch
from localaws.services.sagemaker.endpoints.traffic_switch import TrafficSwitch
from localaws.services.sagemaker.fleets.fleet import Fleet
from localaws.services.sagemaker.fleets.live_fleets import (
    LiveFleets,
    deploying_route,
    settled_route,
    settled_routing,
    shadow_of,
)
from localaws.services.sagemaker.fleets.provisioning import HostingTiming, ProvisionError
from localaws.services.sagemaker.fleets.routing import Route, Routing


class StoppingError(Exception):
    """The local AWS is stopping: leave everything as it is."""


class AbortedError(Exception):
    """The deployment must be rolled back; the text is its FailureReason."""


class GuardedDeployment:
    """Two fleets of an endpoint side by side. ``run`` ends with one of them, whichever it is, in service."""

    def __init__(self, traffic: TrafficSwitch, timing: HostingTiming, endpoint: Endpoint, live: LiveFleets) -> None:
        pending = endpoint.pending
        assert pending is not None
        assert pending.policy is not None
        self._traffic = traffic
        self._context = traffic.context
        self._timing = timing
        self._endpoint = endpoint
        self._live = live
        self._pending = pending
        self._policy = pending.policy
        self._old: dict[str, Fleet] = live.fleets
        self._new: dict[str, Fleet] = {}
        self._reached: Mapping[str, Counts] = {}
        self._alarms = AlarmWatch(self._context, execution_role(pending), pending.policy.alarms)

    def run(self) -> None:
        """Deploy or roll back; what is announced and described on the way is AWS's."""
        try:
            self._go_forward()
        except StoppingError:
            return
        except (AbortedError, ProvisionError) as error:
            if not self._context.stopping.is_set():
                self._go_back(str(error))

    def _go_forward(self) -> None:
        old = {variant.name: variant.desired_instances for variant in self._endpoint.variants}
        wanted = {variant.name: variant.desired_instances for variant in self._pending.variants}
        stages = plan.forward(self._policy, old, wanted)
        self._reached = {name: replace(counts, new=0) for name, counts in stages[0].counts.items()}
        self._check_alarms_and_deadline()
        for stage in stages:
            self._enter(stage)
            self._last(stage)
        variants, shadows = self._pending.variants, self._pending.shadows
        routing = settled_routing(self._endpoint.name, self._pending.config, variants, shadows, self._new)
        self._traffic.switch(self._live, routing)
        self._traffic.change_record(self._endpoint.name, changes.deployed)

    def _go_back(self, reason: str) -> None:
        name, present = self._endpoint.name, self._endpoint
        self._traffic.change_record(name, lambda endpoint, now: changes.failed(endpoint, reason, now))
        old = {variant.name: variant.desired_instances for variant in present.variants}
        try:
            for stage in plan.back(self._policy, old, self._reached):
                self._enter(stage)
            self._switch_back()
        except ProvisionError as error:
            if not self._context.stopping.is_set():
                text = f"{reason} Rolling back failed: {error}"
                self._traffic.change_record(name, lambda endpoint, now: changes.failed(endpoint, text, now))
            return
        self._traffic.change_record(name, changes.rolled_back)

    def _switch_back(self) -> None:
        present = self._endpoint
        routing = settled_routing(present.name, present.config, present.variants, present.shadows, self._old)
        self._traffic.switch(self._live, routing)

    def _enter(self, stage: Stage) -> None:
        """Show the stage, then make it true; instances that died meanwhile are replaced on the way."""
        self._show(stage)
        self._apply_stage(stage)

    def _apply_stage(self, stage: Stage) -> None:
        name, provision = self._endpoint.name, self._traffic.provisioner.provision
        old = _sized(self._endpoint.variants, {v: counts.old for v, counts in stage.counts.items()})
        new = _sized(self._pending.variants, {v: counts.new for v, counts in stage.counts.items()})
        if _has_moved(stage):  # the shadow follows the traffic it mirrors
            new = (*new, *self._pending.shadows)
        else:
            old = (*old, *self._endpoint.shadows)
        self._old = provision(name, old, self._old)
        self._new = provision(name, new, self._new)
        self._reached = stage.counts
        self._traffic.switch(self._live, self._routing(stage))

    def _last(self, stage: Stage) -> None:
        """Keep the stage up for its time; raises AbortedError when the deployment must not go on."""
        entered = self._context.now()
        while not plan.is_over(stage, entered=entered, now=self._context.now(), scale=self._timing.wait_scale):
            self._check_alarms_and_deadline()
            if self._context.stopping.wait(self._seconds_until_check(stage)):
                raise StoppingError
            if any(not container.is_running for container in self._live.containers):
                self._apply_stage(stage)
        self._check_alarms_and_deadline()

    def _seconds_until_check(self, stage: Stage) -> float:
        return min(self._timing.alarms_every_seconds, max(stage.seconds * self._timing.wait_scale, 0.01))

    def _check_alarms_and_deadline(self) -> None:
        limit = self._policy.max_seconds
        deadline = self._pending.started + timedelta(seconds=limit * self._timing.wait_scale) if limit else None
        try:
            alarming = self._alarms.alarming()
        except AlarmsUnreadableError as error:
            raise AbortedError(str(error)) from error
        reason = plan.rollback_reason(alarming, now=self._context.now(), deadline=deadline)
        if reason:
            raise AbortedError(reason)

    def _show(self, stage: Stage) -> None:
        now = self._context.now()
        active = {name: counts.active for name, counts in stage.counts.items()}
        progress = {name: Progress(phase=stage.phase, message=stage.message(name), since=now) for name in stage.counts}
        shown = self._traffic.endpoints.change(
            self._endpoint.name, lambda present: changes.progressed(present, active, progress)
        )
        self._traffic.events.deployment(shown)

    def _routing(self, stage: Stage) -> Routing:
        present, pending = self._endpoint, self._pending
        source, fleets = (pending, self._new) if _has_moved(stage) else (present, self._old)
        return Routing(
            endpoint=present.name,
            routes=(*self._old_routes(stage), *self._new_routes(stage)),
            shadow=shadow_of(source.config, source.variants, source.shadows, fleets),
        )

    def _old_routes(self, stage: Stage) -> list[Route]:
        return [
            settled_route(self._endpoint.config, v, self._old[v.name], 1.0 - stage.counts[v.name].share)
            for v in self._endpoint.variants
        ]

    def _new_routes(self, stage: Stage) -> list[Route]:
        config, every = self._pending.config, self._timing.deploying_metrics_seconds
        return [
            deploying_route(config, v, self._new[v.name], stage.counts[v.name].share, every)
            for v in self._pending.variants
        ]


def execution_role(pending: changes.Pending) -> str:
    """Under which role SageMaker reads the alarms of a deployment: the config's own or its first model's."""
    given = pending.config.request.get("ExecutionRoleArn")
    return str(given or pending.variants[0].blueprint.container.role_arn)


def _has_moved(stage: Stage) -> bool:
    """Whether the new fleets have all traffic."""
    return all(counts.share == 1.0 for counts in stage.counts.values())


def _sized(variants: Iterable[Variant], counts: Mapping[str, int]) -> tuple[Variant, ...]:
    return tuple(replace(variant, desired_instances=counts[variant.name]) for variant in variants)
