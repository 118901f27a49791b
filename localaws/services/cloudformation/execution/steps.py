"""Creates, updates and deletes single resources of a stack, each with its events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from localaws.services.cloudformation.execution.environment import DeploymentEnvironment
from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.stack import DeployedResource, Made, Stack
from localaws.services.cloudformation.template.errors import TemplateError

LOG = logging.getLogger(__name__)

# The property by which a resource of the type takes a name of the caller's, of those types whose name is their id.
_NAMES = {
    "AlarmName",
    "BucketName",
    "DashboardName",
    "FunctionName",
    "LogGroupName",
    "ManagedPolicyName",
    "Name",
    "QueueName",
    "RoleName",
    "StateMachineName",
    "TableName",
    "TopicName",
}


class StepFailedError(Exception):
    """A resource could not be created, updated or deleted; the stack's events say why."""

    left: DeployedResource | None = None  # what was created or updated, and is not as wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedResource:
    """A resource as the template wants it, with its properties evaluated."""

    logical_id: str
    type: str
    properties: dict[str, Any]
    dependencies: frozenset[str]
    entry: Mapping[str, Any]  # of the template

    def kept(self, before: DeployedResource) -> DeployedResource:
        """The deployed resource with what the template says about it and no call of an API is needed for."""
        return replace(
            before,
            dependencies=self.dependencies,
            deletion_policy=self.entry.get("DeletionPolicy", "Delete"),
            replace_policy=self.entry.get("UpdateReplacePolicy", "Delete"),
            metadata=self.entry.get("Metadata", {}),
        )


