"""What the maker of a resource is given: its properties, each to be used or refused, and the AWS API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name

from localaws.services.cloudformation.resources.shapes import shaped
from localaws.services.cloudformation.resources.stack import Made
from localaws.services.cloudformation.template.errors import PropertyError


@dataclass(slots=True, kw_only=True)
class Creation:
    """One resource about to be made."""

    stack: str
    logical_id: str
    type: str
    account: str
    region: str
    properties: dict[str, Any]  # evaluated: no intrinsic function is left
    client: Callable[[str], Any]  # botocore client of a service
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

    def refuse_unused(self) -> None:
        """Raise PropertyError if a property was taken by nobody: it would have been dropped."""
        for name in sorted(self.properties.keys() - self._used):
            raise PropertyError(name, "not supported by the local CloudFormation")

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call an AWS API with values coerced to its types; members that are None are left out."""
        client = self.client(service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        given = {name: value for name, value in params.items() if value is not None}
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**shaped(given, shape, ""))
        return answer

    def name_from(self, property_name: str, *, longest: int) -> str:
        """The name the template gives, else one made of the stack's and the resource's, as AWS does it."""
        given = self.take(property_name)
        if given is not None:
            return str(given)
        suffix = hashlib.sha256(f"{self.stack}/{self.logical_id}".encode()).hexdigest()[:12]
        room = longest - len(suffix) - 1
        return f"{f'{self.stack}-{self.logical_id}'[:room]}-{suffix}"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def tags(self, key: str = "Key", value: str = "Value") -> list[dict[str, str]] | None:
        """The ``Tags`` list with the member names an API uses, None when there are none."""
        return [{key: str(tag["Key"]), value: str(tag["Value"])} for tag in self.take("Tags", [])] or None

    def tag_map(self) -> dict[str, str] | None:
        return {str(tag["Key"]): str(tag["Value"]) for tag in self.take("Tags", [])} or None


Maker = Callable[[Creation], Made]


def document(value: Any) -> str | None:
    """A policy or pattern written as YAML in the template, as the JSON text an API takes."""
    return value if value is None or isinstance(value, str) else json.dumps(value)
