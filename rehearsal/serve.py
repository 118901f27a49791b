"""``python -m rehearsal serve``: the local AWS with Sluice deployed on it, for the AWS CLI, any SDK and ``sluice``."""

from __future__ import annotations

import argparse
import functools
import json
import logging
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from localaws.iam.identity import DEVELOPER_ACCESS_KEY
from rehearsal.build import BuildError, ensure_built

if TYPE_CHECKING:
    from localaws.local_aws import LocalAws
    from localaws.services.cloudformation.resources.stack import Stack

REPO = Path(__file__).parents[1]
READY = "ready.json"
GRANTS = "grants.json"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``serve`` to the commands."""
    parser = commands.add_parser("serve", help="run the local AWS until Ctrl-C")
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1; 0 takes a free one (default 4566)")
    parser.add_argument("--run-dir", type=Path, default=REPO / ".rehearsal" / "serve", help="where logs and files go")
    parser.add_argument("--stage", default="dev", help="deploy Sluice as this stage (default dev)")
    parser.add_argument("--empty", action="store_true", help="deploy nothing: just the local AWS")
    parser.add_argument(
        "--hurry", action="store_true", help="scale after seconds and stop idle serverless containers soon"
    )
    parser.set_defaults(run=serve)


def serve(options: argparse.Namespace) -> int:
    """Run the local AWS until it is interrupted or terminated; exit status."""
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    from localaws.default_services import shipped_services
    from localaws.local_aws import LocalAws  # takes a second, and the answer to a wrong option should not
    from localaws.timing import HURRIED, USUAL

    options.run_dir.mkdir(parents=True, exist_ok=True)
    log = options.run_dir / "server.log"
    logging.basicConfig(filename=log, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        services = functools.partial(shipped_services, timings=HURRIED if options.hurry else USUAL)
        local_aws = LocalAws(options.run_dir, REPO, options.port, services)
    except OSError as error:
        print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    stack = None
    with local_aws as aws:
        if not options.empty:
            print(f"Building and deploying Sluice as stage {options.stage} ...", flush=True)
            try:
                stack = deploy(aws, ensure_built(REPO), options.stage)
            except BuildError as error:
                print(error, file=sys.stderr)
                return 1
        environment = client_environment(aws.endpoint_url, aws.region)
        announce_ready(options.run_dir / READY, environment)
        print(how_to_use(environment, "" if options.empty else options.stage, log), flush=True)
        asked_to_stop.wait()
        if stack is not None:
            (options.run_dir / GRANTS).write_text(json.dumps(granted_and_used(aws, stack), indent=1))
    return 0


def deploy(aws: LocalAws, built: Path, stage: str) -> Stack:
    """Deploy what ``sam build`` left as stack ``sluice-<stage>``."""
    from localaws.services.cloudformation.service import CloudFormation

    cloudformation = next(each for each in aws.services if isinstance(each, CloudFormation))
    return cloudformation.deploy(built, f"sluice-{stage}", {"Stage": stage})


def client_environment(endpoint_url: str, region: str) -> dict[str, str]:
    """The standard AWS variables that point any client at the local AWS, as a developer."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": DEVELOPER_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": region,
    }


def announce_ready(file: Path, environment: Mapping[str, str]) -> None:
    """Write the environment for whoever waits; the file appears complete or not at all."""
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


def how_to_use(environment: Mapping[str, str], stage: str, log: Path) -> str:
    """What to type in another terminal."""
    exports = "\n".join(f"  export {name}={value}" for name, value in environment.items())
    return f"""The local AWS listens. In another terminal:

{exports}
{_examples(stage, environment["AWS_DEFAULT_REGION"]) if stage else "  aws sts get-caller-identity"}

Its log is {log}. Ctrl-C ends it and every process it started."""


def _examples(stage: str, region: str) -> str:
    from localaws.local_aws import ACCOUNT

    name = f"sluice-{stage}-fraud"
    bucket = f"sluice-{stage}-{ACCOUNT}-{region}"
    return f"""
  .venv/bin/sluice apply models/fraud.yaml
  aws s3 cp my-data.csv s3://{bucket}/data/fraud/
  aws sagemaker list-model-packages --model-package-group-name {name}
  aws sagemaker update-model-package --model-approval-status Approved --model-package-arn <its ARN>
  aws sagemaker list-endpoints
  aws sagemaker describe-endpoint --endpoint-name {name}
  echo 25,50000,680,12,0.7,0.3,0.1 > row.csv
  aws sagemaker-runtime invoke-endpoint --endpoint-name {name} --content-type text/csv \\
      --body fileb://row.csv /dev/stdout"""
