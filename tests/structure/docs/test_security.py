"""docs/security.md holds the tables of the template as it is, and names checks and files that exist."""

from __future__ import annotations

import re

import pytest

from security.deployed_template import ROOT
from security.roles import BEGIN, PAGE, page_with, tables

TEXT = PAGE.read_text()


def test_the_tables_are_those_of_the_template() -> None:
    assert page_with(TEXT, tables()) == TEXT, "run: python -m security roles"


def test_every_role_and_every_bucket_rule_has_its_row() -> None:
    """Of the tables themselves: a page without them would be true as well."""
    written = TEXT.partition(BEGIN)[2]
    assert len(re.findall(r"^### \w+Role$", written, re.MULTILINE)) >= 20
    assert "| `DataBucket`, `capture/` | 30 days; 1 days once it is replaced or deleted |" in written


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"security\.md has to have the lines"):
        page_with("no marks", "text")


def test_the_tests_that_it_names_are_there() -> None:
    named = re.findall(r"`((?:tests|security|docs)/[\w./-]+)`", TEXT.partition(BEGIN)[0])
    assert len(named) > 5
    assert [each for each in named if not (ROOT / each).exists()] == []
