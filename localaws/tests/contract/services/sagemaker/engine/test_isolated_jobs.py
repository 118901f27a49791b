"""Code of a job that has network isolation: it does its work and leaves what it should, and cannot write elsewhere."""

from __future__ import annotations

import pytest

from localaws.tests.contract.services.sagemaker.engine.conftest import BUCKET, Engine
from localaws.tests.contract.services.sagemaker.engine.test_engine_jobs import (
    members,
    processing_request,
    put_source,
    training_request,
)

OVERWRITE = f"""
import boto3, os
try:
    boto3.client("s3").put_object(Bucket="{BUCKET}", Key="pipelines/another/model.tar.gz", Body=b"mine")
except Exception as error:
    print("refused", type(error).__name__)
"""


def written(engine_aws: Engine) -> list[str]:
    found = engine_aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="pipelines/another/")
    return [each["Key"] for each in found.get("Contents", [])]


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "with a network"])
def test_a_job_overwrites_another_models_artifact_unless_it_is_isolated(engine_aws: Engine, isolated: bool) -> None:
    """Without isolation the code has the credentials of the role, which is one for all models."""
    engine_aws.s3.delete_object(Bucket=BUCKET, Key="pipelines/another/model.tar.gz")
    name = f"thief-{isolated}".lower()
    network = {"NetworkConfig": {"EnableNetworkIsolation": isolated}}
    engine_aws.sagemaker.create_processing_job(
        **processing_request(name, "python3", "-c", f"exec({OVERWRITE!r})", **network)
    )
    ended = engine_aws.ended_job("Processing", name)
    assert ended["ProcessingJobStatus"] == "Completed", ended
    assert (written(engine_aws) == []) == isolated


def test_a_script_in_a_channel_is_run_without_a_network(engine_aws: Engine) -> None:
    script = (
        OVERWRITE
        + """
open(os.path.join(os.environ["SM_MODEL_DIR"], "note"), "w").write("trained")
"""
    )
    engine_aws.s3.delete_object(Bucket=BUCKET, Key="pipelines/another/model.tar.gz")
    uri = put_source(engine_aws, script)
    code = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"/opt/ml/input/data/code/{uri.rpartition('/')[2]}",
    }
    request = training_request(engine_aws, "isolated", **code)
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    request["InputDataConfig"].append({"ChannelName": "code", "DataSource": {"S3DataSource": source}})
    engine_aws.sagemaker.create_training_job(**request, EnableNetworkIsolation=True)
    ended = engine_aws.ended_job("Training", "isolated")
    assert ended["TrainingJobStatus"] == "Completed", ended
    assert members(engine_aws, ended["ModelArtifacts"]["S3ModelArtifacts"]) == {"note": b"trained"}
    assert written(engine_aws) == []
