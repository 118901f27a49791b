"""The shipped story, once, as a newcomer plays it: every outcome right, and a report to look at."""

from __future__ import annotations

import re

import pytest

from tests.e2e.conftest import PLAYED_SECONDS, Played

pytestmark = pytest.mark.timeout(PLAYED_SECONDS + 60)


def test_every_outcome_is_right(story: Played) -> None:
    assert story.exit_code == 0, story.printed
    assert "✓" in story.printed
    assert "✗" not in story.printed
    assert "From the first breaching datapoint to the weights restored:" in story.printed


def test_the_report_shows_the_traffic_of_every_version(story: Played) -> None:
    report = (story.folder / "report.html").read_text()
    charts = re.findall(r"<svg[^>]*aria-label='([^']+)'>(.*?)</svg>", report, re.DOTALL)
    assert len(charts) == 3, "traffic split, failures and latency"
    for title, drawn in charts:
        assert drawn.count("<polyline") >= 2, f"{title} has too few lines"
    for version in ("v1", "v2", "v3"):
        assert version in report
    for event in ("RolloutPromoted", "RolloutRolledBack", "CloudWatch Alarm State Change"):
        assert event in report
