"""Pipeline parameters: declared in the definition, given as strings when an execution starts. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")


class DefinitionError(ValueError):
    """The definition breaks a rule of SageMaker's."""


class ParameterError(ValueError):
    """An execution was started with parameters that do not fit."""


def _parse_boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": _parse_boolean,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter; ``default`` is None when a value must be given."""

    name: str
    type: str
    default: Any = None
    options: tuple[Any, ...] = ()

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Parameter:
        name, kind = raw["Name"], raw["Type"]
        if not _NAME.fullmatch(name):
            raise DefinitionError(f"{name!r} is not a parameter name")
        if kind not in _PARSERS:
            raise DefinitionError(f"parameter {name}: type {kind} is unknown")
        parameter = cls(name, kind, raw.get("DefaultValue"), tuple(raw.get("EnumValues") or ()))
        if parameter.options and parameter.default is not None and parameter.default not in parameter.options:
            raise DefinitionError(f"parameter {name}: the default is not among EnumValues")
        return parameter

    def read(self, text: str) -> Any:
        """The value a string stands for; raises ParameterError."""
        try:
            value = _PARSERS[self.type](text)
        except ValueError:
            raise ParameterError(f"Parameter [{self.name}] must be of type {self.type}, not '{text}'") from None
        if self.options and value not in self.options:
            allowed = ", ".join(map(str, self.options))
            raise ParameterError(f"Parameter [{self.name}] must be one of {allowed}, not '{text}'")
        return value


def bind(declared: Mapping[str, Parameter], given: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The value of every declared parameter; raises ParameterError for unknown, missing and unfit ones."""
    texts = {entry["Name"]: entry.get("Value", "") for entry in given}
    if len(texts) < len(given):
        raise ParameterError("A parameter is given twice")
    if unknown := sorted(texts.keys() - declared.keys()):
        raise ParameterError(f"Unknown parameters: [{', '.join(unknown)}] do not exist in the pipeline definition")
    values = {name: parameter.default for name, parameter in declared.items()}
    values |= {name: declared[name].read(text) for name, text in texts.items()}
    if missing := sorted(name for name, value in values.items() if value is None):
        raise ParameterError(f"Missing parameters: [{', '.join(missing)}] have no default value")
    return values
