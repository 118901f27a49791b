"""A section of a spec is a dataclass: its fields are the keys, their annotations say what each may hold.

``weight: Annotated[int, Whole(1, 99), "Percent of the traffic"]`` is read, checked, written back, and
described to editors from that one line. A field without a default is required. Modules with sections do
not postpone annotations: evaluating them from text would take 10 ms of a function's first call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, get_origin

from sluice.spec.schema.reading import INVALID, Kind, Reading, child, suggest


@dataclass(frozen=True, slots=True)
class SpecField:
    """One key of a section."""

    key: str
    attribute: str
    kind: Kind
    meaning: str
    default: Any
    """``dataclasses.MISSING`` when the key is required."""


@cache
def fields_of(section: type) -> Mapping[str, SpecField]:
    """The keys of a section, in the order of its fields."""
    return {entry.key: entry for entry in map(_entry, fields(section))}


def _entry(declared: Any) -> SpecField:
    if get_origin(declared.type) is not Annotated:
        raise TypeError(f"{declared.name} is not described: {declared.type!r}")
    kind, meaning = declared.type.__metadata__
    default = declared.default if declared.default_factory is MISSING else declared.default_factory()
    key = declared.name.removesuffix(kind.suffix).removesuffix("_")  # async_ and from_: words of Python in a spec
    return SpecField(key, declared.name, kind, meaning, default)


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping with the keys of the dataclass ``of``, read into an instance of it.

    ``terse``: written without what is as by default, for sections of which a spec has hundreds.
    """

    of: type
    terse: bool = False

    @property
    def suffix(self) -> str:
        return ""

    @property
    def allowed(self) -> str:
        return "a mapping with " + ", ".join(fields_of(self.of))

    def read(self, raw: object, path: str, reading: Reading) -> Any:
        known = fields_of(self.of)
        if not isinstance(raw, Mapping):
            return reading.refuse(path, raw, self.allowed, "is not a mapping")
        values = {entry.attribute: _read_entry(entry, raw, path, reading) for entry in known.values()}
        unknown = [key for key in raw if key not in known]
        for key in unknown:
            hint = suggest(key, tuple(known))
            reading.refuse(child(path, str(key)), raw[key], ", ".join(known), f"unknown field{hint}")
        if unknown or INVALID in values.values():
            return INVALID
        return self.of(**values)

    def write(self, value: Any) -> dict[str, object]:
        """Every key, or those that say something if this is terse."""
        held = ((entry, getattr(value, entry.attribute)) for entry in fields_of(self.of).values())
        return {entry.key: entry.kind.write(one) for entry, one in held if not self.terse or one != entry.default}


def _read_entry(entry: SpecField, raw: Mapping[Any, object], path: str, reading: Reading) -> Any:
    where = child(path, entry.key)
    if entry.key in raw:
        value = entry.kind.read(raw[entry.key], where, reading)
    elif entry.default is MISSING:
        return reading.refuse(where, None, entry.kind.allowed, "is missing")
    else:
        value = entry.default
        if isinstance(entry.kind, Section):  # so that rules between fields see the defaults inside it
            entry.kind.read(entry.kind.write(value), where, reading)
    if value is not INVALID:
        reading.values[where] = value
    return value
