"""Writes the methods that ``@dataclass`` would compile when a class is defined, as the standard library words them.

Where Python 3.11 and 3.13 differ, it is as in 3.13, the Python of Lambda: ``__eq__`` compares field by field.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from layer_build.dataclass_reading import PARAMETERS, DataclassSource, FieldSource, UnsupportedError

ALIASES = {
    "_assign": "assign",
    "_copy_with": "copy_with",
    "_default_of": "default_of",
    "_Factory": "Factory",
    "_Fields": "Fields",
    "_FrozenInstanceError": "FrozenInstanceError",
    "_get_state": "get_state",
    "_Parameters": "Parameters",
    "_represent": "represent",
    "_set_state": "set_state",
}
"""What the written code calls the names of ``expanded_dataclass``."""

_COMPARISONS = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}


def holder(name: str) -> str:
    """The name under which the class keeps a field's default while it is being defined."""
    return f"_default_{name}"


def is_held(field: FieldSource, slots: bool) -> bool:
    """Whether the default cannot stay where it is written: slots admit no attribute of the class, and a
    ``field(...)`` is none that a reader of the class should see."""
    return field.value is not None and field.kind != "ClassVar" and (slots or field.is_call)


def methods(source: DataclassSource) -> Iterator[str]:
    """The lines to add to the body of the class, not indented. Raises UnsupportedError."""
    _refuse_what_is_not_written(source)
    yield from _attributes(source)
    if source.parameters["init"] and not source.defines("__init__"):
        yield from _init(source)
    yield from _shared(source)
    yield from _comparisons(source)
    if source.parameters["frozen"]:
        yield from _frozen(_names(source))
    yield from _hash(source)
    yield from _tidying(source)


def _attributes(source: DataclassSource) -> Iterator[str]:
    on = source.parameters
    if on["slots"]:
        slots = [name for name in _names(source) if name not in source.inherited_slots]
        yield f"__slots__ = {(*slots, *(['__weakref__'] if on['weakref_slot'] else []))!r}"
    if on["match_args"] and not source.defines("__match_args__"):
        yield f"__match_args__ = {tuple(each.name for each in _positional(source))!r}"
    given = ["True"] if on["kw_only"] else []
    given += [f"{each.name}={holder(each.name)}" for each in _held(source)]
    yield f"__dataclass_fields__ = _Fields({', '.join(given)})"
    changed = ", ".join(f"{name}={value}" for name, value in on.items() if value != PARAMETERS[name])
    yield f"__dataclass_params__ = _Parameters({changed})"


def _shared(source: DataclassSource) -> Iterator[str]:
    """Methods that are the same in every class."""
    on = source.parameters
    given = {"__replace__": "_copy_with"}
    if on["repr"]:
        given["__repr__"] = "_represent"
    if on["frozen"] and on["slots"]:
        given |= {"__getstate__": "_get_state", "__setstate__": "_set_state"}
    yield from (f"{name} = {alias}" for name, alias in given.items() if not source.defines(name))


def _tidying(source: DataclassSource) -> Iterator[str]:
    """Leave the attributes that the decorator leaves."""
    for each in source.own:
        if each.is_call and each.has_default and not source.parameters["slots"] and each.kind != "ClassVar":
            yield f"{each.name} = {holder(each.name)}.default"
    names = [holder(each.name) for each in (*_held(source), *_inherited_defaults(source))]
    if names:
        yield f"del {', '.join(names)}"


def _refuse_what_is_not_written(source: DataclassSource) -> None:
    on = source.parameters
    overwritten = [name for name in ("__setattr__", "__delattr__") if on["frozen"] and source.defines(name)]
    overwritten += [name for name in _COMPARISONS if on["order"] and source.defines(name)]
    overwritten += ["__slots__"] if source.defines("__slots__") else []
    if overwritten:
        raise UnsupportedError(f"defines {', '.join(overwritten)}")
    if on["order"] and not on["eq"]:
        raise UnsupportedError("has an order and no equality")
    if on["weakref_slot"] and (not on["slots"] or any(base.parameters["weakref_slot"] for base in source.bases)):
        raise UnsupportedError("has a slot for weak references that may not be its own")
    if not on["repr"] and source.bases:
        raise UnsupportedError("shows the fields of its base only")
    if any(base.parameters["frozen"] != on["frozen"] for base in source.bases):
        raise UnsupportedError("is frozen and its base is not, or the other way round")
    if any(base.parameters["slots"] != on["slots"] for base in source.bases):
        raise UnsupportedError("has slots and its base has not, or the other way round")
    if any(each.name == "self" or each.name.startswith("__") for each in source.fields):
        raise UnsupportedError("has a field whose name means something else in a method")


def _positional(source: DataclassSource) -> list[FieldSource]:
    return [each for each in source.fields if each.kind != "ClassVar" and each.init and not each.kw_only]


def _inherited_defaults(source: DataclassSource) -> list[FieldSource]:
    """Fields of a base whose default has to be looked up there, to stand in the signature."""
    mine = {each.name for each in source.own}
    given = source.parameters["init"] and not source.defines("__init__")
    return [
        each
        for each in source.fields
        if given and each.name not in mine and each.kind != "ClassVar" and (each.has_default or each.has_factory)
    ]