class ResourceSteps:
    """What is done to one resource at a time; every method but the constructor raises StepFailedError."""

    def __init__(self, stack: Stack, around: DeploymentEnvironment) -> None:
        self._stack = stack
        self._around = around

    def create(self, wanted: WantedResource, *, verb: str = "CREATE", reason: str = "") -> DeployedResource:
        """Make the resource; a StepFailedError carries what exists although it is not as wanted."""
        logical_id, kind, started = wanted.logical_id, wanted.type, self._around.now()
        self._tell(logical_id, kind, f"{verb}_IN_PROGRESS", "", reason)
        creation = self._creation(logical_id, kind, wanted.properties)

        def resource(made: Made) -> DeployedResource:
            return wanted.kept(
                DeployedResource(
                    logical_id=logical_id,
                    type=kind,
                    physical_id=made.physical_id,
                    attributes=made.attributes,
                    properties=wanted.properties,
                    created_at=started,
                    duration_seconds=(self._around.now() - started).total_seconds(),
                )
            )

        try:
            with self._failing(logical_id, kind, verb, ""):
                made = self._around.handlers[kind].create(creation)
                creation.exists_as(made.physical_id)
                creation.refuse_unused()
        except StepFailedError as error:
            if creation.physical_id is not None:
                error.left = resource(Made(physical_id=creation.physical_id))
            raise
        self._tell(logical_id, kind, f"{verb}_IN_PROGRESS", made.physical_id, "Resource creation Initiated")
        self._tell(logical_id, kind, f"{verb}_COMPLETE", made.physical_id, "")
        return resource(made)

    def replace(self, before: DeployedResource, wanted: WantedResource) -> DeployedResource:
        """A new resource in the place of an old one, which is left for the clean-up."""
        if name := custom_name(before, wanted.properties):
            problem = "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            self._fail(before.logical_id, before.type, "UPDATE", before.physical_id,
                       f"{problem}Rename {name} and update the stack again.")  # fmt: skip
        reason = "Requested update requires the creation of a new physical resource; hence creating one."
        return self.create(wanted, verb="UPDATE", reason=reason)

    def update(self, before: DeployedResource, wanted: WantedResource) -> DeployedResource:
        updated = self._update(before, wanted.properties)
        return wanted.kept(updated)

    def restore(self, now: DeployedResource, before: DeployedResource) -> DeployedResource:
        """Bring a resource back to the properties that it had before."""
        made = self._update(now, dict(before.properties))
        return replace(before, physical_id=made.physical_id, attributes=made.attributes)

    def _update(self, before: DeployedResource, properties: dict[str, Any]) -> DeployedResource:
        logical_id, kind = before.logical_id, before.type
        self._tell(logical_id, kind, "UPDATE_IN_PROGRESS", before.physical_id, "")
        creation = self._creation(logical_id, kind, properties)
        try:
            with self._failing(logical_id, kind, "UPDATE", before.physical_id):
                made: Made = self._around.handlers[kind].update(creation, before)
                creation.refuse_unused()
        except StepFailedError as error:
            error.left = replace(before, properties=half_applied(before.properties, properties, creation.taken()))
            raise
        self._tell(logical_id, kind, "UPDATE_COMPLETE", made.physical_id, "")
        return replace(before, physical_id=made.physical_id, attributes=made.attributes, properties=properties)

    def delete(self, resource: DeployedResource) -> None:
        logical_id, kind = resource.logical_id, resource.type
        self._tell(logical_id, kind, "DELETE_IN_PROGRESS", resource.physical_id, "")
        creation = self._creation(logical_id, kind, dict(resource.properties))
        with self._failing(logical_id, kind, "DELETE", resource.physical_id):
            self._around.handlers[kind].delete(creation, resource)
        self._tell(logical_id, kind, "DELETE_COMPLETE", resource.physical_id, "")

    def skip(self, resource: DeployedResource) -> None:
        """Leave a resource where it is: its policy says so."""
        self._tell(resource.logical_id, resource.type, "DELETE_SKIPPED", resource.physical_id, "")

    def keep(self, resource: DeployedResource) -> None:
        """Say that a resource is what it was before an update that failed."""
        self._tell(resource.logical_id, resource.type, "UPDATE_COMPLETE", resource.physical_id, "")

    def refuse(self, logical_id: str, kind: str, verb: str, reason: str) -> None:
        """Record that a resource cannot even be asked for."""
        self._tell(logical_id, kind, f"{verb}_FAILED", "", reason)

    def _creation(self, logical_id: str, kind: str, properties: dict[str, Any]) -> Creation:
        return Creation(
            stack=self._stack.name,
            logical_id=logical_id,
            type=kind,
            account=self._around.account,
            region=self._around.region,
            properties=properties,
            client=self._around.client,
        )

    def _failing(self, logical_id: str, kind: str, verb: str, physical_id: str) -> _Failing:
        return _Failing(lambda reason: self._fail(logical_id, kind, verb, physical_id, reason))

    def _fail(self, logical_id: str, kind: str, verb: str, physical_id: str, reason: str) -> None:
        self._tell(logical_id, kind, f"{verb}_FAILED", physical_id, reason)
        raise StepFailedError(f"{logical_id}: {reason}")

    def _tell(self, logical_id: str, kind: str, status: str, physical_id: str, reason: str) -> None:
        at = self._around.now()
        self._stack.tell(logical_id, kind, status, at, physical_id=physical_id, reason=reason)


class _Failing:
    """Turns what a handler raises into a failed step; a defect of a handler must not leave the stack hanging."""

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._fail = fail

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        if not isinstance(error, TemplateError | ClientError | ParamValidationError):
            LOG.error("a resource handler failed", exc_info=error)
            self._fail(f"Internal Failure: {error!r}")
        self._fail(str(error))


def half_applied(before: Mapping[str, Any], after: Mapping[str, Any], taken: Collection[str]) -> dict[str, Any]:
    """What a resource may be like after an update that failed: as it was, but for what its handler has taken."""
    kept = {name: value for name, value in before.items() if name not in taken}
    return kept | {name: value for name, value in after.items() if name in taken}


def custom_name(before: DeployedResource, properties: Mapping[str, Any]) -> str | None:
    """The name that the template gives the resource before and after, None when CloudFormation makes one up."""
    last = before.physical_id.replace(":", "/").rsplit("/", 1)[-1]
    for name in _NAMES & before.properties.keys() & properties.keys():
        value = str(before.properties[name])
        if value == str(properties[name]) and value in (before.physical_id, last):
            return value
    return None
