"""Runs the local AWS until it is interrupted, with at most one stack deployed on it."""

from __future__ import annotations

import argparse
import functools
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from localaws.iam.identity import DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY

if TYPE_CHECKING:
    from localaws.context import Interpreters
    from localaws.local_aws import LocalAws
    from localaws.services.cloudformation.resources.stack import Stack

READY = "ready.json"
GRANTS = "grants.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the local AWS listens and keeps its files, and how it runs what it is given."""

    run_dir: Path
    port: int  # on 127.0.0.1; 0 takes a free one
    interpreters: Interpreters
    is_hurried: bool = False  # scale after seconds and stop idle serverless containers soon


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRequest:
    """One stack to deploy: a folder as ``sam build`` leaves it, the stack's name and its parameters."""

    folder: Path
    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def add_server_options(parser: argparse.ArgumentParser, run_dir: Path) -> None:
    """Add what every server has: ``--port``, ``--run-dir`` with this default, ``--hurry``."""
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1; 0 takes a free one (default 4566)")
    parser.add_argument("--run-dir", type=Path, default=run_dir, help="where logs and files go")
    parser.add_argument(
        "--hurry", action="store_true", help="scale after seconds and stop idle serverless containers soon"
    )


def run(
    settings: ServerSettings,
    stack_request: Callable[[], StackRequest] | None = None,
    examples: Callable[[str], str] = lambda _region: "  aws sts get-caller-identity",
) -> int:
    """Serve until SIGINT or SIGTERM; exit status.

    ``stack_request`` is called once the local AWS answers; what it raises is passed on after the server has stopped.
    ``examples`` gives, for a region, the commands that are printed for the user. Writes ``ready.json`` into the run's
    folder when everything is deployed, and ``grants.json`` when it ends. Exit status 1: the port is taken, or the
    template cannot be deployed.
    """
    stop_requested = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop_requested.set())
    from localaws.default_services import shipped_services
    from localaws.local_aws import LocalAws  # takes a second, and the answer to a wrong option should not
    from localaws.services.cloudformation.template.errors import DeployError, TemplateError
    from localaws.timing import HURRIED, USUAL

    settings.run_dir.mkdir(parents=True, exist_ok=True)
    log = settings.run_dir / "server.log"
    logging.basicConfig(filename=log, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    services = functools.partial(shipped_services, timings=HURRIED if settings.is_hurried else USUAL)
    try:
        local_aws = LocalAws(settings.run_dir, settings.interpreters, settings.port, services)
    except OSError as error:
        print(f"cannot listen on port {settings.port}: {error.strerror}", file=sys.stderr)
        return 1
    stack = None
    with local_aws as aws:
        if stack_request is not None:
            try:
                stack = deploy(aws, stack_request())
            except (TemplateError, DeployError) as error:
                print(f"cannot deploy: {error}", file=sys.stderr)
                return 1
        environment = client_environment(aws.endpoint_url, aws.region)
        announce_ready(settings.run_dir / READY, environment)
        print(how_to_use(environment, examples(aws.region), log), flush=True)
        stop_requested.wait()
        if stack is not None:
            (settings.run_dir / GRANTS).write_text(json.dumps(granted_and_used(aws, stack), indent=1))
    return 0


def deploy(aws: LocalAws, request: StackRequest) -> Stack:
    """Deploy the stack; raises TemplateError or DeployError."""
    from localaws.services.cloudformation.service import CloudFormation

    cloudformation = next(each for each in aws.services if isinstance(each, CloudFormation))
    return cloudformation.deploy(request.folder, request.name, request.parameters)


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


def granted_and_used(aws: LocalAws, stack: Stack) -> dict[str, list[dict[str, object]]]:
    """What the policies of each role in the stack grant, by the role's logical id, and whether it was used."""
    return {
        logical_id: [asdict(grant) for grant in aws.grants(resource.physical_id)]
        for logical_id, resource in stack.resources.items()
        if resource.type == "AWS::IAM::Role"
    }


def how_to_use(environment: Mapping[str, str], examples: str, log: Path) -> str:
    """What to type in another terminal."""
    exports = "\n".join(f"  export {name}={value}" for name, value in environment.items())
    return f"""The local AWS listens. In another terminal:

{exports}
{examples}

Its log is {log}. Ctrl-C ends it and every process it started."""
