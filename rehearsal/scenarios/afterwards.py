"""Checks after every play: no permission was missing and no event was lost."""

from __future__ import annotations

from collections.abc import Collection

from rehearsal.drivers.progress import Progress
from rehearsal.drivers.surroundings import Surroundings


def check_afterwards(
    around: Surroundings, progress: Progress, *, denied: Collection[str] = (), parks: Collection[str] = ()
) -> None:
    """``denied`` are actions that were denied on purpose, ``parks`` ends of names of queues filled on purpose."""
    refused = [
        each for each in around.calls() if each.get("errorCode") == "AccessDenied" and each["eventName"] not in denied
    ]
    names = ", ".join(sorted({f"{each['userIdentity']['userName']} {each['eventName']}" for each in refused}))
    progress.check("permissions", "no call was denied", names or "none denied", right=not refused)
    letters = around.dead_letters()
    waiting = {name: count for name, count in letters.items() if not name.endswith(tuple(parks))}
    seen = ", ".join(f"{name}: {count}" for name, count in letters.items())
    progress.check("dead-letter queues", "empty", seen, right=bool(waiting) and not any(waiting.values()))
