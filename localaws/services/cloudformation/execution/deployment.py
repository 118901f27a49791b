"""Makes a stack of a template or changes it to another one, and takes everything back when that fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localaws.services.cloudformation.execution.deletion import (
    delete_resources,
    delete_stack,
    keeps_on_deletion,
    keeps_on_rollback,
    keeps_when_replaced,
)
from localaws.services.cloudformation.execution.environment import DeploymentEnvironment, scope_with
from localaws.services.cloudformation.execution.steps import ResourceSteps, StepFailedError, WantedResource
from localaws.services.cloudformation.execution.walk import walk
from localaws.services.cloudformation.resources.handler import changed_properties
from localaws.services.cloudformation.resources.stack import DeployedResource, Output, Stack, Submission
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.intrinsics import evaluate
from localaws.services.cloudformation.template.plain import PlainTemplate

ExporterOf = Callable[[str], str | None]  # the other stack that exports a name, None when there is none


class Deployment:
    """One template on its way to becoming one stack."""

    def __init__(
        self,
        stack: Stack,
        template: PlainTemplate,
        submission: Submission,
        around: DeploymentEnvironment,
        exporter_of: ExporterOf = lambda _name: None,
    ) -> None:
        self._stack = stack
        self._template = template
        self._submission = submission
        self._around = around
        self._exporter_of = exporter_of
        self._steps = ResourceSteps(stack, around)
        self._before = dict(stack.resources)
        self._updated: dict[str, DeployedResource] = {}  # in place, as tried: a failed update is half done
        self._scope = scope_with(template, stack.resources)

    # ------------------------------------------------------------------ a new stack

    def create(self, on_failure: str = "ROLLBACK") -> None:
        """Make every resource, each after what it refers to; ``on_failure`` as CreateStack takes it."""
        self._accept()
        failed = self._bring_all("CREATE")
        problem = self._failure("create", failed) or self._set_outputs()
        if not problem:
            self._stack.become("CREATE_COMPLETE", self._around.now())
            return
        if on_failure == "DO_NOTHING":
            self._stack.become("CREATE_FAILED", self._around.now(), problem)
        elif on_failure == "DELETE":
            self._stack.become("DELETE_IN_PROGRESS", self._around.now(), f"{problem}Delete requested by user.")
            delete_stack(self._stack, self._around)
        else:
            self._stack.become("ROLLBACK_IN_PROGRESS", self._around.now(), f"{problem}Rollback requested by user.")
            self._undo_creation()

    def _undo_creation(self) -> None:
        made = dict(self._stack.resources)
        failed = delete_resources(self._stack, made, keeps_on_rollback, self._around)
        for logical_id in made.keys() - set(failed):
            del self._stack.resources[logical_id]
        if failed:
            reason = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            self._stack.become("ROLLBACK_FAILED", self._around.now(), reason)
        else:
            self._stack.become("ROLLBACK_COMPLETE", self._around.now())

    # ------------------------------------------------------------------ an existing one

    def update(self, *, keeps_what_failed: bool = False) -> None:
        """Bring every resource to what the template says, then delete what it no longer has."""
        before = dict(self._stack.outputs)
        failed = self._bring_all("UPDATE")
        problem = self._failure("update", failed) or self._set_outputs()
        if not problem:
            self._accept()
            self._stack.become("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", self._around.now())
            self._clean_up()
            self._stack.become("UPDATE_COMPLETE", self._around.now())
        elif keeps_what_failed:
            self._stack.become("UPDATE_FAILED", self._around.now(), problem)
        else:
            self._stack.outputs = before
            self._roll_back(problem)

    def _clean_up(self) -> None:
        """Delete what was removed from the template and what was replaced; what fails is left, and nobody's."""
        stack = self._stack
        removed = {name: old for name, old in self._before.items() if name not in self._template.resources}
        replaced = {
            name: old
            for name, old in self._before.items()
            if name not in removed and stack.resources[name].physical_id != old.physical_id
        }
        for name in removed:
            del stack.resources[name]
        shown = {name: stack.last_events[name] for name in stack.resources}

        def keeps(resource: DeployedResource) -> bool:
            is_replaced = resource.logical_id in replaced
            return keeps_when_replaced(resource) if is_replaced else keeps_on_deletion(resource)

        delete_resources(stack, {**removed, **replaced}, keeps, self._around)
        stack.last_events = shown  # a replaced resource is the new one: its state is not that the old one is gone

    def _roll_back(self, problem: str) -> None:
        stack = self._stack
        stack.become("UPDATE_ROLLBACK_IN_PROGRESS", self._around.now(), problem)
        for name, as_tried in reversed(self._updated.items()):
            try:
                stack.resources[name] = self._steps.restore(as_tried, self._before[name])
            except StepFailedError:
                reason = f"The following resource(s) failed to update: [{name}]. "
                stack.become("UPDATE_ROLLBACK_FAILED", self._around.now(), reason)
                return
        new = {name: each for name, each in stack.resources.items() if self._is_new(each)}
        for name in new:
            del stack.resources[name]
        for name, old in self._before.items():
            if name in new or stack.last_events[name].status.endswith("_FAILED"):
                stack.resources[name] = old
                self._steps.keep(old)
        shown = {name: stack.last_events[name] for name in stack.resources}
        stack.become("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", self._around.now())
        delete_resources(stack, new, keeps_on_rollback, self._around)
        stack.last_events = shown
        stack.become("UPDATE_ROLLBACK_COMPLETE", self._around.now())

    def _is_new(self, resource: DeployedResource) -> bool:
        old = self._before.get(resource.logical_id)
        return old is None or old.physical_id != resource.physical_id

    # ------------------------------------------------------------------ both

    def _accept(self) -> None:
        """The stack is from now on what the template says."""
        self._stack.submission = self._submission
        self._stack.template = self._template.template
        self._stack.parameters = self._template.parameters
        self._stack.description = self._template.description

    def _bring_all(self, verb: str) -> list[str]:
        return walk(self._template.dependencies, lambda name: self._bring(name, verb), at_once=self._around.at_once)

    def _bring(self, logical_id: str, verb: str) -> bool:
        """Bring one resource to what the template says; whether that went well."""
        entry = self._template.resources[logical_id]
        old = self._before.get(logical_id)
        try:
            wanted = self._wanted(logical_id, entry)
        except TemplateError as error:
            self._steps.refuse(logical_id, entry["Type"], "CREATE" if old is None else verb, str(error))
            return False
        try:
            self._stack.resources[logical_id] = self._brought(old, wanted)
        except StepFailedError as error:
            if error.left is not None:
                self._stack.resources[logical_id] = error.left  # goes with the others when all is taken back
            return False
        return True

    def _brought(self, old: DeployedResource | None, wanted: WantedResource) -> DeployedResource:
        if old is None:
            return self._steps.create(wanted)
        changed = changed_properties(old.properties, wanted.properties)
        if not changed:
            return wanted.kept(old)
        if changed & self._around.handlers[wanted.type].replaced_by:
            return self._steps.replace(old, wanted)
        try:
            self._updated[wanted.logical_id] = self._steps.update(old, wanted)
        except StepFailedError as error:
            self._updated[wanted.logical_id] = error.left or old
            raise
        return self._updated[wanted.logical_id]

    def _wanted(self, logical_id: str, entry: Mapping[str, Any]) -> WantedResource:
        return WantedResource(
            logical_id=logical_id,
            type=entry["Type"],
            properties=evaluate(entry.get("Properties", {}), self._scope),
            dependencies=self._template.dependencies[logical_id],
            entry=entry,
        )

    def _failure(self, verb: str, failed: list[str]) -> str:
        names = ", ".join(sorted(failed))
        return f"The following resource(s) failed to {verb}: [{names}]. " if failed else ""

    def _set_outputs(self) -> str:
        """Evaluate the outputs; what is wrong with them, empty when nothing is."""
        try:
            self._stack.outputs = {name: self._output(name, each) for name, each in self._template.outputs.items()}
        except TemplateError as error:
            return f"{error}. "
        return ""

    def _output(self, name: str, entry: Mapping[str, Any]) -> Output:
        try:
            value = str(evaluate(entry["Value"], self._scope))
            export = entry.get("Export", {}).get("Name")
            exported = None if export is None else str(evaluate(export, self._scope))
        except TemplateError as error:
            raise TemplateError(f"output {name}: {error}") from error
        if exported is not None and (exporter := self._exporter_of(exported)) is not None:
            raise TemplateError(f"Export with name {exported} is already exported by stack {exporter}")
        return Output(value=value, description=entry.get("Description", ""), export=exported)
