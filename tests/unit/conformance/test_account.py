"""A run undoes what it made, last first, and says what it could not undo."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from conformance.account import Account, Pace, RunStoppedError


@pytest.fixture
def account() -> Account:
    pace = Pace(pause_seconds=1, silence_seconds=3, deadline_seconds=10)
    passed = [0.0]

    def wait(stopped: threading.Event, seconds: float) -> bool:
        passed[0] += seconds
        return stopped.is_set()

    return Account(
        run="abc", region="us-east-1", image="image", pace=pace, session=None, monotonic=lambda: passed[0], wait=wait
    )


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Delete")


def raising(errors: list[Exception]) -> Callable[[], None]:
    def delete() -> None:
        if errors:
            raise errors.pop(0)

    return delete


def test_what_was_made_last_is_deleted_first(account: Account) -> None:
    deleted: list[str] = []
    account.undo("model", lambda: deleted.append("model"))
    account.undo("endpoint", lambda: deleted.append("endpoint"))
    assert account.clean_up() == []
    assert deleted == ["endpoint", "model"]


@pytest.mark.parametrize(
    "error",
    [
        refused("NoSuchEntity", "The role cannot be found"),
        refused("AWS.SimpleQueueService.NonExistentQueue", ""),
        refused("ValidationException", 'Could not find endpoint "arn".'),
        refused("ValidationException", "ModelPackage x does not exist."),
    ],
    ids=str,
)
def test_what_is_gone_already_is_no_leftover(account: Account, error: ClientError) -> None:
    account.undo("it", raising([error]))
    assert account.clean_up() == []


def test_a_deletion_that_fails_is_tried_again(account: Account) -> None:
    account.undo("endpoint", raising([refused("ThrottlingException", "Rate exceeded")] * 4))
    assert account.clean_up() == []


def test_what_cannot_be_deleted_is_named_and_the_rest_is_deleted_all_the_same(account: Account) -> None:
    deleted: list[str] = []
    account.undo("model", lambda: deleted.append("model"))
    account.undo("endpoint", raising([refused("AccessDeniedException", "no")] * 9))
    (left,) = account.clean_up()
    assert left.what == "endpoint"
    assert "AccessDeniedException" in left.error
    assert deleted == ["model"]


def test_what_has_to_come_is_awaited_longer_than_what_may_not(account: Account) -> None:
    looks: list[int] = []

    def at_the_sixth() -> bool | None:
        looks.append(1)
        return True if len(looks) == 6 else None

    assert account.soon(at_the_sixth) is None
    looks.clear()
    assert account.eventually(at_the_sixth) is True


def test_what_is_shared_is_made_once(account: Account) -> None:
    made: list[int] = []
    for _ in range(2):
        account.shared("bucket", lambda: made.append(1))
    assert made == [1]


def test_a_stopped_run_waits_no_longer_and_still_cleans_up(account: Account) -> None:
    deleted: list[str] = []
    account.undo("endpoint", raising([refused("ThrottlingException", "Rate exceeded")]))
    account.undo("model", lambda: deleted.append("model"))
    account.stop()
    with pytest.raises(RunStoppedError):
        account.eventually(lambda: None)
    assert account.clean_up() == []
    assert deleted == ["model"]
