"""What dataclasses share whose methods the build has written out. The built layer carries this module at its top.

``@dataclass`` writes the source of a class's methods and compiles it each time the class is defined, that is, in every
cold start. The build does that once, and refers to this module for what is the same in every class or seldom needed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, FrozenInstanceError, dataclass, fields, replace
from reprlib import recursive_repr
from types import MemberDescriptorType
from typing import Any

__all__ = [
    "Factory",
    "Fields",
    "FrozenInstanceError",
    "Parameters",
    "assign",
    "copy_with",
    "default_of",
    "get_state",
    "represent",
    "set_state",
]

assign = object.__setattr__
"""Sets an attribute of a frozen instance, which only its ``__init__`` may do."""


class Factory:
    """Stands in a signature for a default that is made anew by each call."""

    __slots__ = ("make",)

    def __init__(self, declared: Field[Any]) -> None:
        self.make: Callable[[], Any] = declared.default_factory  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<factory>"


def default_of(base: type, name: str) -> Any:
    """The default of an inherited field, as ``__init__`` is to have it in its signature."""
    declared = base.__dataclass_fields__[name]  # type: ignore[attr-defined]
    return Factory(declared) if callable(declared.default_factory) else declared.default


class Fields:
    """``__dataclass_fields__``, which ``fields``, ``replace``, ``asdict`` and ``is_dataclass`` read, made at first use.

    ``defaults``: of the fields whose default cannot stay an attribute of the class: a value, or what ``field(...)``
    returned.
    """

    def __init__(self, kw_only: bool = False, /, **defaults: Any) -> None:
        self._kw_only = kw_only
        self._defaults = defaults

    def __set_name__(self, owner: type, _name: str) -> None:
        self._owner = owner

    def __get__(self, _instance: object, _subclass: type) -> dict[str, Field[Any]]:
        found: dict[str, Field[Any]] = {}
        for base in self._owner.__mro__[-1:0:-1]:
            found |= getattr(base, "__dataclass_fields__", {})
        found |= self._own()
        self._owner.__dataclass_fields__ = found  # type: ignore[attr-defined]
        return found

    def _own(self) -> dict[str, Field[Any]]:
        """Read by the standard library from a class with the same annotations and no methods: none are compiled."""
        annotations = inspect.get_annotations(self._owner)
        attributes = {name: value for name, value in vars(self._owner).items() if name in annotations}
        left = {name: value for name, value in attributes.items() if not isinstance(value, MemberDescriptorType)}
        body = {
            "__annotations__": annotations,
            "__doc__": "",
            "__module__": self._owner.__module__,
            **left,
            **self._defaults,
        }
        declare = dataclass(init=False, repr=False, eq=False, match_args=False, kw_only=self._kw_only)
        declared: Any = declare(type(self._owner.__name__, (), body))
        own: dict[str, Field[Any]] = declared.__dataclass_fields__
        return own


class Parameters:
    """``__dataclass_params__``, which the standard library reads when a dataclass is derived, made at first use."""

    def __init__(self, **given: bool) -> None:
        self._given = given

    def __set_name__(self, owner: type, _name: str) -> None:
        self._owner = owner

    def __get__(self, _instance: object, _subclass: type) -> Any:
        declared: Any = dataclass(**self._given)(type(self._owner.__name__, (), {"__doc__": ""}))
        found = declared.__dataclass_params__
        self._owner.__dataclass_params__ = found  # type: ignore[attr-defined]
        return found


@recursive_repr()
def represent(self: Any) -> str:
    """``Name(field=value, ...)``; ``...`` for an instance inside itself."""
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({shown})"


def get_state(self: Any) -> list[Any]:
    """The fields in their order, for ``pickle`` and ``copy`` of a frozen class with slots."""
    return [getattr(self, each.name) for each in fields(self)]


def set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(fields(self), state, strict=False):
        assign(self, each.name, value)


def copy_with(self: Any, /, **changes: Any) -> Any:
    """For ``copy.replace`` of Python 3.13."""
    return replace(self, **changes)
