"""What the tests of `sluice status` share."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.builders.fake_aws import FakeAws
from tests.builders.status_stage import busy_stage


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def busy() -> FakeAws:
    return busy_stage()
