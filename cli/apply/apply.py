"""``sluice apply``: make AWS agree with the spec files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path

from cli.apply.changes import Change, plan_changes
from cli.apply.definition import pipeline_rules, read_definition
from cli.apply.endpoints import refuse_taken_endpoints
from cli.apply.instance_types import instance_type_rules
from cli.apply.moves import notes_on_a_move
from cli.apply.removed_stack import notes_on_a_removed_stack
from cli.apply.rules import gate_rules, quality_rules, time_zone_rules
from cli.apply.specfile import SpecFile, load_all
from cli.failures import OK
from cli.session import CliSession, Commands, Stack, read_stack


def add_to(commands: Commands) -> None:
    command = commands.add_parser("apply", help="check spec files and make AWS agree with them")
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="models/<name>.yaml")
    command.add_argument("--pipelines", type=Path, metavar="FOLDER", help="default: pipelines/ beside models/")
    command.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    everywhere = (*instance_type_rules(), *time_zone_rules(), *gate_rules(session.names.stage), *quality_rules())
    folders = {file: arguments.pipelines or _pipelines_beside(file) for file in arguments.files}
    files = load_all({file: (*everywhere, *pipeline_rules(folder)) for file, folder in folders.items()})
    stack = read_stack(session)
    refuse_taken_endpoints(session, files)
    notes = {
        file.spec.name: [
            *notes_on_a_move(session, stack, file.spec),
            *notes_on_a_removed_stack(session, stack, file.spec),
        ]
        for file in files
    }
    plans = [(file, list(_plan(session, stack, file, folders[file.path]))) for file in files]
    for file, changes in plans:
        session.out.text(f"{file.spec.name} in stage {session.names.stage}" + _remark(arguments.dry_run))
        for note in notes[file.spec.name]:
            session.out.text(f"  Note: {note}")
        for change in changes:
            if change.make and not arguments.dry_run:
                change.make()
            session.out.text(f"  {change.verdict:<9}  {change.what}  {change.name}")
    models = [_as_json(file, changes) | {"notes": notes[file.spec.name]} for file, changes in plans]
    session.out.result({"dry_run": arguments.dry_run, "models": models})
    return OK


def _plan(session: CliSession, stack: Stack, file: SpecFile, pipelines: Path) -> Iterator[Change]:
    return plan_changes(session, stack, file.spec, read_definition(pipelines, file.spec.pipeline.definition))


def _pipelines_beside(file: Path) -> Path:
    """``pipelines/`` beside the folder the spec is in, or else the one this command came with."""
    beside = file.resolve().parent.parent / "pipelines"
    return beside if beside.is_dir() else Path(__file__).resolve().parents[2] / "pipelines"


def _remark(dry_run: bool) -> str:
    return " (dry run, nothing is changed)" if dry_run else ""


def _as_json(file: SpecFile, changes: Iterable[Change]) -> dict[str, object]:
    described = [{"what": one.what, "name": one.name, "verdict": one.verdict} for one in changes]
    return {"model": file.spec.name, "file": str(file.path), "changes": described}
