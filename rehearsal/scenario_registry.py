"""The scenes by name: every module of ``scenes`` has one."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from rehearsal import scenes
from rehearsal.scenarios.scene import Scene

SCENES: tuple[Scene, ...] = tuple(
    import_module(f"{scenes.__name__}.{each.name}").SCENE
    for each in sorted(iter_modules(scenes.__path__), key=lambda found: found.name)
)
