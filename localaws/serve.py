"""Runs the local AWS until it is interrupted, with what somebody deploys on it at the start."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localaws import preflight
from localaws.iam.identity import DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY

if TYPE_CHECKING:
    from localaws.context import Interpreters
    from localaws.local_aws import LocalAws
    from localaws.services.cloudformation.resources.stack import Stack

READY = "ready.json"
GRANTS = "grants.json"
_OF_THE_SAM_CLI = "aws-sam-cli-managed-"  # the stack of the bucket for uploads, which the SAM CLI makes for itself


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the local AWS listens and keeps its files, and how it runs what it is given."""

    run_dir: Path
    port: int  # on 127.0.0.1; 0 takes a free one
    interpreters: Interpreters
    is_hurried: bool = False  # scale after seconds and stop idle serverless containers soon
    default_python: Path | None = None  # nobody chose it: what it lacks is said, and refused only when it is needed


class NotDeployedError(Exception):
    """What was to be deployed at the start could not be; carries why."""


def add_server_options(parser: argparse.ArgumentParser, run_dir: Path) -> None:
    """Add what every server has: ``--port``, ``--run-dir`` with this default, ``--hurry``."""
    parser.add_argument(
        "--port", type=preflight.port, default=4566, help="port on 127.0.0.1; 0 takes a free one (default 4566)"
    )
    parser.add_argument(
        "--run-dir", type=preflight.absolute, default=run_dir.absolute(), help="where logs and files go"
    )
    parser.add_argument(
        "--hurry", action="store_true", help="scale after seconds and stop idle serverless containers soon"
    )


def run(
    settings: ServerSettings,
    deploy: Callable[[Mapping[str, str]], None] | None = None,
    examples: Callable[[str], str] = lambda _region: "  aws sts get-caller-identity",
) -> int:
    """Serve until SIGINT or SIGTERM; exit status.

    ``deploy`` is called once the local AWS answers, with the environment of its clients; NotDeployedError ends the
    server, what else it raises is passed on after the server has stopped. ``examples`` gives, for a region, the
    commands that are printed for the user. Writes ``ready.json`` into the run's folder when everything is deployed,
    and ``grants.json`` when it ends. Exit status 1: the port is taken, a folder or an interpreter cannot be used, or
    nothing could be deployed; 130: it was interrupted before it was ready.
    """
    signals = _Signals()
    try:
        with ExitStack() as until_end:
            return _serve(settings, deploy, examples, signals, until_end)
    except KeyboardInterrupt:
        print("interrupted before it was ready", file=sys.stderr)
        return 130
    except preflight.RefusedError as error:
        print(error, file=sys.stderr)
        return 1
    except NotDeployedError as error:
        print(f"cannot deploy: {error}", file=sys.stderr)
        return 1


class _Signals:
    """SIGINT and SIGTERM: the first one ends the start-up at once, or asks the server to stop; more change nothing."""

    def __init__(self) -> None:
        self.stop_requested = threading.Event()
        self.is_starting = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._received)

    def _received(self, *_about: object) -> None:
        is_first = not self.stop_requested.is_set()
        self.stop_requested.set()
        if self.is_starting and is_first:
            raise KeyboardInterrupt


def _serve(
    settings: ServerSettings,
    deploy: Callable[[Mapping[str, str]], None] | None,
    examples: Callable[[str], str],
    signals: _Signals,
    until_end: ExitStack,
) -> int:
    notes = _check(settings, until_end)
    log = settings.run_dir / "server.log"
    _log_to(log)
    aws = until_end.enter_context(_local_aws(settings))
    environment = client_environment(aws.endpoint_url, aws.region)
    if deploy is not None:
        deploy(environment)
    announce_ready(settings.run_dir / READY, environment)
    signals.is_starting = False
    print(how_to_use(environment, examples(aws.region), log, notes), flush=True)
    own = [stack.name for stack in stacks_of(aws) if not stack.name.startswith(_OF_THE_SAM_CLI)]
    print(ready_line(aws.endpoint_url, " and ".join(own)), flush=True)
    signals.stop_requested.wait()
    with contextlib.suppress(OSError):  # a terminal that is gone
        print("stopping ...", flush=True)
    (settings.run_dir / GRANTS).write_text(json.dumps(granted_and_used(aws), indent=1))
    return 0


