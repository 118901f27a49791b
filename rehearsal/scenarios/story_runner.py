"""One performance of the story: server up, cast on, four acts, curtain; the table of outcomes and the report."""

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
from rehearsal.scenarios.story_steps import Cast, count_failures, play


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is played: the spec at the story's pace, a stricter one for the third act, data and traffic."""

    repo: Path
    folder: Path
    spec: PacedSpec
    strict_spec: PacedSpec
    uploads: Uploads
    rate: float  # requests a second
    seed: int
    is_short: bool = False  # only what becomes of data; no canaries


class Performance:
    """Played once. What was seen is kept for the report, however the story ends."""

    def __init__(self, script: Script, console: Console) -> None:
        self._script = script
        self._console = console
        self._progress = Progress(on_change=announce(console))
        self._traffic: Traffic | None = None
        self._events: list[Event] = []
        self._measured: list[Measured] = []
        self._healing: Healing | None = None

    def perform(self) -> bool:
        """Whether every outcome was the right one."""
        with Screen(self._progress, self._sent, self._console):
            try:
                self._on_a_local_aws()
            except Exception as error:  # the story is told to its end, whatever broke it
                self._progress.check("the story", "played to its end", f"{type(error).__name__}: {error}", right=False)
        self._close()
        return all(each.right for each in self._progress.outcomes())

    def _on_a_local_aws(self) -> None:
        self._progress.begin("0 · Deploy")
        server = LocalServer(self._script.repo, self._script.folder)
        with self._progress.step("build and deploy the shipped template on the local AWS") as step:
            around = server.start()
            step.note = around.environment["AWS_ENDPOINT_URL"]
        with server, self._cast(around) as cast:
            if self._script.is_short:
                play_data_story(cast)
                check_afterwards(around, self._progress)
                return
            self._healing = play(cast)
            check_afterwards(around, self._progress)
            self._measured = _measure_to_the_end(cast)
            count_failures(cast, self._measured)

    @contextmanager
    def _cast(self, around: Surroundings) -> Iterator[Cast]:
        script = self._script
        timeline = Timeline(around.client)
        traffic = self._traffic = Traffic(
            around.client("sagemaker-runtime"),
            f"sluice-{STAGE}-{script.spec.name}",
            live_rows(script.uploads.live, script.seed),
            rate=script.rate,
        )
        timeline.start()
        try:
            yield Cast(
                around=around,
                timeline=timeline,
                progress=self._progress,
                training=Training(around, timeline, self._progress, script.spec.name),
                traffic=traffic,
                spec=script.spec,
                strict_spec=script.strict_spec,
                uploads=script.uploads,
            )
        finally:
            traffic.stop()
            timeline.stop()
            self._events = timeline.events()

    def _sent(self) -> list[Sent]:
        return self._traffic.sent() if self._traffic else []

    def _close(self) -> None:
        report = self._script.folder / "report.html"
        notes = healing_lines(self._healing) if self._measured else []
        write_report(report, self._progress, Watched(self._sent(), self._measured, self._events, notes))
        self._console.print(outcome_table(self._progress.outcomes()))
        for line in notes:
            self._console.print(line, highlight=False)
        took = f"Story: {self._progress.elapsed():.0f} s. Report: {report}"
        self._console.print(took, highlight=False, soft_wrap=True)


def _measure_to_the_end(cast: Cast) -> list[Measured]:
    """Stop the client, let the last metric period close, and read what CloudWatch has of every variant."""
    with cast.progress.step("the client stops; the last metric period closes"):
        cast.traffic.stop()
        time.sleep(PERIOD_SECONDS - time.time() % PERIOD_SECONDS + 1)
    cloudwatch = cast.around.client("cloudwatch")
    return measure(cloudwatch, cast.endpoint, ("v1", "v2", "v3"), cast.progress.started, time.time())
