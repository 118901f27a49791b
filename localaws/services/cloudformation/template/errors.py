"""Why a template could not be deployed."""

from __future__ import annotations


class TemplateError(Exception):
    """The template is wrong, or uses something this engine does not know."""


class PropertyError(TemplateError):
    """A property of one resource is unknown here or has a value of the wrong type."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"property {path}: {problem}")


class DeployError(Exception):
    """A resource could not be made; names the resource. What was made before it stays, as after a crash."""

    def __init__(self, stack: str, logical_id: str, resource_type: str, cause: str) -> None:
        super().__init__(f"stack {stack}, resource {logical_id} ({resource_type}): {cause}")
        self.logical_id = logical_id
        self.resource_type = resource_type
        self.cause = cause
