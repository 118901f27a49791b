"""A change set: what would become of a stack, kept until somebody has it carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localaws.services.cloudformation.execution.preview import Change
from localaws.services.cloudformation.resources.stack import Stack, Submission
from localaws.services.cloudformation.template.plain import PlainTemplate

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
NO_UPDATES = "No updates are to be performed."  # what is submitted differs, what transforms make of it does not


@dataclass(slots=True, kw_only=True)
class ChangeSet:
    """A change set as far as it has come; ``template`` and ``changes`` are there once it is CREATE_COMPLETE."""

    name: str
    arn: str
    stack: Stack
    type: str  # CREATE or UPDATE
    submission: Submission
    created_at: datetime
    description: str = ""
    on_failure: str | None = None
    status: str = "CREATE_IN_PROGRESS"
    status_reason: str = ""
    execution_status: str = "UNAVAILABLE"
    template: PlainTemplate | None = None
    changes: tuple[Change, ...] = ()

    def succeed(self, template: PlainTemplate, changes: tuple[Change, ...]) -> None:
        self.template, self.changes = template, changes
        self.execution_status = "AVAILABLE"
        self.status = "CREATE_COMPLETE"

    def fail(self, reason: str) -> None:
        self.status_reason = reason
        self.status = "FAILED"


def why_empty(stack: Stack, submission: Submission, template: PlainTemplate, changes: tuple[Change, ...]) -> str:
    """Why there is nothing to do, in AWS's words; empty when there is something."""
    if changes or _stated(stack.template, stack.parameters) != _stated(template.template, template.parameters):
        return ""
    before = stack.submission
    if before.tags != submission.tags or before.notification_arns != submission.notification_arns:
        return ""
    return NO_CHANGES if before.text == submission.text else NO_UPDATES


def _stated(template: Mapping[str, Any], parameters: Mapping[str, str]) -> tuple[Any, ...]:
    """What an update can change beside resources."""
    return template.get("Outputs", {}), dict(parameters)
