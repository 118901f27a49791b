"""Violations that are known and not mended yet; the sample passes over their rules, and each is looked for."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Known:
    """A promise that is broken, the shortest scenario that breaks it, and why that is."""

    rule: str
    scenario: Scenario
    why: str


KNOWN: tuple[Known, ...] = ()
