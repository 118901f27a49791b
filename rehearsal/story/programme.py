"""The scenes in the order in which they are listed. A scene is added by its line here."""

from __future__ import annotations

from rehearsal.story.scene import Scene
from rehearsal.story.scenes import canary, linear

SCENES: tuple[Scene, ...] = (canary.SCENE, linear.SCENE)
