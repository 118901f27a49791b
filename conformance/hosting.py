"""A model of a few lines that does what a request asks of it, and ways to serve it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from conformance.account import Account
from conformance.fact import Observation, confirmed_if, still_open

# "wait 70" takes that many seconds, "fail" raises; anything else comes back as it is.
SCRIPT = """
import time


def model_fn(folder):
    return "no model"


def input_fn(body, content_type):
    return body if isinstance(body, str) else bytes(body).decode()


def predict_fn(text, model):
    word, _, number = text.strip().partition(" ")
    if word == "wait":
        time.sleep(float(number))
    if word == "fail":
        raise ValueError("asked to fail")
    return text.strip()


def output_fn(prediction, accept):
    return prediction + "\\n", "text/csv"
"""
INSTANCE_TYPE = "ml.m5.large"
SERVER_TIMEOUT = "SAGEMAKER_MODEL_SERVER_TIMEOUT"


def make_model(account: Account, what: str, environment: Mapping[str, str] | None = None) -> str:
    """A model that runs SCRIPT in the XGBoost image; its name."""
    sagemaker, name = account.client("sagemaker"), account.name(what)
    uri = account.shared("echo", lambda: _packed(account))
    script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": account.image, "ModelDataUrl": uri, "Environment": {**script, **(environment or {})}}
    role = account.role()
    account.undo(f"model {name}", lambda: sagemaker.delete_model(ModelName=name))
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    return name


def make_config(account: Account, what: str, variants: Sequence[Mapping[str, Any]], **more: Any) -> str:
    """An endpoint config; its name."""
    sagemaker, name = account.client("sagemaker"), account.name(what)
    account.undo(f"endpoint config {name}", lambda: sagemaker.delete_endpoint_config(EndpointConfigName=name))
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[dict(one) for one in variants], **more
    )
    return name


def variant(name: str, model: str, weight: float = 1.0) -> dict[str, Any]:
    """A variant with one instance."""
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": INSTANCE_TYPE,
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
    }


def make_endpoint(account: Account, what: str, config: str) -> str:
    """An endpoint in service; its name. Raises TimeoutError or RuntimeError when it does not come up."""
    sagemaker, name = account.client("sagemaker"), account.name(what)
    account.undo(f"endpoint {name}", lambda: delete_endpoint(account, name))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    await_in_service(account, name)
    return name


def await_in_service(account: Account, endpoint: str) -> None:
    """Until the endpoint is in service; raises TimeoutError or RuntimeError."""
    sagemaker = account.client("sagemaker")

    def settled() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=endpoint)
        return None if found["EndpointStatus"].endswith("ing") else found

    found = account.eventually(settled)
    if found is None:
        raise TimeoutError(f"{endpoint} has not settled")
    if found["EndpointStatus"] != "InService":
        raise RuntimeError(f"{endpoint} is {found['EndpointStatus']}: {found.get('FailureReason', 'no reason')}")


def delete_endpoint(account: Account, endpoint: str) -> None:
    """Delete it once it is not changing; what it serves with may go afterwards."""
    sagemaker = account.client("sagemaker")
    account.eventually(
        lambda: None if sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"].endswith("ing") else True
    )
    sagemaker.delete_endpoint(EndpointName=endpoint)


def ask(account: Account, endpoint: str, text: str, **more: Any) -> str:
    """What the endpoint answers."""
    runtime = account.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=text.encode(), ContentType="text/csv", **more)
    return str(answer["Body"].read().decode()).strip()


def metric_names(account: Account, endpoint: str, variant_name: str) -> set[str]:
    """Metrics of AWS/SageMaker that exist with these two dimensions, whatever others they have."""
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant_name}]
    pages = (
        account.client("cloudwatch")
        .get_paginator("list_metrics")
        .paginate(Namespace="AWS/SageMaker", Dimensions=dimensions)
    )
    return {each["MetricName"] for page in pages for each in page["Metrics"]}


def errors_after_good_requests(account: Account, endpoint: str, variant_name: str) -> Observation:
    """Confirmed if both metrics of failed requests exist although no request has failed."""
    wanted = {"Invocation4XXErrors", "Invocation5XXErrors"}
    found = account.eventually(
        lambda: names if wanted <= (names := metric_names(account, endpoint, variant_name)) else None
    )
    seen = found if found is not None else metric_names(account, endpoint, variant_name)
    if found is None and "ModelLatency" not in seen:
        return still_open("CloudWatch has not counted the requests")
    return confirmed_if(found is not None, f"metrics: {', '.join(sorted(seen))}")


def metric_sum(account: Account, metric: str, endpoint: str, variant_name: str) -> float | None:
    """Sum of a metric over the last hour; None if it has no data."""
    now = datetime.now(UTC)
    found = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant_name}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in found["Datapoints"]) if found["Datapoints"] else None


def has_ten_seconds(account: Account, metric: str, endpoint: str, variant_name: str) -> bool:
    """Whether a metric has points that are not at the full minute."""
    now = datetime.now(UTC)
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant_name}]
    stat = {
        "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions},
        "Period": 10,
        "Stat": "Sum",
    }
    found = account.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "it", "MetricStat": stat}],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=1),
    )
    return any(each.second for each in found["MetricDataResults"][0]["Timestamps"])


def _packed(account: Account) -> str:
    """URI of the model's archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(SCRIPT.encode())
        archive.addfile(entry, io.BytesIO(SCRIPT.encode()))
    account.client("s3").put_object(Bucket=account.bucket(), Key="echo/model.tar.gz", Body=out.getvalue())
    return f"s3://{account.bucket()}/echo/model.tar.gz"
