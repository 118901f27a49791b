"""Stacks, their resources and events, and change sets in the shapes of CloudFormation's answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from localaws.services.cloudformation.change_set import ChangeSet
from localaws.services.cloudformation.execution.preview import Change, ChangedProperty
from localaws.services.cloudformation.resources.stack import Stack, StackEvent

_NOT_CHECKED = {"StackDriftStatus": "NOT_CHECKED"}


def stack_description(stack: Stack) -> dict[str, Any]:
    """An item of DescribeStacks."""
    return {
        **_without_nothing(
            StackId=stack.arn,
            StackName=stack.name,
            ChangeSetId=stack.change_set_id,
            Description=stack.description or None,
            CreationTime=stack.created_at,
            LastUpdatedTime=stack.updated_at,
            DeletionTime=stack.deleted_at,
            StackStatus=stack.status,
            StackStatusReason=stack.status_reason or None,
        ),
        "DisableRollback": stack.keeps_what_failed,
        "RollbackConfiguration": {},
        "NotificationARNs": list(stack.submission.notification_arns),
        "Capabilities": list(stack.submission.capabilities),
        "Parameters": _parameters(stack.parameters),
        "Outputs": [_output(stack, name) for name in list(stack.outputs)],
        "Tags": _tags(stack.submission.tags),
        "EnableTerminationProtection": stack.is_protected,
        "DriftInformation": _NOT_CHECKED,
    }


def stack_summary(stack: Stack) -> dict[str, Any]:
    """An item of ListStacks."""
    return {
        **_without_nothing(
            StackId=stack.arn,
            StackName=stack.name,
            TemplateDescription=stack.description or None,
            CreationTime=stack.created_at,
            LastUpdatedTime=stack.updated_at,
            DeletionTime=stack.deleted_at,
            StackStatus=stack.status,
            StackStatusReason=stack.status_reason or None,
        ),
        "DriftInformation": _NOT_CHECKED,
    }


def stack_event(stack: Stack, event: StackEvent) -> dict[str, Any]:
    """An item of DescribeStackEvents."""
    return _without_nothing(
        StackId=stack.arn,
        StackName=stack.name,
        EventId=event.event_id,
        LogicalResourceId=event.logical_id,
        PhysicalResourceId=event.physical_id,
        ResourceType=event.type,
        Timestamp=event.at,
        ResourceStatus=event.status,
        ResourceStatusReason=event.reason or None,
    )


def resource_description(stack: Stack, event: StackEvent) -> dict[str, Any]:
    """An item of DescribeStackResources; the last event of a resource says how it is."""
    return {"StackName": stack.name, "StackId": stack.arn, **_resource(event), "Timestamp": event.at}


def resource_detail(stack: Stack, event: StackEvent) -> dict[str, Any]:
    """The answer of DescribeStackResource."""
    return {"StackName": stack.name, "StackId": stack.arn, **_resource(event), "LastUpdatedTimestamp": event.at}


def resource_summary(event: StackEvent) -> dict[str, Any]:
    """An item of ListStackResources."""
    return {**_resource(event), "LastUpdatedTimestamp": event.at}


def change_set(described: ChangeSet, changes: Sequence[Change]) -> dict[str, Any]:
    """The answer of DescribeChangeSet with these of its changes."""
    shown: Mapping[str, str] = described.submission.parameters
    if described.template is not None:
        shown = described.template.parameters
    return {
        **change_set_summary(described),
        "Parameters": _parameters(shown),
        "NotificationARNs": list(described.submission.notification_arns),
        "RollbackConfiguration": {},
        "Capabilities": list(described.submission.capabilities),
        "Tags": _tags(described.submission.tags),
        "Changes": [{"Type": "Resource", "ResourceChange": _change(each)} for each in changes],
    }


def change_set_summary(described: ChangeSet) -> dict[str, Any]:
    """An item of ListChangeSets."""
    return {
        **_without_nothing(
            ChangeSetId=described.arn,
            ChangeSetName=described.name,
            StackId=described.stack.arn,
            StackName=described.stack.name,
            CreationTime=described.created_at,
            Description=described.description or None,
            Status=described.status,
            StatusReason=described.status_reason or None,
            ExecutionStatus=described.execution_status,
        ),
        "IncludeNestedStacks": False,
    }


def exported(stacks: Sequence[Stack]) -> list[dict[str, str]]:
    """Items of ListExports."""
    return [
        {"ExportingStackId": stack.arn, "Name": output.export, "Value": output.value}
        for stack in stacks
        for output in list(stack.outputs.values())
        if output.export is not None
    ]


def _change(change: Change) -> dict[str, Any]:
    return {
        **_without_nothing(
            Action=change.action,
            LogicalResourceId=change.logical_id,
            PhysicalResourceId=change.physical_id,
            ResourceType=change.type,
            Replacement=change.replacement,
            PolicyAction=change.policy_action,
        ),
        "Scope": list(change.scope),
        "Details": [_detail(each) for each in change.properties],
    }


def _detail(changed: ChangedProperty) -> dict[str, Any]:
    recreation = changed.requires_recreation
    target = {"Attribute": "Properties", "Name": changed.name, "RequiresRecreation": recreation}
    source = "DirectModification" if changed.is_known else "ResourceReference"
    return {"Target": target, "Evaluation": "Static" if changed.is_known else "Dynamic", "ChangeSource": source}


def _output(stack: Stack, name: str) -> dict[str, Any]:
    output = stack.outputs[name]
    return _without_nothing(
        OutputKey=name,
        OutputValue=output.value,
        Description=output.description or None,
        ExportName=output.export,
    )


def _resource(event: StackEvent) -> dict[str, Any]:
    return {
        **_without_nothing(
            LogicalResourceId=event.logical_id,
            PhysicalResourceId=event.physical_id or None,
            ResourceType=event.type,
            ResourceStatus=event.status,
            ResourceStatusReason=event.reason or None,
        ),
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def _parameters(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _without_nothing(**members: str | datetime | None) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
