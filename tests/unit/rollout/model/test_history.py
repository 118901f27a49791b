"""The history of a rollout: lines by time, each written once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sluice.rollout.model.history import HistoryStore
from sluice.rollout_id import RolloutId

from tests.fakes.table import FakeTable

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
ID = RolloutId(model="fraud", version=1, attempt=1)


def test_lines_are_read_by_time_and_a_repeated_key_writes_nothing() -> None:
    history = HistoryStore(FakeTable())
    history.append(ID, "planned", "planned: create", T0 + timedelta(minutes=1), stages=2)
    history.append(ID, "zeroth", "first by time, last by key", T0)
    history.append(ID, "planned", "planned again", T0 + timedelta(minutes=2))
    assert history.entries(ID) == [
        {"at": T0.isoformat(), "key": "zeroth", "text": "first by time, last by key", "data": {}},
        {
            "at": (T0 + timedelta(minutes=1)).isoformat(),
            "key": "planned",
            "text": "planned: create",
            "data": {"stages": 2},
        },
    ]
    assert history.entries(RolloutId(model="fraud", version=1, attempt=2)) == []
