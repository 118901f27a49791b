"""The story's pace: the shipped spec with shorter bakes and quicker metrics, nothing else changed.

At the shipped pace a canary takes twenty minutes and more. The story says what it changed; rates, stages,
strategy and alarms are the user's.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SCENES_SPEC = Path("models/fraud.yaml")
SCENES_JUDGE = {"safe_margin_percent": 25, "warm_up_periods": 0}  # a few dozen requests are proof enough
BAKE = "20s"
STAGE_WEIGHTS = (10, 50)  # percent of the traffic
MAX_HOLD = "120s"
PERIOD_SECONDS = 10
SAFE_MARGIN_PERCENT = 10
SETTLE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class PacedSpec:
    """A spec as the story applies it."""

    path: Path
    name: str
    features: tuple[str, ...]
    numbers: frozenset[str]
    target: str
    target_is_number: bool
    changes: tuple[str, ...]


def shorten(spec: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The spec at the story's pace, and in words what is different."""
    quick = copy.deepcopy(dict(spec))
    quick["data"] |= {"settle_seconds": SETTLE_SECONDS, "mode": "latest"}
    endpoint = quick.setdefault("endpoint", {})
    endpoint["metrics_period_seconds"] = PERIOD_SECONDS
    rollout = quick.setdefault("rollout", {})
    rollout["stages"] = [{"weight": weight, "bake": BAKE} for weight in STAGE_WEIGHTS]
    rollout["max_hold"] = MAX_HOLD
    rollout["judge"] = {**rollout.get("judge", {}), "safe_margin_percent": SAFE_MARGIN_PERCENT}
    return quick, (
        f"uploads settle for {SETTLE_SECONDS} s, and each run trains on its own upload alone",
        f"each stage bakes {BAKE} instead of minutes",
        f"metrics every {PERIOD_SECONDS} s instead of 60",
        f"the judge accepts {SAFE_MARGIN_PERCENT} % more failures as safe: a minute of traffic cannot prove less",
    )


def write_paced(source: Path, folder: Path, name: str, **inference: str) -> PacedSpec:
    """Write the spec in ``source`` at the story's pace to ``folder`` and say what is in it.

    ``inference`` replaces fields of that section, e.g. ``out_of_range="reject"``.
    """
    spec = yaml.safe_load(source.read_text())
    quick, changes = shorten(spec)
    if inference:
        quick["inference"] = {**quick.get("inference", {}), **inference}
    path = folder / name
    path.write_text(yaml.safe_dump(quick, sort_keys=False))
    columns = spec["data"]["columns"]
    return PacedSpec(
        path=path,
        name=spec["name"],
        features=tuple(column["name"] for column in columns),
        numbers=frozenset(column["name"] for column in columns if column["type"] != "category"),
        target=spec["data"]["target"],
        target_is_number=spec["data"].get("target_values", {}).get("type") != "category",
        changes=changes,
    )


def write_scene_spec(repo: Path, file: Path, model: str, sections: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the spec of a scene's model: the fraud model's at the story's pace, with the fields of ``sections``.

    It has no strategy and no stages of its own, and accepts numbers outside of what training has seen. Its judge is
    content with less proof: scenes are about what follows from a verdict.
    """
    spec, _ = shorten(yaml.safe_load((repo / SCENES_SPEC).read_text()))
    spec |= {"name": model, "description": "A scene of the rehearsal", "inference": {"out_of_range": "accept"}}
    for field in ("strategy", "stages"):
        spec["rollout"].pop(field)
    spec["rollout"]["judge"] |= SCENES_JUDGE
    for section, fields in sections.items():
        spec[section] = {**spec.get(section, {}), **fields}
    file.write_text(yaml.safe_dump(spec, sort_keys=False))
    return file
