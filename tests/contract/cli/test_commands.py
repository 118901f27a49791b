"""The ``sluice`` command over the wire: against the local AWS, as a developer runs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.service_api import AwsError
from localaws.tests.interpreters import INTERPRETERS

ROOT = Path(__file__).parents[3]
FRAUD = str(ROOT / "models" / "fraud.yaml")
DENIED = AwsError("AccessDeniedException", "not you", 403)
_stages = count()


@dataclass(frozen=True)
class Stage:
    """A stage of its own on the shared local AWS, with what the stack would have made."""

    name: str
    aws: LocalAws
    printed: Callable[[], str]

    def sluice(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Exit code and JSON document of one command."""
        exit_code = main([*words, "--stage", self.name, "--output", "json"])
        return exit_code, json.loads(self.printed())

    def verdicts(self, *words: str) -> list[str]:
        exit_code, told = self.sluice("apply", *words)
        assert exit_code == 0
        return [change["verdict"] for change in told["models"][0]["changes"]]

    def deploy(self) -> None:
        keys = ["pk", "sk"]
        self.aws.client("s3").create_bucket(Bucket=f"bucket-{self.name}")
        self.aws.client("dynamodb").create_table(
            TableName=f"table-{self.name}",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        stack = {
            "bucket": f"bucket-{self.name}",
            "table": f"table-{self.name}",
            "pipeline_role_arn": "arn:aws:iam::123456789012:role/pipeline",
        }
        self.aws.client("ssm").put_parameter(Name=f"/sluice/{self.name}/stack", Type="String", Value=json.dumps(stack))


TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
CHANGES = 7
"""What an apply reports: three folders of scripts, the contract, package group, pipeline and spec."""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS) as local:
        local.client("iam").create_role(RoleName="pipeline", AssumeRolePolicyDocument=json.dumps(TRUST))
        yield local


@pytest.fixture
def bare(aws: LocalAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stage:
    """A stage in which nothing is deployed."""
    for name, value in client_environment(aws.endpoint_url, aws.region).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    aws.faults.clear()
    return Stage(f"s{next(_stages)}", aws, lambda: capsys.readouterr().out)


@pytest.fixture
def stage(bare: Stage) -> Stage:
    bare.deploy()
    return bare


def test_applying_twice_changes_nothing(stage: Stage) -> None:
    assert stage.verdicts(FRAUD, "--dry-run") == ["created"] * CHANGES
    assert stage.verdicts(FRAUD) == ["created"] * CHANGES
    assert stage.verdicts(FRAUD) == ["unchanged"] * CHANGES
    pipeline = stage.aws.client("sagemaker").describe_pipeline(PipelineName=f"sluice-{stage.name}-fraud")
    assert "${" not in pipeline["PipelineDefinition"]


@pytest.mark.parametrize(
    ("service", "operation", "after_effect", "spec"),
    [
        pytest.param("s3", "PutObject", False, "created", id="nothing done"),
        pytest.param("sagemaker", "CreateModelPackageGroup", False, "created", id="code uploaded"),
        pytest.param("sagemaker", "CreatePipeline", True, "created", id="pipeline made, answer lost"),
        pytest.param("ssm", "PutParameter", False, "created", id="all but the spec"),
        pytest.param("ssm", "PutParameter", True, "unchanged", id="all done, answer lost"),
    ],
)
def test_an_apply_cut_short_is_repaired_by_repeating_it(
    stage: Stage, service: str, operation: str, after_effect: bool, spec: str
) -> None:
    stage.aws.faults.add(service, operation, DENIED, after_effect=after_effect)
    exit_code, told = stage.sluice("apply", FRAUD)
    assert exit_code == 1
    assert told["error"] == f"AWS refused {operation}: not you (AccessDeniedException)"
    assert stage.verdicts(FRAUD)[-1] == spec
    assert stage.verdicts(FRAUD) == ["unchanged"] * CHANGES


def test_a_wide_table_is_stored_in_an_advanced_parameter(stage: Stage, tmp_path: Path) -> None:
    columns = "".join(f"    - {{name: sensor-{number:03d}, type: number}}\n" for number in range(150))
    spec = tmp_path / "wide.yaml"
    spec.write_text(
        f"name: wide\ndata:\n  target: y\n  columns:\n{columns}"
        "pipeline: {definition: tabular}\nendpoint: {instance_type: ml.m5.large}\n"
    )
    assert stage.verdicts(str(spec)) == ["created"] * CHANGES
    assert stage.verdicts(str(spec)) == ["unchanged"] * CHANGES


def test_a_bad_spec_writes_nothing(stage: Stage, tmp_path: Path) -> None:
    spec = tmp_path / "fraud.yaml"
    spec.write_text(Path(FRAUD).read_text().replace("ml.m5.large", "ml.m5.larg"))
    exit_code, told = stage.sluice("apply", FRAUD, str(spec))
    assert exit_code == 2
    assert [one["field"] for one in told["problems"]] == ["endpoint.instance_type"]
    assert stage.aws.client("s3").list_objects_v2(Bucket=f"bucket-{stage.name}")["KeyCount"] == 0
    assert stage.sluice("status")[1]["models"] == []


def test_without_a_stack_it_says_to_deploy(bare: Stage) -> None:
    exit_code, told = bare.sluice("apply", FRAUD)
    assert exit_code == 1
    assert "Nothing is deployed" in told["error"]


def test_a_version_is_listed_approved_and_rejected(stage: Stage) -> None:
    stage.verdicts(FRAUD)
    stage.aws.client("s3").put_object(
        Bucket=f"bucket-{stage.name}", Key="e.json", Body=b'{"regression_metrics": {"mse": {"value": 4.5}}}'
    )
    quality = {"Statistics": {"ContentType": "application/json", "S3Uri": f"s3://bucket-{stage.name}/e.json"}}
    for _ in range(2):
        stage.aws.client("sagemaker").create_model_package(
            ModelPackageGroupName=f"sluice-{stage.name}-fraud",
            ModelApprovalStatus="PendingManualApproval",
            ModelMetrics={"ModelQuality": quality},
            InferenceSpecification={
                "Containers": [{"Image": "xgboost:3.0-5", "ModelDataUrl": f"s3://bucket-{stage.name}/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
    assert stage.sluice("approve", "fraud/2", "--reason", "good")[1]["metrics"] == {"mse": 4.5}
    assert stage.sluice("reject", "fraud/1", "--reason", "old")[0] == 0
    versions = stage.sluice("versions", "fraud")[1]["versions"]
    assert [(one["version"], one["approval"], one["description"]) for one in versions] == [
        ("fraud/2", "Approved", "good"),
        ("fraud/1", "Rejected", "old"),
    ]
    exit_code, told = stage.sluice("approve", "fraud/3")
    assert exit_code == 1
    assert "fraud/2, fraud/1" in told["error"]


def test_status_of_a_fresh_model_is_empty_not_an_error(stage: Stage) -> None:
    stage.verdicts(FRAUD)
    exit_code, told = stage.sluice("status", "fraud")
    assert exit_code == 0
    assert told["models"] == [
        {
            "model": "fraud",
            "endpoint": None,
            "batch": None,
            "rollouts": [],
            "history": [],
            "remarks": [],
            "quarantine": {"count": 0, "files": []},
            "versions": [],
            "runs": [],
        }
    ]
