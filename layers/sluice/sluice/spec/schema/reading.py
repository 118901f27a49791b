"""What parsing a spec collects, and the protocol of every kind of value.

A kind never raises for bad input: it reports a problem to the ``Reading`` and returns ``INVALID``, so that
one pass over a file finds everything that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sluice.errors import Problem


class Invalid:
    """The type of ``INVALID``, which stands in place of a value that is invalid."""


INVALID: Final = Invalid()


@dataclass(slots=True)
class Reading:
    """The problems and values that one pass over a spec has found so far."""

    problems: list[Problem] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    """Every valid value by its path; rules between fields are checked on these."""

    def refuse(self, path: str, value: object, allowed: str, message: str) -> Invalid:
        self.problems.append(Problem(path, value, allowed, message))
        return INVALID


class Kind(Protocol):
    """One kind of value; ``suffix`` is the unit an attribute's name carries and the file's key does not."""

    @property
    def suffix(self) -> str: ...

    @property
    def allowed(self) -> str: ...

    def read(self, raw: object, path: str, reading: Reading) -> Any: ...

    def write(self, value: Any) -> object: ...


def child(path: str, key: str) -> str:
    """The path of a key in a mapping: ``rollout`` and ``judge`` make ``rollout.judge``."""
    return f"{path}.{key}" if path else key


def element(path: str, index: int) -> str:
    """The path of an item of a list, counted from 0: ``rollout.stages[1]``."""
    return f"{path}[{index}]"


def suggest(word: object, known: Sequence[str | int]) -> str:
    """A ", did you mean …?" when one of the known words is close, else nothing."""
    import difflib  # only for people who mistyped

    close = difflib.get_close_matches(str(word).lower(), [str(one) for one in known], n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


_KINDS: Final = {bool: "true/false", int: "a number", float: "a number", str: "text", type(None): "empty"}


def kind_of(raw: object) -> str:
    """The type of a YAML value, as its author would call it."""
    if isinstance(raw, Mapping):
        return "a mapping"
    if isinstance(raw, list | tuple):
        return "a list"
    return _KINDS.get(type(raw), f"a {type(raw).__name__}")
