"""Every scene, once, all side by side as ``--scene all`` plays them: each outcome of each scene is right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.story.programme import SCENES

REPO = Path(__file__).parents[2]
SCENES_SECONDS = 500

pytestmark = pytest.mark.timeout(SCENES_SECONDS + 60)


@dataclass(frozen=True)
class Played:
    """What came of the scenes, and what was printed meanwhile."""

    outcomes: dict[str, list[dict[str, Any]]]  # scene -> its outcomes
    printed: str


@pytest.fixture(scope="module")
def played() -> Played:
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", "play", "--scene", "all"],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SCENES_SECONDS,
    )
    told = re.search(r"Outcomes: (\S+)", done.stdout)
    assert told is not None, done.stdout
    return Played(json.loads(Path(told[1]).read_text()), done.stdout)


@pytest.mark.parametrize("scene", [scene.name for scene in SCENES])
def test_every_outcome_of_the_scene_is_right(played: Played, scene: str) -> None:
    steps = "\n".join(line for line in played.printed.splitlines() if f" {scene}: " in line)
    assert played.outcomes[scene], f"it has checked nothing:\n{steps}"
    assert [each for each in played.outcomes[scene] if not each["right"]] == [], steps


def test_no_call_is_denied_and_no_event_is_lost(played: Played) -> None:
    assert played.outcomes["the whole"], played.printed
    assert [each for each in played.outcomes["the whole"] if not each["right"]] == [], played.printed
