"""CloudFormation: its operations that only read, and those of its parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation
from localaws.services.cloudformation import descriptions
from localaws.services.cloudformation.change_set_operations import ChangeSetOperations
from localaws.services.cloudformation.requests import invalid, page, refuse_unserved, template_text
from localaws.services.cloudformation.resources.stack import Stack
from localaws.services.cloudformation.stack_operations import StackOperations
from localaws.services.cloudformation.stacks import Stacks
from localaws.services.cloudformation.template.document import parse_template, transforms
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.summary import summarise, validated
from localaws.services.cloudformation.template.translate import translate

ITEMS_A_PAGE = 100
HEAD_START_SECONDS = 10.0


class CloudFormation:
    """Stacks of the local AWS."""

    name = "cloudformation"

    def __init__(self, context: Context, head_start_seconds: float = HEAD_START_SECONDS) -> None:
        """``head_start_seconds`` is how long an operation waits for the work it began before it answers."""
        self._context = context
        self._stacks = Stacks(context, head_start_seconds)
        self._change_sets = ChangeSetOperations(self._stacks)
        self._stack_operations = StackOperations(self._stacks)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            **self._change_sets.operations,
            **self._stack_operations.operations,
            "DescribeStackEvents": self._describe_stack_events,
            "DescribeStackResource": self._describe_stack_resource,
            "DescribeStackResources": self._describe_stack_resources,
            "DescribeStacks": self._describe_stacks,
            "GetTemplate": self._get_template,
            "GetTemplateSummary": self._get_template_summary,
            "ListExports": self._list_exports,
            "ListStackResources": self._list_stack_resources,
            "ListStacks": self._list_stacks,
            "ValidateTemplate": self._validate_template,
        }

    def stacks(self) -> list[Stack]:
        """Every stack that was not deleted, for a server that reports on them."""
        return self._stacks.present()

    def _describe_stacks(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stacks = [self._stacks.find(params)] if params.get("StackName") else self._stacks.present()
        shown, more = page(stacks, params.get("NextToken"), ITEMS_A_PAGE)
        return {"Stacks": [descriptions.stack_description(stack) for stack in shown], **more}

    def _list_stacks(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        wanted = params.get("StackStatusFilter")
        stacks = [stack for stack in self._stacks.all() if not wanted or stack.status in wanted]
        shown, more = page(stacks, params.get("NextToken"), ITEMS_A_PAGE)
        return {"StackSummaries": [descriptions.stack_summary(stack) for stack in shown], **more}

    def _describe_stack_events(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stack = self._stacks.find(params)
        newest_first = list(stack.events)[::-1]
        shown, more = page(newest_first, params.get("NextToken"), ITEMS_A_PAGE)
        return {"StackEvents": [descriptions.stack_event(stack, event) for event in shown], **more}

    def _describe_stack_resources(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        if params.get("PhysicalResourceId"):
            return self._describe_by_physical_id(params["PhysicalResourceId"])
        stack, wanted = self._stacks.find(params), params.get("LogicalResourceId")
        chosen = [event for event in list(stack.last_events.values()) if wanted in (None, event.logical_id)]
        return {"StackResources": [descriptions.resource_description(stack, event) for event in chosen]}

    def _describe_by_physical_id(self, physical_id: str) -> dict[str, Any]:
        """All resources of the stack that one with this id belongs to."""
        for stack in self._stacks.present():
            events = list(stack.last_events.values())
            if any(event.physical_id == physical_id for event in events):
                return {"StackResources": [descriptions.resource_description(stack, event) for event in events]}
        raise invalid(f"Stack for {physical_id} does not exist")

    def _describe_stack_resource(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stack, wanted = self._stacks.find(params), params["LogicalResourceId"]
        if wanted not in stack.last_events:
            raise invalid(f"Resource {wanted} does not exist for stack {stack.name}")
        return {"StackResourceDetail": descriptions.resource_detail(stack, stack.last_events[wanted])}

    def _list_stack_resources(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        events = list(self._stacks.find(params).last_events.values())
        shown, more = page(events, params.get("NextToken"), ITEMS_A_PAGE)
        return {"StackResourceSummaries": [descriptions.resource_summary(event) for event in shown], **more}

    def _list_exports(self, _params: dict[str, Any], _call: Call) -> dict[str, Any]:
        return {"Exports": descriptions.exported(self._stacks.present())}

    def _get_template(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """The text as it was handed in, or with ``Processed`` what transforms made of it."""
        if params.get("ChangeSetName"):
            change_set = self._change_sets.find(params)
            text, plain = change_set.submission.text, change_set.template and change_set.template.template
        else:
            stack = self._stacks.find(params)
            text, plain = stack.submission.text, stack.template or None
        stages = ["Original"] if plain is None else ["Original", "Processed"]
        if params.get("TemplateStage", "Original") == "Original":
            return {"TemplateBody": text, "StagesAvailable": stages}
        if plain is None:
            raise AwsError("ValidationError", "Template stage Processed is not available")
        return {"TemplateBody": json.dumps(plain, default=str), "StagesAvailable": stages}

    def _get_template_summary(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        refuse_unserved("GetTemplateSummary", params, {"StackName", "TemplateBody", "TemplateURL"})
        text = self._stacks.find(params).submission.text if params.get("StackName") else self._text(params)
        template = _parsed(text)
        translated = template
        if transforms(template):
            defaults = {name: str(each["Default"]) for name, each in _declared(template).items() if "Default" in each}
            try:
                translated = translate(template, defaults, region=self._context.region)
            except TemplateError as error:
                raise invalid(str(error)) from error
        return summarise(template, translated)

    def _validate_template(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        return validated(_parsed(self._text(params)))

    def _text(self, params: Mapping[str, Any]) -> str:
        return template_text(params, "", self._stacks.s3, self._context.endpoint_url)


def _parsed(text: str) -> dict[str, Any]:
    try:
        return parse_template(text)
    except TemplateError as error:
        raise invalid(str(error)) from error


def _declared(template: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = template.get("Parameters", {})
    return parameters
