"""Kinds of value that contain other values: optional ones, lists, and a pipeline's parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from sluice.spec.schema.reading import INVALID, Invalid, Kind, Reading, child, element, kind_of


@dataclass(frozen=True, slots=True)
class Maybe:
    """What ``of`` allows, or nothing (``null``)."""

    of: Kind

    @property
    def suffix(self) -> str:
        return self.of.suffix

    @property
    def allowed(self) -> str:
        return f"{self.of.allowed}, or null"

    def read(self, raw: object, path: str, reading: Reading) -> Any:
        return None if raw is None else self.of.read(raw, path, reading)

    def write(self, value: Any) -> object:
        return None if value is None else self.of.write(value)


@dataclass(frozen=True, slots=True)
class OrOff:
    """What ``of`` allows, or ``off``, which is kept as None."""

    of: Kind

    @property
    def suffix(self) -> str:
        return self.of.suffix

    @property
    def allowed(self) -> str:
        return f"{self.of.allowed}, or off"

    def read(self, raw: object, path: str, reading: Reading) -> Any:
        if raw is False or raw == "off":  # YAML takes a bare off for false
            return None
        alone = Reading()
        value = self.of.read(raw, path, alone)
        for problem in alone.problems:
            reading.refuse(path, raw, self.allowed, problem.message)
        return value

    def write(self, value: Any) -> object:
        return "off" if value is None else self.of.write(value)


@dataclass(frozen=True, slots=True)
class Items:
    """A list of ``least`` to ``most`` values of one kind."""

    of: Kind
    least: int
    most: int

    @property
    def suffix(self) -> str:
        return ""

    @property
    def allowed(self) -> str:
        return f"a list of {self.least} to {self.most}"

    def read(self, raw: object, path: str, reading: Reading) -> tuple[Any, ...] | Invalid:
        if not isinstance(raw, list | tuple):
            return reading.refuse(path, raw, self.allowed, f"is {kind_of(raw)}, not a list")
        values = tuple(self.of.read(item, element(path, index), reading) for index, item in enumerate(raw))
        if not self.least <= len(raw) <= self.most:
            return reading.refuse(path, raw, self.allowed, f"has {len(raw)} items")
        return INVALID if INVALID in values else values

    def write(self, value: Sequence[Any]) -> list[object]:
        return [self.of.write(item) for item in value]


_PARAMETER_NAME: Final = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,255}")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Values for a pipeline's parameters, by name; kept as text, which is how SageMaker takes them all."""

    most: int
    taken: tuple[str, ...] = ()
    """Names that Sluice itself fills."""

    @property
    def suffix(self) -> str:
        return ""

    @property
    def allowed(self) -> str:
        return f"up to {self.most} lines of Name: value"

    def read(self, raw: object, path: str, reading: Reading) -> Mapping[str, str] | Invalid:
        if not isinstance(raw, Mapping):
            return reading.refuse(path, raw, self.allowed, f"is {kind_of(raw)}, not a mapping")
        if len(raw) > self.most:
            return reading.refuse(path, raw, self.allowed, f"has {len(raw)} parameters")
        values = {str(name): self._read_one(name, raw[name], path, reading) for name in raw}
        texts = {name: value for name, value in values.items() if isinstance(value, str)}
        return texts if len(texts) == len(raw) else INVALID

    def _read_one(self, name: object, raw: object, path: str, reading: Reading) -> str | Invalid:
        path = child(path, str(name))
        if not isinstance(name, str) or not _PARAMETER_NAME.fullmatch(name):
            allowed = "letters, digits and inner hyphens (EventBridge refuses underscores), 1 to 256 characters"
            return reading.refuse(path, raw, allowed, f"{name!r} is no parameter name")
        if name in self.taken:
            return reading.refuse(path, raw, "any other parameter", "is filled by Sluice itself")
        value = _as_parameter_text(raw)
        if value is None or not 1 <= len(value) <= 1024:
            allowed = "text of 1 to 1024 characters, a finite number, true or false"
            return reading.refuse(path, raw, allowed, f"is {kind_of(raw)} that no parameter can hold")
        return value

    def write(self, value: Mapping[str, str]) -> dict[str, str]:
        return dict(value)


def _as_parameter_text(raw: object) -> str | None:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int) or (isinstance(raw, float) and isfinite(raw)):
        return str(raw)
    return raw if isinstance(raw, str) else None
