"""What Sluice records of runs of the shipped pipeline: its reading of SageMaker, caching, and lineage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sluice.aws.clients import lazy_clients
from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment
from sluice.pipeline_runs.recorder import record_run
from sluice.pipeline_runs.run import PipelineRun
from sluice.telemetry.silent import SilentTelemetry

from cli.main import main
from localaws.serve import client_environment
from localaws.tests.contract.services.sagemaker.engine.conftest import BUCKET, ROLE, Engine
from tests.contract.pipeline_runs.test_tabular_pipeline import rows

REPO = Path(__file__).parents[3]
STAGE = "runs"
PIPELINE = f"sluice-{STAGE}-fraud"
TABLE = "table-runs"
JOBS = ["PreprocessData", "TrainModel", "EvaluateModel"]


@dataclass
class Published:
    """Stands for the bus: these services have none."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def publish(self, detail_type: str, **detail: Any) -> None:
        self.events.append((detail_type, detail))


@dataclass(frozen=True)
class Fraud:
    """The fraud model in a stage of its own."""

    engine: Engine
    ports: Adapters
    published: Published

    def manifest(self, name: str, data: str) -> str:
        self.engine.put(f"data/fraud/{name}.csv", data)
        body = json.dumps([{"prefix": f"s3://{BUCKET}/data/fraud/"}, f"{name}.csv"])
        return self.engine.put(f"manifests/fraud/{name}.manifest", body)

    def run(self, manifest: str, **parameters: str) -> PipelineRun:
        """The recorded run, once it has ended."""
        given = {"InputData": manifest, **parameters}
        started = self.engine.sagemaker.start_pipeline_execution(
            PipelineName=PIPELINE, PipelineParameters=[{"Name": key, "Value": value} for key, value in given.items()]
        )
        self.engine.ended_execution(started["PipelineExecutionArn"])
        run = record_run(started["PipelineExecutionArn"], self.ports, record_end=True)
        assert run is not None
        return run


@pytest.fixture(scope="module")
def fraud(engine_aws: Engine) -> Iterator[Fraud]:
    """Applied as a developer does, to a stack that is only what the pipeline needs."""
    aws = engine_aws.aws
    keys = ["pk", "sk"]
    aws.client("dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)],
        BillingMode="PAY_PER_REQUEST",
    )
    stack = {"bucket": BUCKET, "table": TABLE, "pipeline_role_arn": ROLE}
    aws.client("ssm").put_parameter(Name=f"/sluice/{STAGE}/stack", Type="String", Value=json.dumps(stack))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in client_environment(aws.endpoint_url, aws.region).items():
            environment.setenv(name, value)
        environment.setenv("AWS_CONFIG_FILE", "/nonexistent")
        assert main(["apply", str(REPO / "models" / "fraud.yaml"), "--stage", STAGE]) == 0
        published = Published()
        variables = {"SLUICE_STAGE": STAGE, "SLUICE_TABLE": TABLE, "SLUICE_BUCKET": BUCKET}
        ports = Adapters(
            Environment(
                variables=variables,
                client=lazy_clients(aws.client),
                now=lambda: datetime.now(UTC),
                telemetry=SilentTelemetry(),
            )
        )
        vars(ports)["events"] = published
        yield Fraud(engine_aws, ports, published)


@pytest.fixture(scope="module")
def first(fraud: Fraud) -> PipelineRun:
    return fraud.run(fraud.manifest("first", rows(400, noise=0.5)))


def hits(run: PipelineRun) -> list[str]:
    return [step.name for step in run.steps if step.cached_from]


