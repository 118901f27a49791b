"""Jobs that really run: data in and out, failures, limits, stops, logs and events."""

from __future__ import annotations

import io
import json
import random
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.engine.conftest import (
    BUCKET,
    IMAGE,
    ROLE,
    ROLE_WITHOUT_S3,
    Engine,
    eventually,
)

SCIKIT_LEARN_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
NOTE_WHAT_IS_THERE = """
import json, os
config = json.load(open("/opt/ml/config/resourceconfig.json"))
names = sorted(os.listdir("/opt/ml/processing/in"))
open("/opt/ml/processing/out/" + config["current_host"], "w").write(",".join(names))
"""


def processing_request(name: str, *program: str, **more: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
    request: dict[str, Any] = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": list(program)},
        "ProcessingResources": {"ClusterConfig": cluster | more.pop("cluster", {})},
    }
    return request | more


def processing_input(name: str, uri: str, **more: str) -> dict[str, Any]:
    s3_input = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix", **more}
    return {"InputName": name, "S3Input": {"S3InputMode": "File", **s3_input}}


def processing_output(name: str, uri: str) -> dict[str, Any]:
    s3_output = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": s3_output}


@pytest.mark.parametrize(
    ("source", "how", "instances", "seen"),
    [
        ("data/", {}, 1, {"algo-1": "a.csv,b.csv,c.csv"}),
        ("data.manifest", {"S3DataType": "ManifestFile"}, 1, {"algo-1": "a.csv,c.csv"}),
        ("data/", {"S3DataDistributionType": "ShardedByS3Key"}, 2, {"algo-1": "a.csv,c.csv", "algo-2": "b.csv"}),
        (
            "data/",
            {"S3DataDistributionType": "FullyReplicated"},
            2,
            dict.fromkeys(("algo-1", "algo-2"), "a.csv,b.csv,c.csv"),
        ),
    ],
)
def test_each_instance_gets_its_input_and_all_outputs_come_back(
    engine_aws: Engine, source: str, how: dict[str, str], instances: int, seen: dict[str, str]
) -> None:
    for letter in "abc":
        engine_aws.put(f"data/{letter}.csv", "1,2")
    engine_aws.put("data.manifest", json.dumps([{"prefix": f"s3://{BUCKET}/data/"}, "a.csv", "c.csv"]))
    code = engine_aws.put("code/note.py", NOTE_WHAT_IS_THERE)
    name = f"note-{source.strip('/').replace('.', '-')}-{how.get('S3DataDistributionType', 'default')}-{instances}"
    request = processing_request(
        name,
        "python3",
        "/opt/ml/processing/code/note.py",
        cluster={"InstanceCount": instances},
        ProcessingInputs=[processing_input("code", code), processing_input("in", f"s3://{BUCKET}/{source}", **how)],
        ProcessingOutputConfig={"Outputs": [processing_output("out", f"s3://{BUCKET}/out/{name}")]},
    )
    engine_aws.sagemaker.create_processing_job(**request)
    assert engine_aws.ended_job("Processing", name)["ProcessingJobStatus"] == "Completed"
    found = {key.rsplit("/", 1)[-1]: engine_aws.text(key) for key in engine_aws.keys(f"out/{name}/")}
    assert found == seen


