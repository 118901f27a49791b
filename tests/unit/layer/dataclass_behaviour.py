"""Describes how the dataclasses of modules behave, as JSON: those of a source, and those of what is built of it.

    python dataclass_behaviour.py MODULE...

Only the standard library: it runs in an interpreter that has nothing but the modules on its path.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import json
import pickle
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any


def describe(name: str) -> dict[str, Any]:
    """Every dataclass that the module defines, also inside another class."""
    module = importlib.import_module(name)
    return {each.__qualname__: description(each) for each in classes(module, name)}


def classes(place: Any, module: str) -> Iterator[type]:
    for each in list(vars(place).values()):
        if isinstance(each, type) and each.__module__ == module and each is not place:
            if dataclasses.is_dataclass(each):
                yield each
            if each.__qualname__ != getattr(place, "__qualname__", None):
                yield from classes(each, module)


def description(found: type) -> dict[str, Any]:
    signature = inspect.signature(found)
    attempts = [attempt(lambda seed=seed: made(found, seed)) for seed in "aab"]  # type: ignore[misc]
    instances = [each for each in attempts if type(each) is found]
    return {
        "fields": [field(each) for each in vars(found)["__dataclass_fields__"].values()],
        "parameters": repr(found.__dataclass_params__),  # type: ignore[attr-defined]
        "slots": vars(found).get("__slots__"),
        "match": getattr(found, "__match_args__", None),
        "doc": found.__doc__ if "(" not in (found.__doc__ or "(") else "",
        "signature": [(each.name, str(each.kind), repr(each.default)) for each in signature.parameters.values()],
        "attributes": sorted(
            name for name in vars(found) if not name.startswith("__") and name in signature.parameters
        ),
        "hash": "none" if found.__hash__ is None else "some",
        "refused": [each for each in attempts if type(each) is not found],
        "behaviour": [behaviour(instance, instances[0]) for instance in instances],
    }


def field(each: Any) -> list[str]:
    return [repr(part) for part in (
        each.name, each.type, each.default, each.default_factory, each.init, each.repr, each.compare, each.hash,
        each.kw_only, each._field_type,
    )]  # fmt: skip


def made(found: type, seed: str) -> Any:
    """An instance with texts for values; with its defaults where there are any, if the seed is "a"."""
    positional, named = [], {}
    for each in inspect.signature(found).parameters.values():
        if seed == "a" and each.default is not inspect.Parameter.empty:
            continue
        if each.kind is inspect.Parameter.KEYWORD_ONLY:
            named[each.name] = f"{seed}-{each.name}"
        else:
            positional.append(f"{seed}-{each.name}")
    return found(*positional, **named)


def behaviour(instance: Any, other: Any) -> dict[str, Any]:
    names = [each.name for each in dataclasses.fields(instance)]
    first = names[0] if names else "nothing"
    return {
        "repr": attempt(lambda: repr(instance)),
        "equal": [instance == other, instance == instance, instance == "text", instance != other],  # noqa: PLR0124
        "hash": attempt(lambda: hash(instance) == hash(other)),
        "order": attempt(lambda: [instance < other, instance <= other, instance > other, instance >= other]),
        "dict": attempt(lambda: repr(dataclasses.asdict(instance))),
        "tuple": attempt(lambda: repr(dataclasses.astuple(instance))),
        "replaced": attempt(lambda: repr(dataclasses.replace(instance, **{first: "new"}))),
        "copied": attempt(lambda: copy.copy(instance) == instance),
        "deep": attempt(lambda: repr(copy.deepcopy(instance))),
        "pickled": attempt(lambda: repr(pickle.loads(pickle.dumps(instance)))),
        "set": [attempt(setter(instance, name)) for name in names],
        "deleted": [attempt(deleter(copy.copy(instance), name)) for name in names],
        "new attribute": attempt(setter(instance, "unheard_of")) is None,
        "weak": attempt(lambda: weakref.ref(instance)() is instance),
        "values": attempt(lambda: [repr(getattr(instance, name)) for name in names]),
    }


def setter(instance: Any, name: str) -> Callable[[], None]:
    return lambda: setattr(instance, name, getattr(instance, name, 1))


def deleter(instance: Any, name: str) -> Callable[[], None]:
    return lambda: delattr(instance, name)


def attempt(action: Callable[[], Any]) -> Any:
    """What it returns, or which error it raises and what that says."""
    try:
        return action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    print(json.dumps({name: describe(name) for name in sys.argv[1:]}, default=repr))
