"""How stored fields outlive a change of release. Pure.

While functions are updated one after the other, and after a rollback of the stack, functions of the previous release
read what those of this one store. They refuse fields that they do not know. So fields that were added since are stored
in an attribute of their own, which they leave alone; and what this release does not know, it ignores.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

FieldsByPath = Mapping[str, Any]
"""Values by where they belong: the names on the way to them, joined by dots."""


def split_added(stored: Mapping[str, Any], added: Iterable[str]) -> tuple[dict[str, Any], FieldsByPath]:
    """``stored`` without the fields at the paths ``added``, and these apart. A path that leads nowhere is no error."""
    known: dict[str, Any] = json.loads(json.dumps(stored))
    apart: dict[str, Any] = {}
    for path in added:
        *way, name = path.split(".")
        place: Any = known
        for part in way:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict) and name in place:
            apart[path] = place.pop(name)
    return known, apart


def join_added(known: Mapping[str, Any], apart: FieldsByPath) -> dict[str, Any]:
    """What ``split_added`` has taken apart. A field whose place is gone is left out."""
    whole: dict[str, Any] = json.loads(json.dumps(known))
    for path, value in apart.items():
        *way, name = path.split(".")
        place: Any = whole
        for part in way:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[name] = value
    return whole


def known_parts(stored: Mapping[str, Any], parts: Mapping[str, type[Any]]) -> dict[str, Any]:
    """The fields that this release knows: ``known_fields`` of each part.

    ``parts``: the dataclass of the whole (``""``) and of what lies at each path, one value or each of a list.
    """
    whole = known_fields(parts[""], json.loads(json.dumps(stored)))
    for path, of in parts.items():
        *way, name = path.split(".")
        place: Any = whole
        for part in way:
            place = place.get(part) if isinstance(place, dict) else None
        if not path or not isinstance(place, dict) or not place.get(name):
            continue
        found = place[name]
        place[name] = [known_fields(of, each) for each in found] if isinstance(found, list) else known_fields(of, found)
    return whole


def known_fields(of: type[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stored fields that the dataclass ``of`` has; a later release may have stored others as well."""
    names = {each.name for each in fields(of)}
    return {name: value for name, value in stored.items() if name in names}
