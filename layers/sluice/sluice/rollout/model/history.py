"""The history of a rollout: what happened in it, line by line, for people to read."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sluice.aws.table import ItemTable
from sluice.rollout_id import RolloutId


class HistoryStore:
    """Stores one item per line: ``ROLLOUT#<id>``, ``ENTRY#<key>``. Idempotent."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def append(self, rollout_id: RolloutId, key: str, text: str, now: datetime, **data: Any) -> None:
        """Append a line; a repeated call with the same key writes nothing."""
        self._table.put_new(
            {
                "pk": f"ROLLOUT#{rollout_id}",
                "sk": f"ENTRY#{key}",
                "at": now.isoformat(),
                "text": text,
                "data": json.dumps(data, default=str),
            }
        )

    def entries(self, rollout_id: RolloutId) -> list[dict[str, Any]]:
        """The lines by time: ``{"at", "key", "text", "data"}``."""
        lines = [
            {
                "at": item["at"],
                "key": item["sk"].removeprefix("ENTRY#"),
                "text": item["text"],
                "data": json.loads(item["data"]),
            }
            for item in self._table.query(f"ROLLOUT#{rollout_id}", "ENTRY#")
        ]
        return sorted(lines, key=lambda line: str(line["at"]))
