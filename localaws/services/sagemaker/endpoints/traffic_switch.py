"""Moves an endpoint's traffic, changes its record and announces it; used by every kind of deployment."""

from __future__ import annotations

from localaws.context import Context
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint, EndpointChange
from localaws.services.sagemaker.endpoints.endpoint_events import EndpointEvents
from localaws.services.sagemaker.fleets.live_fleets import LiveFleets
from localaws.services.sagemaker.fleets.provisioning import Provisioner
from localaws.services.sagemaker.fleets.routing import Routing
from localaws.services.sagemaker.resources.store import RecordStore


class TrafficSwitch:
    """Shared by the deployments of all endpoints."""

    def __init__(self, context: Context, endpoints: RecordStore[Endpoint], provisioner: Provisioner) -> None:
        self.context = context
        self.endpoints = endpoints
        self.provisioner = provisioner
        self.events = EndpointEvents(context)

    def switch(self, live: LiveFleets, routing: Routing | None) -> None:
        """Move all traffic in one step, then retire the instances it has left."""
        before, shadows, pools = live.containers, live.shadow_containers, live.pools
        live.routing = routing
        gone = before - live.containers
        self.provisioner.retire(gone - shadows)
        self.provisioner.retire(gone & shadows, shadow=True)
        self.provisioner.close(pools - live.pools)

    def change_record(self, name: str, change: EndpointChange) -> Endpoint:
        """Change an endpoint's record and announce its status."""
        now = self.context.now()
        endpoint = self.endpoints.change(name, lambda present: change(present, now))
        self.events.state(endpoint)
        return endpoint
