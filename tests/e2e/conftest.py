"""The stories and the scenes, each played once for all tests. They mostly wait, so they are played at the same time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).parents[2]
PLAYED_SECONDS = 540
ARGUMENTS = {
    "story": (),
    "data_story": ("--model", "breast-cancer", "--short"),
    "scenes": ("--scene", "all"),
}
"""Fixture -> what `rehearsal play` is told for it."""


@dataclass(frozen=True)
class Played:
    """A play that has ended: its exit code, what it printed, the folder it left."""

    exit_code: int
    printed: str
    folder: Path

    def granted(self) -> dict[str, list[dict[str, Any]]]:
        """Role -> what its policies grant, and whether it was used."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = json.loads((self.folder / "grants.json").read_text())
        return found["sluice-dev"]


class Play:
    """A running play; many may ask for its end."""

    def __init__(self, arguments: tuple[str, ...], log: Path) -> None:
        self._log = log
        self._deadline = time.monotonic() + PLAYED_SECONDS
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rehearsal", "play", *arguments],
                cwd=REPO,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def ended(self) -> Played:
        try:
            exit_code = self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pytest.fail(f"it has not ended after {PLAYED_SECONDS} s:\n{self._log.read_text()}")
        printed = self._log.read_text()
        told = re.search(r"(?:Report|Outcomes): (\S+)", printed)
        assert told is not None, printed
        return Played(exit_code, printed, Path(told[1]).parent)

    def end(self) -> None:
        self._process.kill()  # what it has started dies with it
        self._process.wait()


@pytest.fixture(scope="session", autouse=True)
def plays(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Play]]:
    """Begins those that the tests of this session ask for."""
    logs = tmp_path_factory.mktemp("plays")
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    begun: dict[str, Play] = {}
    try:
        for name, arguments in ARGUMENTS.items():
            if name in asked:
                begun[name] = Play(arguments, logs / f"{name}.log")
        yield begun
    finally:
        for play in begun.values():
            play.end()


@pytest.fixture(scope="session")
def story(plays: dict[str, Play]) -> Played:
    """The whole story, as a newcomer plays it."""
    return plays["story"].ended()


@pytest.fixture(scope="session")
def data_story(plays: dict[str, Play]) -> Played:
    """The short story of the classifier that ships."""
    return plays["data_story"].ended()


@pytest.fixture(scope="session")
def scenes(plays: dict[str, Play]) -> Played:
    """Every scene, side by side."""
    return plays["scenes"].ended()
