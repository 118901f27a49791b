"""A small valid spec, and a way to break it in one place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

_SPEC: dict[str, Any] = {
    "name": "fraud",
    "data": {
        "target": "risk",
        "columns": [
            {"name": "age", "type": "number"},
            {"name": "shop", "type": "category", "categories": ["a", "b"]},
        ],
    },
    "pipeline": {"definition": "tabular", "parameters": {"NumRound": 50}},
    "endpoint": {"instance_type": "ml.m5.large"},
    "rollout": {"stages": [{"weight": 10, "bake": "10m"}, {"weight": 50, "bake": "10m"}]},
}

MISSING = object()


def spec_with(*changes: tuple[str, object]) -> dict[str, Any]:
    """The valid spec with values put at dotted paths (list items by number); ``MISSING`` removes one."""
    spec = deepcopy(_SPEC)
    for path, value in changes:
        *outer, last = (int(part) if part.isdigit() else part for part in path.split("."))
        place: Any = spec
        for part in outer:
            place = place[part] if isinstance(part, int) else place.setdefault(part, {})
        if value is MISSING:
            del place[last]
        else:
            place[last] = value
    return spec
