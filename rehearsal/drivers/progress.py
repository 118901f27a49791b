"""The steps and outcomes of a play so far: written by the scenario, read by the screen and the report."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Step:
    """One line of the story; open until it has ended."""

    text: str
    started: float  # epoch seconds
    ended: float | None = None
    note: str = ""
    failed: bool = False


@dataclass(slots=True)
class StepGroup:
    """Steps under one title."""

    title: str
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What should have come out, what did, and whether that is right."""

    what: str
    wanted: str
    seen: str
    right: bool


class Progress:
    """Thread-safe: the scenario writes on one thread while the screen reads on another."""

    def __init__(self, clock: Callable[[], float] = time.time, on_change: Callable[[Step], None] | None = None) -> None:
        self._clock = clock
        self._on_change = on_change or (lambda _step: None)
        self._lock = threading.Lock()
        self._groups: list[StepGroup] = []
        self._outcomes: list[Outcome] = []
        self.started = clock()

    def begin(self, title: str) -> None:
        with self._lock:
            self._groups.append(StepGroup(title))

    @contextmanager
    def step(self, text: str) -> Iterator[Step]:
        """A step that lasts as long as the block; set its ``note`` to say what came of it."""
        made = Step(text, self._clock())
        with self._lock:
            self._groups[-1].steps.append(made)
        self._on_change(made)
        try:
            yield made
        except BaseException:
            made.failed = True
            raise
        finally:
            made.ended = self._clock()
            self._on_change(made)

    def check(self, what: str, wanted: str, seen: str, *, right: bool) -> None:
        """Keep one outcome of the story."""
        with self._lock:
            self._outcomes.append(Outcome(what, wanted, seen, right))

    def groups(self) -> list[StepGroup]:
        with self._lock:
            return [StepGroup(group.title, list(group.steps)) for group in self._groups]

    def outcomes(self) -> list[Outcome]:
        with self._lock:
            return list(self._outcomes)

    def elapsed(self) -> float:
        return self._clock() - self.started
