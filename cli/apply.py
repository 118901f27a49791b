"""``sluice apply``: make AWS agree with the spec files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from sluice.errors import Problem

from cli.changes import Change, plan_changes
from cli.definition import Definition, available, parameter_problems, read_definition
from cli.failures import OK, LocatedProblem, SpecFilesError
from cli.instance_types import instance_type_problems
from cli.session import CliSession, Commands, read_stack
from cli.specfile import SpecFile, load_all


def add_to(commands: Commands) -> None:
    command = commands.add_parser("apply", help="check spec files and make AWS agree with them")
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="models/<name>.yaml")
    command.add_argument("--pipelines", type=Path, metavar="FOLDER", help="default: pipelines/ beside models/")
    command.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    checked = _checked(load_all(arguments.files), arguments.pipelines)
    stack = read_stack(session)
    plans = [(file, list(plan_changes(session, stack, file.spec, definition))) for file, definition in checked]
    for file, changes in plans:
        session.out.text(f"{file.spec.name} in stage {session.names.stage}" + _remark(arguments.dry_run))
        for change in changes:
            if change.make and not arguments.dry_run:
                change.make()
            session.out.text(f"  {change.verdict:<9}  {change.what}  {change.name}")
    session.out.result({"dry_run": arguments.dry_run, "models": [_as_json(file, changes) for file, changes in plans]})
    return OK


def _checked(files: Sequence[SpecFile], pipelines: Path | None) -> list[tuple[SpecFile, Definition]]:
    """Each file with its pipeline; raises ``SpecFilesError`` when any spec does not fit its pipeline."""
    checked: list[tuple[SpecFile, Definition]] = []
    problems: list[LocatedProblem] = []
    for file in files:
        folder = pipelines or _pipelines_beside(file.path)
        problems.extend(file.located(instance_type_problems(file.spec)))
        name = file.spec.pipeline.definition
        if name not in available(folder):
            problems.extend(file.located([_unknown_pipeline(name, folder)]))
            continue
        definition = read_definition(folder, name)
        problems.extend(file.located(parameter_problems(definition, file.spec.pipeline.parameters)))
        checked.append((file, definition))
    if problems:
        raise SpecFilesError(tuple(problems))
    return checked


def _pipelines_beside(file: Path) -> Path:
    """``pipelines/`` beside the folder the spec is in, or else the one this command came with."""
    beside = file.resolve().parent.parent / "pipelines"
    return beside if beside.is_dir() else Path(__file__).resolve().parent.parent / "pipelines"


def _unknown_pipeline(name: str, folder: Path) -> Problem:
    known = " | ".join(available(folder)) or "nothing"
    return Problem("pipeline.definition", name, known, f"{folder} has no pipeline {name}")


def _remark(dry_run: bool) -> str:
    return " (dry run, nothing is changed)" if dry_run else ""


def _as_json(file: SpecFile, changes: Iterable[Change]) -> dict[str, object]:
    told = [{"what": one.what, "name": one.name, "verdict": one.verdict} for one in changes]
    return {"model": file.spec.name, "file": str(file.path), "changes": told}
