"""The short story of the classifier that ships: what becomes of its data, from upload to registry or to a reason."""

from __future__ import annotations

import html

import pytest

from tests.e2e.conftest import PLAYED_SECONDS, Played

pytestmark = pytest.mark.timeout(PLAYED_SECONDS + 60)


def test_the_classifiers_data_goes_where_it_belongs(data_story: Played) -> None:
    assert data_story.exit_code == 0, data_story.printed
    assert "✗" not in data_story.printed
    report = html.unescape((data_story.folder / "report.html").read_text())
    assert "quarantine/breast-cancer/broken.csv.reason.json" in report
    assert "below the minimum of 0.9" in report
    assert "of live version 1 by more than 8 %" in report
