"""What the handler of a resource is given: its properties, each to be used or refused, and the AWS API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from localaws.services.cloudformation.resources.names import generated_name, random_suffix
from localaws.services.cloudformation.resources.shapes import shaped
from localaws.services.cloudformation.resources.stack import DeployedResource
from localaws.services.cloudformation.resources.tags import tag_list, tag_map
from localaws.services.cloudformation.template.errors import PropertyError, TemplateError

# Error codes by which the services say that something does not exist.
_GONE = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)


class AlreadyExistsError(TemplateError):
    """The template names a resource that is there already and does not belong to this stack."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"Resource handler returned message: \"Resource of type '{kind}' with identifier '{name}' already exists.\""
            " (HandlerErrorCode: AlreadyExists)"
        )


@dataclass(slots=True, kw_only=True)
class Creation:
    """One resource about to be created, or updated to these properties."""

    stack: str
    logical_id: str
    type: str
    account: str
    region: str
    properties: dict[str, Any]  # evaluated: no intrinsic function is left
    client: Callable[[str], Any]  # botocore client of a service
    suffix: str = field(default_factory=random_suffix)  # of a generated name
    physical_id: str | None = None  # once the resource exists, its settings perhaps not yet
    _used: set[str] = field(default_factory=set)
    _writes_whole: bool = False

    def take(self, name: str, default: Any = None) -> Any:
        """A property's value. Whoever takes one answers for acting on it."""
        self._used.add(name)
        return self.properties.get(name, default)

    def need(self, name: str) -> Any:
        """A property that CloudFormation requires."""
        value = self.take(name)
        if value is None:
            raise PropertyError(name, "is required")
        return value

    def rest(self) -> dict[str, Any]:
        """Every property not yet taken, for an API call that knows them by the same names or refuses them."""
        left = {name: value for name, value in self.properties.items() if name not in self._used}
        self._used |= left.keys()
        return left

    def whole(self) -> dict[str, Any]:
        """Like ``rest``, for an API call that resets to its default what it is not given."""
        self._writes_whole = True
        return self.rest()

    def exists_as(self, physical_id: str) -> None:
        """Say that the resource exists from now on: should the rest of its creation fail, it is deleted again."""
        self.physical_id = physical_id

    def accept(self, names: Iterable[str]) -> None:
        """Count these properties as used, whether the template gives them or not."""
        self._used |= set(names)

    def taken(self) -> frozenset[str]:
        """The properties that somebody answers for so far."""
        return frozenset(self._used)

    def refuse_unused(self) -> None:
        """Raise PropertyError if a property was taken by nobody: it would have been dropped."""
        self.refuse_unapplied(self.properties)

    def refuse_unapplied(self, names: Iterable[str]) -> None:
        """Raise PropertyError for the first of these properties that was taken by nobody."""
        for name in sorted(set(names) - self._used):
            if name in self.properties or not self._writes_whole:
                raise PropertyError(name, "not supported by the local CloudFormation")

    def refuse_change(self, deployed: DeployedResource, name: str, why: str) -> None:
        """Raise PropertyError if this property is about to change."""
        if self.take(name) != deployed.properties.get(name):
            raise PropertyError(name, why)

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call an AWS API with values coerced to its types; members that are None are left out."""
        client = self.client(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        given = {name: value for name, value in params.items() if value is not None}
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**shaped(given, shape, ""))
        return answer

    def call_unless_gone(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Like ``call``, for clearing up: None when what it is about does not exist."""
        try:
            return self.call(service, operation, params)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            return None

    def text_attributes(self, names: Iterable[str]) -> dict[str, Any]:
        """Those of the properties that an API takes as text attributes; maps become JSON."""
        given = {name: self.take(name) for name in names}
        return {name: _attribute(value) for name, value in given.items() if value is not None}

    def changed_attributes(self, deployed: DeployedResource, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """Of the attributes that ``defaults`` names those that changed; the default of one that is not given now."""
        before = deployed.properties
        return {
            name: _attribute(self.take(name, default))
            for name, default in defaults.items()
            if before.get(name) != self.take(name)
        }

    def name_from(self, property_name: str, *, longest: int, lower: bool = False) -> str:
        """The name the template gives, else one made of the stack's and the resource's, as AWS does it."""
        given = self.take(property_name)
        if given is not None:
            return str(given)
        name = generated_name(self.stack, self.logical_id, self.suffix, longest=longest)
        return name.lower() if lower else name

    def refuse_existing(self, name: str, service: str, operation: str, params: Mapping[str, Any]) -> None:
        """Raise AlreadyExistsError if the reading ``operation`` finds something.

        For APIs that would silently take over or overwrite what belongs to others: a create handler of CloudFormation
        may not ("must return AlreadyExists", resource type handler contract of the CloudFormation CLI guide).
        """
        if self.call_unless_gone(service, operation, params) is not None:
            raise AlreadyExistsError(self.type, name)

    def generated_id(self, *, longest: int = 255) -> str:
        """A physical id for what has no name of its own, such as a policy of a queue."""
        return generated_name(self.stack, self.logical_id, self.suffix, longest=longest)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def tags(self, key: str = "Key", value: str = "Value") -> list[dict[str, str]] | None:
        """The ``Tags`` list with the member names an API uses, None when there are none."""
        return tag_list(tag_map(self.take("Tags")), key, value) or None

    def tag_map(self) -> dict[str, str] | None:
        return tag_map(self.take("Tags")) or None


def _attribute(value: Any) -> Any:
    return document(value) if isinstance(value, Mapping) else value


def document(value: Any) -> str | None:
    """A policy or pattern written as YAML in the template, as the JSON text an API takes."""
    return value if value is None or isinstance(value, str) else json.dumps(value)
