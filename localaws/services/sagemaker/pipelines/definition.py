"""A pipeline definition (JSON, version 2020-12-01): parsed once, checked as a whole. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localaws.services.sagemaker.pipelines.function_rules import check_condition_members, check_functions
from localaws.services.sagemaker.pipelines.parameters import DefinitionError, Parameter
from localaws.services.sagemaker.pipelines.retries import StepRetryPolicy
from localaws.services.sagemaker.pipelines.step_cache import CACHED_TYPES, duration_seconds

VERSION = "2020-12-01"
STEP_TYPES = frozenset({"Processing", "Training", "Transform", "Model", "Condition", "RegisterModel", "Fail"})
STEPS_MAX = 50
PARAMETERS_MAX = 200

_STEP_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_RETRIED_TYPES = frozenset({"Processing", "Training", "Transform", "Model", "RegisterModel"})


class UnsupportedStepError(DefinitionError):
    """The step type exists, but the local AWS cannot run it."""


@dataclass(frozen=True, slots=True)
class PropertyFile:
    """A JSON file among a processing step's outputs."""

    output: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. ``cache_max_age_seconds`` is None when caching is off."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    depends_on: tuple[str, ...] = ()
    display_name: str | None = None
    description: str | None = None
    cache_max_age_seconds: float | None = None
    retry_policies: tuple[StepRetryPolicy, ...] = ()
    property_files: Mapping[str, PropertyFile] = field(default_factory=dict)
    if_steps: tuple[Step, ...] = ()
    else_steps: tuple[Step, ...] = ()

    def walk(self) -> Iterator[Step]:
        """The step itself and all steps of its branches."""
        yield self
        for branch_step in (*self.if_steps, *self.else_steps):
            yield from branch_step.walk()


@dataclass(frozen=True, slots=True)
class Definition:
    """``steps`` are those at the top; ``walk`` yields the ones inside conditions, too."""

    parameters: Mapping[str, Parameter]
    steps: tuple[Step, ...]

    def walk(self) -> Iterator[Step]:
        for step in self.steps:
            yield from step.walk()

    def step(self, name: str) -> Step:
        return next(step for step in self.walk() if step.name == name)


def parse_definition(text: str) -> Definition:
    """Read a definition; raises DefinitionError with what is wrong. References are checked by ``Schedule``."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DefinitionError(f"not JSON: {error}") from error
    if not isinstance(raw, dict) or raw.get("Version") != VERSION:
        raise DefinitionError(f"Version must be {VERSION}")
    try:
        parameters = [Parameter.parse(entry) for entry in raw.get("Parameters") or []]
        steps = _parse_steps(raw.get("Steps") or [])
    except KeyError as error:
        raise DefinitionError(f"member {error.args[0]} is missing") from error
    definition = Definition({parameter.name: parameter for parameter in parameters}, steps)
    _refuse_twins([parameter.name for parameter in parameters], "parameter", PARAMETERS_MAX)
    _refuse_twins([step.name for step in definition.walk()], "step", STEPS_MAX)
    if not steps:
        raise DefinitionError("a pipeline needs at least one step")
    return definition


def _parse_steps(raw: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(_parse_step(entry) for entry in raw)


def _parse_step(raw: Mapping[str, Any]) -> Step:
    name, step_type = raw["Name"], raw["Type"]
    if not _STEP_NAME.fullmatch(name):
        raise DefinitionError(f"{name!r} is not a step name")
    if step_type not in STEP_TYPES:
        raise UnsupportedStepError(f"step {name}: steps of type {step_type} are not supported by the local AWS")
    arguments = raw.get("Arguments") or {}
    branches = arguments if step_type == "Condition" else {}
    own_arguments = {key: value for key, value in arguments.items() if key not in {"IfSteps", "ElseSteps"}}
    try:
        check_functions(own_arguments)
        if step_type == "Condition":
            check_condition_members(own_arguments.get("Conditions") or [])
        return Step(
            name=name,
            type=step_type,
            arguments=own_arguments,
            depends_on=tuple(raw.get("DependsOn") or ()),
            display_name=raw.get("DisplayName"),
            description=raw.get("Description"),
            cache_max_age_seconds=_parse_cache(raw.get("CacheConfig") or {}, step_type),
            retry_policies=_parse_retries(raw.get("RetryPolicies") or [], step_type),
            property_files={
                entry["PropertyFileName"]: PropertyFile(entry["OutputName"], entry["FilePath"])
                for entry in raw.get("PropertyFiles") or []
            },
            if_steps=_parse_steps(branches.get("IfSteps") or []),
            else_steps=_parse_steps(branches.get("ElseSteps") or []),
        )
    except ValueError as error:
        raise DefinitionError(f"step {name}: {error}") from error


def _parse_cache(raw: Mapping[str, Any], step_type: str) -> float | None:
    if not raw.get("Enabled"):
        return None
    if step_type not in CACHED_TYPES:
        raise ValueError(f"steps of type {step_type} cannot be cached")
    return duration_seconds(raw["ExpireAfter"]) if "ExpireAfter" in raw else math.inf


def _parse_retries(raw: Sequence[Mapping[str, Any]], step_type: str) -> tuple[StepRetryPolicy, ...]:
    if raw and step_type not in _RETRIED_TYPES:
        raise ValueError(f"steps of type {step_type} cannot have retry policies")
    return tuple(StepRetryPolicy.parse(entry) for entry in raw)


def _refuse_twins(names: Sequence[str], what: str, most: int) -> None:
    if len(names) > most:
        raise DefinitionError(f"{len(names)} {what}s, at most {most} are allowed")
    if twins := sorted({name for name in names if names.count(name) > 1}):
        raise DefinitionError(f"{what} names must be unique: {', '.join(twins)}")
