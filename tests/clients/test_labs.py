"""The seed's labs 1 to 4, run by stock SageMaker SDKs of versions 2 and 3: what clients see is what AWS documents."""

from __future__ import annotations

import io
import json
import math
import tarfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients.account import BUCKET, ROW
from tests.clients.conftest import Labs

SDKS = ("sdk_v2", "sdk_v3")
SHORT = {"sdk_v2": "v2", "sdk_v3": "v3"}
DEADLINE_SECONDS = 60.0


def text(labs: Labs, uri: str) -> str:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return str(labs.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def told(labs: Labs, queue: str, count: int) -> dict[str, dict[str, Any]]:
    """What a queue was told through its topic, by the endpoint."""
    sqs = labs.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    receive = {"QueueUrl": url, "WaitTimeSeconds": 1, "VisibilityTimeout": 0, "MaxNumberOfMessages": 10}
    found: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, found
        for message in sqs.receive_message(**receive).get("Messages", []):
            notice = json.loads(json.loads(message["Body"])["Message"])
            if "requestParameters" in notice:  # else the test of the topic that each deployment makes
                found[notice["requestParameters"]["endpointName"]] = notice
    return found


@pytest.mark.parametrize("sdk", SDKS)
def test_one_model_is_served_in_four_ways(labs: Labs, sdk: str) -> None:
    seen = labs.seen(sdk, "endpoints")
    score = seen["real_time"]["predictions"][0]["score"]
    assert 0 < score < 0.5  # the row of the lab is of the class without a shift
    assert float(seen["serverless"]) == pytest.approx(score)
    assert float(text(labs, seen["asynchronous"]["rows.csv"])) == pytest.approx(score)
    for name in ("one", "two"):
        rows = text(labs, f"{seen['batch']}{name}.csv.out").splitlines()
        given = text(labs, f"s3://{BUCKET}/scoring-data/{name}.csv").splitlines()
        assert [row.rsplit(",", 1)[0] for row in rows] == given  # joined: each line with its answer
        assert {float(row.rsplit(",", 1)[1]) > 0.5 for row in rows} == {True, False}


@pytest.mark.parametrize("sdk", SDKS)
def test_topics_tell_what_became_of_asynchronous_requests(labs: Labs, sdk: str) -> None:
    seen = labs.seen(sdk, "endpoints")["asynchronous"]
    endpoint = f"{SHORT[sdk]}-scan-async"
    assert told(labs, "async-success", 2)[endpoint]["responseParameters"]["outputLocation"] == seen["rows.csv"]
    assert told(labs, "async-error", 2)[endpoint]["invocationStatus"] == "Failed"


@pytest.mark.parametrize("sdk", SDKS)
def test_two_variants_share_traffic_as_their_weights_say(labs: Labs, sdk: str) -> None:
    shown = labs.seen(sdk, "endpoints")["variants"]
    measured = shown.pop("measured")
    assert shown == {
        "90/10": {"model-v1": 0.9, "model-v2": 0.1},
        "50/50": {"model-v1": 0.5, "model-v2": 0.5},
        "100/0": {"model-v1": 1.0, "model-v2": 0.0},
        "0/100": {"model-v1": 0.0, "model-v2": 1.0},
    }
    sigma = math.sqrt(sum(measured.values()) * 0.5 * 0.5)
    assert measured["model-v1"] == pytest.approx(200, abs=5 * sigma)
    runtime, row = labs.client("sagemaker-runtime"), ",".join(map(str, ROW))
    endpoint = f"{SHORT[sdk]}-fraud-ab-test"
    answers = [runtime.invoke_endpoint(EndpointName=endpoint, Body=row, ContentType="text/csv") for _ in range(10)]
    assert {answer["InvokedProductionVariant"] for answer in answers} == {"model-v2"}


@pytest.mark.parametrize("sdk", SDKS)
def test_target_tracking_keeps_70_with_cooldowns_of_300_and_60_seconds(labs: Labs, sdk: str) -> None:
    scaling = labs.seen(sdk, "endpoints")["scaling"]
    kept = {name: scaling["configuration"][name] for name in ("TargetValue", "ScaleInCooldown", "ScaleOutCooldown")}
    assert kept == {"TargetValue": 70.0, "ScaleInCooldown": 300, "ScaleOutCooldown": 60}
    found = labs.client("cloudwatch").describe_alarms(AlarmNames=scaling["alarms"])["MetricAlarms"]
    assert {alarm["AlarmName"].split("-")[-6] for alarm in found} == {"AlarmHigh", "AlarmLow"}
    assert {alarm["MetricName"] for alarm in found} == {"InvocationsPerInstance"}


@pytest.mark.parametrize("sdk", SDKS)
def test_a_pipeline_with_five_parameters_caches_its_jobs_and_registers_what_passes_the_gate(
    labs: Labs, sdk: str
) -> None:
    seen = labs.seen(sdk, "pipeline")
    jobs = ("PreprocessData", "TrainModel", "EvaluateModel")
    assert len(seen["parameters"]) == 5
    assert {status for status, _ in seen["first"].values()} == {"Succeeded"}
    assert [source for _, source in seen["first"].values()] == [None] * 5
    assert [seen["second"][job] for job in jobs] == [["Succeeded", seen["first_arn"]]] * 3
    # Another hyperparameter: only the preprocessing is skipped.
    cached = {step for step, (_, source) in seen["retrained"].items() if source == seen["first_arn"]}
    assert cached == {"PreprocessData"}
    assert {status for status, _ in seen["retrained"].values()} == {"Succeeded"}
    assert seen["refused_status"] == "Failed"
    assert seen["refused_reason"] == "MSE exceeded threshold: 0.0001"
    assert not any(name.startswith("RegisterModel") for name in seen["refused"])
    packages = labs.client("sagemaker").list_model_packages(
        ModelPackageGroupName=f"{SHORT[sdk].upper()}FraudModelGroup"
    )["ModelPackageSummaryList"]
    assert [package["ModelApprovalStatus"] for package in packages] == ["PendingManualApproval"] * 3


def test_version_2_registers_a_model_and_deploys_it_from_its_package(labs: Labs) -> None:
    seen = labs.seen("sdk_v2", "endpoints")
    sagemaker = labs.client("sagemaker")
    package = sagemaker.describe_model_package(ModelPackageName=seen["package"])
    assert (package["ModelPackageGroupName"], package["ModelPackageVersion"]) == ("v2-fraud-packages", 1)
    config = sagemaker.describe_endpoint_config(EndpointConfigName="v2-from-package")
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    assert [container["ModelPackageName"] for container in model["Containers"]] == [seen["package"]]


def test_version_3_trains_with_a_script_of_ones_own(labs: Labs) -> None:
    bucket, key = labs.seen("sdk_v3", "endpoints")["script"].removeprefix("s3://").split("/", 1)
    packed = labs.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["xgboost-model.ubj"]


def test_version_3_reads_what_a_training_cost_and_measured(labs: Labs) -> None:
    training = labs.seen("sdk_v3", "endpoints")["training"]
    assert training["billable_seconds"] >= 1
    assert training["metrics"] == ["train:logloss"]


@pytest.mark.parametrize("sdk", SDKS)
def test_cloudwatch_counts_the_invocations_of_each_variant(labs: Labs, sdk: str) -> None:
    """The last test: a metric is there when its minute has closed, which it mostly has by now."""
    measured = labs.seen(sdk, "endpoints")["variants"]["measured"]
    ab_test = {"Name": "EndpointName", "Value": f"{SHORT[sdk]}-fraud-ab-test"}
    now = datetime.now(UTC)

    def invocations(variant: str) -> float:
        points = labs.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName="Invocations", Statistics=["Sum"], Period=60,
            Dimensions=[ab_test, {"Name": "VariantName", "Value": variant}],
            StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=5),
        )["Datapoints"]  # fmt: skip
        return float(sum(point["Sum"] for point in points))

    deadline = time.monotonic() + 2 * DEADLINE_SECONDS
    while invocations("model-v1") < measured["model-v1"] or invocations("model-v2") < measured["model-v2"]:
        assert time.monotonic() < deadline, "not within two minutes"
        time.sleep(1)
    assert invocations("model-v1") == measured["model-v1"]
