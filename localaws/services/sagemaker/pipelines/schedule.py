"""Decides which steps of a pipeline may run: dependencies, branches, order. Pure."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping
from dataclasses import dataclass

from localaws.services.sagemaker.pipelines.conditions import CONDITION_TYPES, condition_types
from localaws.services.sagemaker.pipelines.definition import Definition, Step
from localaws.services.sagemaker.pipelines.parameters import DefinitionError
from localaws.services.sagemaker.pipelines.references import Reference, ReferenceUnresolvedError, references_in

EXECUTION_VARIABLES = frozenset(
    {
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "PipelineName",
        "PipelineArn",
        "StartDateTime",
        "CurrentDateTime",
        "TrainingJobName",
        "ProcessingJobName",
    }
)


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a nested step stands: under which condition, on which side."""

    condition: str
    side: bool


@dataclass(frozen=True, slots=True)
class StepSchedule:
    """The order of a definition's steps; build it with ``schedule_of``, which checks all references."""

    order: tuple[str, ...]
    needs: Mapping[str, frozenset[str]]  # these must have succeeded
    branches: Mapping[str, Branch]
    branch_steps: Mapping[str, frozenset[str]]  # condition -> all steps of both its branches

    def ready(self, succeeded: Mapping[str, bool | None], started: frozenset[str]) -> list[str]:
        """Steps that may start now, in order.

        ``succeeded``: the steps that did, conditions with the side they chose, others with None.
        """
        return [
            name
            for name in self.order
            if name not in started
            and self._is_possible(name, succeeded)
            and all(self._is_satisfied(name, need, succeeded) for need in self.needs[name])
        ]

    def _is_possible(self, name: str, succeeded: Mapping[str, bool | None]) -> bool:
        """False once a condition chose the other side, for the step or for one it needs."""
        branch = self.branches.get(name)
        if branch and branch.condition in succeeded and succeeded[branch.condition] is not branch.side:
            return False
        return all(self._is_possible(need, succeeded) for need in self.needs[name])

    def _is_satisfied(self, name: str, need: str, succeeded: Mapping[str, bool | None]) -> bool:
        """A step outside that depends on a condition also waits for the branch that was chosen."""
        if need not in succeeded:
            return False
        if need not in self.branch_steps or name in self.branch_steps[need]:
            return True
        return all(inner in succeeded or not self._is_possible(inner, succeeded) for inner in self.branch_steps[need])


def schedule_of(definition: Definition) -> StepSchedule:
    """Order the steps; raises DefinitionError for a reference that leads nowhere, or a circle."""
    branches: dict[str, Branch] = {}
    for step in definition.walk():
        branches |= {inner.name: Branch(step.name, True) for inner in step.if_steps}
        branches |= {inner.name: Branch(step.name, False) for inner in step.else_steps}
    steps = {step.name: step for step in definition.walk()}
    needs = {name: _needs(step, definition, steps, branches.get(name)) for name, step in steps.items()}
    try:
        sorted_names = tuple(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        raise DefinitionError(f"steps depend on each other in a circle: {' → '.join(error.args[1])}") from error
    branch_steps = {
        name: frozenset(inner.name for inner in step.walk()) - {name}
        for name, step in steps.items()
        if step.type == "Condition"
    }
    return StepSchedule(sorted_names, needs, branches, branch_steps)


def _needs(step: Step, definition: Definition, steps: Mapping[str, Step], branch: Branch | None) -> frozenset[str]:
    needed = set(step.depends_on)
    if fails := sorted(name for name in needed & steps.keys() if steps[name].type == "Fail"):
        raise DefinitionError(f"{step.name} can not depends on {fails[0]}")  # as SageMaker spells it
    if unknown := sorted(needed - steps.keys()):
        raise DefinitionError(f"step {step.name} depends on unknown steps: {', '.join(unknown)}")
    if step.type == "Condition":
        _check_conditions(step)
    try:
        for reference in references_in(step.arguments):
            _check(reference, step, definition, steps)
            if reference.kind == "Steps":
                needed.add(reference.name)
    except ReferenceUnresolvedError as error:
        raise DefinitionError(f"step {step.name}: {error}") from error
    return frozenset(needed | ({branch.condition} if branch else set()))


def _check(reference: Reference, step: Step, definition: Definition, steps: Mapping[str, Step]) -> None:
    known = {"Parameters": definition.parameters, "Execution": EXECUTION_VARIABLES, "Steps": steps}
    if reference.name not in known[reference.kind]:
        raise DefinitionError(f"step {step.name} refers to unknown {reference.kind}.{reference.name}")
    file = reference.property_file
    if file is not None and file not in steps[reference.name].property_files:
        raise DefinitionError(f"step {step.name} refers to unknown property file {reference.name}.{file}")


def _check_conditions(step: Step) -> None:
    conditions = step.arguments.get("Conditions") or []
    if not conditions:
        raise DefinitionError(f"step {step.name} has no conditions")
    if unknown := sorted(set(condition_types(conditions)) - CONDITION_TYPES):
        raise DefinitionError(f"step {step.name}: unknown conditions {', '.join(unknown)}")
