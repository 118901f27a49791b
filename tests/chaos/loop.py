"""One loop on virtual time, and invocations that may stand still in it while all others go on."""

from __future__ import annotations

import heapq
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from datetime import datetime, timedelta

from tests.fakes.aws_state import Clock


class Loop:
    """What happens, by time; of two things at one time the one that was planned first."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._planned: list[tuple[datetime, int, Callable[[], object]]] = []
        self._number = 0

    @property
    def is_idle(self) -> bool:
        return not self._planned

    @property
    def next_at(self) -> datetime | None:
        return self._planned[0][0] if self._planned else None

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        self._number += 1
        heapq.heappush(self._planned, (self.clock.at + timedelta(seconds=seconds), self._number, what))

    def go_on(self, until: datetime) -> bool:
        """Have the next thing happen; False if there is none until then."""
        if not self._planned or self._planned[0][0] > until:
            return False
        at, _, what = heapq.heappop(self._planned)
        self.clock.at = max(self.clock.at, at)  # calls take a little time of their own
        what()
        return True


class Killed(BaseException):
    """The process of an invocation ends here: no line of it runs any more."""


class Strand:
    """A function that runs in a thread of its own, so that it can stand still; only one thread runs at a time."""

    def __init__(self, loop: Loop, work: Callable[[], None]) -> None:
        self._loop, self._work = loop, work
        self._mine, self._theirs = allocate_lock(), allocate_lock()
        self._mine.acquire()
        self._theirs.acquire()
        self._failure: BaseException | None = None
        self.is_to_die = False

    def begin(self) -> None:
        start_new_thread(self._run, ())
        self._wait()

    def stand_still(self, seconds: float) -> None:
        """Called in the strand: everybody else goes on for so long.

        Raises:
            Killed: the simulation ends.
        """
        self._loop.after(seconds, self.resume)
        self._theirs.release()
        self._mine.acquire()
        if self.is_to_die:
            raise Killed

    def resume(self) -> None:
        self._mine.release()
        self._wait()

    def _run(self) -> None:
        try:
            self._work()
        except Killed:
            pass
        except BaseException as error:  # a check that failed, for the thread of the loop
            self._failure = error
        self._theirs.release()

    def _wait(self) -> None:
        self._theirs.acquire()
        if self._failure is not None:
            raise self._failure
