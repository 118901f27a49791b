"""Plays the story once: starts the local AWS, plays the acts, prints the table of outcomes and writes the report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from rehearsal.drivers.progress import Progress
from rehearsal.drivers.server import LocalServer
from rehearsal.drivers.surroundings import STAGE, Surroundings
from rehearsal.drivers.timeline import Event, Timeline
from rehearsal.drivers.traffic import Sent, Traffic
from rehearsal.drivers.training import Training
from rehearsal.material.data import Uploads, live_rows
from rehearsal.material.paced_spec import PERIOD_SECONDS, PacedSpec
from rehearsal.reporting.healing import Healing
from rehearsal.reporting.measured import Measured, measure
from rehearsal.reporting.report import Watched, write_report
from rehearsal.reporting.screen import Screen, announce, healing_lines, outcome_table
from rehearsal.scenarios.afterwards import check_afterwards
from rehearsal.scenarios.data_story_steps import play_data_story
from rehearsal.scenarios.story_steps import StoryContext, count_failures, play


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySettings:
    """What the story is played with: specs at the story's pace, the second one stricter, data and traffic."""

    repo: Path
    folder: Path
    spec: PacedSpec
    strict_spec: PacedSpec
    uploads: Uploads
    rate: float  # requests a second
    seed: int
    is_short: bool = False  # only what becomes of data; no canaries


class StoryRunner:
    """Plays once. What was observed is kept for the report, however the story ends."""

    def __init__(self, settings: StorySettings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._progress = Progress(on_change=announce(console))
        self._traffic: Traffic | None = None
        self._events: list[Event] = []
        self._measured: list[Measured] = []
        self._healing: Healing | None = None

    def run(self) -> bool:
        """Whether every outcome was the right one."""
        with Screen(self._progress, self._sent, self._console):
            try:
                self._on_a_local_aws()
            except Exception as error:  # the outcomes so far are reported, whatever failed
                self._progress.check("the story", "played to its end", f"{type(error).__name__}: {error}", right=False)
        self._close()
        return all(each.right for each in self._progress.outcomes())

    def _on_a_local_aws(self) -> None:
        self._progress.begin("0 · Deploy")
        server = LocalServer(self._settings.repo, self._settings.folder)
        with self._progress.step("build and deploy the shipped template on the local AWS") as step:
            around = server.start()
            step.note = around.environment["AWS_ENDPOINT_URL"]
        with server, self._opened(around) as context:
            if self._settings.is_short:
                play_data_story(context)
                check_afterwards(around, self._progress)
                return
            self._healing = play(context)
            check_afterwards(around, self._progress)
            self._measured = _measure_to_the_end(context)
            count_failures(context, self._measured)

    @contextmanager
    def _opened(self, around: Surroundings) -> Iterator[StoryContext]:
        settings = self._settings
        timeline = Timeline(around.client)
        traffic = self._traffic = Traffic(
            around.client("sagemaker-runtime"),
            f"sluice-{STAGE}-{settings.spec.name}",
            live_rows(settings.uploads.live, settings.seed),
            rate=settings.rate,
        )
        timeline.start()
        try:
            yield StoryContext(
                model=settings.spec.name,
                around=around,
                timeline=timeline,
                progress=self._progress,
                training=Training(around, timeline, self._progress, settings.spec.name),
                traffics=[traffic],
                spec=settings.spec,
                strict_spec=settings.strict_spec,
                uploads=settings.uploads,
            )
        finally:
            traffic.stop()
            timeline.stop()
            self._events = timeline.events()

    def _sent(self) -> list[Sent]:
        return self._traffic.sent() if self._traffic else []

    def _close(self) -> None:
        report = self._settings.folder / "report.html"
        notes = healing_lines(self._healing) if self._measured else []
        write_report(report, self._progress, Watched(self._sent(), self._measured, self._events, notes))
        self._console.print(outcome_table(self._progress.outcomes()))
        for line in notes:
            self._console.print(line, highlight=False)
        took = f"Story: {self._progress.elapsed():.0f} s. Report: {report}"
        self._console.print(took, highlight=False, soft_wrap=True)


def _measure_to_the_end(context: StoryContext) -> list[Measured]:
    """Stop the client, let the last metric period close, and read what CloudWatch has of every variant."""
    with context.progress.step("the client stops; the last metric period closes"):
        context.traffic.stop()
        time.sleep(PERIOD_SECONDS - time.time() % PERIOD_SECONDS + 1)
    cloudwatch = context.around.client("cloudwatch")
    return measure(cloudwatch, context.endpoint, ("v1", "v2", "v3"), context.progress.started, time.time())
