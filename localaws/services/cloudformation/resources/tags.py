"""What changes between two sets of tags. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tag_map(tags: Any) -> dict[str, str]:
    """Tags as a map, be they written as a list of Key and Value or, as some types have it, as a map."""
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or ()}


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as the list of an API, with its member names."""
    return [{key: name, value: text} for name, text in tags.items()]


def tag_changes(before: Any, after: Any) -> tuple[dict[str, str], list[str]]:
    """The tags to set, new or changed, and the keys to remove."""
    old, new = tag_map(before), tag_map(after)
    return {key: value for key, value in new.items() if old.get(key) != value}, sorted(old.keys() - new.keys())
