"""The state machine of an endpoint's status, as a table of transitions."""

from __future__ import annotations

from enum import StrEnum

from localaws.service_api import AwsError, invalid


class Status(StrEnum):
    """EndpointStatus as the API spells it."""

    OUT_OF_SERVICE = "OutOfService"
    CREATING = "Creating"
    UPDATING = "Updating"
    SYSTEM_UPDATING = "SystemUpdating"
    ROLLING_BACK = "RollingBack"
    IN_SERVICE = "InService"
    DELETING = "Deleting"
    FAILED = "Failed"
    UPDATE_ROLLBACK_FAILED = "UpdateRollbackFailed"


class Happening(StrEnum):
    """What moves an endpoint to its next status: the first two are asked for, the others turn out.

    SageMaker begins a system update by itself: "the endpoint is being updated for maintenance. It cannot be updated,
    deleted, or re-scaled until it has completed" (EndpointStatus of DescribeEndpoint); it serves on meanwhile.
    """

    CHANGE_REQUESTED = "update"
    DELETION_REQUESTED = "delete"
    MAINTENANCE_BEGAN = "begin to maintain"
    SUCCEEDED = "succeed"
    FAILED = "fail"
    ROLLED_BACK = "finish rolling back"


NEXT = {
    (Status.CREATING, Happening.SUCCEEDED): Status.IN_SERVICE,
    (Status.CREATING, Happening.FAILED): Status.FAILED,
    (Status.IN_SERVICE, Happening.CHANGE_REQUESTED): Status.UPDATING,
    (Status.IN_SERVICE, Happening.MAINTENANCE_BEGAN): Status.SYSTEM_UPDATING,
    (Status.SYSTEM_UPDATING, Happening.SUCCEEDED): Status.IN_SERVICE,
    (Status.UPDATE_ROLLBACK_FAILED, Happening.CHANGE_REQUESTED): Status.UPDATING,
    (Status.UPDATING, Happening.SUCCEEDED): Status.IN_SERVICE,
    (Status.UPDATING, Happening.FAILED): Status.ROLLING_BACK,
    (Status.ROLLING_BACK, Happening.ROLLED_BACK): Status.IN_SERVICE,
    (Status.ROLLING_BACK, Happening.FAILED): Status.UPDATE_ROLLBACK_FAILED,
    (Status.IN_SERVICE, Happening.DELETION_REQUESTED): Status.DELETING,
    (Status.FAILED, Happening.DELETION_REQUESTED): Status.DELETING,
    (Status.OUT_OF_SERVICE, Happening.DELETION_REQUESTED): Status.DELETING,
    (Status.UPDATE_ROLLBACK_FAILED, Happening.DELETION_REQUESTED): Status.DELETING,
}
IN_PROGRESS = frozenset(
    {Status.CREATING, Status.UPDATING, Status.SYSTEM_UPDATING, Status.ROLLING_BACK, Status.DELETING}
)


def next_status(status: Status, happening: Happening, *, arn: str) -> Status:
    """The status after ``happening``; raises ValidationException in AWS's words where it is not allowed."""
    following = NEXT.get((status, happening))
    if following is None:
        raise _refusal(status, happening, arn)
    return following


def _refusal(status: Status, happening: Happening, arn: str) -> AwsError:
    if status in IN_PROGRESS:
        return invalid(f'Cannot update in-progress endpoint "{arn}".')
    return invalid(f'Cannot {happening} endpoint "{arn}" in status {status}.')
