"""Every spec block of docs/strategies.md is a spec that `sluice apply` takes, and every strategy has its page."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from sluice.spec.model import ModelSpec
from sluice.spec.serving_modes import STRATEGIES

from cli.apply.rules import gate_rules, time_zone_rules

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "strategies.md").read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", DOCS, re.MULTILINE | re.DOTALL))
BLOCKS = {
    title: yaml.safe_load(block)
    for title, text in SECTIONS.items()
    for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
}
NAMES = sorted({name for names in STRATEGIES.values() for name in names})


def spec_with(block: dict[str, Any]) -> dict[str, Any]:
    raw: dict[str, Any] = deepcopy(yaml.safe_load((ROOT / "models" / "fraud.yaml").read_text()))
    raw["endpoint"] |= {"metrics_period_seconds": 60, "instance_count": 4}  # parts of a fleet need a fleet
    return raw | block


@pytest.mark.parametrize("title", BLOCKS)
def test_a_block_is_a_spec(title: str) -> None:
    spec = ModelSpec.parse(spec_with(BLOCKS[title]), (*gate_rules("dev"), *time_zone_rules()))
    assert spec.rollout.strategy == (title if title in NAMES else BLOCKS[title]["rollout"].get("strategy", "canary"))


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_has_a_page_and_a_line_in_the_table(name: str) -> None:
    assert name in BLOCKS
    assert f"| `{name}` |" in SECTIONS["Which one when"]


def test_the_table_of_types_is_what_is_checked() -> None:
    rows = re.findall(r"^\| (real-time|async|serverless|batch) \| (.*) \|$", SECTIONS["Which one when"], re.MULTILINE)
    for kind, cells in rows:
        beside, blue_green, at_once = (cell.strip().startswith("yes") for cell in cells.split("|"))
        allowed = STRATEGIES[kind]
        assert {"canary", "linear", "ab_test", "shadow"} <= set(allowed) if beside else "canary" not in allowed
        assert ("blue_green" in allowed, "all_at_once" in allowed) == (blue_green, at_once)
    assert len(rows) == 4
