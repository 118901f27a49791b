"""Carries out changes of endpoints, each on a thread of its own, and replaces dead instances."""

from __future__ import annotations

import functools
import logging

from localaws.context import Context
from localaws.services.sagemaker.async_inference.notifications import NotificationError, try_topics
from localaws.services.sagemaker.endpoint_state import endpoint as changes
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint
from localaws.services.sagemaker.endpoint_state.status import Happening, Status
from localaws.services.sagemaker.endpoints.guarded_deployment import GuardedDeployment
from localaws.services.sagemaker.endpoints.traffic_switch import TrafficSwitch
from localaws.services.sagemaker.fleets.endpoint_logs import EndpointLogs
from localaws.services.sagemaker.fleets.instance_usage import InstanceUsage
from localaws.services.sagemaker.fleets.live_fleets import LiveFleets, settled_routing
from localaws.services.sagemaker.fleets.provisioning import HostingTiming, Provisioner, ProvisionError
from localaws.services.sagemaker.fleets.routing import Routing
from localaws.services.sagemaker.resources.store import RecordStore
from localaws.services.sagemaker.resources.tags import forget_tags

LOG = logging.getLogger(__name__)


class Deployer:
    """Blue/green: what is new must be healthy before traffic moves, what is old serves until then.

    All at once by itself; as its DeploymentConfig says when an update has one.
    """

    def __init__(self, context: Context, endpoints: RecordStore[Endpoint], timing: HostingTiming) -> None:
        self._context = context
        self._endpoints = endpoints
        self._timing = timing
        self._logs = EndpointLogs(context, timing.log_shipping_every_seconds)
        self._provisioner = Provisioner(context, timing, self._logs)
        self._traffic = TrafficSwitch(context, endpoints, self._provisioner)
        self._live: dict[str, LiveFleets] = {}
        self.usage = InstanceUsage(context, self._fleets_by_name)

    def routing(self, endpoint: str) -> Routing | None:
        """Where the endpoint's traffic goes now; None if nowhere."""
        live = self._live.get(endpoint.lower())
        return live.routing if live else None

    def begin(self, endpoint: Endpoint) -> None:
        """Announce the status that a request led to and carry the request out, in the background."""
        live = self._live.setdefault(endpoint.name.lower(), LiveFleets())

        def work() -> None:
            with live.work:  # also keeps events in order: whoever came before has announced its end
                self._traffic.events.state(endpoint)
                if endpoint.status is Status.DELETING:
                    self._delete(endpoint, live)
                    return
                try:
                    try_topics(self._context, endpoint)
                except NotificationError as error:
                    self._give_up(endpoint, str(error))
                    return
                if endpoint.pending and endpoint.pending.policy and live.routing:
                    GuardedDeployment(self._traffic, self._timing, endpoint, live).run()
                else:
                    self._deploy(endpoint, live)

        self._context.background(f"endpoint-{endpoint.name}", work)

    def begin_system_update(self, endpoint: str) -> None:
        """Maintain an endpoint in service, which refuses every change until ``end_system_update``."""
        self._traffic.change_record(endpoint, lambda present, now: present.happened(Happening.MAINTENANCE_BEGAN, now))

    def end_system_update(self, endpoint: str) -> None:
        """It is in service as before."""
        self._traffic.change_record(endpoint, lambda present, now: present.happened(Happening.SUCCEEDED, now))

    def start(self) -> None:
        """Begin to heal, to ship what containers print, and to measure instances."""
        self._context.background("endpoint-healing", self._watch)
        self._context.background("endpoint-logs", self._logs.run)
        self._context.background("endpoint-usage", self.usage.run)

    def stop(self) -> None:
        """Stop all instances at once."""
        for live in list(self._live.values()):
            for container in live.containers:
                container.stop()
            for pool in live.pools:
                pool.close(drain_seconds=0.0)

    def _fleets_by_name(self) -> dict[str, LiveFleets]:
        """By the names of the endpoints, as they were given."""
        return {live.routing.endpoint: live for live in list(self._live.values()) if live.routing}

    def _deploy(self, endpoint: Endpoint, live: LiveFleets) -> None:
        """Bring the endpoint to its pending config or, without one, to its wanted weights and counts."""
        goal = endpoint.pending or endpoint
        began = self._context.now()
        if any(variant.progress for variant in endpoint.variants):
            self._traffic.events.deployment(endpoint)
        try:
            fleets = self._provisioner.provision(endpoint.name, (*goal.variants, *goal.shadows), live.fleets)
        except ProvisionError as error:
            self._give_up(endpoint, str(error))
            return
        elapsed = (self._context.now() - began).total_seconds()
        if self._context.stopping.wait(max(0.0, self._timing.settle_seconds - elapsed)):
            return
        self._traffic.switch(live, settled_routing(endpoint.name, goal.config, goal.variants, goal.shadows, fleets))
        self._traffic.change_record(endpoint.name, changes.deployed if endpoint.pending else changes.rescaled)

    def _give_up(self, endpoint: Endpoint, reason: str) -> None:
        """A new endpoint has failed; any other returns to what it was, which has been serving all the time."""
        if self._context.stopping.is_set():
            return
        failed = self._traffic.change_record(endpoint.name, lambda present, now: changes.failed(present, reason, now))
        if failed.status is Status.ROLLING_BACK:
            self._traffic.change_record(endpoint.name, changes.rolled_back)

    def _delete(self, endpoint: Endpoint, live: LiveFleets) -> None:
        self._traffic.switch(live, None)
        self._live.pop(endpoint.name.lower(), None)
        forget_tags(self._context, endpoint.arn)
        self._endpoints.remove(endpoint.name)

    def _watch(self) -> None:
        """Replace instances that died in service and stop idle serverless ones, until the local AWS stops."""
        while not self._context.stopping.wait(self._timing.healing_every_seconds):
            for name, live in list(self._live.items()):
                for pool in live.pools:
                    pool.stop_idle(self._timing.serverless_idle_seconds)
                if not live.work.locked() and any(not container.is_running for container in live.containers):
                    self._context.background(f"healing-{name}", functools.partial(self._heal, name, live))

    def _heal(self, name: str, live: LiveFleets) -> None:
        if not live.work.acquire(blocking=False):
            return  # a change is at work, or another healing
        try:
            endpoint = self._endpoints.find(name)
            if live.routing is None or endpoint is None or endpoint.status is not Status.IN_SERVICE:
                return
            variants, shadows = endpoint.variants, endpoint.shadows
            fleets = self._provisioner.provision(endpoint.name, (*variants, *shadows), live.fleets)
            self._traffic.switch(live, settled_routing(endpoint.name, endpoint.config, variants, shadows, fleets))
        except ProvisionError as error:
            LOG.warning("could not replace an instance of endpoint %s: %s", name, error)
        finally:
            live.work.release()
