"""Provisions instances: fetches the model under its role, starts the process, waits for its health check."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from localaws.context import Context
from localaws.runtime.process import ChildStartError
from localaws.services.sagemaker.containers.artifact import ArtifactError
from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.containers.images import ImageError
from localaws.services.sagemaker.containers.serving_process import becomes_healthy, log_file, start_serving
from localaws.services.sagemaker.endpoint_state.serverless import ServerlessSize
from localaws.services.sagemaker.endpoint_state.variant import Blueprint, Variant
from localaws.services.sagemaker.fleets.endpoint_logs import EndpointLogs
from localaws.services.sagemaker.fleets.fleet import Fleet
from localaws.services.sagemaker.fleets.serverless_pool import ServerlessPool


class ProvisionError(Exception):
    """The instances did not come up; the text is SageMaker's FailureReason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostingTiming:
    """Real seconds that things take here. On AWS they take minutes."""

    settle_seconds: float = 1.5  # a change, even of weights alone, keeps the endpoint Updating for at least this
    health_check_seconds: float = 30.0  # at most; less where the config says so
    ping_every_seconds: float = 0.1
    drain_seconds: float = 60.0  # for requests under way when an instance retires
    shadow_drain_seconds: float = 1.0  # the same for a shadow's, whose answers nobody awaits
    shadow_timeout_seconds: float = 60.0  # for an answer of a shadow
    wait_scale: float = 1.0  # of a DeploymentConfig's waits and time limit: 0.01 makes 10 minutes 6 seconds
    alarms_every_seconds: float = 0.5  # how often the alarms of a deployment are read
    deploying_metrics_seconds: int = 60  # how often metrics of a fleet appear while a DeploymentConfig deploys it
    capture_flush_every_seconds: float = 1.0
    healing_every_seconds: float = 0.5
    serverless_idle_seconds: float = 300.0  # after which a serverless container stops; AWS does not say when
    log_shipping_every_seconds: float = 1.0


class Provisioner:
    """Starts and retires instances; each has its own directory below ``run_dir``, where its log stays."""

    def __init__(self, context: Context, timing: HostingTiming, logs: EndpointLogs) -> None:
        self._context = context
        self._timing = timing
        self._logs = logs
        self._numbers = itertools.count(1)

    def provision(self, endpoint: str, variants: Sequence[Variant], present: Mapping[str, Fleet]) -> dict[str, Fleet]:
        """Healthy fleets of the wanted size, by variant; they keep the instances of ``present`` where possible.

        Raises ProvisionError, after stopping what it started, when one instance does not get healthy.
        """
        started: list[tuple[Blueprint, Container]] = []
        fleets = {}
        try:
            for variant in variants:
                blueprint, count = variant.blueprint, variant.desired_instances
                fleet = present.get(variant.name)
                if variant.desired_size:
                    fleets[variant.name] = self._serverless(endpoint, blueprint, variant.desired_size, fleet)
                    continue
                reused = fleet.reusable(blueprint, count) if fleet else ()
                first = len(started)
                for _ in range(count - len(reused)):
                    started.append((blueprint, self._start(endpoint, blueprint)))
                fresh = (container for _, container in started[first:])
                fleets[variant.name] = Fleet(blueprint=blueprint, containers=(*reused, *fresh))
            for blueprint, container in started:  # they come up side by side
                self._await_health(blueprint, container)
        except ProvisionError:
            self.retire(container for _, container in started)
            raise
        return fleets

    def retire(self, containers: Iterable[Container], *, shadow: bool = False) -> None:
        """Drain and stop instances; only their logs remain."""
        for container in containers:
            container.retire(self._timing.shadow_drain_seconds if shadow else self._timing.drain_seconds)
            shutil.rmtree(container.home / "ml", ignore_errors=True)

    def close(self, pools: Iterable[ServerlessPool[Container]]) -> None:
        """Drain and stop the containers of serverless variants."""
        for pool in pools:
            pool.close(self._timing.drain_seconds)

    def _serverless(self, endpoint: str, blueprint: Blueprint, size: ServerlessSize, present: Fleet | None) -> Fleet:
        """The present fleet at its new size, or a new one whose container came up once, to show that it can."""
        if present and present.pool and present.blueprint == blueprint:
            present.pool.resize(size)
            present.pool.warm()
            return present

        def start() -> Container:
            container = self._start(endpoint, blueprint)
            try:
                self._await_health(blueprint, container)
            except ProvisionError:
                self.retire([container])
                raise
            return container

        pool = ServerlessPool(size, start=start, retire=lambda container: self.retire([container]))
        try:
            pool.warm()
            if not size.provisioned:
                self.retire([start()])
        except ProvisionError as error:
            pool.close(drain_seconds=0.0)
            raise ProvisionError(
                "Unable to successfully stand up your model within the allotted 180 second timeout. Please ensure "
                "that downloading your model artifacts, starting your model container and passing the ping health "
                f"checks can be completed within 180 seconds. ({error})"
            ) from error
        return Fleet(blueprint=blueprint, containers=(), pool=pool)

    def _start(self, endpoint: str, blueprint: Blueprint) -> Container:
        name = f"{blueprint.variant}-{next(self._numbers)}"
        home = self._context.run_dir / "endpoints" / endpoint / name
        shutil.rmtree(home, ignore_errors=True)  # what an earlier run in this directory left
        home.mkdir(parents=True)
        spec, log = blueprint.container, log_file(home)
        try:
            container = start_serving(self._context, spec, home, {})
        except (ArtifactError, ChildStartError, ImageError) as error:
            log.write_text(f"{error.__cause__ or error}\n")
            raise ProvisionError(str(error)) from error
        self._logs.follow(endpoint, blueprint.variant, log, container, spec.role_arn)
        return container

    def _await_health(self, blueprint: Blueprint, container: Container) -> None:
        allowed = min(self._timing.health_check_seconds, blueprint.health_check_seconds or float("inf"))
        every = self._timing.ping_every_seconds
        if not becomes_healthy(self._context, container, allowed_seconds=allowed, ping_every_seconds=every):
            raise ProvisionError(
                f"The primary container for production variant {blueprint.variant} did not pass the ping "
                "health check. Please check CloudWatch logs for this endpoint."
            )
