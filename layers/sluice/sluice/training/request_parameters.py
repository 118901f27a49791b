"""Which parameters of a pipeline a request for a run may set, whoever sends it: those that only shape the model. Pure.

Sending a message to the upload queue, or to the event bus, is a small right: whoever has it must not decide what is
registered, as what, for which model, or which code runs. So a request may set only what the pipeline's definition uses
as a hyperparameter, or as the number, type, disk or longest time of a job's instances. It may set none that is used
elsewhere as well, wherever that is:

- what Sluice fills: the data, the contract, the group, the gate;
- what a condition of the pipeline compares with, such as MseThreshold: the spec's owner sets thresholds;
- what a registration takes, such as ModelApprovalStatus and ModelPackageGroupName;
- roles, images, code, arguments and environments of jobs, and places that they read or write;
- what a step is given beside its arguments, such as SkipCheck of a check, and all of steps that are no jobs.

It is found in the definition, not in a list of names: pipelines of the user's own are protected as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sluice.spec.model import FILLED_PARAMETERS

_PREFIX = "Parameters."
_DECIDES_REGISTRATION = "decides how versions are registered"
_DECIDES_WORK = "decides what runs, as whom or on which data"
_JOBS = ("Processing", "Training", "Transform", "Tuning")
_SIZES = {"InstanceCount", "InstanceType", "MaxRuntimeInSeconds", "VolumeSizeInGB"}
_HYPERPARAMETERS = {"HyperParameters", "StaticHyperParameters"}
_OF_SAGEMAKER = "sagemaker_"
"""How hyperparameters begin that say which code runs, such as sagemaker_program and sagemaker_submit_directory."""


def refusal(definition: Mapping[str, Any], names: Iterable[str]) -> str:
    """Why a request may not set these parameters, each named with its reason; empty if it may set all of them.

    Args:
        definition: the pipeline's definition as DescribePipeline has it, parsed.
        names: of the parameters that the request sets.
    """
    offered = {str(each.get("Name")) for each in definition.get("Parameters", ())}
    decides = dict(_what_decides(definition.get("Steps", ())))
    problems = []
    for name in sorted(set(names)):
        if name in FILLED_PARAMETERS:
            problems.append(f"parameter {name} is filled by Sluice itself")
        elif name in decides:
            problems.append(f"parameter {name} {decides[name]}: a request for a run may not set it")
        elif name not in offered:
            free = ", ".join(sorted(offered - set(FILLED_PARAMETERS) - decides.keys())) or "none"
            problems.append(f"the pipeline has no parameter {name!r} (a request may set: {free})")
    return "; ".join(problems)


def approval_parameters(definition: Mapping[str, Any]) -> frozenset[str]:
    """The parameters from which registrations take the approval of a version: no spec may set one, either."""
    return frozenset(
        name
        for step in _steps(definition.get("Steps", ()))
        if step.get("Type") == "RegisterModel"
        for name in _named(step.get("Arguments", {}).get("ModelApprovalStatus"))
    )


def _what_decides(steps: Any) -> Iterator[tuple[str, str]]:
    for step in _steps(steps):
        kind, arguments = step.get("Type"), step.get("Arguments", {})
        if kind == "Condition":
            yield from ((name, "is a threshold of the pipeline") for name in _named(arguments.get("Conditions")))
        elif kind == "RegisterModel":
            yield from ((name, _DECIDES_REGISTRATION) for name in _named(step))
        elif kind in _JOBS:
            beside = {field: value for field, value in step.items() if field != "Arguments"}
            yield from ((name, _DECIDES_WORK) for name in _named([beside, _without_shape(arguments)]))
        elif kind != "Fail":  # which only says something
            yield from ((name, _DECIDES_WORK) for name in _named(step))


def _steps(steps: Any) -> Iterator[Mapping[str, Any]]:
    """The steps with those inside of conditions."""
    for step in steps:
        yield step
        if step.get("Type") == "Condition":
            arguments = step.get("Arguments", {})
            yield from _steps([*arguments.get("IfSteps", ()), *arguments.get("ElseSteps", ())])


def _without_shape(arguments: Any) -> Any:
    """A job's request without what only shapes the model, or says on what it is trained."""
    if isinstance(arguments, list):
        return [_without_shape(each) for each in arguments]
    if not isinstance(arguments, Mapping):
        return arguments
    left = {field: _without_shape(value) for field, value in arguments.items() if field not in _SIZES}
    for field in _HYPERPARAMETERS & left.keys():
        given = arguments[field]
        if isinstance(given, Mapping) and "Get" not in given:
            left[field] = {name: value for name, value in given.items() if name.lower().startswith(_OF_SAGEMAKER)}
    return left


def _named(value: Any) -> Iterator[str]:
    """The parameters that a part of a definition refers to, at any depth."""
    if isinstance(value, Mapping):
        reference = value.get("Get")
        if isinstance(reference, str) and reference.startswith(_PREFIX):
            yield reference.removeprefix(_PREFIX)
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)
