"""Joins the fakes of the tests to a simulation: its own clock, and faults by service."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from tests.chaos.aws import SimulatedEvents, SimulatedHosting, SimulatedRegistry, VariantCounts
from tests.chaos.calls import Calls
from tests.chaos.executions import SimulatedExecutions
from tests.chaos.messages import (
    SimulatedAsyncQueue,
    SimulatedPipelines,
    SimulatedRuntime,
    SimulatedTransforms,
    SimulatedWakeUps,
)
from tests.fakes.sluice_world import FakePorts
from tests.fakes.versioned_bucket import VersionedBucket

if TYPE_CHECKING:
    from tests.chaos.simulation import Simulation

SERVICES = {
    "hosting": "sagemaker",
    "registry": "registry",
    "metrics": "cloudwatch",
    "scaling": "autoscaling",
    "captures": "s3",
    "bucket": "s3",
    "files": "s3",
    "quarantine": "s3",
    "events": "events",
    "executions": "states",
    "wakeups": "sqs",
}


def joined(ports: FakePorts, simulation: Simulation) -> FakePorts:
    """The fakes of the tests, with parts that act by themselves, and each with the calls to its own service."""

    def calls(service: str) -> Calls:
        return Calls(service=service, simulation=simulation)

    ports.metrics.per_period = VariantCounts(simulation.scenario.bad)  # type: ignore[assignment]
    made: dict[str, Any] = {
        "hosting": SimulatedHosting(calls("sagemaker"), simulation=simulation),
        "registry": SimulatedRegistry(calls("registry"), simulation.clock, simulation=simulation),
        "events": SimulatedEvents(calls("events"), simulation=simulation),
        "executions": SimulatedExecutions(calls("states"), simulation=simulation),
        "wakeups": SimulatedWakeUps(calls("sqs"), simulation=simulation),
        "async_queue": SimulatedAsyncQueue(calls("sqs"), simulation=simulation),
        "async_runtime": SimulatedRuntime(calls("sagemaker"), simulation=simulation),
        "pipelines": SimulatedPipelines(calls("sagemaker"), simulation=simulation),
    }
    hosting = made["hosting"]
    made["transforms"] = SimulatedTransforms(
        calls("sagemaker"), simulation.clock, ports.bucket, hosting, simulation=simulation
    )
    for name, part in made.items():  # what is joined to what
        own = {key: value for key, value in vars(getattr(ports, name)).items() if key not in ("faults", "hosting")}
        vars(part).update(own)
    if simulation.scenario.family == "uploads":
        made["bucket"] = made["quarantine"] = VersionedBucket(calls("s3"))
    for each in fields(ports):
        value = getattr(ports, each.name)
        if hasattr(value, "_table"):
            made[each.name] = type(value)(simulation.results if each.name == "results" else simulation.table)
        elif hasattr(value, "faults") and each.name not in made:
            value.faults = calls(SERVICES.get(each.name, "sagemaker"))
    ports.captures._faults = calls("s3")
    if simulation.scenario.strategy == "shadow":
        for version in range(1, 8):
            ports.captures.answered(f"v{version}", [1.0] * 50)
    return replace(ports, **made)
