"""Kinds of scalar values: each parses one YAML value and describes what it allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from sluice.spec.schema.reading import Invalid, Reading, kind_of, suggest


@dataclass(frozen=True, slots=True)
class _Plain:
    """A kind whose values are written as they are."""

    @property
    def suffix(self) -> str:
        return ""

    def write(self, value: Any) -> object:
        return value


@dataclass(frozen=True, slots=True)
class Text(_Plain):
    """Text of ``least`` to ``most`` characters that matches ``pattern``; ``example`` says so to people."""

    most: int
    least: int = 1
    pattern: str = r"[^\x00-\x1f\x7f]*"
    example: str = "text on one line"

    @property
    def allowed(self) -> str:
        return f"{self.example}, {self.least} to {self.most} characters"

    def read(self, raw: object, path: str, reading: Reading) -> str | Invalid:
        if not isinstance(raw, str):
            hint = "; put it in quotes" if isinstance(raw, bool | int | float) else ""
            return reading.refuse(path, raw, self.allowed, f"is {kind_of(raw)}, not text{hint}")
        if not self.least <= len(raw) <= self.most:
            return reading.refuse(path, raw, self.allowed, f"has {len(raw)} characters")
        if not re.fullmatch(self.pattern, raw):
            return reading.refuse(path, raw, self.allowed, f"{raw!r} has the wrong form")
        return raw


@dataclass(frozen=True, slots=True)
class Choice(_Plain):
    """One of ``values``; ``planned`` are known values that this release does not support yet."""

    values: tuple[str | int, ...]
    planned: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        return " | ".join(map(str, self.values))

    def read(self, raw: object, path: str, reading: Reading) -> str | int | Invalid:
        if isinstance(raw, str | int) and not isinstance(raw, bool) and raw in self.values:
            return raw
        if isinstance(raw, str) and raw in self.planned:
            return reading.refuse(path, raw, self.allowed, f"{raw!r} is not supported yet")
        return reading.refuse(path, raw, self.allowed, f"{raw!r} is unknown" + suggest(raw, self.values))


@dataclass(frozen=True, slots=True)
class Flag(_Plain):
    """Yes or no."""

    @property
    def allowed(self) -> str:
        return "true | false"

    def read(self, raw: object, path: str, reading: Reading) -> bool | Invalid:
        if not isinstance(raw, bool):
            return reading.refuse(path, raw, self.allowed, f"is {kind_of(raw)}, not true or false")
        return raw


@dataclass(frozen=True, slots=True)
class Whole(_Plain):
    """A whole number from ``least`` to ``most``."""

    least: int
    most: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def read(self, raw: object, path: str, reading: Reading) -> int | Invalid:
        if isinstance(raw, bool) or not isinstance(raw, int):
            return reading.refuse(path, raw, self.allowed, f"is {kind_of(raw)}, not a whole number")
        if not self.least <= raw <= self.most:
            return reading.refuse(path, raw, self.allowed, f"{raw} is out of range")
        return raw


@dataclass(frozen=True, slots=True)
class Number(_Plain):
    """A number from ``least`` to ``most``, both of which count unless ``inside`` says they do not."""

    least: float
    most: float
    inside: bool = False
    unit: str = ""

    @property
    def allowed(self) -> str:
        bounds = ("above {:g} and below {:g}" if self.inside else "from {:g} to {:g}").format(self.least, self.most)
        return f"a number {bounds} {self.unit}".rstrip()

    def read(self, raw: object, path: str, reading: Reading) -> float | Invalid:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return reading.refuse(path, raw, self.allowed, f"is {kind_of(raw)}, not a number")
        within = self.least < raw < self.most if self.inside else self.least <= raw <= self.most
        if not within:  # never true of NaN
            return reading.refuse(path, raw, self.allowed, f"{raw} is out of range")
        return float(raw)


_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Duration:
    """A time span in seconds, written with its unit: ``30s``, ``10m``, ``2h``, ``14d``."""

    least: int
    most: int

    @property
    def suffix(self) -> str:
        return "_seconds"

    @property
    def allowed(self) -> str:
        return f"a whole number with a unit (s, m, h or d), {self.write(self.least)} to {self.write(self.most)}"

    def read(self, raw: object, path: str, reading: Reading) -> int | Invalid:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return reading.refuse(path, raw, self.allowed, f"{raw} has no unit; {raw}s or {raw}m?")
        found = re.fullmatch(r"(\d{1,9})([smhd])", raw) if isinstance(raw, str) else None
        if found is None:
            return reading.refuse(path, raw, self.allowed, f"{raw!r} is not a time span")
        seconds = int(found[1]) * _UNITS[found[2]]
        if not self.least <= seconds <= self.most:
            return reading.refuse(path, raw, self.allowed, f"{raw} is out of range")
        return seconds

    def write(self, value: int) -> str:
        """In the largest unit that divides it, so that 600 is ``10m`` and 90 is ``90s``."""
        unit = max((u for u in _UNITS if value % _UNITS[u] == 0 and value), key=_UNITS.__getitem__, default="s")
        return f"{value // _UNITS[unit]}{unit}"
