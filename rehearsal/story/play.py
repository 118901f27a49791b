"""``python -m rehearsal play``: the whole story on the shipped template. Exit 0 only if every outcome was right."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from rehearsal.story.acts import Cast
    from rehearsal.story.data import Uploads
    from rehearsal.story.healing import Healing
    from rehearsal.story.measured import Measured
    from rehearsal.story.pace import PacedSpec
    from rehearsal.story.progress import Progress
    from rehearsal.story.surroundings import Surroundings
    from rehearsal.story.traffic import Traffic

REPO = Path(__file__).parents[2]
SEED = 7
RATE = 30.0  # requests a second


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``play`` to the commands."""
    parser = commands.add_parser("play", help="play the whole story and check its outcomes")
    parser.add_argument("--model", default="fraud", metavar="NAME", help="models/NAME.yaml (default fraud)")
    parser.add_argument("--data", type=Path, metavar="FILE", help="your own CSV instead of the synthetic data")
    parser.add_argument("--rate", type=float, default=RATE, help=f"requests a second (default {RATE:.0f})")
    parser.set_defaults(run=play)


def play(options: argparse.Namespace) -> int:
    """0: every outcome was right; 1: at least one was not, or the story broke off; 2: bad input."""
    from rich.console import Console

    from rehearsal.story.data import StoryDataError

    console = Console()
    try:
        return _play(options, console)
    except StoryDataError as error:
        console.print(f"[red]{error}[/red]")
        return 2


def _play(options: argparse.Namespace, console: Console) -> int:
    from rehearsal.story.pace import write_paced

    folder = REPO / ".rehearsal" / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    source = REPO / "models" / f"{options.model}.yaml"
    if not source.exists():
        known = ", ".join(sorted(path.stem for path in (REPO / "models").glob("*.yaml")))
        print(f"--model {options.model}: no {source.relative_to(REPO)}; there are {known}", file=sys.stderr)
        return 2
    spec = write_paced(source, folder, f"{options.model}.yaml")
    strict = write_paced(source, folder, f"{options.model}-strict.yaml", out_of_range="reject")
    uploads = _uploads(options, spec)
    return _perform(options.rate, folder, (spec, strict), uploads, console)


def _uploads(options: argparse.Namespace, spec: PacedSpec) -> Uploads:
    from rehearsal.story.data import Columns, StoryDataError, read_rows, uploads_from
    from rehearsal.story.fraud import fraud_uploads

    columns = Columns(features=spec.features, numbers=spec.numbers, target=spec.target)
    if options.data is not None:
        return uploads_from(read_rows(options.data, columns), columns, SEED)
    if options.model != "fraud":
        raise StoryDataError(f"--model {options.model} needs --data FILE: synthetic data ships for fraud only")
    return fraud_uploads(SEED)


def _perform(rate: float, folder: Path, specs: tuple[PacedSpec, PacedSpec], uploads: Uploads, console: Console) -> int:
    from rehearsal.story.acts import count_failures
    from rehearsal.story.acts import play as play_acts
    from rehearsal.story.progress import Progress
    from rehearsal.story.report import Watched, write_report
    from rehearsal.story.screen import Screen, announce, healing_lines, outcome_table
    from rehearsal.story.server import local_server

    progress = Progress(on_change=announce(console))
    traffics: list[Traffic] = []
    healing: Healing | None = None
    measured: list[Measured] = []
    with Screen(progress, lambda: traffics[0].sent() if traffics else [], console):
        progress.begin("0 · Deploy")
        with progress.step("build and deploy the shipped template on the local AWS") as step:
            server = local_server(REPO, folder)
            around = server.__enter__()
            step.note = around.environment["AWS_ENDPOINT_URL"]
        try:
            with _cast(around, progress, specs, uploads, rate) as cast:
                traffics.append(cast.traffic)
                try:
                    healing = play_acts(cast)
                    _check_afterwards(cast)
                    measured = _measure_to_the_end(cast)
                    count_failures(cast, measured)
                except Exception as error:  # the story is told to its end, whatever broke it
                    progress.check("the story", "played to its end", f"{type(error).__name__}: {error}", right=False)
            events, sent = cast.timeline.events(), cast.traffic.sent()
        finally:
            server.__exit__(None, None, None)
    report = folder / "report.html"
    write_report(report, progress, Watched(sent, measured, events, healing))
    console.print(outcome_table(progress.outcomes()))
    for line in healing_lines(healing):
        console.print(line, highlight=False)
    console.print(f"Story: {progress.elapsed():.0f} s. Report: {report}", highlight=False, soft_wrap=True)
    return 0 if all(each.right for each in progress.outcomes()) else 1


@contextmanager
def _cast(
    around: Surroundings, progress: Progress, specs: tuple[PacedSpec, PacedSpec], uploads: Uploads, rate: float
) -> Iterator[Cast]:
    from rehearsal.story.acts import Cast
    from rehearsal.story.data import live_rows
    from rehearsal.story.surroundings import STAGE
    from rehearsal.story.timeline import Timeline
    from rehearsal.story.traffic import Traffic
    from rehearsal.story.training import Training

    timeline = Timeline(around.client)
    traffic = Traffic(
        around.client("sagemaker-runtime"),
        f"sluice-{STAGE}-{specs[0].name}",
        live_rows(uploads.live, SEED),
        rate=rate,
    )
    timeline.start()
    try:
        yield Cast(
            around=around,
            timeline=timeline,
            progress=progress,
            training=Training(around, timeline, progress, specs[0].name),
            traffic=traffic,
            spec=specs[0],
            strict_spec=specs[1],
            uploads=uploads,
        )
    finally:
        traffic.stop()
        timeline.stop()


def _measure_to_the_end(cast: Cast) -> list[Measured]:
    """Stop the client, let the last metric period close, and read what CloudWatch has of every variant."""
    from rehearsal.story.measured import measure
    from rehearsal.story.pace import PERIOD_SECONDS

    with cast.progress.step("the client stops; the last metric period closes"):
        cast.traffic.stop()
        ended = time.time()
        time.sleep(PERIOD_SECONDS - ended % PERIOD_SECONDS + 1)
    cloudwatch = cast.around.client("cloudwatch")
    return measure(cloudwatch, cast.endpoint, ("v1", "v2", "v3"), cast.progress.started, time.time())


def _check_afterwards(cast: Cast) -> None:
    """What must hold whatever the story: no permission was missing, no event was lost."""
    calls = cast.around.client("cloudtrail").lookup_events(MaxResults=50_000)["Events"]
    records = [json.loads(each["CloudTrailEvent"]) for each in calls]
    denied = [each for each in records if each.get("errorCode") == "AccessDenied"]
    names = ", ".join(sorted({f"{each['userIdentity']['userName']} {each['eventName']}" for each in denied}))
    cast.progress.check("permissions", "no call was denied", names or "none denied", right=not denied)
    sqs = cast.around.client("sqs")
    waiting = {
        url.rsplit("/", 1)[1]: int(
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"][
                "ApproximateNumberOfMessages"
            ]
        )
        for url in sqs.list_queues().get("QueueUrls", [])
        if url.endswith("dead-letters")
    }
    cast.progress.check("dead-letter queues", "empty", str(waiting), right=bool(waiting) and not any(waiting.values()))
