"""The operations that make, change and delete a stack without a change set."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from localaws.service_api import Call, Operation
from localaws.services.cloudformation.change_set import NO_UPDATES, why_empty
from localaws.services.cloudformation.execution.deletion import delete_stack
from localaws.services.cloudformation.execution.deployment import Deployment
from localaws.services.cloudformation.execution.preview import preview
from localaws.services.cloudformation.requests import (
    SUBMITTED,
    check_stack_name,
    invalid,
    read_submission,
    refuse_unserved,
)
from localaws.services.cloudformation.resources.stack import Stack, Submission
from localaws.services.cloudformation.stacks import Stacks, check_capabilities
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.plain import PlainTemplate

UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE")
_CREATE_SERVED = SUBMITTED | {
    "ClientRequestToken",
    "DisableRollback",
    "EnableTerminationProtection",
    "OnFailure",
    "StackName",
}


class StackOperations:
    """CreateStack, UpdateStack, DeleteStack and the protection against the last."""

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateStack": self._create,
            "DeleteStack": self._delete,
            "UpdateStack": self._update,
            "UpdateTerminationProtection": self._protect,
        }

    def _create(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        refuse_unserved("CreateStack", params, _CREATE_SERVED)
        if params.get("OnFailure") and params.get("DisableRollback") is not None:
            raise invalid("Either DisableRollback or OnFailure can be specified, not both.")
        check_stack_name(params["StackName"])
        submission = read_submission(params, None, self._stacks.s3, self._stacks.context.endpoint_url)
        check_capabilities(self._stacks.parse(submission), submission, unseen=True)
        stack = self._stacks.add(params["StackName"])
        stack.submission = submission
        stack.is_protected = bool(params.get("EnableTerminationProtection"))
        stack.keeps_what_failed = bool(params.get("DisableRollback"))
        try:
            template = self._prepare(stack, submission)
        except BaseException:
            self._stacks.remove(stack)
            raise
        self._stacks.claim(stack, "CREATE_IN_PROGRESS", ("REVIEW_IN_PROGRESS",), "created")
        on_failure = "DO_NOTHING" if stack.keeps_what_failed else params.get("OnFailure") or "ROLLBACK"
        deployment = self._deployment(stack, template, submission)
        self._stacks.begin(stack, partial(deployment.create, on_failure))
        return {"StackId": stack.arn}

    def _update(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        refuse_unserved("UpdateStack", params, SUBMITTED | {"ClientRequestToken", "DisableRollback", "StackName"})
        stack = self._stacks.named(params["StackName"])
        if stack is None or stack.status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
            raise invalid(f"Stack [{params['StackName']}] does not exist")
        submission = read_submission(params, stack, self._stacks.s3, self._stacks.context.endpoint_url)
        check_capabilities(self._stacks.parse(submission), submission, unseen=True)
        template = self._prepare(stack, submission)
        try:
            changes = tuple(preview(stack.resources, template, self._stacks.around.handlers))
        except TemplateError as error:
            raise invalid(str(error)) from error
        if why_empty(stack, submission, template, changes):
            raise invalid(NO_UPDATES)
        self._stacks.claim(stack, "UPDATE_IN_PROGRESS", UPDATABLE, "updated")
        stack.updated_at = self._stacks.context.now()
        stack.keeps_what_failed = bool(params.get("DisableRollback"))
        update = partial(
            self._deployment(stack, template, submission).update, keeps_what_failed=stack.keeps_what_failed
        )
        self._stacks.begin(stack, update)
        return {"StackId": stack.arn}

    def _delete(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        refuse_unserved("DeleteStack", params, {"ClientRequestToken", "RetainResources", "StackName"})
        stack, retained = self._stacks.named(params["StackName"]), params.get("RetainResources") or []
        if stack is None or stack.status == "DELETE_COMPLETE":
            return {}  # as AWS answers: what is not there is deleted
        if stack.is_protected:
            raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.status.startswith("UPDATE") and stack.status.endswith("IN_PROGRESS"):
            raise invalid(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
        unknown = sorted(set(retained) - stack.resources.keys())
        if retained and (stack.status != "DELETE_FAILED" or unknown):
            problem = "RetainResources may only name resources of a stack that is in DELETE_FAILED state"
            raise invalid(f"{problem}: {stack.name} is in {stack.status}, got {', '.join(retained)}")
        self._stacks.begin(stack, partial(self._take_down, stack, retained))
        return {}

    def _take_down(self, stack: Stack, retained: list[str]) -> None:
        if stack.status == "DELETE_COMPLETE":
            return  # somebody asked twice
        stack.become("DELETE_IN_PROGRESS", self._stacks.context.now(), "User Initiated")
        delete_stack(stack, self._stacks.around, retained=retained)

    def _protect(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stack = self._stacks.find(params)
        stack.is_protected = params["EnableTerminationProtection"]
        return {"StackId": stack.arn}

    def _prepare(self, stack: Stack, submission: Submission) -> PlainTemplate:
        try:
            template = self._stacks.prepare(stack, submission)
        except TemplateError as error:
            raise invalid(str(error)) from error
        check_capabilities(template.template, submission, unseen=False)
        return template

    def _deployment(self, stack: Stack, template: PlainTemplate, submission: Submission) -> Deployment:
        return Deployment(stack, template, submission, self._stacks.around, self._stacks.exporter(stack))
