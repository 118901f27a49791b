"""A deployed stack with its resources and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A resource that exists: what ``Ref`` gives, and what ``Fn::GetAtt`` gives by attribute name."""

    physical_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedResource:
    """A resource of a stack, and how long making it took."""

    logical_id: str
    type: str
    physical_id: str
    attributes: Mapping[str, str]
    properties: Mapping[str, Any]  # evaluated: no intrinsic function is left
    created_at: datetime
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output of a stack; ``export`` is the name other stacks would import it by."""

    value: str
    description: str = ""
    export: str | None = None


@dataclass(slots=True, kw_only=True)
class Stack:
    """A stack as far as it has come; ``status`` is CloudFormation's own word for it."""

    name: str
    arn: str
    description: str
    parameters: Mapping[str, str]
    template: Mapping[str, Any]
    created_at: datetime
    status: str = "CREATE_IN_PROGRESS"
    status_reason: str = ""
    resources: dict[str, DeployedResource] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)

    def output(self, name: str) -> str:
        """The value of one output; KeyError if the stack has no such output."""
        return self.outputs[name].value

    def physical_id(self, logical_id: str) -> str:
        """What ``Ref`` of the resource gives; KeyError if the stack has no such resource."""
        return self.resources[logical_id].physical_id
