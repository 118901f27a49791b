"""Tests lie where their subject lies, and those that share a local AWS are kept together.

The tests of ``rollout/traffic/reconcile.py`` lie in ``unit/rollout/traffic``.
"""

from __future__ import annotations

import ast
import subprocess
import sys
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
    "security": "security",
    "docs": "",  # an example, which is run as it stands
    "layer": "",  # the layer's build, which is run as a script
    "rollout/state_machine": "tests.fakes",  # the whole machine, on fakes
    "rollout/ways_back": "tests.fakes",  # the same, when it has to go back
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


CONFTESTS = sorted(path for place in ("tests", "localaws/tests") for path in (ROOT / place).rglob("conftest.py"))


@pytest.mark.parametrize("path", CONFTESTS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_a_folder_that_shares_a_fixture_is_a_package(path: Path) -> None:
    """pytest ends a fixture of scope package with its package, and that of a plain folder only with the session."""
    shares = 'scope="package"' in path.read_text() or any(".conftest." in name for name in imports(path))
    assert not shares or (path.parent / "__init__.py").exists()


GROUPED = """
import os
from pathlib import Path
import pytest

def note(group):
    with Path(group).open("a") as noted:
        print(os.environ["PYTEST_XDIST_WORKER"], file=noted)

@pytest.mark.parametrize("at", range(4))
@pytest.mark.xdist_group("one")
def test_one(at):
    note("one")

@pytest.mark.parametrize("at", range(4))
@pytest.mark.xdist_group("other")
def test_other(at):
    note("other")
"""


def test_tests_of_one_group_run_in_one_process(tmp_path: Path) -> None:
    """pytest-xdist does not say when it cannot group: it spreads the tests of one local AWS over all processes."""
    (tmp_path / "test_groups.py").write_text(GROUPED)
    options = ["-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider", "--rootdir", ".", "-c", "/dev/null"]
    command = [sys.executable, "-m", "pytest", *options, "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for group in ("one", "other"):
        workers = (tmp_path / group).read_text().split()
        assert len(workers) == 4
        assert len(set(workers)) == 1
