"""``sluice runs``: what a model's pipeline did, run by run and step by step."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from itertools import islice

from sluice.bootstrap.adapters import Adapters
from sluice.pipeline_runs.recorder import read_run, repeated_version
from sluice.pipeline_runs.run import PipelineRun

from cli.failures import OK, BadInputError, NotFoundError
from cli.session import CliSession, Commands, ports_of, read_spec
from cli.training import executions
from cli.training.cache_misses import cache_misses
from cli.training.run_view import as_json, show_list, show_one

_LISTED = 50


def add_to(commands: Commands) -> None:
    command = commands.add_parser(
        "runs",
        help="list a model's pipeline runs, or show one",
        usage="sluice runs MODEL\n       sluice runs show MODEL [RUN]",
    )
    command.add_argument("what", nargs="+", metavar="WORD", help="RUN is an id or how it begins; the newest if absent")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    match arguments.what:
        case [model]:
            return _list(session, model)
        case ["show", model]:
            return _show(session, model, "")
        case ["show", model, wanted]:
            return _show(session, model, wanted)
    raise BadInputError(f"write {session.command('runs MODEL')}, or {session.command('runs show MODEL RUN')}")


def _list(session: CliSession, model: str) -> int:
    read_spec(session, model)
    found = all_runs(session, ports_of(session), model, _LISTED)
    show_list(session, found)
    session.out.result({"runs": [as_json(one, _repeated(one, found)) for one in found]})
    return OK


def _show(session: CliSession, model: str, wanted: str) -> int:
    read_spec(session, model)
    ports = ports_of(session)
    run = find_run(session, ports, model, wanted)
    repeated = repeated_version(run, ports)
    misses = cache_misses(session, run, list(islice(ports.runs.runs(model), _LISTED)))
    show_one(session, run, repeated, misses)
    shown = {"steps": run.to_json()["steps"], "cache_misses": [each.to_json() for each in misses]}
    session.out.result(as_json(run, repeated) | shown)
    return OK


def all_runs(session: CliSession, ports: Adapters, model: str, most: int) -> list[PipelineRun]:
    """The newest first: what is recorded, brought up to date by what SageMaker lists.

    A run that has just begun or ended may not be recorded yet, and one SageMaker no longer has is still recorded.
    """
    recorded = {one.execution: one for one in islice(ports.runs.runs(model), most)}
    for listed in executions.list_executions(session, model, most):
        known = recorded.get(listed.arn)
        if known is None:
            recorded[listed.arn] = _bare(model, listed, session)
        elif known.status != listed.status and not known.has_ended:
            recorded[listed.arn] = read_run(listed.arn, model, ports) or known
    return sorted(recorded.values(), key=lambda one: one.started_at, reverse=True)[:most]


def _bare(model: str, listed: executions.Execution, session: CliSession) -> PipelineRun:
    started = listed.started or session.now()
    return PipelineRun(
        model=model,
        execution=listed.arn,
        status=listed.status,
        started_at=started,
        modified_at=started,
        execution_reason=listed.reason,
    )


def find_run(session: CliSession, ports: Adapters, model: str, wanted: str) -> PipelineRun:
    """The run whose id begins with ``wanted``, the newest one if that is empty; as it is now if it still goes.

    Raises ``NotFoundError`` with the runs there are.
    """
    runs = all_runs(session, ports, model, 10_000)
    found = [one for one in runs if one.id.startswith(wanted)]
    if not found or (wanted and len(found) > 1 and found[0].id != wanted):
        known = ", ".join(one.id for one in (found or runs)[:20]) or "none"
        missing = f"There is no run {wanted} of {model}" if wanted else f"There is no run of {model}"
        what = f"{len(found)} runs of {model} begin with {wanted}" if found else missing
        raise NotFoundError(f"{what}; there are: {known}")
    run = found[0]
    return run if run.has_ended and run.steps else read_run(run.execution, model, ports) or run


def ended_run(session: CliSession, execution: str) -> tuple[PipelineRun, int | None]:
    """A run that was followed to its end, and the version it repeats if it only took from the cache."""
    model = session.names.model_of(execution.rsplit("/", 3)[-3])
    ports = ports_of(session)
    run = read_run(execution, model, ports) if model else None
    if run is None:
        raise NotFoundError(f"{execution} is gone: its pipeline was deleted")
    return run, repeated_version(run, ports)


def _repeated(run: PipelineRun, runs: Sequence[PipelineRun]) -> int | None:
    if not run.is_all_cached:
        return None
    return next((one.version for one in runs if one.execution == run.training_execution), None)
