"""Canary: a share of the traffic first. A sound version is promoted; one that fails is taken out by its alarm."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.material.flaws import failing
from rehearsal.scenarios.canary import play_canary
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

WEIGHTS = (20, 50)


@dataclass(frozen=True, slots=True)
class ReadyVersions:
    """Versions registered from the artifacts that all scenes share; nothing else happens meanwhile."""

    context: SceneContext

    def release_good(self) -> int:
        return self.context.release()

    def release_bad(self) -> int:
        return self.context.release(failing(0.5))

    def on_weight(self, version: int, weight: int) -> None:
        pass


def play(context: SceneContext) -> None:
    stages = [{"weight": weight, "bake": "10s"} for weight in WEIGHTS]
    context.apply(rollout={"strategy": "canary", "stages": stages})
    context.go_live()
    play_canary(context, ReadyVersions(context), WEIGHTS)


SCENE = Scene(name="canary", about="a share of the traffic first; promoted or rolled back", play=play)
