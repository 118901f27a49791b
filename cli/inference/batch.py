"""``sluice batch``: requests batch runs, and shows them."""

from __future__ import annotations

import uuid
from argparse import Namespace
from datetime import UTC
from itertools import islice

from sluice.batch.events import BatchRequested
from sluice.batch.run import BatchRun
from sluice.bootstrap.adapters import Adapters
from sluice.spec.serving_modes import BATCH
from sluice.transform.locations import chosen_folder, output_folder

from cli.failures import OK, REFUSED, BadInputError, CommandError, NotFoundError
from cli.inference.batch_view import as_json, show_list, show_one
from cli.session import CliSession, Commands, ports_of, read_spec

_LISTED = 50
_POLL_SECONDS = 2.0
_START_WAIT_SECONDS = 120


def add_to(commands: Commands) -> None:
    command = commands.add_parser("batch", help="score files with a batch model, and see what became of it")
    inner = command.add_subparsers(metavar="COMMAND", required=True)
    starting = inner.add_parser("start", help="score the files that are there now")
    starting.add_argument("model")
    starting.add_argument("--input", default="", metavar="S3URI", help="a folder; default: batch/<model>/input/")
    starting.add_argument("--wait", action="store_true", help="follow the run to its end")
    starting.set_defaults(run=start)
    listing = inner.add_parser("list", help="the runs of a model, the last first")
    listing.add_argument("model")
    listing.set_defaults(run=list_runs)
    showing = inner.add_parser("show", help="one run; the last if none is named")
    showing.add_argument("model")
    showing.add_argument("job", nargs="?", default="", help="its name as listed, or how that ends")
    showing.set_defaults(run=show)


def start(arguments: Namespace, session: CliSession) -> int:
    ports, model = _ports(session, arguments.model)
    try:
        chosen_folder(model, arguments.input, ports.bucket.name)
    except ValueError as error:
        raise BadInputError(f"--{error}") from error
    request, now = uuid.uuid4().hex[:16], session.now().astimezone(UTC).replace(microsecond=0)
    job = session.names.batch_job(model, now, request)
    ports.events.publish(
        BatchRequested.KIND,
        stage=session.names.stage,
        model=model,
        request=request,
        at=now.isoformat(),
        input=arguments.input,
    )
    session.out.text(f"Asked for {job}; {session.command(f'batch show {model} {job}')} shows it")
    if not arguments.wait:
        session.out.result({"job": job, "request": request})
        return OK
    run = _follow(session, ports, model, job)
    _show(session, ports, run)
    return OK if run.phase == "completed" else REFUSED


def list_runs(arguments: Namespace, session: CliSession) -> int:
    ports, model = _ports(session, arguments.model)
    found = list(islice(ports.batches.runs(model), _LISTED))
    show_list(session, found)
    session.out.result({"runs": [as_json(one) for one in found]})
    return OK


def show(arguments: Namespace, session: CliSession) -> int:
    ports, model = _ports(session, arguments.model)
    found = [one for one in ports.batches.runs(model) if one.job.endswith(arguments.job)]
    if not found:
        missing = (
            f"There is no batch run {arguments.job} of {model}" if arguments.job else f"{model} has had no batch run"
        )
        raise NotFoundError(f"{missing}; {session.command(f'batch list {model}')} lists them")
    _show(session, ports, found[0])
    return OK


def _show(session: CliSession, ports: Adapters, run: BatchRun) -> None:
    output = ports.bucket.uri(output_folder(run.model, run.job))
    show_one(session, run, output, ports.bucket.uri(run.set_aside))
    session.out.result(as_json(run) | {"output": output})


def _ports(session: CliSession, model: str) -> tuple[Adapters, str]:
    """Raises ``BadInputError`` for a model that has an endpoint instead."""
    served = read_spec(session, model).endpoint.type
    if served != BATCH:
        raise BadInputError(f"endpoint.type of {model} is {served}: only batch models score files")
    return ports_of(session), model


def _follow(session: CliSession, ports: Adapters, model: str, job: str) -> BatchRun:
    """Poll the run until it has ended; raises ``CommandError`` if it does not begin."""
    deadline = session.now().timestamp() + _START_WAIT_SECONDS
    while True:
        run = ports.batches.get(model, job)
        if run and run.has_ended:
            return run
        if run is None and session.now().timestamp() > deadline:
            raise CommandError(f"{job} has not begun within {_START_WAIT_SECONDS} seconds: look for dead letters")
        session.sleep(_POLL_SECONDS)
