"""``sluice train``: upload data, or train again on the newest data with other parameters."""

from __future__ import annotations

import json
import uuid
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sluice.bootstrap.adapters import Adapters
from sluice.spec.model import ModelSpec
from sluice.spec.schema.reading import suggest
from sluice.training.pending_inputs import InputStatus, RunRequest
from sluice.training.request_parameters import refusal
from sluice.training.run_queue import advance_queue

from cli.apply.definition import Definition, parameter_problems
from cli.failures import OK, REFUSED, BadInputError, CommandError, NotFoundError
from cli.session import CliSession, Commands, ports_of, read_spec, read_stack
from cli.training.data import validate_local
from cli.training.executions import Execution, as_json, describe, follow, list_executions
from cli.training.run_view import as_json as run_as_json
from cli.training.run_view import outcome
from cli.training.runs import ended_run

_START_WAIT_SECONDS = 420
"""The settle window of uploads is at most 300 s; the rest is for delivery."""


def add_to(commands: Commands) -> None:
    command = commands.add_parser("train", help="upload data, or start the pipeline on the newest data")
    command.add_argument("model")
    command.add_argument("--data", nargs="+", type=Path, default=[], metavar="FILE", help="CSV files to upload")
    command.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a pipeline parameter, for this run",
    )
    command.add_argument("--again", action="store_true", help="start even if nothing has changed since it ran")
    command.add_argument("--wait", action="store_true", help="follow the run to its end")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    parameters = dict(_parameters(arguments.parameter))
    if arguments.data and (parameters or arguments.again):
        raise BadInputError("--data starts a run by its upload, which takes no --parameter and no --again")
    _check_files(arguments.data)
    spec = read_spec(session, arguments.model)
    for file in arguments.data:
        _check_contract(file, spec)
    before = {one.arn for one in list_executions(session, arguments.model)}
    if arguments.data:
        uploaded = _upload(session, arguments.model, arguments.data)
        if not arguments.wait:
            shows = session.command(f"runs {arguments.model}")
            session.out.text(f"The run starts when no more uploads come; {shows} shows it")
            session.out.result({"uploaded": uploaded})
            return OK
        arn = _await_start(session, arguments.model, before)
    else:
        arn = _start(session, arguments, parameters)
        if not arn:
            session.out.result({"waiting": True})
            return OK
        if arn in before:
            session.out.text(
                "This ran before: data, parameters, gate, code and contract are the same; --again runs it once more"
            )
    return _finish(session, arn, arguments.wait, ran_before=arn in before)


def _finish(session: CliSession, arn: str, wait: bool, *, ran_before: bool) -> int:
    session.out.text(f"Execution {arn}")
    if not wait:
        session.out.result(as_json(describe(session, arn)) | {"ran_before": ran_before})
        return OK
    execution: Execution = follow(session, arn)
    run, repeated = ended_run(session, arn)
    session.out.text(outcome(run, repeated))
    session.out.result(as_json(execution) | run_as_json(run, repeated) | {"ran_before": ran_before})
    return OK if execution.status == "Succeeded" else REFUSED


def _parameters(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadInputError(f"--parameter {text}: write it as Name=Value")
        yield name, value


def _check_files(files: Sequence[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise BadInputError(f"--data {file}: there is no such file")
        if file.stat().st_size == 0:
            raise BadInputError(f"--data {file}: the file is empty")
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise BadInputError("--data: two files have the same name and would become one upload")


def _upload(session: CliSession, model: str, files: Sequence[Path]) -> list[str]:
    bucket = read_stack(session).bucket
    uris = []
    for file in files:
        with file.open("rb") as content:
            session.clients("s3").put_object(Bucket=bucket, Key=f"data/{model}/{file.name}", Body=content)
        uris.append(f"s3://{bucket}/data/{model}/{file.name}")
        session.out.text(f"Uploaded {uris[-1]}")
    return uris


def _check_contract(file: Path, spec: ModelSpec) -> None:
    """Check a file before its upload: afterwards it would go to quarantine, and no run would ever start."""
    result = validate_local(file, spec)
    if not result.is_accepted:
        raise BadInputError(f"{file} breaks the data contract, nothing is uploaded: {result.reason}")


def _await_start(session: CliSession, model: str, before: set[str]) -> str:
    """The execution that the upload started."""
    session.out.text("Waiting for the run to start")
    deadline = session.now().timestamp() + _START_WAIT_SECONDS
    while session.now().timestamp() < deadline:
        new = [one.arn for one in list_executions(session, model, most=5) if one.arn not in before]
        if new:
            return new[-1]
        session.sleep(1.0)
    raise CommandError(
        f"No run has started within {_START_WAIT_SECONDS} seconds: the data may be refused "
        f"({session.command(f'data quarantine {model}')}), "
        f"or wait for the run that is going ({session.command(f'runs {model}')})."
    )


def _start(session: CliSession, arguments: Namespace, parameters: Mapping[str, str]) -> str:
    """Request a run and advance the model's run queue, by the code and the table that the functions use; its ARN.

    Pending uploads are part of the run. If another run is going, this one starts when that one ends.
    """
    model = arguments.model
    _check_parameters(session, session.names.pipeline(model), parameters)
    ports = ports_of(session)
    request = RunRequest(id=uuid.uuid4().hex, parameters=parameters, is_again=arguments.again, since=session.now())
    ports.pending_inputs.add_request(model, request)
    advance_queue(model, ports)
    status = _request_status(model, request.id, ports)
    if status.state == "waiting":
        session.out.text("The run starts when uploads have settled and the run that is going has ended")
        while status.state == "waiting" and arguments.wait:
            session.sleep(1.0)
            status = _request_status(model, request.id, ports)
    if status.state == "refused":
        raise NotFoundError(f"{model}: {status.reason}; {session.command(f'train {model} --data FILE')} uploads some")
    return ports.run_slots.started_execution(model, status.run) or "" if status.state == "run" else ""


def _request_status(model: str, request_id: str, ports: Adapters) -> InputStatus:
    status = ports.pending_inputs.request_status(model, request_id)
    if status is None:
        raise CommandError(f"The request for a run of {model} is gone from the table; ask again.")
    return status


def _check_parameters(session: CliSession, pipeline: str, parameters: Mapping[str, str]) -> None:
    live = session.clients("sagemaker").describe_pipeline(PipelineName=pipeline)
    template: Mapping[str, Any] = json.loads(live["PipelineDefinition"])
    definition = Definition(name=pipeline, template=template, scripts={}, images={})
    offered = {str(each["Name"]) for each in template.get("Parameters", ())}
    if unknown := parameters.keys() - offered:
        guess = "".join(suggest(name, sorted(offered)) for name in sorted(unknown))
        raise BadInputError(f"--parameter: {refusal(template, unknown)}{guess}")
    problems = [str(problem) for problem in parameter_problems(definition, parameters)]
    if not problems and (reason := refusal(template, parameters)):
        problems = [f"--parameter: {reason}; the spec's pipeline.parameters is the place for what it may set"]
    if problems:
        raise BadInputError("\n".join(problems))
