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
from localaws.services.cloudformation.template.errors import PropertyError

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
    _used: set[str] = field(default_factory=set)

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

    def accept(self, names: Iterable[str]) -> None:
        """Count these properties as used, whether the template gives them or not."""
        self._used |= set(names)

    def refuse_unused(self) -> None:
        """Raise PropertyError if a property was taken by nobody: it would have been dropped."""
        self.refuse_unapplied(self.properties)

    def refuse_unapplied(self, names: Iterable[str]) -> None:
        """Raise PropertyError for the first of these properties that was taken by nobody."""
        for name in sorted(set(names) - self._used):
            raise PropertyError(name, "not supported by the local CloudFormation")

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

    def name_from(self, property_name: str, *, longest: int, lower: bool = False) -> str:
        """The name the template gives, else one made of the stack's and the resource's, as AWS does it."""
        given = self.take(property_name)
        if given is not None:
            return str(given)
        name = generated_name(self.stack, self.logical_id, self.suffix, longest=longest)
        return name.lower() if lower else name

    def generated_id(self) -> str:
        """A physical id for what has no name of its own, such as a policy of a queue."""
        return generated_name(self.stack, self.logical_id, self.suffix, longest=255)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def tags(self, key: str = "Key", value: str = "Value") -> list[dict[str, str]] | None:
        """The ``Tags`` list with the member names an API uses, None when there are none."""
        return [{key: str(tag["Key"]), value: str(tag["Value"])} for tag in self.take("Tags", [])] or None

    def tag_map(self) -> dict[str, str] | None:
        return {str(tag["Key"]): str(tag["Value"]) for tag in self.take("Tags", [])} or None


def document(value: Any) -> str | None:
    """A policy or pattern written as YAML in the template, as the JSON text an API takes."""
    return value if value is None or isinstance(value, str) else json.dumps(value)
