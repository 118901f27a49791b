"""The short story of the classifier that ships: what becomes of its data, from upload to registry or to a reason."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
STORY_SECONDS = 300

pytestmark = pytest.mark.timeout(STORY_SECONDS + 60)


def test_the_classifiers_data_goes_where_it_belongs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", "play", "--model", "breast-cancer", "--short"],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=STORY_SECONDS,
    )
    assert done.returncode == 0, done.stdout
    assert "✗" not in done.stdout
    found = re.search(r"Report: (\S+)", done.stdout)
    assert found is not None, done.stdout
    report = html.unescape(Path(found[1]).read_text())
    assert "quarantine/breast-cancer/broken.csv.reason.json" in report
    assert "below the minimum of 0.9" in report
    assert "of live version 1 by more than 8 %" in report
