"""What CloudFormation can do with a resource of one type: create it, update it in place, delete it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.stack import DeployedResource, Made

Create = Callable[[Creation], Made]
Update = Callable[[Creation, DeployedResource], Made]
Delete = Callable[[Creation, DeployedResource], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceHandler:
    """The three operations on a resource type, each through the AWS API that CloudFormation calls.

    All raise TemplateError, botocore's ClientError or ParamValidationError. After ``create`` and ``update`` the
    caller asks ``Creation.refuse_unused``. ``update`` is for changes of properties that are not in ``replaced_by``;
    properties removed from the template return to their default. ``delete`` goes by what was deployed, not by the
    properties of the ``Creation``, and tolerates what is gone already.
    """

    create: Create
    update: Update
    delete: Delete
    replaced_by: frozenset[str]  # top-level properties whose change makes a new resource


def handler(create: Create, update: Update, delete: Delete, *, replaced_by: tuple[str, ...] = ()) -> ResourceHandler:
    """A handler whose ``update`` refuses, by name, each changed property that it did not take."""
    replacing = frozenset(replaced_by)

    def checked_update(creation: Creation, deployed: DeployedResource) -> Made:
        changed = changed_properties(deployed.properties, creation.properties) - replacing
        made = update(creation, deployed)
        creation.refuse_unapplied(changed)
        creation.accept(creation.properties.keys() - changed)
        return made

    return ResourceHandler(create=create, update=checked_update, delete=delete, replaced_by=replacing)


def changed_properties(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Names of the top-level properties that were added, removed, or have another value."""
    nothing = object()
    return {name for name in before.keys() | after.keys() if before.get(name, nothing) != after.get(name, nothing)}


def update_nothing(_creation: Creation, deployed: DeployedResource) -> Made:
    """The update of a type that any change replaces: there is nothing to apply."""
    return made_before(deployed)


def made_before(deployed: DeployedResource) -> Made:
    """The resource as it was, for an update that changes neither id nor attributes."""
    return Made(physical_id=deployed.physical_id, attributes=deployed.attributes)
