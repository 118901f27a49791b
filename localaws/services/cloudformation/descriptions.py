"""Stacks in the shapes of CloudFormation's answers. Pure."""

from __future__ import annotations

from typing import Any

from localaws.services.cloudformation.resources.stack import DeployedResource, Stack


def stack_description(stack: Stack) -> dict[str, Any]:
    """An item of DescribeStacks."""
    return {
        **_identity(stack),
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in stack.parameters.items()],
        "Outputs": [_output(stack, name) for name in stack.outputs],
    }


def stack_summary(stack: Stack) -> dict[str, Any]:
    """An item of ListStacks."""
    description = _identity(stack)
    return {**description, "TemplateDescription": description.pop("Description")}


def resource_description(stack: Stack, resource: DeployedResource) -> dict[str, Any]:
    """An item of DescribeStackResources."""
    return {
        "StackName": stack.name,
        "StackId": stack.arn,
        **_resource(resource),
        "Timestamp": resource.created_at,
    }


def resource_detail(stack: Stack, resource: DeployedResource) -> dict[str, Any]:
    """The answer of DescribeStackResource."""
    return {
        "StackName": stack.name,
        "StackId": stack.arn,
        **_resource(resource),
        "LastUpdatedTimestamp": resource.created_at,
    }


def resource_summary(resource: DeployedResource) -> dict[str, Any]:
    """An item of ListStackResources."""
    return {**_resource(resource), "LastUpdatedTimestamp": resource.created_at}


def _identity(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.arn,
        "StackName": stack.name,
        "Description": stack.description,
        "CreationTime": stack.created_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.status_reason,
    }


def _output(stack: Stack, name: str) -> dict[str, Any]:
    output = stack.outputs[name]
    shown = {"OutputKey": name, "OutputValue": output.value, "Description": output.description}
    return shown if output.export is None else {**shown, "ExportName": output.export}


def _resource(resource: DeployedResource) -> dict[str, Any]:
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "ResourceStatus": "CREATE_COMPLETE",
    }
