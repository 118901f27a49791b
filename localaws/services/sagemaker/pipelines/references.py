"""Resolves the references in a pipeline definition: ``Get``, ``Std:Join`` and ``Std:JsonGet``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Path = tuple[str | int, ...]

_TOKEN = re.compile(r"""\.?(?P<name>[A-Za-z0-9_\-]+)|\[(?P<index>\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]""")


class ReferenceUnresolvedError(Exception):
    """A reference that cannot be resolved; the text names it."""


class ReferenceScope(Protocol):
    """Resolves references during one execution."""

    def parameter(self, name: str) -> Any: ...
    def variable(self, name: str) -> str: ...
    def outputs(self, step: str) -> Mapping[str, Any]: ...
    def property_file(self, step: str, name: str) -> Any: ...
    def json_object(self, s3_uri: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed ``Get``: ``Parameters.X``, ``Execution.V`` or ``Steps.S.<path>``."""

    kind: str  # "Parameters" | "Execution" | "Steps"
    name: str
    path: Path = ()

    @classmethod
    def parse(cls, text: str) -> Reference:
        kind, *rest = parse_path(text)
        if kind not in {"Parameters", "Execution", "Steps"} or not rest or not isinstance(rest[0], str):
            raise ReferenceUnresolvedError(f"{text!r} is not a reference")
        if kind == "Steps" and len(rest) < 2:
            raise ReferenceUnresolvedError(f"{text!r} names no property of the step")
        return cls(str(kind), rest[0], tuple(rest[1:]))

    @property
    def property_file(self) -> str | None:
        """The property file it names, None when it is another reference."""
        if self.kind == "Steps" and len(self.path) == 2 and self.path[0] == "PropertyFiles":
            return str(self.path[1])
        return None


def parse_path(text: str) -> Path:
    """Split ``a.b['c'][0]`` into ``("a", "b", "c", 0)``."""
    tokens: list[str | int] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ReferenceUnresolvedError(f"{text!r} is not a path")
        position = found.end()
        tokens.append(int(found["index"]) if found["index"] else found["name"] or found["key"])
    if not tokens:
        raise ReferenceUnresolvedError("an empty path")
    return tuple(tokens)


def follow(value: Any, path: Path) -> Any:
    """Follow a path into JSON; a name in brackets also picks from a list by ``…Name``, as in ``Outputs['train']``."""
    for token in path:
        value = _member(value, token, path)
    return value


def resolve(value: Any, scope: ReferenceScope) -> Any:
    """``value`` with every reference replaced by what it refers to; raises ReferenceUnresolvedError."""
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Get"}:
        return _get(value["Get"], scope)
    if set(value) == {"Std:Join"}:
        join = value["Std:Join"]
        return join["On"].join(as_text(resolve(item, scope)) for item in join["Values"])
    if set(value) == {"Std:JsonGet"}:
        return _json_get(value["Std:JsonGet"], scope)
    return {key: resolve(member, scope) for key, member in value.items()}


def references_in(value: Any) -> Iterator[Reference]:
    """Every ``Get`` in ``value``, however deep."""
    if isinstance(value, dict):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield Reference.parse(value["Get"])
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references_in(item)


def as_text(value: Any) -> str:
    """How a value reads inside a string."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _get(text: str, scope: ReferenceScope) -> Any:
    reference = Reference.parse(text)
    if reference.kind == "Parameters":
        return scope.parameter(reference.name)
    if reference.kind == "Execution":
        return scope.variable(reference.name)
    if reference.property_file:
        return scope.property_file(reference.name, reference.property_file)
    try:
        return follow(scope.outputs(reference.name), reference.path)
    except ReferenceUnresolvedError as error:
        raise ReferenceUnresolvedError(f"{text}: {error}") from error


def _json_get(arguments: Mapping[str, Any], scope: ReferenceScope) -> Any:
    if "S3Uri" in arguments:
        content = scope.json_object(str(resolve(arguments["S3Uri"], scope)))
    else:
        content = resolve(arguments["PropertyFile"], scope)
    return follow(content, parse_path(arguments["Path"]))


def _member(value: Any, token: str | int, path: Path) -> Any:
    if isinstance(value, Mapping) and str(token) in value:
        return value[str(token)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        if isinstance(token, int) and token < len(value):
            return value[token]
        for item in value:
            if isinstance(item, Mapping) and any(item.get(key) == token for key in item if key.endswith("Name")):
                return item
    raise ReferenceUnresolvedError(f"there is no {token!r} on the path {'.'.join(map(str, path))}")
