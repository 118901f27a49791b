"""``python -m rehearsal serve``: the local AWS with Sluice deployed on it, for the AWS CLI, any SDK and ``sluice``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from localaws.serve import NotDeployedError, ServerSettings, add_server_options, run
from rehearsal.build import BuildError, ensure_built
from rehearsal.deploy import DeployFailedError, sam_deploy, stages
from rehearsal.interpreters import interpreters_of

REPO = Path(__file__).parents[1]


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``serve`` to the commands."""
    parser = commands.add_parser("serve", help="run the local AWS until Ctrl-C")
    add_server_options(parser, REPO / ".rehearsal" / "serve")
    parser.add_argument(
        "--stage",
        default="dev",
        choices=stages(REPO),
        help="deploy Sluice as this stage of samconfig.toml (default dev)",
    )
    parser.add_argument("--empty", action="store_true", help="deploy nothing: just the local AWS")
    parser.set_defaults(run=serve)


def serve(options: argparse.Namespace) -> int:
    """Run the local AWS until it is interrupted or terminated; exit status."""
    settings = ServerSettings(
        run_dir=options.run_dir,
        port=options.port,
        interpreters=interpreters_of(REPO),
        is_hurried=options.hurry,
    )
    if options.empty:
        return run(settings)
    return run(settings, partial(_build_and_deploy, options.stage), partial(examples, options.stage))


def _build_and_deploy(stage: str, environment: Mapping[str, str]) -> None:
    print(f"Building and deploying Sluice as stage {stage} ...", flush=True)
    try:
        ensure_built(REPO)
        sam_deploy(REPO, stage, environment)
    except (BuildError, DeployFailedError) as error:
        raise NotDeployedError(str(error)) from error


def examples(stage: str, _region: str) -> str:
    """The commands that a user may type, for a stage and a Region."""
    name = f"sluice-{stage}-fraud"
    return f"""
  .venv/bin/sluice apply models/fraud.yaml
  bucket=$(aws cloudformation describe-stacks --stack-name sluice-{stage} --output text \\
      --query "Stacks[0].Outputs[?OutputKey=='DataBucketName'].OutputValue")
  aws s3 cp my-data.csv s3://$bucket/data/fraud/
  aws sagemaker list-model-packages --model-package-group-name {name}
  aws sagemaker update-model-package --model-approval-status Approved --model-package-arn <its ARN>
  aws sagemaker list-endpoints
  aws sagemaker describe-endpoint --endpoint-name {name}
  echo 25,50000,680,12,0.7,0.3,0.1 > row.csv
  aws sagemaker-runtime invoke-endpoint --endpoint-name {name} --content-type text/csv \\
      --body fileb://row.csv /dev/stdout"""
