"""How long the container that plays the XGBoost image lets a request take."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from localaws.containers.serving.contract import Reply
from localaws.containers.serving.server import answer_seconds, answer_within


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_a_container_that_is_told_nothing_stops_a_request_after_a_minute() -> None:
    assert answer_seconds({}) == 60
    assert answer_seconds({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"}) == 3600


@pytest.mark.parametrize("given", ["", "0", "-1", "1.5", "an hour"])
def test_what_is_no_number_of_seconds_does_not_start(given: str) -> None:
    with pytest.raises(ValueError, match=f"SAGEMAKER_MODEL_SERVER_TIMEOUT: .* got '{given}'"):
        answer_seconds({"SAGEMAKER_MODEL_SERVER_TIMEOUT": given})


def test_a_request_that_takes_longer_is_answered_by_nginx(threads: ThreadPoolExecutor) -> None:
    over = threading.Event()

    def slow() -> Reply:
        over.wait(30)
        return Reply(200)

    assert answer_within(0.01, slow, threads).status == 504
    over.set()
    assert answer_within(30, lambda: Reply(200, b"1"), threads) == Reply(200, b"1")


def test_what_the_model_raises_is_no_timeout(threads: ThreadPoolExecutor) -> None:
    def fails() -> Reply:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        answer_within(30, fails, threads)
