"""The parts of the Amazon States Language that the fake state machine reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def choose(state: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """The state that a Choice leads to."""
    for choice in state["Choices"]:
        if "IsPresent" in choice:
            holds = (choice["Variable"].removeprefix("$.") in context) == choice["IsPresent"]
        else:
            holds = path_in(choice["Variable"], context) == choice["StringEquals"]
        if holds:
            return str(choice["Next"])
    return str(state["Default"])


def path_in(path: str, context: Mapping[str, Any]) -> Any:
    """What lies at a path such as ``$.step.status``."""
    found: Any = context
    for part in path.removeprefix("$").split("."):
        found = found[part] if part else found
    return found
