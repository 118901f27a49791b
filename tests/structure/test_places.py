"""Tests lie where their subject lies: those of ``rollout/traffic/reconcile.py`` in ``unit/rollout/traffic``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
LAYER = ROOT / "layers" / "sluice" / "sluice"

SUBJECTS = {
    "pipelines": "",  # scripts of a container, which import each other plainly
    "rehearsal": "rehearsal",
    "conformance": "conformance",
    "bench": "bench",
    "docs": "",  # an example, which is run as it stands
    "layer": "",  # the layer's build, which is run as a script
    "rollout/state_machine": "tests.fakes",  # the whole machine, on fakes
}
"""Folders of unit tests whose subject is no package of the layer, with what they import."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def subject_of(folder: str) -> str | None:
    """The package that a folder of unit tests is about; empty if imports do not tell it, None if there is none."""
    if folder == "cli" or folder.startswith("cli/"):
        return "cli" if (ROOT / folder).is_dir() else None  # commands are tested by their words, through ``cli.main``
    for place, subject in SUBJECTS.items():
        if folder == place or folder.startswith(f"{place}/"):
            return f"{subject}{folder.removeprefix(place).replace('/', '.')}" if subject else ""
    if folder in (".", "") or (LAYER / folder).is_dir():
        return "sluice" if folder == "." else f"sluice.{folder.replace('/', '.')}"
    return None


@pytest.mark.parametrize("path", sorted(UNIT.rglob("test_*.py")), ids=lambda path: str(path.relative_to(UNIT)))
def test_a_unit_test_lies_with_its_subject(path: Path) -> None:
    subject = subject_of(str(path.parent.relative_to(UNIT)))
    assert subject is not None, "no package has this name"
    is_played = any(name.startswith("functions.") for name in imports(path))  # a task, through its handler
    assert not subject or is_played or f"from {subject}." in path.read_text(), f"it imports no {subject}"
