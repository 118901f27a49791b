"""Uploads, requests and the clock on the deployed stack: one run after the other of each model, each file once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from cli.main import main
from localaws.context import Context
from localaws.default_services import shipped_services
from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.service_api import AwsError, Service
from localaws.services.cloudformation.resources.stack import Stack
from localaws.services.scheduler.service import Scheduler
from localaws.tests.deploying import deploy
from localaws.tests.interpreters import INTERPRETERS
from rehearsal.build import ensure_built

ROOT = Path(__file__).parents[3]
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
LIMIT = AwsError("ResourceLimitExceeded", "The account-level service limit is 20 pipeline executions")
SETTLE_SECONDS = 2
DEADLINE_SECONDS = 120
Found = TypeVar("Found")


@dataclass
class Clock:
    """The world's clock, set forward."""

    context: Context
    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return self.context.now() + self.ahead


def eventually(probe: Callable[[], Found | None]) -> Found:
    """What ``probe`` returns once it is not None."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (found := probe()) is None:
        assert time.monotonic() < deadline, "not within the deadline"
        threading.Event().wait(0.2)
    return found


@dataclass(frozen=True)
class Model:
    """A model whose runs go on until they are stopped."""

    name: str
    aws: LocalAws
    stack: Stack

    @property
    def pipeline(self) -> str:
        return f"sluice-dev-{self.name}"

    @property
    def queue(self) -> str:
        return str(self.stack.physical_id("UploadQueue"))

    def upload(self, *names: str) -> list[dict[str, Any]]:
        """Put files where anyone would; returns the events that S3 sends of them."""
        bucket, s3 = self.stack.output("DataBucketName"), self.aws.client("s3")

        def put(name: str) -> dict[str, Any]:
            key = f"data/{self.name}/{name}"
            body = b"x,y\n1,2\n"
            made = s3.put_object(Bucket=bucket, Key=key, Body=body)
            about = {"key": key, "size": len(body), "etag": made["ETag"].strip('"'), "sequencer": "00"}
            return {"bucket": {"name": bucket}, "object": {**about, "version-id": made["VersionId"]}}

        with ThreadPoolExecutor(4) as pool:
            details = list(pool.map(put, names))
        return [{"source": "aws.s3", "detail-type": "Object Created", "detail": detail} for detail in details]

    def deliver(self, events: Sequence[dict[str, Any]]) -> None:
        """Have EventBridge deliver events once more."""
        sqs = self.aws.client("sqs")
        for start in range(0, len(events), 10):
            batch = [
                {"Id": str(at), "MessageBody": json.dumps(event)} for at, event in enumerate(events[start : start + 10])
            ]
            sqs.send_message_batch(QueueUrl=self.queue, Entries=batch)

    def runs(self) -> list[dict[str, Any]]:
        """The executions so far, the first one first."""
        sagemaker = self.aws.client("sagemaker")
        found = sagemaker.list_pipeline_executions(PipelineName=self.pipeline, SortOrder="Ascending")
        return list(found["PipelineExecutionSummaries"])

    def await_runs(self, count: int) -> list[dict[str, Any]]:
        return eventually(lambda: found if len(found := self.runs()) >= count else None)

    def files_of(self, run: dict[str, Any]) -> list[str]:
        sagemaker = self.aws.client("sagemaker")
        arn = run["PipelineExecutionArn"]
        given = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
        (uri,) = (each["Value"] for each in given if each["Name"] == "InputData")
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        native = json.loads(self.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        return [str(name) for name in native[1:]]

    def stop(self, run: dict[str, Any]) -> None:
        self.aws.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=run["PipelineExecutionArn"])

    def await_quiet(self) -> None:
        """Until no message is in the queue, on its way there or being worked on."""
        names = ["", "NotVisible", "Delayed"]
        attributes = [f"ApproximateNumberOfMessages{name}" for name in names]

        def is_quiet() -> bool | None:
            found = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.queue, AttributeNames=attributes)
            return True if all(value == "0" for value in found["Attributes"].values()) else None

        eventually(is_quiet)


@dataclass(frozen=True)
class Stage:
    aws: LocalAws
    stack: Stack
    clock: Clock
    folder: Path

    def model(self, name: str, settle_seconds: int = SETTLE_SECONDS, **more: Any) -> Model:
        """A model with a spec as ``sluice apply`` stores it, and a pipeline that waits."""
        spec = {
            "name": name,
            "data": {
                "target": "y",
                "columns": [{"name": "x", "type": "number"}],
                "mode": "latest",
                "settle_seconds": settle_seconds,
            },
            "pipeline": {"definition": "tabular"},
            "endpoint": {"instance_type": "ml.m5.large"},
            **more,
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(spec))
        assert main(["apply", str(file), "--pipelines", str(ROOT / "pipelines")]) == 0
        self.aws.client("sagemaker").update_pipeline(
            PipelineName=f"sluice-dev-{name}",
            PipelineDefinition=json.dumps(waiting_definition(self.stack.output("PipelineRoleArn"))),
            RoleArn=self.stack.output("PipelineRoleArn"),
        )
        return Model(name, self.aws, self.stack)


def waiting_definition(role_arn: str) -> dict[str, Any]:
    parameters = ("InputData", "Eta")
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    arguments = {
        "RoleArn": role_arn,
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["sleep", "600"]},
    }
    return {
        "Version": "2020-12-01",
        "Parameters": [{"Name": name, "Type": "String", "DefaultValue": "none"} for name in parameters],
        "Steps": [{"Name": "Wait", "Type": "Processing", "Arguments": arguments}],
    }


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    clocks: list[Clock] = []

    def services(context: Context) -> Sequence[Service]:
        clocks.append(Clock(context))
        return [
            Scheduler(context, now=clocks[0].now) if isinstance(each, Scheduler) else each
            for each in shipped_services(context)
        ]

    with (
        LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS, services=services) as aws,
        pytest.MonkeyPatch.context() as environment,
    ):
        stack = deploy(aws, ensure_built(ROOT), "sluice-dev", {"Stage": "dev"})
        for name, value in client_environment(aws.endpoint_url, aws.region).items():
            environment.setenv(name, value)
        yield Stage(aws, stack, clocks[0], tmp_path_factory.mktemp("specs"))


def test_a_burst_is_one_run_and_its_events_again_are_none(stage: Stage) -> None:
    model = stage.model("burst", settle_seconds=20)  # longer than a busy machine takes between two batches
    names = [f"{number:04}.csv" for number in range(300)]
    events = model.upload(*names)
    (run,) = model.await_runs(1)
    assert model.files_of(run) == names
    chance = random.Random(3)
    for _ in range(2):
        model.deliver(chance.sample(events, 200))
    model.await_quiet()
    model.stop(run)
    model.await_quiet()
    assert len(model.runs()) == 1


def test_files_that_come_during_a_run_are_the_next_one(stage: Stage) -> None:
    model = stage.model("busy")
    model.upload("a.csv")
    (first,) = model.await_runs(1)
    model.upload("c.csv", "b.csv")
    model.await_quiet()
    model.upload("d.csv")
    model.await_quiet()
    assert len(model.runs()) == 1, "no two runs of a model at a time"
    model.stop(first)
    _, second = model.await_runs(2)
    assert model.files_of(second) == ["b.csv", "c.csv", "d.csv"]
    model.stop(second)
    model.await_quiet()
    assert len(model.runs()) == 2


def test_the_sweep_finds_a_run_whose_end_was_not_reported(stage: Stage) -> None:
    model = stage.model("silent")
    rule = stage.stack.physical_id("PipelineStatusRule")
    model.upload("a.csv")
    (first,) = model.await_runs(1)
    model.upload("b.csv")
    model.await_quiet()
    events = stage.aws.client("events")
    events.disable_rule(Name=rule)
    model.stop(first)
    eventually(lambda: True if model.runs()[0]["PipelineExecutionStatus"] == "Stopped" else None)
    events.enable_rule(Name=rule)
    stage.aws.client("lambda").invoke(FunctionName=stage.stack.physical_id("SweepFunction"), Payload=b"{}")
    _, second = model.await_runs(2)
    assert model.files_of(second) == ["b.csv"]
    model.stop(second)


def test_a_start_that_aws_has_no_room_for_is_tried_again(stage: Stage) -> None:
    model = stage.model("full")
    fault = stage.aws.faults.add("sagemaker", "StartPipelineExecution", LIMIT)
    model.upload("a.csv")
    eventually(lambda: True if fault.left == 0 else None)
    (run,) = model.await_runs(1)
    assert model.files_of(run) == ["a.csv"]
    model.stop(run)


def test_a_schedule_fires_once_on_the_newest_data(stage: Stage) -> None:
    model = stage.model("clock", schedule={"when": "cron(0 2 * * ? *)", "timezone": "Europe/Berlin"})
    model.upload("a.csv")
    (first,) = model.await_runs(1)
    model.stop(first)
    model.await_quiet()
    stage.clock.ahead += timedelta(days=1)
    _, second = model.await_runs(2)
    assert model.files_of(second) == ["a.csv"]
    model.stop(second)
    model.await_quiet()
    assert len(model.runs()) == 2


def test_who_may_only_send_messages_puts_no_version_into_the_registry_approved(stage: Stage) -> None:
    """The attack that went live in 15 seconds: a role with nothing but ``sqs:SendMessage`` on the upload queue."""
    model = stage.model("attacked")
    group, parameter = "sluice-dev-attacked", {"Name": "Status", "Type": "String", "DefaultValue": "Approved"}
    arguments = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": {"Get": "Parameters.Status"},
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://anywhere/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    }
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "InputData", "Type": "String"}, parameter],
        "Steps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": arguments}],
    }
    sagemaker = stage.aws.client("sagemaker")
    sagemaker.update_pipeline(
        PipelineName=model.pipeline,
        PipelineDefinition=json.dumps(definition),
        RoleArn=stage.stack.output("PipelineRoleArn"),
    )
    sender = sender_role(stage)
    detail = {"model": "attacked", "request": "r1", "parameters": {"Status": "Approved"}, "again": True}
    body = json.dumps({"source": "sluice", "detail-type": "TrainRequested", "detail": detail})
    stage.aws.client("sqs", role_arn=sender).send_message(QueueUrl=model.queue, MessageBody=body)
    refused = eventually(lambda: stage.aws.client("dynamodb").get_item(**request_status(stage, "r1")).get("Item"))
    assert refused["fate"] == {"S": "refused"}
    assert "Status decides how versions are registered" in refused["reason"]["S"]
    model.await_quiet()
    assert model.runs() == []
    # With more rights: who may start the pipeline does not get past its role, either, nor does the definition.
    model.upload("a.csv")
    (run,) = model.await_runs(1)
    eventually(lambda: True if model.runs()[0]["PipelineExecutionStatus"] == "Failed" else None)
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=run["PipelineExecutionArn"])
    (step,) = steps["PipelineExecutionSteps"]
    assert "not authorized to perform: sagemaker:CreateModelPackage" in step["FailureReason"]
    assert sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"] == []


def sender_role(stage: Stage) -> str:
    """A role that may send to the upload queue, and nothing else."""
    iam = stage.aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps(policy(trust)))
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": upload_queue_arn(stage)}
    iam.put_role_policy(RoleName="sender", PolicyName="send", PolicyDocument=json.dumps(policy(send)))
    return str(made["Role"]["Arn"])


def policy(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement]}


def request_status(stage: Stage, request: str) -> dict[str, Any]:
    key = {"pk": {"S": "REQUEST#attacked"}, "sk": {"S": request}}
    return {"TableName": stage.stack.output("StateTableName"), "Key": key}


def upload_queue_arn(stage: Stage) -> str:
    url = stage.stack.physical_id("UploadQueue")
    found = stage.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])
