"""A function of the sample application."""

from collections.abc import Mapping
from typing import Any


def handler(event: Mapping[str, Any], _context: object) -> Mapping[str, Any]:
    return event
