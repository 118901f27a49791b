"""Turns a template's values into what an AWS API takes: ``"true"`` into true, ``"5"`` into 5.

botocore's model of the API says what is wanted where; a member it does not know is an error.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localaws.services.cloudformation.template.errors import PropertyError

_Shaper = Callable[[Any, Any, str], Any]


def shaped(value: Any, shape: Any, path: str) -> Any:
    """``value`` as the botocore shape wants it; raises PropertyError with the path of what does not fit."""
    shape_one: _Shaper = _SHAPERS.get(shape.type_name, _text)
    return shape_one(value, shape, path)


def _structure(value: Any, shape: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise PropertyError(path, f"expected a map, got {value!r}")
    unknown = sorted(value.keys() - shape.members.keys())
    if unknown:
        raise PropertyError(_inside(path, unknown[0]), "not supported by the local CloudFormation")
    return {name: shaped(item, shape.members[name], _inside(path, name)) for name, item in value.items()}


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _list(value: Any, shape: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise PropertyError(path, f"expected a list, got {value!r}")
    return [shaped(item, shape.member, f"{path}[{index}]") for index, item in enumerate(value)]


def _map(value: Any, shape: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise PropertyError(path, f"expected a map, got {value!r}")
    return {str(key): shaped(item, shape.value, f"{path}.{key}") for key, item in value.items()}


def _boolean(value: Any, _shape: Any, path: str) -> bool:
    known = {"true": True, "false": False}
    if str(value).lower() not in known:
        raise PropertyError(path, f"expected true or false, got {value!r}")
    return known[str(value).lower()]


def _integer(value: Any, _shape: Any, path: str) -> int:
    try:
        if isinstance(value, bool) or int(value) != float(value):
            raise PropertyError(path, f"expected a whole number, got {value!r}")
        return int(value)
    except (TypeError, ValueError) as error:
        raise PropertyError(path, f"expected a whole number, got {value!r}") from error


def _float(value: Any, _shape: Any, path: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise PropertyError(path, f"expected a number, got {value!r}") from error


def _text(value: Any, _shape: Any, path: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise PropertyError(path, f"expected a text, got {value!r}")
    return str(value)


_SHAPERS: Mapping[str, _Shaper] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
}
