"""Rules between the fields of a spec, and which of them a spec violates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.errors import Problem


@dataclass(frozen=True, slots=True)
class Rule:
    """A check of the values at some paths; it is skipped if one of them is invalid by itself.

    ``a[].b`` stands for the ``b`` of each valid item of list ``a``, as a mapping from path to value.
    """

    needs: tuple[str, ...]
    find: Callable[..., Iterator[Problem]]


def broken_rules(values: Mapping[str, Any], rules: Sequence[Rule]) -> Iterator[Problem]:
    """The problems between ``values``, which are the valid fields by path."""
    for rule in rules:
        needed = [_at(values, path) for path in rule.needs]
        if None not in needed:
            yield from rule.find(*needed)


def _at(values: Mapping[str, Any], path: str) -> Any:
    if "[]" not in path:
        return values.get(path)
    each = re.compile(re.escape(path).replace(r"\[\]", r"\[\d+\]"))
    return {found: value for found, value in values.items() if each.fullmatch(found)} or None
