"""The deployed functions, under their own roles, record a run and announce it and the version it registers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.services.cloudformation.resources.stack import Stack
from localaws.tests.deploying import deploy
from localaws.tests.interpreters import INTERPRETERS
from rehearsal.build import ensure_built
from rehearsal.drivers.timeline import Timeline
from tests.contract.pipeline_runs.test_tabular_pipeline import rows

ROOT = Path(__file__).parents[3]
PIPELINE = "sluice-dev-fraud"
NOT_NEEDED_HERE = {
    # No report is missing.
    "RecordPipelineRun": {"s3:ListBucket"},
    # No report is missing, nothing serves yet that the version could be compared with, and nothing fails.
    "AnnouncePendingVersion": {"s3:ListBucket", "sagemaker:DescribeEndpointConfig", "sqs:SendMessage"},
}


@dataclass(frozen=True)
class Deployed:
    aws: LocalAws
    stack: Stack
    timeline: Timeline

    def upload(self, name: str) -> str:
        """Put a file where anyone would; returns the ARN of the execution that it starts."""
        key, bucket = f"data/fraud/{name}", self.stack.output("DataBucketName")
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=rows(400, noise=0.5))
        started = self.timeline.wait_for(
            f"a run on {key}",
            lambda one: one.kind == "PipelineStarted" and key in one.detail["files"],
            timeout_seconds=90,
        )
        return str(started.detail["execution"])

    def again(self, execution: str, **parameters: str) -> str:
        """Start the pipeline on the same data; returns the execution's ARN."""
        sagemaker = self.aws.client("sagemaker")
        found = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=execution)
        given = {one["Name"]: one["Value"] for one in found["PipelineParameters"]} | parameters
        started = sagemaker.start_pipeline_execution(
            PipelineName=PIPELINE, PipelineParameters=[{"Name": key, "Value": value} for key, value in given.items()]
        )
        return str(started["PipelineExecutionArn"])

    def told(self, kind: str, execution: str) -> dict[str, Any]:
        """The detail of the domain event about an execution, once it comes."""
        event = self.timeline.wait_for(
            f"{kind} of {execution}",
            lambda one: one.source == "sluice" and one.kind == kind and one.detail.get("execution") == execution,
            timeout_seconds=90,
        )
        return dict(event.detail)

    def unused(self, function: str) -> set[str]:
        """Actions that the function's role is granted and has not used."""
        role = self.stack.physical_id(f"{function}FunctionRole")
        used: dict[str, bool] = {}
        for grant in self.aws.grants(role):
            used[grant.action] = used.get(grant.action, False) or grant.used
        return {action for action, was_used in used.items() if not was_used and not action.startswith("logs:")}

    def dead_letters(self) -> int:
        queue = self.stack.physical_id("EventDeadLetters")
        found = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(found["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    built = ensure_built(ROOT)
    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS) as aws, pytest.MonkeyPatch.context() as environment:
        stack = deploy(aws, built, "sluice-dev", {"Stage": "dev"})
        for name, value in client_environment(aws.endpoint_url, aws.region).items():
            environment.setenv(name, value)
        environment.setenv("AWS_CONFIG_FILE", "/nonexistent")
        spec = tmp_path_factory.mktemp("models") / "fraud.yaml"
        shipped = (ROOT / "models" / "fraud.yaml").read_text()
        spec.write_text(re.sub(r"settle_seconds: \d+", "settle_seconds: 1", shipped))
        assert main(["apply", str(spec), "--pipelines", str(ROOT / "pipelines")]) == 0
        timeline = Timeline(aws.client)
        timeline.start()
        yield Deployed(aws, stack, timeline)
        timeline.stop()


@pytest.fixture(scope="module")
def execution(deployed: Deployed) -> str:
    return deployed.upload("good.csv")


def test_a_run_that_succeeds_is_announced_with_its_version(deployed: Deployed, execution: str) -> None:
    told = deployed.told("PipelineSucceeded", execution)
    assert (told["model"], told["version"], told["cache_hits"]) == ("fraud", 1, [])
    assert 0 < told["metrics"]["mse"] <= 6
    package = deployed.aws.client("sagemaker").describe_model_package(ModelPackageName=told["package"])
    assert package["CustomerMetadataProperties"]["sluice.data"] == told["input_data"]


def test_its_version_is_announced_as_waiting_with_its_metrics(deployed: Deployed, execution: str) -> None:
    told = deployed.told("ModelPending", execution)
    assert (told["model"], told["version"], told["live_version"], told["live_metrics"]) == ("fraud", 1, None, {})
    assert told["metrics"] == deployed.told("PipelineSucceeded", execution)["metrics"]


def test_a_run_that_misses_the_gate_is_announced_with_the_reason(deployed: Deployed, execution: str) -> None:
    deployed.told("PipelineSucceeded", execution)
    told = deployed.told("PipelineFailed", deployed.again(execution, MseThreshold="0.0001"))
    assert told["status"] == "Failed"
    assert told["reason"].startswith("FailPipeline: ")
    assert told["cache_hits"] == ["PreprocessData", "TrainModel", "EvaluateModel"]


def test_runs_are_listed_as_they_ended(deployed: Deployed, execution: str, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.told("PipelineSucceeded", execution)
    assert main(["runs", "fraud", "--output", "json"]) == 0
    runs = {one["arn"]: one for one in json.loads(capsys.readouterr().out)["runs"]}
    assert (runs[execution]["status"], runs[execution]["version"]) == ("Succeeded", "fraud/1")


def test_lineage_leads_from_the_version_to_the_file_and_back(
    deployed: Deployed, execution: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.told("PipelineSucceeded", execution)
    assert main(["lineage", "fraud/1", "--output", "json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file["uri"].endswith("/data/fraud/good.csv")
    head = deployed.aws.client("s3").head_object(
        Bucket=deployed.stack.output("DataBucketName"), Key="data/fraud/good.csv"
    )
    assert (file["version_id"], file["size"]) == (head["VersionId"], head["ContentLength"])
    assert main(["lineage", f"{file['uri']}?versionId={file['version_id']}", "--output", "json"]) == 0
    made = json.loads(capsys.readouterr().out)["runs"]
    assert {"fraud/1"} <= {one["version"] for one in made}


def test_each_event_came_once_and_nothing_was_lost(deployed: Deployed, execution: str) -> None:
    deployed.told("ModelPending", execution)
    events = [one for one in deployed.timeline.events() if one.source == "sluice"]
    kinds = [one.kind for one in events if one.detail.get("execution") == execution]
    assert sorted(kinds) == ["ModelPending", "PipelineStarted", "PipelineSucceeded"]
    assert deployed.dead_letters() == 0


@pytest.mark.parametrize("function", NOT_NEEDED_HERE)
def test_the_role_of_a_function_grants_nothing_that_it_does_not_use(
    deployed: Deployed, execution: str, function: str
) -> None:
    deployed.told("PipelineSucceeded", execution)
    again = deployed.told("PipelineSucceeded", deployed.again(execution))
    assert again["same_model_as"] == 1
    deployed.told("ModelPending", execution)
    assert deployed.unused(function) == NOT_NEEDED_HERE[function]
