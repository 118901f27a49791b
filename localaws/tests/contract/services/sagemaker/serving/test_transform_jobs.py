"""Transform jobs that really run, through boto3."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.serving.account import BUCKET, ROLE_ONLY_MODELS, Account, eventually


def request_of(name: str, **more: Any) -> dict[str, Any]:
    """A request for CSV by lines; ``source`` and ``output`` update TransformInput and TransformOutput."""
    data = {"S3DataType": more.pop("data_type", "S3Prefix"), "S3Uri": f"s3://{BUCKET}/{more.pop('uri', f'in/{name}/')}"}
    source = {"DataSource": {"S3DataSource": data}, "ContentType": "text/csv", "SplitType": "Line"}
    output = {"S3OutputPath": f"s3://{BUCKET}/out/{name}", "Accept": "text/csv", "AssembleWith": "Line"}
    request = {
        "TransformJobName": name,
        "ModelName": "low",
        "TransformInput": source | more.pop("source", {}),
        "TransformOutput": output | more.pop("output", {}),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": more.pop("instances", 1)},
    }
    return request | more


def ended(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """Start a job; its description once it has ended."""
    account.sagemaker.create_transform_job(**request)
    return eventually(
        lambda: dict(account.sagemaker.describe_transform_job(TransformJobName=request["TransformJobName"])),
        lambda shown: shown["TransformJobStatus"] in {"Completed", "Failed", "Stopped"},
    )


def rows(count: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return [f"{chance.random():.4f},{chance.random():.4f},{chance.random():.4f}" for _ in range(count)]


def scores_of(account: Account, lines: list[str]) -> list[float]:
    """What a live endpoint of the same model would say, asked once for all rows."""
    if not account.sagemaker.list_endpoints(NameContains="reference")["Endpoints"]:
        account.endpoint("reference", {})
    answer = account.runtime.invoke_endpoint(
        EndpointName="reference", Body="\n".join(lines), ContentType="text/csv", Accept="text/csv"
    )
    return [float(line) for line in answer["Body"].read().decode().split()]


def test_a_hundred_thousand_rows_on_two_instances_none_lost_and_in_order(account: Account) -> None:
    lines = [f"id{number},{row}" for number, row in enumerate(rows(100_000))]
    for part in range(4):
        account.put(f"in/large/part-{part}.csv", "\n".join(lines[part * 25_000 : (part + 1) * 25_000]) + "\n")
    job = ended(
        account,
        request_of(
            "large",
            instances=2,
            MaxPayloadInMB=1,
            MaxConcurrentTransforms=2,
            BatchStrategy="MultiRecord",
            DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        ),
    )
    assert job["TransformJobStatus"] == "Completed", job
    assert account.keys("out/large/") == [f"out/large/part-{part}.csv.out" for part in range(4)]
    joined = [
        line.split(",") for part in range(4) for line in account.text(f"out/large/part-{part}.csv.out").splitlines()
    ]
    assert [identity for identity, _ in joined] == [f"id{number}" for number in range(100_000)]
    sample = [0, 24_999, 25_000, 99_999]
    expected = scores_of(account, [lines[number].split(",", 1)[1] for number in sample])
    assert [float(joined[number][1]) for number in sample] == expected
    for host in ("algo-1", "algo-2"):
        where = {"Host": f"large/{host}"}
        assert max(account.datapoints("CPUUtilization", where, "Maximum", "/aws/sagemaker/TransformJobs")) > 0


@pytest.mark.parametrize("strategy", ["MultiRecord", "SingleRecord"])
def test_the_strategies_give_the_same_output(account: Account, strategy: str) -> None:
    lines = rows(20)
    name = f"strategy-{strategy.lower()}"
    account.put(f"in/{name}/a.csv", "\n".join(lines))
    job = ended(account, request_of(name, BatchStrategy=strategy))
    assert job["TransformJobStatus"] == "Completed"
    assert [float(line) for line in account.text(f"out/{name}/a.csv.out").splitlines()] == scores_of(account, lines)


def test_a_manifest_names_the_objects_and_gzip_is_opened(account: Account) -> None:
    lines = rows(3)
    for name in ("a", "b", "c"):
        account.put(f"in/chosen/sub/{name}.csv.gz", gzip.compress("\n".join(lines).encode()))
    head: list[Any] = [{"prefix": f"s3://{BUCKET}/in/chosen/"}]
    account.put("in/chosen.manifest", json.dumps([*head, "sub/a.csv.gz", "sub/c.csv.gz"]))
    request = request_of(
        "chosen", data_type="ManifestFile", uri="in/chosen.manifest", source={"CompressionType": "Gzip"}
    )
    assert ended(account, request)["TransformJobStatus"] == "Completed"
    assert account.keys("out/chosen/") == ["out/chosen/sub/a.csv.gz.out", "out/chosen/sub/c.csv.gz.out"]
    assert len(account.text("out/chosen/sub/c.csv.gz.out").splitlines()) == 3


def test_an_object_that_is_not_split_goes_as_a_whole(account: Account) -> None:
    account.put("in/whole/a.csv", "\n".join(rows(2)))
    job = ended(account, request_of("whole", source={"SplitType": "None"}, output={"AssembleWith": "None"}))
    assert job["TransformJobStatus"] == "Completed"
    assert len(account.text("out/whole/a.csv.out").splitlines()) == 2


def test_a_bad_object_fails_the_job_and_the_others_are_still_scored(account: Account) -> None:
    announced = account.events_queue("SageMaker Transform Job State Change")
    account.put("in/mixed/bad.csv", "0.1,0.2,0.3\nage,income,score\n")
    account.put("in/mixed/good.csv", "0.1,0.2,0.3\n")
    job = ended(account, request_of("mixed"))
    assert (job["TransformJobStatus"], job["FailureReason"]) == (
        "Failed",
        "ClientError: See job logs for more information",
    )
    assert account.keys("out/mixed/") == ["out/mixed/good.csv.out"]
    logs = account.aws.client("logs")
    found = logs.filter_log_events(logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix="mixed/data-log")
    lines = "\n".join(event["message"] for event in found["events"])
    assert f"[sagemaker logs]: {BUCKET}/in/mixed/bad.csv: Bad HTTP status received from algorithm: 415" in lines
    details = eventually(lambda: [event["detail"] for event in announced()], lambda details: len(details) == 2)
    assert [detail["TransformJobStatus"] for detail in details] == ["InProgress", "Failed"]
    assert details[1]["TransformEndTime"].endswith("Z")
    assert details[1]["ModelName"] == "low"


def test_a_model_that_dies_fails_the_job_after_retries(account: Account) -> None:
    account.put("in/deadly/a.csv", "die\n")
    request = request_of("deadly", ModelName="script-low", ModelClientConfig={"InvocationsMaxRetries": 1})
    job = ended(account, request)
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"


def test_what_the_role_may_not_read_and_what_is_not_there(account: Account) -> None:
    account.model("unprivileged", "low", ROLE_ONLY_MODELS)
    account.put("in/secret/a.csv", "1,2,3")
    job = ended(account, request_of("secret", ModelName="unprivileged"))
    assert "AccessDenied" in job["FailureReason"]
    job = ended(account, request_of("nothing"))
    assert "No S3 objects found" in job["FailureReason"]


def test_a_job_cannot_assume_the_role_of_its_model_once_that_is_deleted(account: Account) -> None:
    iam = account.aws.client("iam")
    trust = iam.get_role(RoleName="serving")["Role"]["AssumeRolePolicyDocument"]
    role = iam.create_role(RoleName="leaving", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    account.model("orphan", "low", role)
    iam.delete_role(RoleName="leaving")
    account.put("in/orphan/a.csv", "1,2,3")
    job = ended(account, request_of("orphan", ModelName="orphan"))
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: Could not assume role {role}. Please ensure")


def test_a_stopped_job_stores_nothing(account: Account) -> None:
    for number in range(50):
        account.put(f"in/stopped/{number}.csv", "\n".join(rows(200)))
    account.sagemaker.create_transform_job(**request_of("stopped", BatchStrategy="SingleRecord"))
    account.sagemaker.stop_transform_job(TransformJobName="stopped")
    job = eventually(
        lambda: account.sagemaker.describe_transform_job(TransformJobName="stopped"),
        lambda shown: shown["TransformJobStatus"] == "Stopped",
    )
    assert "TransformEndTime" in job
    assert account.keys("out/stopped/") == []


def test_jobs_are_listed_and_their_instances_measured(account: Account) -> None:
    account.put("in/listed/a.csv", "1,2,3")
    ended(account, request_of("listed"))
    found = account.sagemaker.list_transform_jobs(NameContains="listed", StatusEquals="Completed")
    assert [job["TransformJobName"] for job in found["TransformJobSummaries"]] == ["listed"]
    where = {"Host": "listed/algo-1"}
    namespace = "/aws/sagemaker/TransformJobs"
    assert account.datapoints("MemoryUtilization", where, "Maximum", namespace)[0] > 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ModelName": "unknown"}, "ValidationException"),
        ({"source": {"SplitType": "RecordIO"}}, "NotImplemented"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "ValidationException"),
        ({"source": {"SplitType": "None"}, "BatchStrategy": "MultiRecord"}, "ValidationException"),
        ({"DataProcessing": {"InputFilter": "[1:]"}}, "ValidationException"),
        ({"DataProcessing": {"JoinSource": "Input"}, "output": {"Accept": "application/json"}}, "ValidationException"),
    ],
)
def test_what_is_refused(account: Account, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        account.sagemaker.create_transform_job(**request_of("refused", **change))
    assert refused.value.response["Error"]["Code"] == code


def test_an_image_that_is_not_played_fails_the_job_by_name(account: Account) -> None:
    account.put("in/torch/a.csv", "1,2,3")
    job = ended(account, request_of("torch", ModelName=account.model("torch-batch", "low", image=OTHER_IMAGE)))
    assert job["TransformJobStatus"] == "Failed"
    assert OTHER_IMAGE in job["FailureReason"]
