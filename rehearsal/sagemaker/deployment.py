"""Carrying out what was decided about an endpoint: a thread per change, and the healing of dead instances."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterable, Mapping

from rehearsal.sagemaker import endpoint as changes
from rehearsal.sagemaker.container import Container
from rehearsal.sagemaker.endpoint import Endpoint, Variant
from rehearsal.sagemaker.endpoint_logs import EndpointLogs
from rehearsal.sagemaker.endpoint_status import Status
from rehearsal.sagemaker.endpoint_view import event_detail
from rehearsal.sagemaker.fleet import Fleet
from rehearsal.sagemaker.provisioning import Pace, Provisioner, ProvisionError
from rehearsal.sagemaker.routing import Route, Routing
from rehearsal.sagemaker.shelf import Shelf
from rehearsal.sagemaker.tags import forget_tags
from rehearsal.world import World

LOG = logging.getLogger(__name__)


class Live:
    """The moving part of one endpoint: the instances that answer for it, and who is at work on them."""

    def __init__(self) -> None:
        self.routing: Routing | None = None
        self.work = threading.Lock()

    @property
    def fleets(self) -> dict[str, Fleet]:
        routes = self.routing.routes if self.routing else ()
        return {route.variant: route.fleet for route in routes}

    @property
    def containers(self) -> set[Container]:
        return {container for fleet in self.fleets.values() for container in fleet.containers}


class Deployer:
    """Blue/green, all at once: what is new must be healthy before traffic moves, what is old serves until then."""

    def __init__(self, world: World, endpoints: Shelf[Endpoint], pace: Pace) -> None:
        self._world = world
        self._endpoints = endpoints
        self._pace = pace
        self._logs = EndpointLogs(world, pace.log_shipping_every_seconds)
        self._provisioner = Provisioner(world, pace, self._logs)
        self._live: dict[str, Live] = {}

    def routing(self, endpoint: str) -> Routing | None:
        """Where the endpoint's traffic goes now; None if nowhere."""
        live = self._live.get(endpoint.lower())
        return live.routing if live else None

    def begin(self, endpoint: Endpoint) -> None:
        """Announce the status that a request led to and carry the request out, in the background."""
        live = self._live.setdefault(endpoint.name.lower(), Live())
        act = self._delete if endpoint.status is Status.DELETING else self._deploy

        def work() -> None:
            with live.work:  # also keeps events in order: whoever came before has announced its end
                self._announce(endpoint)
                act(endpoint, live)

        self._world.background(f"endpoint-{endpoint.name}", work)

    def _announce(self, endpoint: Endpoint) -> None:
        """Emit the endpoint's state change event; nobody listens any more when the local AWS is stopping."""
        if self._world.stopping.is_set():
            return
        tags = self._world.client("sagemaker", None).list_tags(ResourceArn=endpoint.arn)["Tags"]
        self._world.bus.put(
            source="aws.sagemaker",
            detail_type="SageMaker Endpoint State Change",
            detail=event_detail(endpoint, {tag["Key"]: tag["Value"] for tag in tags}),
            resources=[endpoint.arn],
        )

    def _watch(self) -> None:
        """Replace instances that died in service, until the local AWS stops."""
        while not self._world.stopping.wait(self._pace.healing_every_seconds):
            for name, live in list(self._live.items()):
                if not live.work.locked() and any(not container.is_running for container in live.containers):
                    self._world.background(f"healing-{name}", functools.partial(self._heal, name, live))

    def start(self) -> None:
        """Begin to heal, and to ship what containers print."""
        self._world.background("endpoint-healing", self._watch)
        self._world.background("endpoint-logs", self._logs.run)

    def stop(self) -> None:
        """Stop all instances at once."""
        for live in list(self._live.values()):
            for container in live.containers:
                container.stop()

    def _deploy(self, endpoint: Endpoint, live: Live) -> None:
        """Bring the endpoint to its pending config or, without one, to its wanted weights and counts."""
        pending = endpoint.pending
        variants = pending.variants if pending else endpoint.variants
        config = pending.config if pending else endpoint.config
        began = self._world.now()
        try:
            fleets = self._provisioner.provision(endpoint.name, variants, live.fleets)
        except ProvisionError as error:
            self._give_up(endpoint, str(error))
            return
        elapsed = (self._world.now() - began).total_seconds()
        if self._world.stopping.wait(max(0.0, self._pace.settle_seconds - elapsed)):
            return
        self._switch(live, _routing(endpoint.name, variants, fleets, config.metrics_period_seconds))
        self._become(endpoint, changes.deployed if pending else changes.rescaled)

    def _give_up(self, endpoint: Endpoint, reason: str) -> None:
        """A new endpoint has failed; any other returns to what it was, which has been serving all the time."""
        if self._world.stopping.is_set():
            return
        now = self._world.now()
        failed = self._endpoints.change(endpoint.name, lambda e: changes.failed(e, reason, now))
        self._announce(failed)
        if failed.status is Status.ROLLING_BACK:
            self._become(endpoint, changes.rolled_back)

    def _delete(self, endpoint: Endpoint, live: Live) -> None:
        self._switch(live, None)
        self._live.pop(endpoint.name.lower(), None)
        forget_tags(self._world, endpoint.arn)
        self._endpoints.remove(endpoint.name)

    def _become(self, endpoint: Endpoint, change: changes.Change) -> None:
        now = self._world.now()
        self._announce(self._endpoints.change(endpoint.name, lambda present: change(present, now)))

    def _switch(self, live: Live, routing: Routing | None) -> None:
        """Move all traffic in one step, then retire the instances it has left."""
        before = live.containers
        live.routing = routing
        self._provisioner.retire(before - live.containers)

    def _heal(self, name: str, live: Live) -> None:
        if not live.work.acquire(blocking=False):
            return  # a change is at work, or another healing
        try:
            routing = live.routing
            endpoint = self._endpoints.find(name)
            if routing is None or endpoint is None:
                return
            variants = endpoint.variants
            fleets = self._provisioner.provision(endpoint.name, variants, live.fleets)
            self._switch(live, _routing(endpoint.name, variants, fleets, routing.metrics_period_seconds))
        except ProvisionError as error:
            LOG.warning("could not replace an instance of endpoint %s: %s", name, error)
        finally:
            live.work.release()


def _routing(
    endpoint: str, variants: Iterable[Variant], fleets: Mapping[str, Fleet], metrics_period_seconds: int
) -> Routing:
    return Routing(
        endpoint=endpoint,
        metrics_period_seconds=metrics_period_seconds,
        routes=tuple(Route(variant.name, variant.desired_weight, fleets[variant.name]) for variant in variants),
    )