def _check(settings: ServerSettings, until_end: ExitStack) -> list[str]:
    """Refuse what cannot work, before anything starts; what a user should know of the rest.

    Raises RefusedError.
    """
    chosen = settings.interpreters
    needed = (
        preflight.NeededInterpreter(python=chosen.containers, option="--container-python", package="xgboost"),
        preflight.NeededInterpreter(python=chosen.lambda_runtime, option="--lambda-python", package="awslambdaric"),
    )
    problems = preflight.problems_of_interpreters(needed)
    for each, problem in problems:
        if each.python != settings.default_python:
            raise preflight.RefusedError(problem)
    preflight.claim_run_dir(settings.run_dir, until_end)
    (settings.run_dir / READY).unlink(missing_ok=True)  # of an earlier server
    return [f"{problem}; what needs it will fail" for _, problem in problems]


def _local_aws(settings: ServerSettings) -> LocalAws:
    """Bind the port; raises RefusedError when it is taken."""
    from localaws.default_services import shipped_services
    from localaws.local_aws import LocalAws  # takes a second, and the answer to a wrong option should not
    from localaws.timing import HURRIED, USUAL

    services = functools.partial(shipped_services, timings=HURRIED if settings.is_hurried else USUAL)
    try:
        return LocalAws(settings.run_dir, settings.interpreters, settings.port, services)
    except OSError as error:
        raise preflight.RefusedError(f"cannot listen on port {settings.port}: {error.strerror}") from error


def _log_to(file: Path) -> None:
    """Requests, failures of functions and jobs, and the tracebacks of our own defects, of any thread."""
    logging.basicConfig(filename=file, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("localaws").setLevel(logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _log_defect


def _log_defect(about: threading.ExceptHookArgs) -> None:
    if about.exc_value is not None:
        name = about.thread.name if about.thread is not None else "a thread"
        logging.getLogger(__name__).error("%s ended", name, exc_info=about.exc_value)


def client_environment(endpoint_url: str, region: str) -> dict[str, str]:
    """The standard AWS variables that point any client at the local AWS, as a developer."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": DEVELOPER_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": DEVELOPER_SECRET_KEY,
        "AWS_DEFAULT_REGION": region,
    }


def announce_ready(file: Path, environment: Mapping[str, str]) -> None:
    """Write the environment to a file; the file appears complete or not at all."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(environment))
    draft.rename(file)


def ready_line(endpoint_url: str, stacks: str) -> str:
    """The one line that says that everything is there; ``stacks`` are the names of those deployed."""
    deployed = f" with stack {stacks}" if stacks else ""
    return f"ready {endpoint_url}{deployed}; Ctrl-C ends it and every process it started"


def stacks_of(aws: LocalAws) -> Sequence[Stack]:
    """The stacks that CloudFormation holds."""
    from localaws.services.cloudformation.service import CloudFormation

    cloudformation = next(each for each in aws.services if isinstance(each, CloudFormation))
    return list(cloudformation.stacks())


def granted_and_used(aws: LocalAws) -> dict[str, dict[str, list[dict[str, object]]]]:
    """What the policies of each role grant, by its stack and logical id, and whether it was used."""
    return {
        stack.name: {
            logical_id: [asdict(grant) for grant in aws.grants(resource.physical_id)]
            for logical_id, resource in stack.resources.items()
            if resource.type == "AWS::IAM::Role"
        }
        for stack in stacks_of(aws)
    }


def how_to_use(environment: Mapping[str, str], examples: str, log: Path, notes: Sequence[str] = ()) -> str:
    """What to type in another terminal, and what to know."""
    exports = "\n".join(f"  export {name}={value}" for name, value in environment.items())
    said = "".join(f"\nNote: {note}." for note in notes)
    return f"""The local AWS listens. In another terminal:

{exports}
{examples}

Its log is {log}. All state is kept in memory and is gone when it ends.{said}"""
