"""Bringing up instances: model fetched under its role, process started, health check passed."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal.process import ChildStartError
from rehearsal.sagemaker.artifact import ArtifactError, unpack_model
from rehearsal.sagemaker.container import Container, port_file
from rehearsal.sagemaker.endpoint import Blueprint, Variant
from rehearsal.sagemaker.endpoint_logs import EndpointLogs
from rehearsal.sagemaker.fleet import Fleet
from rehearsal.world import World

SERVE = Path(__file__).parents[1] / "containers" / "serve.py"


class ProvisionError(Exception):
    """The instances did not come up; the text is SageMaker's FailureReason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Real seconds that things take here. On AWS they take minutes."""

    settle_seconds: float = 1.5  # a change, even of weights alone, keeps the endpoint Updating for at least this
    health_check_seconds: float = 30.0  # at most; less where the config says so
    ping_every_seconds: float = 0.1
    drain_seconds: float = 60.0  # for requests under way when an instance retires
    healing_every_seconds: float = 0.5
    log_shipping_every_seconds: float = 1.0


class Provisioner:
    """Starts and retires instances; each has its own directory below ``run_dir``, where its log stays."""

    def __init__(self, world: World, pace: Pace, logs: EndpointLogs) -> None:
        self._world = world
        self._pace = pace
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

    def retire(self, containers: Iterable[Container]) -> None:
        """Drain and stop instances; only their logs remain."""
        for container in containers:
            container.retire(self._pace.drain_seconds)
            shutil.rmtree(container.home / "ml", ignore_errors=True)

    def _start(self, endpoint: str, blueprint: Blueprint) -> Container:
        name = f"{blueprint.variant}-{next(self._numbers)}"
        home = self._world.run_dir / "endpoints" / endpoint / name
        shutil.rmtree(home, ignore_errors=True)  # what an earlier run in this directory left
        model_dir = home / "ml" / "model"
        model_dir.mkdir(parents=True)
        spec, log = blueprint.container, home / "container.log"
        try:
            unpack_model(self._world.client("s3", spec.role_arn), spec.model_data_url, model_dir)
            child = self._world.processes.start(
                [
                    str(self._world.python_of_containers),
                    str(SERVE),
                    "--port=0",
                    f"--port-file={port_file(home)}",
                ],
                env=self._environment(blueprint),
                cwd=home,
                log=log,
                mounts={"/opt/ml": home / "ml"},
            )
        except (ArtifactError, ChildStartError) as error:
            log.write_text(f"{error.__cause__ or error}\n")
            raise ProvisionError(str(error)) from error
        container = Container(child, home)
        self._logs.follow(endpoint, blueprint.variant, log, container, spec.role_arn)
        return container

    def _environment(self, blueprint: Blueprint) -> dict[str, str]:
        spec = blueprint.container
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
            "AWS_REGION": self._world.region,
            "AWS_DEFAULT_REGION": self._world.region,
            "AWS_ENDPOINT_URL": self._world.endpoint_url,
            **self._world.credentials(spec.role_arn),
            **spec.environment,
        }

    def _await_health(self, blueprint: Blueprint, container: Container) -> None:
        """Ping until it answers. A process that ended is not awaited: here nothing restarts it."""
        allowed = min(self._pace.health_check_seconds, blueprint.health_check_seconds or float("inf"))
        began = self._world.now()
        while not container.is_healthy():
            waited = (self._world.now() - began).total_seconds()
            if waited > allowed or not container.is_running:
                raise ProvisionError(
                    f"The primary container for production variant {blueprint.variant} did not pass the ping "
                    "health check. Please check CloudWatch logs for this endpoint."
                )
            if self._world.stopping.wait(self._pace.ping_every_seconds):
                raise ProvisionError("the local AWS is stopping")
