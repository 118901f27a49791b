"""Plays scenes side by side on one local AWS: each on a model of its own, all with versions from one training."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from rehearsal.drivers.progress import Progress
from rehearsal.drivers.server import LocalServer
from rehearsal.drivers.surroundings import STAGE, Surroundings
from rehearsal.drivers.timeline import Timeline
from rehearsal.drivers.training import Training
from rehearsal.material.fraud import transactions
from rehearsal.material.paced_spec import write_scene_spec
from rehearsal.reporting.board import Board
from rehearsal.reporting.measured import measure, measured_variants
from rehearsal.reporting.report import Watched, write_report
from rehearsal.reporting.screen import announce, outcome_table
from rehearsal.scenarios.afterwards import check_afterwards
from rehearsal.scenarios.artifacts import Artifacts
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

OUTCOMES = "outcomes.json"
ALL = "the whole"  # what is said of all scenes together
TRAINED = "trained"  # the model whose one version is every scene's
TRAINING_ROWS, SEED = 400, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneInPlay:
    """One scene, and what has happened in it so far."""

    scene: Scene
    progress: Progress


class SceneRunner:
    """Plays once. Writes the outcomes of each scene to ``outcomes.json`` in the folder, and a page for each scene."""

    def __init__(self, repo: Path, folder: Path, scenes: Sequence[Scene], console: Console) -> None:
        self._repo = repo
        self._folder = folder
        self._console = console
        self._whole = Progress(on_change=announce(console))
        self._parts = [
            SceneInPlay(scene=scene, progress=Progress(on_change=announce(console, scene.name))) for scene in scenes
        ]

    def run(self) -> bool:
        """Whether every outcome of every scene was the right one."""
        with Board(self._progresses(), self._console):
            try:
                self._on_a_local_aws()
            except Exception as error:  # the outcomes so far are reported, whatever failed
                self._whole.check("the scenes", "played to their end", _text(error), right=False)
        return self._close()

    def _on_a_local_aws(self) -> None:
        self._whole.begin("For all scenes")
        server = LocalServer(self._repo, self._folder, "--hurry")
        with self._whole.step("build and deploy the shipped template on the local AWS") as step:
            around = server.start()
            step.note = around.environment["AWS_ENDPOINT_URL"]
        with server, _watching(around) as timeline:
            artifacts = self._train(around, timeline)
            self._play_all(around, artifacts, timeline)
            denied = [each for part in self._parts for each in part.scene.denied]
            parks = [each for part in self._parts for each in part.scene.parks]
            check_afterwards(around, self._whole, denied=denied, parks=parks)

    def _train(self, around: Surroundings, timeline: Timeline) -> Artifacts:
        spec = write_scene_spec(self._repo, self._folder / f"{TRAINED}.yaml", TRAINED, {})
        with self._whole.step(f"sluice apply {spec.name}"):
            around.sluice("apply", str(spec))
        training = Training(around, timeline, self._whole, TRAINED)
        run = training.run_of(training.upload("january.csv", transactions(SEED, TRAINING_ROWS)))
        if run.version is None:
            raise RuntimeError(f"the pipeline registered nothing: {run.status} {run.failure}")
        return Artifacts(around, around.package(f"sluice-{STAGE}-{TRAINED}", run.version))

    def _play_all(self, around: Surroundings, artifacts: Artifacts, timeline: Timeline) -> None:
        # Daemons: an interrupt of the main thread must not wait for them.
        threads = [
            threading.Thread(
                target=_play,
                name=part.scene.name,
                daemon=True,
                args=(
                    part,
                    SceneContext(
                        model=part.scene.name,
                        around=around,
                        artifacts=artifacts,
                        timeline=timeline,
                        progress=part.progress,
                    ),
                ),
            )
            for part in self._parts
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _progresses(self) -> dict[str, Progress]:
        return {ALL: self._whole, **{part.scene.name: part.progress for part in self._parts}}

    def _close(self) -> bool:
        outcomes = {name: progress.outcomes() for name, progress in self._progresses().items()}
        written = {name: [asdict(each) for each in found] for name, found in outcomes.items()}
        (self._folder / OUTCOMES).write_text(json.dumps(written, indent=1))
        for name, found in outcomes.items():
            self._console.print(outcome_table(found, name))
        took = f"Scenes: {self._whole.elapsed():.0f} s. Outcomes: {self._folder / OUTCOMES}"
        self._console.print(took, highlight=False, soft_wrap=True)
        # A scene without outcomes proves nothing.
        return all(found and all(each.right for each in found) for found in outcomes.values())


@contextmanager
def _watching(around: Surroundings) -> Iterator[Timeline]:
    timeline = Timeline(around.client)
    timeline.start()
    try:
        yield timeline
    finally:
        timeline.stop()


def _play(part: SceneInPlay, context: SceneContext) -> None:
    part.progress.begin(part.scene.about)
    try:
        part.scene.play(context)
    except Exception as error:  # the other scenes go on
        part.progress.check("the scene", "played to its end", _text(error), right=False)
    finally:
        context.close()
    try:
        _report(part, context)
    except Exception as error:  # perhaps the local AWS is gone, and then nobody needs the page
        part.progress.check("the scene's page", "written", _text(error), right=False)


def _report(part: SceneInPlay, context: SceneContext) -> None:
    """The scene as a page beside ``outcomes.json``, whatever has become of it."""
    cloudwatch = context.client("cloudwatch")
    variants = measured_variants(cloudwatch, context.endpoint)
    watched = Watched(
        sent=[each for traffic in context.traffics for each in traffic.sent()],
        measured=measure(cloudwatch, context.endpoint, variants, part.progress.started, time.time()),
        events=context.events(),
    )
    write_report(context.around.folder / f"{part.scene.name}.html", part.progress, watched)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
