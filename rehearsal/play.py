"""``python -m rehearsal play``: the whole story on the shipped template. Exit 0 only if every outcome was right."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.material.data import Columns, StoryDataError, Uploads, read_rows, uploads_from
from rehearsal.material.fraud import fraud_uploads

if TYPE_CHECKING:
    from rehearsal.material.paced_spec import PacedSpec

REPO = Path(__file__).parents[1]
DATASETS = Path(__file__).parent / "material" / "datasets"
SEED = 7
RATE = 30.0  # requests a second
INTERRUPTED = 130
EVERY_SCENE = "all"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``play`` to the commands."""
    parser = commands.add_parser("play", help="play the whole story and check its outcomes")
    parser.add_argument("--model", default="fraud", metavar="NAME", help="models/NAME.yaml (default fraud)")
    parser.add_argument("--data", type=Path, metavar="FILE", help="your own CSV instead of the data that ships")
    parser.add_argument("--rate", type=float, default=RATE, help=f"requests a second (default {RATE:.0f})")
    parser.add_argument("--short", action="store_true", help="only what becomes of data, without canaries: a minute")
    parser.add_argument(
        "--scene",
        action="append",
        default=[],
        metavar="NAME",
        help="play this scene instead, one strategy or way to serve; again for more; all: every one, side by side",
    )
    parser.set_defaults(run=play)


def play(options: argparse.Namespace) -> int:
    """0: every outcome was right; 1: at least one was not; 2: bad input; 130: interrupted."""
    try:
        return _play(options)
    except StoryDataError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED


def _play(options: argparse.Namespace) -> int:
    return _play_scenes(options.scene) if options.scene else _play_story(options)


def _play_scenes(names: list[str]) -> int:
    from rich.console import Console

    from rehearsal.scenario_registry import SCENES
    from rehearsal.scenarios.scene_runner import SceneRunner

    known = {scene.name: scene for scene in SCENES}
    for name in names:
        if name not in known and name != EVERY_SCENE:
            raise StoryDataError(
                f"--scene {name}: there is no such scene; there are {', '.join(known)} and {EVERY_SCENE}"
            )
    chosen = SCENES if EVERY_SCENE in names else [known[name] for name in dict.fromkeys(names)]
    return 0 if SceneRunner(REPO, _folder_of_run(), chosen, Console()).run() else 1


def _folder_of_run() -> Path:
    runs = REPO / ".rehearsal"
    runs.mkdir(exist_ok=True)
    # Named by the time for people, and unique: two stories may begin in the same second.
    return Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=runs))


def _play_story(options: argparse.Namespace) -> int:
    source = REPO / "models" / f"{options.model}.yaml"
    if not source.exists():
        known = ", ".join(sorted(path.stem for path in source.parent.glob("*.yaml")))
        raise StoryDataError(f"--model {options.model}: there is no models/{options.model}.yaml; there are {known}")
    # Imported here: an answer to a wrong option should not wait for rich, boto3 and the rest.
    from rich.console import Console

    from rehearsal.material.paced_spec import write_paced
    from rehearsal.scenarios.story_runner import StoryRunner, StorySettings

    folder = _folder_of_run()
    spec = write_paced(source, folder, f"{options.model}.yaml")
    settings = StorySettings(
        repo=REPO,
        folder=folder,
        spec=spec,
        strict_spec=write_paced(source, folder, f"{options.model}-strict.yaml", out_of_range="reject"),
        uploads=_uploads(options, spec),
        rate=options.rate,
        seed=SEED,
        is_short=options.short,
    )
    return 0 if StoryRunner(settings, Console()).run() else 1


def _uploads(options: argparse.Namespace, spec: PacedSpec) -> Uploads:
    if options.data is None and options.model == "fraud":
        return fraud_uploads(SEED)
    columns = Columns(
        features=spec.features, numbers=spec.numbers, target=spec.target, target_is_number=spec.target_is_number
    )
    shipped = DATASETS / f"{options.model}.csv"
    if options.data is None and not shipped.exists():
        raise StoryDataError(f"--model {options.model} needs --data FILE: no data of its own ships with it")
    return uploads_from(read_rows(options.data or shipped, columns), columns, SEED)
