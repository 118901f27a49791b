"""Handlers of resource types call only what the local AWS serves: a stack must not fail on a call that is refused."""

import re
from pathlib import Path

import pytest

from localaws.moto.operations import SERVED
from localaws.services.cloudformation import resources

CALL = re.compile(r"\.call\w*\(\s*\"([a-z-]+)\",\s*\"(\w+)\"")
CALLED = sorted(
    {found for path in Path(resources.__file__).parent.glob("*.py") for found in CALL.findall(path.read_text())}
)


def test_calls_are_found() -> None:
    assert len(CALLED) > 60


@pytest.mark.parametrize(("service", "operation"), [each for each in CALLED if each[0] in SERVED])
def test_an_operation_of_moto_that_a_handler_calls_is_served(service: str, operation: str) -> None:
    assert operation in SERVED[service]
