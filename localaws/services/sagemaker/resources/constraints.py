"""Checks a request against the limits in botocore's own model of the service.

botocore itself checks types and required members before sending, but neither patterns nor maxima nor enums.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.utils import get_service_model

from localaws.service_api import invalid


def check(operation: str, params: Mapping[str, Any]) -> None:
    """Raise SageMaker's ValidationException when ``params`` break the model of ``operation``."""
    found = problems("sagemaker", operation, params)
    if found:
        raise invalid(found)


def problems(service: str, operation: str, params: Mapping[str, Any]) -> str:
    """All that is wrong with ``params`` in AWS's words; empty if nothing is."""
    shape = get_service_model(service).operation_model(operation).input_shape
    found = [] if shape is None else list(_problems(shape, params, ""))
    if not found:
        return ""
    return f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: {'; '.join(found)}"


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        yield from _structure_problems(shape, value, path)
    elif shape.type_name == "list":
        yield from _size_problems(shape, value, len(value), path)
        for index, item in enumerate(value, 1):
            yield from _problems(shape.member, item, f"{path}.{index}.member")
    elif shape.type_name == "map":
        yield from _size_problems(shape, value, len(value), path)
        for key, item in value.items():
            yield from _problems(shape.key, key, path)
            yield from _problems(shape.value, item, f"{path}.{key}.member")
    elif shape.type_name == "string":
        yield from _string_problems(shape, value, path)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _range_problems(shape, value, path)


def _structure_problems(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _refusal(None, _join(path, name), "Member must not be null")
    for name, member in value.items():
        if name in shape.members and member is not None:
            yield from _problems(shape.members[name], member, _join(path, name))


def _string_problems(shape: Any, value: str, path: str) -> Iterator[str]:
    yield from _size_problems(shape, value, len(value), path)
    if shape.enum and value not in shape.enum:
        yield _refusal(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled and not compiled.fullmatch(value):
        yield _refusal(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _size_problems(shape: Any, value: Any, size: int, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and size > most:
        yield _refusal(value, path, f"Member must have length less than or equal to {most}")
    if least is not None and size < least:
        yield _refusal(value, path, f"Member must have length greater than or equal to {least}")


def _range_problems(shape: Any, value: float, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and value > most:
        yield _refusal(value, path, f"Member must have value less than or equal to {most}")
    if least is not None and value < least:
        yield _refusal(value, path, f"Member must have value greater than or equal to {least}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    r"""The pattern in Python's syntax, None where it has no counterpart (``\p{S}``, ``\p{P}``).

    ``\w`` stands for letters and digits: it also admits the underscore, as do all the patterns concerned.
    Some carry their length once more in an odd suffix (``${1,256}``), which goes.
    """
    for java, python in ((r"\p{L}", r"\w"), (r"\p{N}", r"\w"), (r"\p{Z}", " ")):
        pattern = pattern.replace(java, python)
    try:
        return re.compile(re.sub(r"\$\{\d+,\d+\}$", "", pattern))
    except re.error:
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name[:1].lower()}{name[1:]}".lstrip(".")


def _refusal(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:200]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"