def test_a_container_has_the_environment_of_a_container(engine_aws: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    request = processing_request(
        "environment",
        "bash",
        "-c",
        "env > /opt/ml/processing/out/env",
        Environment={"OWN": "value"},
        ProcessingOutputConfig={"Outputs": [processing_output("out", f"s3://{BUCKET}/out/environment")]},
    )
    engine_aws.sagemaker.create_processing_job(**request)
    engine_aws.ended_job("Processing", "environment")
    printed = engine_aws.text("out/environment/env").splitlines()
    names = {line.split("=", 1)[0] for line in printed}
    assert {"AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"} <= names
    assert "OWN=value" in printed
    assert "SECRET_OF_THE_HOST" not in names


def test_a_failing_program_fails_the_job_with_the_end_of_its_output(engine_aws: Engine) -> None:
    engine_aws.sagemaker.create_processing_job(
        **processing_request("broken", "python3", "-c", "print('x' * 3000); raise ValueError('column age is missing')")
    )
    ended = engine_aws.ended_job("Processing", "broken")
    assert ended["ProcessingJobStatus"] == "Failed"
    assert ended["FailureReason"].startswith("AlgorithmError: ")
    assert ended["FailureReason"].endswith("ValueError: column age is missing, exit code: 1")
    assert len(ended["FailureReason"]) <= 1024


def test_a_message_the_program_leaves_is_its_exit_message(engine_aws: Engine) -> None:
    script = "echo too few rows > /opt/ml/output/message; exit 3"
    engine_aws.sagemaker.create_processing_job(**processing_request("message", "bash", "-c", script))
    ended = engine_aws.ended_job("Processing", "message")
    assert (ended["ExitMessage"].strip(), ended["FailureReason"]) == (
        "too few rows",
        "AlgorithmError: too few rows, exit code: 3",
    )


@pytest.mark.parametrize(
    ("name", "change", "named"),
    [
        ("no-data", {"ProcessingInputs": [processing_input("in", f"s3://{BUCKET}/nothing")]}, "No S3 objects found"),
        ("no-bucket", {"ProcessingInputs": [processing_input("in", "s3://elsewhere/x")]}, "NoSuchBucket"),
        (
            "no-right",
            {"RoleArn": ROLE_WITHOUT_S3, "ProcessingInputs": [processing_input("in", f"s3://{BUCKET}/x")]},
            "AccessDenied",
        ),
        ("no-image", {"AppSpecification": {"ImageUri": "1.dkr.ecr.us-east-1.amazonaws.com/other:1"}}, "other:1"),
    ],
)
def test_what_cannot_be_had_fails_the_job(engine_aws: Engine, name: str, change: dict[str, Any], named: str) -> None:
    engine_aws.sagemaker.create_processing_job(**processing_request(name, "true") | change)
    ended = engine_aws.ended_job("Processing", name)
    assert ended["ProcessingJobStatus"] == "Failed"
    assert named in ended["FailureReason"]


def test_a_job_ends_when_its_time_is_up(engine_aws: Engine) -> None:
    request = processing_request("late", "sleep", "300", StoppingCondition={"MaxRuntimeInSeconds": 1})
    engine_aws.sagemaker.create_processing_job(**request)
    assert engine_aws.ended_job("Processing", "late")["ProcessingJobStatus"] == "Stopped"


def test_a_stopped_job_ends_and_cannot_be_stopped_again(engine_aws: Engine) -> None:
    client = engine_aws.sagemaker
    client.create_processing_job(**processing_request("stopped", "sleep", "300"))
    client.stop_processing_job(ProcessingJobName="stopped")
    assert engine_aws.ended_job("Processing", "stopped")["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="is in status Stopped"):
        client.stop_processing_job(ProcessingJobName="stopped")


def test_a_name_is_used_once(engine_aws: Engine) -> None:
    engine_aws.sagemaker.create_processing_job(**processing_request("once", "true"))
    with pytest.raises(ClientError) as refusal:
        engine_aws.sagemaker.create_processing_job(**processing_request("once", "true"))
    assert refusal.value.response["Error"]["Code"] == "ResourceInUse"


def test_what_a_program_prints_is_in_cloudwatch_logs(engine_aws: Engine) -> None:
    engine_aws.sagemaker.create_processing_job(**processing_request("talkative", "echo", "rows: 500"))
    engine_aws.ended_job("Processing", "talkative")
    logs = engine_aws.aws.client("logs")
    group = "/aws/sagemaker/ProcessingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="talkative/algo-1-")["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert [event["message"] for event in events] == ["rows: 500"]


def training_request(engine_aws: Engine, name: str, **hyperparameters: str) -> dict[str, Any]:
    rows = random.Random(1)
    table = [(rows.random(), rows.random()) for _ in range(50)]
    train = engine_aws.put("train/rows.csv", "\n".join(f"{2 * x + y},{x},{y}" for x, y in table))
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": train}}
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": hyperparameters,
        "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv", "DataSource": source}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def members(engine_aws: Engine, uri: str) -> dict[str, bytes]:
    """The files of a model archive."""
    body = engine_aws.s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {name: content.read() for name in archive.getnames() if (content := archive.extractfile(name))}


def put_source(engine_aws: Engine, script: str) -> str:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(script.encode())
        tar.addfile(entry, io.BytesIO(script.encode()))
    return engine_aws.put(f"code/{abs(hash(script))}.tar.gz", archive.getvalue())


def test_the_algorithm_trains_and_its_stages_are_announced(engine_aws: Engine) -> None:
    request = training_request(engine_aws, "algorithm", num_round="3", objective="reg:squarederror")
    arn = engine_aws.sagemaker.create_training_job(**request)["TrainingJobArn"]
    ended = engine_aws.ended_job("Training", "algorithm")
    assert ended["TrainingJobStatus"] == "Completed"
    assert list(members(engine_aws, ended["ModelArtifacts"]["S3ModelArtifacts"])) == ["xgboost-model"]
    engine_aws.announced.wait_for(arn, TrainingJobStatus="Completed")
    details = [event["detail"] for event in engine_aws.announced.about(arn)]
    stages = ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [detail["SecondaryStatus"] for detail in details] == stages
    assert [entry["Status"] for entry in ended["SecondaryStatusTransitions"]] == stages
    assert details[-1]["TrainingEndTime"].isdecimal()


def test_a_training_shows_what_clients_read_without_asking(engine_aws: Engine) -> None:
    """Estimator.attach and TrainingJobAnalytics of the SageMaker SDK index these members directly."""
    request = training_request(engine_aws, "shown", num_round="3", objective="reg:squarederror")
    engine_aws.sagemaker.create_training_job(**request)
    ended = engine_aws.ended_job("Training", "shown")
    assert ended["OutputDataConfig"]["KmsKeyId"] == ""
    assert "train:rmse" in {each["Name"] for each in ended["AlgorithmSpecification"]["MetricDefinitions"]}
    (metric,) = ended["FinalMetricDataList"]
    assert (metric["MetricName"], 0 < metric["Value"] < 1) == ("train:rmse", True)
    assert ended["BillableTimeInSeconds"] == ended["TrainingTimeInSeconds"] >= 1


def test_a_training_job_may_bring_its_own_entrypoint(engine_aws: Engine) -> None:
    """ModelTrainer of SDK v3 sends its source code as a channel and starts it so."""
    request = training_request(engine_aws, "entrypoint")
    request["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": ["/bin/bash"],
        "ContainerArguments": ["-c", "echo of its own > /opt/ml/model/note"],
    }
    engine_aws.sagemaker.create_training_job(**request)
    ended = engine_aws.ended_job("Training", "entrypoint")
    assert members(engine_aws, ended["ModelArtifacts"]["S3ModelArtifacts"]) == {"note": b"of its own\n"}
    assert ended["AlgorithmSpecification"]["MetricDefinitions"] == []


def test_a_script_gets_its_channel_its_arguments_and_leaves_a_model(engine_aws: Engine) -> None:
    script = """
import os, sys
rows = open(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv")).read().splitlines()
open(os.path.join(os.environ["SM_MODEL_DIR"], "seen"), "w").write(" ".join([str(len(rows)), *sys.argv[1:]]))
"""
    source = {"sagemaker_program": "train.py", "sagemaker_submit_directory": put_source(engine_aws, script)}
    request = training_request(engine_aws, "script", **source, eta="0.2", objective='"reg:squarederror"')
    engine_aws.sagemaker.create_training_job(**request)
    ended = engine_aws.ended_job("Training", "script")
    seen = members(engine_aws, ended["ModelArtifacts"]["S3ModelArtifacts"])["seen"]
    assert seen == b"50 --eta 0.2 --objective reg:squarederror"


def test_a_failing_script_fails_the_job_with_its_error(engine_aws: Engine) -> None:
    source = put_source(engine_aws, "raise SystemExit('no rows')")
    request = training_request(engine_aws, "bad", sagemaker_program="train.py", sagemaker_submit_directory=source)
    engine_aws.sagemaker.create_training_job(**request)
    ended = engine_aws.ended_job("Training", "bad")
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Failed", "Failed")
    assert ended["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:")
    assert "no rows" in ended["FailureReason"]


def test_lists_find_jobs_by_status_and_name(engine_aws: Engine) -> None:
    engine_aws.sagemaker.create_processing_job(**processing_request("listed-good", "true"))
    engine_aws.sagemaker.create_processing_job(**processing_request("listed-bad", "false"))

    def both_ended() -> dict[str, Any] | None:
        found = engine_aws.sagemaker.list_processing_jobs(NameContains="listed-", SortBy="Name")
        statuses = {job["ProcessingJobName"]: job["ProcessingJobStatus"] for job in found["ProcessingJobSummaries"]}
        return None if "InProgress" in statuses.values() else statuses

    assert eventually(both_ended) == {"listed-bad": "Failed", "listed-good": "Completed"}


@pytest.mark.parametrize(("name", "image"), [("xgboost", IMAGE), ("scikit-learn", SCIKIT_LEARN_IMAGE)])
def test_scripts_have_the_packages_of_their_image(engine_aws: Engine, name: str, image: str) -> None:
    """SKLearnProcessor of the SageMaker SDK runs scripts in sagemaker-scikit-learn:1.2-1-cpu-py3."""
    program = ("python3", "-c", "import boto3, numpy, pandas, sklearn")
    app = {"ImageUri": image, "ContainerEntrypoint": list(program)}
    engine_aws.sagemaker.create_processing_job(**processing_request(f"has-{name}", AppSpecification=app))
    ended = engine_aws.ended_job("Processing", f"has-{name}")
    assert ended["ProcessingJobStatus"] == "Completed", ended


def test_other_versions_of_an_image_are_refused_by_name(engine_aws: Engine) -> None:
    image = SCIKIT_LEARN_IMAGE.replace("1.2-1", "1.4-2")
    app = {"ImageUri": image, "ContainerEntrypoint": ["true"]}
    engine_aws.sagemaker.create_processing_job(**processing_request("other-version", AppSpecification=app))
    ended = engine_aws.ended_job("Processing", "other-version")
    assert ended["FailureReason"].endswith(
        f"has the image sagemaker-xgboost:3.0-5 and sagemaker-scikit-learn:1.2-1 and no other, not {image}"
    )
