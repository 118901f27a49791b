"""What CloudFormation can do with a resource of one type: create it, update it in place, delete it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.stack import DeployedResource, Made

Create = Callable[[Creation], Made]
Update = Callable[[Creation, DeployedResource], Made]
Delete = Callable[[Creation, DeployedResource], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceHandler:
    """The three operations on a resource type, each through the AWS API that CloudFormation calls.

    All raise TemplateError, botocore's ClientError or ParamValidationError. A ``create`` that raises leaves nothing
    behind; both it and ``update`` refuse, by name, properties they do not know. ``update`` is for changes of properties
    that are not in ``replaced_by``; properties removed from the template return to their default. ``delete`` goes by
    what was deployed, not by the properties of the ``Creation``, and tolerates what is gone already.
    """

    create: Create
    update: Update
    delete: Delete
    replaced_by: frozenset[str]  # top-level properties whose change makes a new resource


def handler(create: Create, update: Update, delete: Delete, *, replaced_by: tuple[str, ...] = ()) -> ResourceHandler:
    """A handler that refuses, by name, each property that was given or changed and that its functions did not take."""
    replacing = frozenset(replaced_by)

    def checked_create(creation: Creation) -> Made:
        try:
            made = create(creation)
            creation.exists_as(made.physical_id)
            creation.refuse_unused()
        except Exception:
            if creation.physical_id is not None:
                with suppress(ClientError):  # the failure of the creation is what has to be told
                    delete(creation, _half_made(creation, creation.physical_id))
            raise
        return made

    def checked_update(creation: Creation, deployed: DeployedResource) -> Made:
        changed = changed_properties(deployed.properties, creation.properties) - replacing
        made = update(creation, deployed)
        creation.refuse_unapplied(changed)
        creation.accept(creation.properties.keys() - changed)
        return made

    return ResourceHandler(create=checked_create, update=checked_update, delete=delete, replaced_by=replacing)


def _half_made(creation: Creation, physical_id: str) -> DeployedResource:
    return DeployedResource(
        logical_id=creation.logical_id,
        type=creation.type,
        physical_id=physical_id,
        attributes={},
        properties=creation.properties,
        created_at=datetime.now(UTC),
        duration_seconds=0.0,
    )


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
