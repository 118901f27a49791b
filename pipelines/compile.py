"""Compile a pipeline to the JSON that everything else reads: ``python -m pipelines.compile tabular``.

Needs the SageMaker SDK (``.venvs/authoring``) but no network, no account and no credentials. What depends on
the account, the region or the model is left in the JSON as a token, which ``sluice apply`` fills in:

    ${DataBucket}         name of the data bucket
    ${PipelineRoleArn}    the role under which the pipeline and its jobs act
    ${XGBoostImage}       the image of the region, from ``pipelines/images.json``, which this writes as well
    ${Region}             the region's name
    ${Model}              the model's name
    ${ModelPackageGroup}  the name of the model's package group
    ${DataContract}       S3 URI of the data contract: ``contracts/<model>/<sha256 of it>.json``
    ${CodePrefix_<name>}  S3 URI of ``<name>.py`` and the scripts that it needs: ``code/<pipeline>/<digest>``
    ${CodePrefix}         S3 URI of all scripts, likewise

The scripts are the ``*.py`` beside ``pipeline.py``, without it. A script needs those that it imports, and those whose
file names it holds as text, such as what is packed with a model; and what these need. Their digest is the SHA-256 over,
for each in order of name: the name, a zero byte, the length in decimal digits, a zero byte, the content. Below a code
prefix lie ``scripts/<name>``, which the processing jobs mount, and ``sourcedir.tar.gz`` with the same files,
which SageMaker's script mode unpacks for training.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
from pathlib import Path
from typing import Any
from unittest import mock

PIPELINES = Path(__file__).parent
IMAGE_VERSION = "3.0-5"
REGION = "us-east-1"  # any: nothing of it stays in the result
CODE = "s3://code-stand-in"
# The SDK parses these, so it is given ones that look real; the result holds the token instead.
STAND_INS = {
    "${PipelineRoleArn}": "arn:aws:iam::111122223333:role/stand-in",
    "${XGBoostImage}": "111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:stand-in",
}


def compile_definition(name: str) -> str:
    """The definition of ``pipelines/<name>/pipeline.py`` as pretty JSON with tokens, the same on every run."""
    module = importlib.import_module(f"pipelines.{name}.pipeline")
    setting = module.Setting(
        session=_offline_session(),
        role_arn=STAND_INS["${PipelineRoleArn}"],
        image=STAND_INS["${XGBoostImage}"],
        region="${Region}",
        code=CODE,
        outputs="s3://${DataBucket}/pipelines/${Model}",
        package_group="${ModelPackageGroup}",
        data_contract="${DataContract}",
    )
    with mock.patch("sagemaker.core.telemetry.telemetry_logging._send_telemetry_request"):
        compiled = module.build(setting).definition()
    for token, stand_in in STAND_INS.items():
        compiled = compiled.replace(stand_in, token)
    compiled = re.sub(rf"{CODE}/(\w+)", r"${CodePrefix_\1}", compiled)
    definition = {key: value for key, value in json.loads(compiled).items() if value is not None}
    return json.dumps(definition, indent=2) + "\n"


def image_uris() -> str:
    """The XGBoost image of every region, as JSON."""
    from sagemaker.core import image_uris as sdk

    versions = sdk.config_for_framework("xgboost")["training"]["versions"]
    regions = sorted(versions[IMAGE_VERSION]["registries"])
    uris = {region: sdk.retrieve("xgboost", region, version=IMAGE_VERSION) for region in regions}
    return json.dumps(uris, indent=2) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Compile a pipeline to JSON.")
    parser.add_argument("name", help="a folder of pipelines/")
    parser.add_argument("--into", type=Path, default=PIPELINES, help="where to write (default: pipelines/)")
    options = parser.parse_args()
    # The SDK makes clients while it is imported and asks IAM about the role: neither is wanted offline.
    os.environ.update(AWS_DEFAULT_REGION=REGION, SAGEMAKER_VALIDATE_ROLE="false")
    folder: Path = options.into / options.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "definition.json").write_text(compile_definition(options.name), encoding="utf-8")
    (options.into / "images.json").write_text(image_uris(), encoding="utf-8")


def _offline_session() -> Any:
    """A session that fails on any call to AWS: what is compiled must not depend on an account."""
    import boto3
    from sagemaker.core.workflow.pipeline_context import PipelineSession

    session = boto3.Session("offline", "offline", region_name=REGION)  # a made-up key pair
    session.events.register("before-send", _refuse)
    return PipelineSession(boto_session=session, default_bucket="offline")


def _refuse(request: Any, **_others: object) -> None:
    raise RuntimeError(f"compiling called AWS: {request.url}")


if __name__ == "__main__":
    main()
