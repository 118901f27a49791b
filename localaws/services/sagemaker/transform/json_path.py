"""The JSONPath subset of batch transform's filters: ``$``, ``.name``, ``['a','b']``, ``[0,-1]``, ``[1:]``, ``*``.

Pure. A path that can name several things (``[0,5:]``, ``['a','b']``, ``[*]``) must end there: what SageMaker does
with a path that goes on behind one is not documented.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

ALL = "*"


class PathError(ValueError):
    """The expression is not of the subset, or the data has nothing at the place it names."""


@dataclass(frozen=True, slots=True)
class MemberName:
    """One member of an object."""

    name: str


Selector = MemberName | int | slice | str  # str: ALL
PathStep = tuple[Selector, ...]

_STEP = re.compile(r"\.([A-Za-z_][\w-]*|\*)|\[([^\[\]]+)\]")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_INDEX = re.compile(r"-?\d+")
_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?")


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A parsed path."""

    text: str
    steps: tuple[PathStep, ...]

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Raises PathError for what is not of the subset."""
        if not text.startswith("$"):
            raise PathError(f"The JSONPath {text!r} does not begin with $.")
        steps: list[PathStep] = []
        at = 1
        while at < len(text):
            match = _STEP.match(text, at)
            if match is None or (steps and _is_plural(steps[-1])):
                raise PathError(f"The JSONPath {text!r} is not supported.")
            steps.append(_step(match[1], match[2], text))
            at = match.end()
        return cls(text, tuple(steps))

    @property
    def is_root(self) -> bool:
        """Whether it selects everything."""
        return not self.steps

    def select(self, value: Any) -> Any:
        """What the path names in ``value``; several things as a list, or as an object when they are members.

        Raises PathError when there is nothing: slices alone may be empty.
        """
        for step in self.steps:
            value = self._several(step, value) if _is_plural(step) else self._one(step[0], value)
        return value

    def _one(self, selector: Selector, value: Any) -> Any:
        if isinstance(selector, MemberName) and isinstance(value, dict) and selector.name in value:
            return value[selector.name]
        if isinstance(selector, int) and isinstance(value, list) and -len(value) <= selector < len(value):
            return value[selector]
        raise PathError(f"The data has nothing at {self.text}.")

    def _several(self, step: PathStep, value: Any) -> Any:
        if step == (ALL,):
            return list(value.values()) if isinstance(value, dict) else value
        if all(isinstance(selector, MemberName) for selector in step):
            return {selector.name: self._one(selector, value) for selector in step if isinstance(selector, MemberName)}
        if not isinstance(value, list):
            raise PathError(f"The data has no array at {self.text}.")
        picked: list[Any] = []
        for selector in step:
            picked += value[selector] if isinstance(selector, slice) else [self._one(selector, value)]
        return picked


def _is_plural(step: PathStep) -> bool:
    return len(step) > 1 or isinstance(step[0], slice) or step[0] == ALL


def _step(dotted: str | None, bracketed: str | None, text: str) -> PathStep:
    if dotted is not None:
        return (ALL,) if dotted == ALL else (MemberName(dotted),)
    parts = re.findall(r"'[^']*'|\"[^\"]*\"|[^,\s]+", bracketed or "")
    step = tuple(_selector(part, text) for part in parts)
    kinds = {isinstance(selector, MemberName) for selector in step}
    if not step or len(kinds) > 1 or (len(step) > 1 and ALL in step):
        raise PathError(f"The JSONPath {text!r} is not supported.")
    return step


def _selector(part: str, text: str) -> Selector:
    if quoted := _QUOTED.fullmatch(part):
        return MemberName(quoted[1] if quoted[1] is not None else quoted[2])
    if part == ALL:
        return ALL
    if _INDEX.fullmatch(part):
        return int(part)
    if cut := _SLICE.fullmatch(part):
        return slice(*(int(end) if end else None for end in cut.groups()))
    raise PathError(f"The JSONPath {text!r} is not supported.")
