"""The operations on change sets."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from localaws.service_api import AwsError, Call, Operation
from localaws.services.cloudformation import descriptions
from localaws.services.cloudformation.change_set import ChangeSet, why_empty
from localaws.services.cloudformation.execution.deployment import Deployment
from localaws.services.cloudformation.execution.preview import preview
from localaws.services.cloudformation.requests import (
    SUBMITTED,
    check_stack_name,
    invalid,
    page,
    read_submission,
    refuse_unserved,
)
from localaws.services.cloudformation.resources.stack import Stack
from localaws.services.cloudformation.stack_operations import UPDATABLE
from localaws.services.cloudformation.stacks import Stacks, check_capabilities, requires
from localaws.services.cloudformation.template.document import missing_capabilities, transforms
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.parameters import resolve_parameters

CHANGES_A_PAGE = 100
_SERVED = SUBMITTED | {"ChangeSetName", "ChangeSetType", "ClientToken", "Description", "OnStackFailure", "StackName"}


class ChangeSetOperations:
    """Creates, describes, carries out and deletes change sets."""

    def __init__(self, stacks: Stacks) -> None:
        self._stacks = stacks
        self._change_sets: list[ChangeSet] = []
        self._lock = threading.Lock()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateChangeSet": self._create,
            "DeleteChangeSet": self._delete,
            "DescribeChangeSet": self._describe,
            "ExecuteChangeSet": self._execute,
            "ListChangeSets": self._list,
        }

    def find(self, params: Mapping[str, Any]) -> ChangeSet:
        """By ARN, or by name with the stack's name."""
        wanted, stack_name = params["ChangeSetName"], params.get("StackName")
        for each in self._all():
            if each.arn == wanted or (each.name == wanted and stack_name in (each.stack.name, each.stack.arn)):
                return each
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist", 404)

    def _all(self) -> list[ChangeSet]:
        """Those of stacks that are not deleted, the newest first."""
        with self._lock:
            return [each for each in reversed(self._change_sets) if each.stack.status != "DELETE_COMPLETE"]

    def _create(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        refuse_unserved("CreateChangeSet", params, _SERVED)
        kind = params.get("ChangeSetType", "UPDATE")
        existing = self._stacks.named(params["StackName"])
        _check_target(params, kind, existing)
        previous = existing if kind == "UPDATE" else None
        submission = read_submission(params, previous, self._stacks.s3, self._stacks.context.endpoint_url)
        template = self._stacks.parse(submission)
        try:
            resolve_parameters(template.get("Parameters", {}), submission.parameters)
        except TemplateError as error:
            raise invalid(str(error)) from error
        if not transforms(template):
            check_capabilities(template, submission, unseen=False)
        stack = existing
        if stack is None:
            stack = self._stacks.add(params["StackName"])
            stack.submission = submission
            stack.become("REVIEW_IN_PROGRESS", self._stacks.context.now(), "User Initiated")
        change_set = self._add(params, kind, stack, submission)
        self._stacks.begin(stack, partial(self._prepare, change_set))
        return {"Id": change_set.arn, "StackId": stack.arn}

    def _add(self, params: Mapping[str, Any], kind: str, stack: Stack, submission: Any) -> ChangeSet:
        name, context = params["ChangeSetName"], self._stacks.context
        change_set = ChangeSet(
            name=name,
            arn=f"arn:aws:cloudformation:{context.region}:{context.account}:changeSet/{name}/{uuid.uuid4()}",
            stack=stack,
            type=kind,
            submission=submission,
            created_at=context.now(),
            description=params.get("Description", ""),
            on_failure=params.get("OnStackFailure"),
        )
        with self._lock:
            if any(each.name == name and each.stack is stack for each in self._change_sets):
                raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists")
            self._change_sets.append(change_set)
        return change_set

    def _prepare(self, change_set: ChangeSet) -> None:
        """Find out what would be changed."""
        stack, submission = change_set.stack, change_set.submission
        try:
            template = self._stacks.prepare(stack, submission)
            missing = missing_capabilities(template.template, submission.capabilities)
            if missing:
                change_set.fail(requires(missing))
                return
            changes = tuple(preview(stack.resources, template, self._stacks.around.handlers))
        except TemplateError as error:
            change_set.fail(str(error))
            return
        except Exception as error:
            change_set.fail(f"Internal Failure: {error!r}")
            raise
        if change_set.type == "UPDATE" and (reason := why_empty(stack, submission, template, changes)):
            change_set.fail(reason)
        else:
            change_set.succeed(template, changes)

    def _describe(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        change_set = self.find(params)
        shown, more = page(list(change_set.changes), params.get("NextToken"), CHANGES_A_PAGE)
        return {**descriptions.change_set(change_set, shown), **more}

    def _list(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stack = self._stacks.find(params)
        own = [each for each in self._all() if each.stack is stack]
        shown, more = page(own, params.get("NextToken"), 100)
        return {"Summaries": [descriptions.change_set_summary(each) for each in shown], **more}

    def _delete(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        try:
            change_set = self.find(params)
        except AwsError:
            self._stacks.find(params)  # deleting what does not exist is fine, on a stack that does
            return {}
        if change_set.execution_status == "EXECUTE_IN_PROGRESS":
            problem = f"ChangeSet [{change_set.arn}] cannot be deleted in its current status"
            raise AwsError("InvalidChangeSetStatus", f"{problem} of [{change_set.execution_status}]")
        with self._lock:
            self._change_sets.remove(change_set)
        return {}

    def _execute(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        served = {"ChangeSetName", "ClientRequestToken", "DisableRollback", "StackName"}
        refuse_unserved("ExecuteChangeSet", params, served)
        change_set = self.find(params)
        template, stack = change_set.template, change_set.stack
        if template is None or change_set.execution_status != "AVAILABLE":
            status = change_set.status if template is None else change_set.execution_status
            problem = f"ChangeSet [{change_set.arn}] cannot be executed in its current status of [{status}]"
            raise AwsError("InvalidChangeSetStatus", problem)
        is_new = change_set.type == "CREATE"
        status, allowed = ("CREATE", ("REVIEW_IN_PROGRESS",)) if is_new else ("UPDATE", UPDATABLE)
        self._stacks.claim(stack, f"{status}_IN_PROGRESS", allowed, "updated")
        stack.change_set_id = change_set.arn
        stack.keeps_what_failed = bool(params.get("DisableRollback"))
        if not is_new:
            stack.updated_at = self._stacks.context.now()
        change_set.execution_status = "EXECUTE_IN_PROGRESS"
        self._forget_others(change_set)
        deployment = Deployment(
            stack, template, change_set.submission, self._stacks.around, self._stacks.exporter(stack)
        )
        self._stacks.begin(stack, partial(_carry_out, change_set, deployment))
        return {}

    def _forget_others(self, executed: ChangeSet) -> None:
        """They were made for a stack that is no longer what it was; AWS deletes them, too."""
        with self._lock:
            self._change_sets = [
                each for each in self._change_sets if each is executed or each.stack is not executed.stack
            ]


def _carry_out(change_set: ChangeSet, deployment: Deployment) -> None:
    stack = change_set.stack
    if change_set.type == "CREATE":
        deployment.create("DO_NOTHING" if stack.keeps_what_failed else change_set.on_failure or "ROLLBACK")
    else:
        deployment.update(keeps_what_failed=stack.keeps_what_failed or change_set.on_failure == "DO_NOTHING")
    is_done = stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    change_set.execution_status = "EXECUTE_COMPLETE" if is_done else "EXECUTE_FAILED"


def _check_target(params: Mapping[str, Any], kind: str, existing: Stack | None) -> None:
    """A stack is created once, and only a stack that exists and is at rest can be updated."""
    name, change_set = params["StackName"], params["ChangeSetName"]
    if kind == "CREATE":
        check_stack_name(name)
        if existing is not None and existing.status != "REVIEW_IN_PROGRESS":
            problem = f"already exists and cannot be created again with the changeSet [{change_set}]."
            raise invalid(f"Stack [{name}] {problem}")
    elif kind != "UPDATE":
        raise invalid(f"ChangeSetType {kind} is not served by the local CloudFormation")
    elif existing is None or existing.status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        raise invalid(f"Stack [{name}] does not exist")
    elif existing.status not in UPDATABLE:
        raise invalid(f"Stack:{existing.arn} is in {existing.status} state and can not be updated.")
