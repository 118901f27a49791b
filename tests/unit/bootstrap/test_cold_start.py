"""The collector stays off while a function starts, and only then."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from sluice.bootstrap.cold_start import collector_paused


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_in_the_block() -> None:
    with collector_paused():
        assert not gc.isenabled()
        before = gc.get_stats()
        kept = [[] for _ in range(100_000)]  # type: ignore[var-annotated]
        assert gc.get_stats() == before
    assert len(kept) == 100_000


def test_what_the_block_leaves_is_not_looked_at_again() -> None:
    with collector_paused():
        kept = [[] for _ in range(1_000)]  # type: ignore[var-annotated]
    assert gc.get_freeze_count() > 1_000
    assert not any(each is kept for each in gc.get_objects())


def test_what_comes_after_is_collected() -> None:
    with collector_paused():
        pass
    assert gc.isenabled()
    circle: list[object] = []
    circle.append(circle)
    del circle
    assert gc.collect() >= 1


def test_collection_goes_on_when_the_block_fails() -> None:
    with pytest.raises(ImportError), collector_paused():
        raise ImportError
    assert gc.isenabled()
