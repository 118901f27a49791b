"""Deletes resources, each before those it depends on, and whole stacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from localaws.services.cloudformation.execution.environment import DeploymentEnvironment
from localaws.services.cloudformation.execution.steps import ResourceSteps, StepFailedError
from localaws.services.cloudformation.execution.walk import reversed_graph, walk
from localaws.services.cloudformation.resources.stack import DeployedResource, Stack

Keeps = Callable[[DeployedResource], bool]


def keeps_on_deletion(resource: DeployedResource) -> bool:
    """Whether a resource outlives its stack, or its own removal from the template."""
    return resource.deletion_policy in ("Retain", "RetainExceptOnCreate")


def keeps_on_rollback(resource: DeployedResource) -> bool:
    """Whether a resource outlives the failure of the operation that created it: RetainExceptOnCreate does not.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
    """
    return resource.deletion_policy == "Retain"


def keeps_when_replaced(resource: DeployedResource) -> bool:
    return resource.replace_policy == "Retain"


def delete_resources(
    stack: Stack, resources: Mapping[str, DeployedResource], keeps: Keeps, around: DeploymentEnvironment
) -> list[str]:
    """Delete these resources of a stack or leave them where they are; the logical ids of those that failed."""
    steps = ResourceSteps(stack, around)

    def take_down(logical_id: str) -> bool:
        resource = resources[logical_id]
        if keeps(resource):
            steps.skip(resource)
            return True
        try:
            steps.delete(resource)
        except StepFailedError:
            return False
        return True

    graph = reversed_graph({logical_id: resource.dependencies for logical_id, resource in resources.items()})
    return sorted(walk(graph, take_down, at_once=around.at_once, goes_on=True))


def delete_stack(stack: Stack, around: DeploymentEnvironment, *, retained: Collection[str] = ()) -> None:
    """Delete a stack's resources; ends in DELETE_COMPLETE, or in DELETE_FAILED with what is left.

    ``retained`` are logical ids that are left where they are, whatever their policy says.
    """
    doomed = dict(stack.resources)
    failed = delete_resources(
        stack, doomed, lambda each: each.logical_id in retained or keeps_on_deletion(each), around
    )
    # What depends on a failed resource was deleted before it; what it depends on could not be.
    left = {logical_id for logical_id in doomed if _is_left(stack, logical_id)}
    for logical_id in doomed.keys() - left:
        del stack.resources[logical_id]
    if left:
        reason = f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
        stack.become("DELETE_FAILED", around.now(), reason)
        return
    stack.outputs.clear()
    stack.deleted_at = around.now()
    stack.become("DELETE_COMPLETE", stack.deleted_at)


def _is_left(stack: Stack, logical_id: str) -> bool:
    return stack.last_events[logical_id].status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")
