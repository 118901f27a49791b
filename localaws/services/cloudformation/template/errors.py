"""Why a template could not be deployed."""

from __future__ import annotations


class TemplateError(Exception):
    """The template is wrong, or uses something this engine does not know."""


class PropertyError(TemplateError):
    """A property of one resource is unknown here or has a value of the wrong type."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"property {path}: {problem}")
