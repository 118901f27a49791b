"""A small world of things that a stack can be made of, to see what becomes of them without any AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from localaws.services.cloudformation.execution.deletion import delete_stack
from localaws.services.cloudformation.execution.deployment import Deployment
from localaws.services.cloudformation.execution.environment import DeploymentEnvironment
from localaws.services.cloudformation.execution.preview import Change, preview
from localaws.services.cloudformation.resources.creation import AlreadyExistsError, Creation
from localaws.services.cloudformation.resources.handler import ResourceHandler
from localaws.services.cloudformation.resources.stack import DeployedResource, Made, Stack, Submission
from localaws.services.cloudformation.template.errors import PropertyError
from localaws.services.cloudformation.template.plain import PlainTemplate, read_plain

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@dataclass
class World:
    """Things by physical id. A thing whose ``Colour`` is broken cannot be made; changing ``Shape`` makes a new one."""

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)  # e.g. "create First"
    stuck: set[str] = field(default_factory=set)  # logical ids that cannot be deleted
    exporters: dict[str, str] = field(default_factory=dict)
    stack: Stack = field(
        default_factory=lambda: Stack(name="toys", arn="arn:aws:cloudformation:::stack/toys/1", created_at=NOW)
    )
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def deploy(self, resources: Mapping[str, Any], **options: Any) -> None:
        """Create the stack, or update it when there is something in it."""
        deployment = self.deployment(resources, **options.pop("template", {}))
        if self.stack.resources:
            deployment.update(**options)
        else:
            deployment.create(**options)

    def deployment(self, resources: Mapping[str, Any], **sections: Any) -> Deployment:
        template = self.template(resources, **sections)
        return Deployment(self.stack, template, Submission(text="..."), self.around, self.exporters.get)

    def preview(self, resources: Mapping[str, Any], **sections: Any) -> list[Change]:
        return preview(self.stack.resources, self.template(resources, **sections), self.around.handlers)

    def delete(self, **options: Any) -> None:
        delete_stack(self.stack, self.around, **options)

    def template(
        self, resources: Mapping[str, Any], *, parameters: Mapping[str, str] | None = None, **sections: Any
    ) -> PlainTemplate:
        template = {"Resources": resources, **sections}
        return read_plain(template, parameters or {}, pseudo_parameters={}, known_types=self.around.handlers.keys())

    @property
    def around(self) -> DeploymentEnvironment:
        handler = ResourceHandler(
            create=self._create, update=self._update, delete=self._delete, replaced_by=frozenset({"Shape", "ThingName"})
        )
        return DeploymentEnvironment(
            account="1",
            region="here",
            client=lambda service: service,
            now=lambda: NOW,
            handlers={"Toy": handler, "Box": handler},
            at_once=1,
        )

    def statuses(self, logical_id: str | None = None) -> list[str]:
        """What became of a resource, or of the stack itself, in order."""
        return [event.status for event in self.stack.events if event.logical_id == (logical_id or self.stack.name)]

    def _create(self, creation: Creation) -> Made:
        self.calls.append(f"create {creation.logical_id}")
        name = creation.properties.get("ThingName")
        if name is not None and any(thing.get("ThingName") == name for thing in self.things.values()):
            raise AlreadyExistsError(creation.type, name)
        self._apply(creation)
        physical_id = f"{creation.logical_id}-{next(self._numbers)}"
        self.things[physical_id] = creation.properties
        return _made(physical_id, creation)

    def _update(self, creation: Creation, deployed: DeployedResource) -> Made:
        self.calls.append(f"update {creation.logical_id}")
        self._apply(creation)
        self.things[deployed.physical_id] = creation.properties
        return _made(deployed.physical_id, creation)

    def _delete(self, creation: Creation, deployed: DeployedResource) -> None:
        self.calls.append(f"delete {creation.logical_id}")
        if creation.logical_id in self.stuck:
            raise PropertyError("Content", "is not empty")
        self.things.pop(deployed.physical_id, None)

    def _apply(self, creation: Creation) -> None:
        creation.accept(creation.properties.keys() - {"Unknown"})
        if creation.properties.get("Colour") == "broken":
            raise PropertyError("Colour", "cannot be broken")
        if creation.properties.get("Colour") == "defect":
            raise ZeroDivisionError("a defect of the handler")


def _made(physical_id: str, creation: Creation) -> Made:
    return Made(physical_id=physical_id, attributes={"Colour": str(creation.properties.get("Colour"))})
