"""Facts about batch transform jobs."""

from __future__ import annotations

import json
from typing import Any

from conformance.account import Account
from conformance.fact import Bill, Fact, Group, Observation, confirmed_if, still_open
from conformance.hosting import INSTANCE_TYPE, make_model


def outputs_under_a_manifest(account: Account) -> Observation:
    """Transform two objects that a manifest names below one prefix."""
    s3, bucket = account.client("s3"), account.bucket()
    keys = ["batch/in/a.csv", "batch/in/deep/b.csv"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1,2\n3,4\n")
    manifest = [{"prefix": f"s3://{bucket}/batch/"}, "in/a.csv", "in/deep/b.csv"]
    s3.put_object(Bucket=bucket, Key="batch/manifest.json", Body=json.dumps(manifest).encode())
    status = _transformed(account, "ManifestFile", f"s3://{bucket}/batch/manifest.json")
    if status != "Completed":
        return still_open(f"the job is {status}")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="batch/out/").get("Contents", ())
    found = sorted(each["Key"].removeprefix("batch/out/") for each in listed)
    below = [key.removeprefix("batch/") + ".out" for key in keys]
    return confirmed_if(found == below, f"outputs of a.csv and deep/b.csv below …/batch/in: {found}")


def _transformed(account: Account, data_type: str, uri: str) -> str:
    """How the job ended."""
    sagemaker, name = account.client("sagemaker"), account.name("manifest")
    model = make_model(account, "batch")
    account.undo(f"transform job {name}", lambda: _stop(account, name))
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=model,
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": data_type, "S3Uri": uri}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={"S3OutputPath": f"s3://{account.bucket()}/batch/out", "AssembleWith": "Line"},
        TransformResources={"InstanceType": INSTANCE_TYPE, "InstanceCount": 1},
    )

    def ended() -> str | None:
        found: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName=name)
        status = str(found["TransformJobStatus"])
        return None if status in ("InProgress", "Stopping") else f"{status} {found.get('FailureReason', '')}".strip()

    return account.eventually(ended) or "still InProgress"


def _stop(account: Account, name: str) -> None:
    """Jobs cannot be deleted; one that runs is stopped."""
    sagemaker = account.client("sagemaker")
    if sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"] == "InProgress":
        sagemaker.stop_transform_job(TransformJobName=name)


TRANSFORM = Group(
    name="transform",
    bill=Bill(dollars=0.03, minutes=12, what_for="one ml.m5.large for a job"),
    facts=(
        Fact(
            name="manifest-output-keys",
            statement="The output of an object in a manifest keeps the whole key below the manifest's prefix.",
            matters="Nothing: Sluice finds outputs by listing, whichever part of the key they keep.",
            check=outputs_under_a_manifest,
        ),
    ),
)
