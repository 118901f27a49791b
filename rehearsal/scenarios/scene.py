"""A scene: one strategy or way to serve, played on a model of its own beside all the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.scenarios.scene_context import SceneContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """``play`` does what users do and records with ``context.check`` whether the outcomes were right.

    An exception that it raises counts as a wrong outcome.
    """

    name: str  # also of its model: at most 24 lower-case letters, digits and hyphens; no beginning of another's
    about: str  # one line, for people
    play: Callable[[SceneContext], None]
    parks: tuple[str, ...] = ()  # ends of names of dead-letter queues in which it leaves messages on purpose
    denied: tuple[str, ...] = ()  # actions, such as "GetObject", that it lets be denied on purpose
