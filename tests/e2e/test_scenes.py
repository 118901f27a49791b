"""Every scene, once, all side by side as ``--scene all`` plays them: each outcome of each scene is right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.scenario_registry import SCENES
from tests.e2e.conftest import PLAYED_SECONDS, Played

pytestmark = pytest.mark.timeout(PLAYED_SECONDS + 60)


@pytest.fixture(scope="module")
def outcomes(scenes: Played) -> dict[str, list[dict[str, Any]]]:
    """Scene -> its outcomes."""
    found: dict[str, list[dict[str, Any]]] = json.loads((scenes.folder / "outcomes.json").read_text())
    return found


@pytest.mark.parametrize("scene", [scene.name for scene in SCENES])
def test_every_outcome_of_the_scene_is_right(
    scenes: Played, outcomes: dict[str, list[dict[str, Any]]], scene: str
) -> None:
    steps = "\n".join(line for line in scenes.printed.splitlines() if f" {scene}: " in line)
    assert outcomes[scene], f"it has checked nothing:\n{steps}"
    assert [each for each in outcomes[scene] if not each["right"]] == [], steps


def test_no_call_is_denied_and_no_event_is_lost(scenes: Played, outcomes: dict[str, list[dict[str, Any]]]) -> None:
    assert outcomes["the whole"], scenes.printed
    assert [each for each in outcomes["the whole"] if not each["right"]] == [], scenes.printed