def _names(source: DataclassSource) -> list[str]:
    return [each.name for each in source.fields if each.kind == "field"]


def _held(source: DataclassSource) -> list[FieldSource]:
    return [each for each in source.own if is_held(each, source.parameters["slots"])]


def _init(source: DataclassSource) -> Iterator[str]:
    frozen, slots = source.parameters["frozen"], source.parameters["slots"]
    inherited = _inherited_defaults(source)
    if inherited and len(source.node.bases) > 1:
        raise UnsupportedError("has a default of one of several bases")
    for each in inherited:
        yield f"{holder(each.name)} = _default_of({ast.unparse(source.node.bases[0])}, {each.name!r})"
    own = {each.name for each in source.own}
    fields = [each for each in source.fields if each.kind != "ClassVar"]
    parameters = [_parameter(each, each.name in own, slots) for each in _positional(source)]
    by_name = [_parameter(each, each.name in own, slots) for each in fields if each.init and each.kw_only]
    yield f"def __init__({', '.join(['self', *parameters, *(['*'] if by_name else []), *by_name])}):"
    body = [line for each in fields if (line := _assignment(each, frozen, slots))]
    if source.defines("__post_init__") or any(base.defines("__post_init__") for base in _lineage(source)):
        body.append(f"self.__post_init__({', '.join(each.name for each in fields if each.kind == 'InitVar')})")
    yield from (f"    {line}" for line in body or ["pass"])


def _lineage(source: DataclassSource) -> Iterator[DataclassSource]:
    for base in source.bases:
        yield base
        yield from _lineage(base)


def _parameter(field: FieldSource, is_own: bool, slots: bool) -> str:
    if field.has_factory:
        return f"{field.name}=_Factory({holder(field.name)})" if is_own else f"{field.name}={holder(field.name)}"
    if not field.has_default:
        return field.name
    if not is_own:
        return f"{field.name}={holder(field.name)}"
    if field.is_call:
        return f"{field.name}={holder(field.name)}.default"
    return f"{field.name}={holder(field.name) if is_held(field, slots) else field.name}"


def _assignment(field: FieldSource, frozen: bool, slots: bool) -> str:
    """The line of ``__init__`` that sets a field; "" where there is none."""
    if field.kind == "InitVar":
        return ""
    value = field.name
    if not field.init:
        if not field.has_factory and not (slots and field.has_default):
            return ""
        made = "default_factory()" if field.has_factory else "default"
        value = f"self.__dataclass_fields__[{field.name!r}].{made}"
    elif field.has_factory:
        value = f"{field.name}.make() if {field.name}.__class__ is _Factory else {field.name}"
    return f"_assign(self, {field.name!r}, {value})" if frozen else f"self.{field.name} = {value}"


def _comparisons(source: DataclassSource) -> Iterator[str]:
    compared = [each.name for each in source.fields if each.kind == "field" and each.compare]
    if source.parameters["eq"] and not source.defines("__eq__"):
        yield "def __eq__(self, other):"
        yield "    if self is other:"
        yield "        return True"
        yield "    if other.__class__ is self.__class__:"
        yield f"        return {' and '.join(f'self.{name} == other.{name}' for name in compared) or 'True'}"
        yield "    return NotImplemented"
    for name, sign in _COMPARISONS.items() if source.parameters["order"] else ():
        yield f"def {name}(self, other):"
        yield "    if other.__class__ is self.__class__:"
        yield f"        return {_tuple('self', compared)} {sign} {_tuple('other', compared)}"
        yield "    return NotImplemented"


def _frozen(names: list[str]) -> Iterator[str]:
    concerned = "type(self) is __class__" + (f" or name in {_set(names)}" if names else "")
    yield "def __setattr__(self, name, value):"
    yield f"    if {concerned}:"
    yield '        raise _FrozenInstanceError(f"cannot assign to field {name!r}")'
    yield "    super().__setattr__(name, value)"
    yield "def __delattr__(self, name):"
    yield f"    if {concerned}:"
    yield '        raise _FrozenInstanceError(f"cannot delete field {name!r}")'
    yield "    super().__delattr__(name)"


def _hash(source: DataclassSource) -> Iterator[str]:
    on = source.parameters
    if on["unsafe_hash"] and source.defines("__hash__"):
        raise UnsupportedError("defines __hash__")
    if source.defines("__hash__"):
        return
    if on["unsafe_hash"] or (on["eq"] and on["frozen"]):
        real = [each for each in source.fields if each.kind == "field"]
        names = [each.name for each in real if (each.compare if each.hash is None else each.hash)]
        yield "def __hash__(self):"
        yield f"    return hash({_tuple('self', names)})"
    elif on["eq"]:
        yield "__hash__ = None"


def _tuple(of: str, names: Iterable[str]) -> str:
    return "(" + "".join(f"{of}.{name}, " for name in names).rstrip(" ") + ")"


def _set(names: Iterable[str]) -> str:
    """A set as Python writes it."""
    return "{" + ", ".join(map(repr, names)) + "}"
