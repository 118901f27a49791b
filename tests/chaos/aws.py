"""The parts of AWS that act by themselves and tell of it: SageMaker hosting, the registry, alarms, and the bus."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.aws.metric_data import Counts
from sluice.endpoint.deployment_config import Deployment
from sluice.endpoint.state import EndpointState

from tests.fakes.aws_state import FakeEvents, FakeRegistry
from tests.fakes.hosting import FakeHosting
from tests.fakes.table import FakeTable

PACKAGE_CHANGE = "SageMaker Model Package State Change"
ALARM_CHANGE = "CloudWatch Alarm State Change"


@dataclass
class SimulatedHosting(FakeHosting):
    """Endpoints take time to change; while there is no capacity, SageMaker takes every update back without a word."""

    simulation: Any = None
    _planned: set[str] = field(default_factory=set)

    def _begin(self, endpoint: str, seconds: float) -> None:
        if endpoint not in self._planned:
            self._planned.add(endpoint)
            self.simulation.loop.after(seconds, lambda: self._end(endpoint, seconds))

    def _begin_change(self, endpoint: str, seconds: float) -> None:
        """A change that was asked for, which takes its time at the scenario's pace."""
        self._begin(endpoint, seconds * self.simulation.scenario.pace)

    def _end(self, endpoint: str, seconds: float) -> None:
        self._planned.discard(endpoint)
        now = self.endpoints.get(endpoint)
        pending = self._pending.get(endpoint)
        if self.simulation.is_short and now is not None and pending is not None:
            if now.status == "Creating":
                self._pending[endpoint] = replace(pending, status="Failed", failure_reason="no capacity")
            elif pending.config != now.config:
                self._pending[endpoint] = replace(now, status="InService", deploying="", failure_reason="no capacity")
        if endpoint in self._guarded and self.simulation.is_short:
            guarded = self._guarded.pop(endpoint)
            self._pending[endpoint] = replace(guarded.old, failure_reason="no capacity")
        self.settle_endpoint(endpoint)
        if endpoint in self._pending or endpoint in self._guarded or endpoint in self._maintained:
            self._begin(endpoint, seconds)
        self.simulation.served(endpoint)

    def maintain_for(self, endpoint: str, seconds: float) -> None:
        now = self.endpoints.get(endpoint)
        if now is not None and now.is_settled:
            self.maintain(endpoint)
            self._begin(endpoint, seconds)

    def _create(self, endpoint: str, config: str) -> None:
        self.simulation.writes(endpoint, f"create endpoint with {config}")
        super()._create(endpoint, config)
        self._begin_change(endpoint, 180)

    def _use(self, endpoint: str, config: str, deployment: Deployment | None) -> None:
        before = self._free(endpoint)
        super()._use(endpoint, config, deployment)
        self.simulation.replaces(endpoint, before.config, config)
        self.simulation.writes(endpoint, f"update {endpoint} to {config}")
        self._begin_change(endpoint, 150)

    def _change(self, endpoint: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        super()._change(endpoint, changes)
        said = ", ".join(f"{name} {key} {value}" for name, one in changes.items() for key, value in one.items())
        self.simulation.writes(endpoint, f"change {said}")
        self._begin_change(endpoint, 30)
        self.simulation.served(endpoint)

    def _delete(self, endpoint: str) -> None:
        super()._delete(endpoint)
        self.simulation.writes(endpoint, f"delete {endpoint}")
        self._begin_change(endpoint, 60)
        self.simulation.served(endpoint)


@dataclass
class SimulatedRegistry(FakeRegistry):
    """Tells of every change, whoever makes it."""

    simulation: Any = None

    def _set(self, arn: str, **changes: str) -> None:
        super()._set(arn, **changes)
        names = {
            "approval": "ModelApprovalStatus",
            "description": "ApprovalDescription",
            "status": "ModelPackageStatus",
        }
        self._tell(arn, [names[each] for each in changes if each in names])

    def _annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        super()._annotate(arn, properties)
        self._tell(arn, ["CustomerMetadataProperties"])

    def _tell(self, arn: str, fields: list[str]) -> None:
        package = self.packages.get(arn)
        if package is None:  # somebody has deleted it
            return
        self.simulation.emit(
            PACKAGE_CHANGE,
            {
                "ModelPackageArn": arn,
                "ModelPackageGroupName": package.group,
                "ModelApprovalStatus": package.approval,
                "UpdatedModelPackageFields": fields,
                "LastModifiedTime": package.last_modified.isoformat(),
            },
        )


@dataclass
class SimulatedEvents(FakeEvents):
    """The bus: what our functions and tools tell goes where the template's rules send it."""

    simulation: Any = None

    def publish(self, detail_type: str, **detail: Any) -> None:
        def effect() -> None:
            self._told(detail_type, detail)

        self.faults.around(effect)

    def put(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[int, str]:
        def effect() -> None:
            for kind, detail in events:
                self._told(kind, dict(detail))

        self.faults.around(effect)
        return {}

    def _told(self, kind: str, detail: dict[str, Any]) -> None:
        self.published.append((kind, detail))
        self.simulation.emit(kind, detail)


class VariantCounts(Mapping[str, Counts]):
    """Requests and errors of any variant: those of a bad version fail."""

    GOOD, BAD = Counts(requests=1800, errors=2), Counts(requests=1800, errors=540)

    def __init__(self, bad: frozenset[int]) -> None:
        self._bad = bad

    def __getitem__(self, variant: str) -> Counts:
        return self.BAD if int(variant.removeprefix("v").split("-")[0]) in self._bad else self.GOOD

    def __contains__(self, variant: object) -> bool:
        return str(variant).startswith("v")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class SimulatedTable(FakeTable):
    """The table, with a look at what is in it from outside."""

    def look_at(self, pk: str, sort: str) -> Mapping[str, Any]:
        return self._items.get((pk, sort), {})

    def look_all(self, sort: str) -> list[dict[str, Any]]:
        return [dict(item) for (_, at), item in sorted(self._items.items()) if at == sort]

    def look(self, pk: str, prefix: str) -> list[dict[str, Any]]:
        return [dict(item) for (at, sort), item in sorted(self._items.items()) if at == pk and sort.startswith(prefix)]


class ResultTable(SimulatedTable):
    """The table of inferences: one that is ready stays ready, whoever writes it."""

    def __init__(self, faults: Any, simulation: Any) -> None:
        super().__init__(faults)
        self._simulation = simulation

    def _check(self, key: Mapping[str, Any], condition: str, values: Mapping[str, Any]) -> None:
        super()._check(key, condition, values)
        before = self._items.get((key["pk"], key["sk"]), {})
        if "status" not in key:
            return
        if before.get("status") == "ready" and key["status"] != "ready":
            self._simulation.violate("a result is final", f"{key['pk']} was ready and is {key['status']}")
        if lost := _failures(before) - _failures(key):
            said = f"{key['pk']} is {key['status']} and forgets its failures of {sorted(lost)}"
            self._simulation.violate("every failed invocation counts", said)


def _failures(item: Mapping[str, Any]) -> set[str]:
    """When SageMaker received the invocations that failed."""
    return {each["received_at"] for each in json.loads(item.get("failures", "[]"))}


def share_by_version(state: EndpointState | None, names: Any) -> dict[int, float]:
    """Which versions have which part of the traffic; 0 stands for a model that is none of ours."""
    found: dict[int, float] = {}
    for each in state.variants if state is not None and state.status not in ("Creating", "Failed", "Deleting") else ():
        version = names.version_served(each.name, each.model) or 0
        found[version] = found.get(version, 0.0) + (state.share(each.name) if state else 0.0)
    return found