def test_a_run_is_recorded_with_data_parameters_steps_metrics_and_version(fraud: Fraud, first: PipelineRun) -> None:
    assert (first.status, first.version, first.reason, hits(first)) == ("Succeeded", 1, "", [])
    assert first.input_data == f"s3://{BUCKET}/manifests/fraud/first.manifest"
    assert {"Eta", "NumRound", "MseThreshold", "DataContract"} <= first.parameters.keys()
    assert [step.name for step in first.steps] == [*JOBS, "CheckModelQuality", "RegisterModel"]
    assert [step.kind for step in first.steps] == ["Processing", "Training", "Processing", "Condition", "RegisterModel"]
    assert all(step.seconds is not None and step.seconds >= 0 for step in first.steps)
    assert 0 < first.metrics["mse"] <= 6
    assert first.step_code.keys() == set(JOBS)
    assert all(uri.startswith(f"s3://{BUCKET}/code/tabular/") for uri in first.step_code.values())
    assert (first.code, len(set(first.step_code.values()))) == (first.step_code["TrainModel"], 3)
    assert list(fraud.ports.runs.runs("fraud"))[-1] == first


def test_the_version_knows_where_it_comes_from(fraud: Fraud, first: PipelineRun) -> None:
    package = fraud.ports.registry.describe(first.package_arn)
    assert package.generated_by == first.execution
    assert package.properties["sluice.data"] == first.input_data
    assert package.properties["sluice.code"] == first.code
    assert package.properties["sluice.code.PreprocessData"] == first.step_code["PreprocessData"]


def test_another_eta_takes_the_data_from_the_cache_and_trains(
    fraud: Fraud, first: PipelineRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fraud.run(first.input_data, Eta="0.31")
    assert run.status == "Succeeded"
    assert hits(run) == ["PreprocessData"]
    assert run.parameters["Eta"] == "0.31"
    assert not run.is_all_cached
    assert run.metrics != first.metrics
    capsys.readouterr()
    assert main(["runs", "show", "fraud", run.id, "--stage", STAGE, "--output", "json"]) == 0
    missed = {(each["step"], each["key"]) for each in json.loads(capsys.readouterr().out)["cache_misses"]}
    assert missed == {
        ("TrainModel", "HyperParameters.eta"),
        ("EvaluateModel", "ProcessingInputs.model.S3Input.S3Uri"),
    }


def test_the_same_again_computes_nothing_and_registers_a_new_version_that_says_so(
    fraud: Fraud, first: PipelineRun
) -> None:
    run = fraud.run(first.input_data)
    assert hits(run) == JOBS
    assert run.is_all_cached
    assert run.training_execution == first.execution
    assert run.version not in (None, first.version)
    assert run.metrics == first.metrics
    kind, told = fraud.published.events[-1]
    assert (kind, told["version"], told["same_model_as"]) == ("PipelineSucceeded", run.version, first.version)


def test_new_data_is_never_a_stale_hit(fraud: Fraud, first: PipelineRun) -> None:
    """A manifest is named by its content, so that new files are a new input to SageMaker."""
    run = fraud.run(fraud.manifest("second", rows(420, noise=0.5)))
    assert hits(run) == []
    assert run.metrics != first.metrics


def test_a_missed_gate_is_recorded_with_its_metrics_and_the_step_that_failed(fraud: Fraud, first: PipelineRun) -> None:
    run = fraud.run(first.input_data, MseThreshold="0.0001")
    assert (run.status, run.version, hits(run)) == ("Failed", None, JOBS)
    assert run.reason.startswith(
        "FailPipeline: regression_metrics.mse.value has to be at most the MseThreshold of 0.0001"
    )
    assert f"mse is {run.metrics['mse']:.6g}" in run.reason
    assert run.reason.endswith("gate of the spec: no other rule failed")
    assert run.metrics == first.metrics
    assert fraud.published.events[-1][0] == "PipelineFailed"


def test_an_execution_that_is_not_there_is_none(fraud: Fraud, first: PipelineRun) -> None:
    unknown = first.execution[:-1] + ("y" if first.execution.endswith("x") else "x")
    assert fraud.ports.run_reader.read(unknown, "fraud") is None


def test_lineage_and_runs_are_shown_from_what_was_recorded(
    fraud: Fraud, first: PipelineRun, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--stage", STAGE, "--output", "json"]
    assert main(["lineage", "fraud/1", *words]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["execution"], shown["data"], shown["code"]) == (first.execution, first.input_data, first.code)
    assert main(["runs", "show", "fraud", first.id, *words]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["version"], shown["metrics"]) == ("fraud/1", first.metrics)
    assert [step["name"] for step in shown["steps"]][:3] == JOBS
