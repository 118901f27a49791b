"""The shipped story, once, as a newcomer plays it: every outcome right, a report to look at, no permission too many."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rehearsal.unused_permissions import ANYWHERE, UNUSED

REPO = Path(__file__).parents[2]
STORY_SECONDS = 500

pytestmark = pytest.mark.timeout(STORY_SECONDS + 60)


@dataclass(frozen=True)
class Played:
    """A story that has ended: what it printed, and what it left."""

    exit_code: int
    printed: str
    folder: Path


@pytest.fixture(scope="module")
def played() -> Played:
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", "play"],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=STORY_SECONDS,
    )
    report = re.search(r"Report: (\S+)", done.stdout)
    assert report is not None, done.stdout
    return Played(done.returncode, done.stdout, Path(report[1]).parent)


def test_every_outcome_is_right(played: Played) -> None:
    assert played.exit_code == 0, played.printed
    assert "✓" in played.printed
    assert "✗" not in played.printed
    assert "From the first breaching datapoint to the weights restored:" in played.printed


def test_the_report_shows_the_traffic_of_every_version(played: Played) -> None:
    report = (played.folder / "report.html").read_text()
    charts = re.findall(r"<svg[^>]*aria-label='([^']+)'>(.*?)</svg>", report, re.DOTALL)
    assert len(charts) == 3, "traffic split, failures and latency"
    for title, drawn in charts:
        assert drawn.count("<polyline") >= 2, f"{title} has too few lines"
    for version in ("v1", "v2", "v3"):
        assert version in report
    for event in ("RolloutPromoted", "RolloutRolledBack", "CloudWatch Alarm State Change"):
        assert event in report


def test_every_permission_is_used_or_has_a_reason(played: Played) -> None:
    granted: dict[str, list[dict[str, object]]] = json.loads((played.folder / "grants.json").read_text())
    assert len(granted) >= 12
    assert any(each["used"] for grants in granted.values() for each in grants)
    needless = {
        role: unexplained
        for role, grants in granted.items()
        if (
            unexplained := sorted(
                {str(each["action"]) for each in grants if not each["used"]} - {*ANYWHERE, *UNUSED.get(role, ())}
            )
        )
    }
    assert needless == {}, "used by no step of the story and without a reason in UNUSED"


def test_every_reason_still_has_its_permission(played: Played) -> None:
    granted = json.loads((played.folder / "grants.json").read_text())
    stale = {
        f"{role}: {action}"
        for role, reasons in UNUSED.items()
        for action in reasons
        if action not in {each["action"] for each in granted.get(role, [])}
    }
    assert stale == set()
