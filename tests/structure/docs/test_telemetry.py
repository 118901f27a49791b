"""docs/operations.md lists every metric and every key that lines can be searched by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from sluice.telemetry.port import Key, Metric

ROOT = Path(__file__).parents[3]
SECTION = (
    (ROOT / "docs" / "operations.md").read_text().split("## What is logged and measured", 1)[1].split("\n## ", 1)[0]
)


def test_every_metric_is_in_the_table() -> None:
    listed = re.findall(r"^\| `([A-Z]\w+)` \|", SECTION, re.MULTILINE)
    assert listed == [*get_args(Metric), "ColdStart"]


def test_every_key_is_in_the_table() -> None:
    assert [key for key in get_args(Key) if f"`{key}`" not in SECTION] == []
