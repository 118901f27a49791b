"""What may happen to an endpoint in which status."""

import pytest

from localaws.service_api import AwsError
from localaws.services.sagemaker.endpoint_state.status import IN_PROGRESS, NEXT, Happening, Status, next_status

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/spend"
REQUESTS = (Happening.CHANGE_REQUESTED, Happening.DELETION_REQUESTED)


@pytest.mark.parametrize("status", sorted(IN_PROGRESS))
@pytest.mark.parametrize("request_", REQUESTS)
def test_nothing_can_be_asked_of_an_endpoint_in_progress(status: Status, request_: Happening) -> None:
    with pytest.raises(AwsError) as refusal:
        next_status(status, request_, arn=ARN)
    assert refusal.value.code == "ValidationException"
    assert refusal.value.message == f'Cannot update in-progress endpoint "{ARN}".'


@pytest.mark.parametrize("status", sorted(set(Status) - IN_PROGRESS))
def test_what_is_settled_can_be_deleted(status: Status) -> None:
    assert next_status(status, Happening.DELETION_REQUESTED, arn=ARN) is Status.DELETING


def test_a_failed_endpoint_can_only_be_deleted() -> None:
    with pytest.raises(AwsError, match="in status Failed") as refusal:
        next_status(Status.FAILED, Happening.CHANGE_REQUESTED, arn=ARN)
    assert "in-progress" not in refusal.value.message  # who retries on that text would retry forever


@pytest.mark.parametrize("status", [Status.IN_SERVICE, Status.UPDATE_ROLLBACK_FAILED])
def test_what_serves_can_be_changed(status: Status) -> None:
    assert next_status(status, Happening.CHANGE_REQUESTED, arn=ARN) is Status.UPDATING


@pytest.mark.parametrize(
    ("story", "end"),
    [
        pytest.param([Happening.SUCCEEDED], Status.IN_SERVICE, id="created"),
        pytest.param([Happening.FAILED], Status.FAILED, id="never came up"),
        pytest.param(
            [Happening.SUCCEEDED, Happening.CHANGE_REQUESTED, Happening.SUCCEEDED],
            Status.IN_SERVICE,
            id="updated",
        ),
        pytest.param(
            [Happening.SUCCEEDED, Happening.CHANGE_REQUESTED, Happening.FAILED, Happening.ROLLED_BACK],
            Status.IN_SERVICE,
            id="rolled back",
        ),
        pytest.param(
            [Happening.SUCCEEDED, Happening.CHANGE_REQUESTED, Happening.FAILED, Happening.FAILED],
            Status.UPDATE_ROLLBACK_FAILED,
            id="could not roll back",
        ),
        pytest.param([Happening.FAILED, Happening.DELETION_REQUESTED], Status.DELETING, id="failed and deleted"),
    ],
)
def test_the_lives_of_endpoints(story: list[Happening], end: Status) -> None:
    status = Status.CREATING
    for happening in story:
        status = next_status(status, happening, arn=ARN)
    assert status is end


def test_whatever_begins_here_also_ends_here() -> None:
    entered = {after for after in NEXT.values() if after in IN_PROGRESS} - {Status.DELETING}
    assert all(any(before is status for before, _ in NEXT) for status in entered)
