"""The shipped tabular pipeline, played as it is committed: its own scripts, real XGBoost, real numbers."""

from __future__ import annotations

import io
import json
import random
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.apply.definition import read_definition, source_archive
from cli.apply.step_code import step_codes
from localaws.tests.contract.services.sagemaker.engine.conftest import BUCKET, IMAGE, ROLE, Engine
from tests.builders.tabular_jobs import data_contract

REPO = Path(__file__).parents[3]
GROUP = "sluice-dev-fraud"


def rows(count: int, noise: float) -> str:
    """Transactions whose risk follows from their columns, up to ``noise``."""
    generator = random.Random(5)
    lines = ["age,income,credit_score,tenure_months,utilization,velocity,mismatch,risk_score"]
    for _ in range(count):
        age, score, use = generator.uniform(18, 80), generator.uniform(400, 850), generator.random()
        velocity, mismatch = generator.random(), generator.random()
        risk = 20 * use + 10 * velocity + 5 * mismatch - score / 100 + generator.gauss(0, noise)
        features = (age, generator.uniform(20_000, 90_000), score, generator.uniform(1, 240), use, velocity, mismatch)
        lines.append(",".join(f"{value:.3f}" for value in (*features, risk)))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def fraud(engine_aws: Engine) -> str:
    """The fraud model's pipeline, set up as ``sluice apply`` does."""
    spec = yaml.safe_load((REPO / "models" / "fraud.yaml").read_text())
    tabular = read_definition(REPO / "pipelines", "tabular")
    codes = {each.token: f"code/tabular/{each.digest}" for each in step_codes(tabular)}
    for each in step_codes(tabular):
        for name, content in each.scripts.items():
            engine_aws.put(f"{codes[each.token]}/scripts/{name}", content)
        engine_aws.put(f"{codes[each.token]}/sourcedir.tar.gz", source_archive(each.scripts))
    contract = engine_aws.put("contracts/fraud/0.json", json.dumps(data_contract(spec)))
    tokens = {
        "DataBucket": BUCKET,
        "PipelineRoleArn": ROLE,
        "XGBoostImage": IMAGE,
        "Region": "us-east-1",
        "Model": "fraud",
        "ModelPackageGroup": GROUP,
        "DataContract": contract,
        **{token: f"s3://{BUCKET}/{prefix}" for token, prefix in codes.items()},
    }
    text = Path(REPO / "pipelines" / "tabular" / "definition.json").read_text()
    for token, value in tokens.items():
        text = text.replace(f"${{{token}}}", value)
    engine_aws.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    engine_aws.sagemaker.create_pipeline(PipelineName=GROUP, PipelineDefinition=text, RoleArn=ROLE)
    return GROUP


def run(engine_aws: Engine, name: str, data: str, **parameters: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """The execution's status and its steps."""
    engine_aws.put(f"data/fraud/{name}.csv", data)
    manifest = json.dumps([{"prefix": f"s3://{BUCKET}/data/fraud/"}, f"{name}.csv"])
    given = {"InputData": engine_aws.put(f"manifests/fraud/{name}.manifest", manifest), **parameters}
    started = engine_aws.sagemaker.start_pipeline_execution(
        PipelineName=GROUP, PipelineParameters=[{"Name": key, "Value": value} for key, value in given.items()]
    )
    ended = engine_aws.ended_execution(started["PipelineExecutionArn"])
    return ended["PipelineExecutionStatus"], engine_aws.steps(started["PipelineExecutionArn"])


def test_good_data_becomes_a_registered_version_that_can_be_served(engine_aws: Engine, fraud: str) -> None:
    status, steps = run(engine_aws, "good", rows(600, noise=0.5))
    assert status == "Succeeded", steps
    arn = steps["RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
    package = engine_aws.sagemaker.describe_model_package(ModelPackageName=arn)
    (container,) = package["InferenceSpecification"]["Containers"]
    key = container["ModelDataUrl"].removeprefix(f"s3://{BUCKET}/")
    archive = io.BytesIO(engine_aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    with tarfile.open(fileobj=archive) as model:
        assert {"xgboost-model", "preprocessing.json", "code/inference.py"} <= set(model.getnames())
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
    assert 0 < json.loads(engine_aws.text(statistics))["regression_metrics"]["mse"]["value"] <= 6


def test_data_that_cannot_be_learned_from_misses_the_gate(engine_aws: Engine, fraud: str) -> None:
    status, steps = run(engine_aws, "noise", rows(600, noise=30.0))
    assert status == "Failed"
    assert steps["CheckModelQuality"]["Metadata"]["Condition"]["Outcome"] == "False"
    assert steps["FailPipeline"]["StepStatus"] == "Failed"
    assert "has to be at most the MseThreshold of 6.0" in steps["FailPipeline"]["FailureReason"]
    assert "RegisterModel" not in steps


def test_a_version_worse_than_the_live_one_misses_the_gate_which_says_so(engine_aws: Engine, fraud: str) -> None:
    gate = {"Gate": "mae<=5 live<=10", "Live": "7 mse=0.05"}
    status, steps = run(engine_aws, "good", rows(600, noise=0.5), **gate)
    assert status == "Failed"
    assert "RegisterModel" not in steps
    reason = steps["FailPipeline"]["FailureReason"]
    found = re.fullmatch(
        r"regression_metrics.mse.value has to be at most the MseThreshold of 6.0, and no rule of the spec's gate may "
        rf"fail; see s3://{BUCKET}/(\S+/evaluation\.json)",
        reason,
    )
    assert found, reason
    verdict = json.loads(engine_aws.text(found[1]))["gate"]["verdict"]
    assert "above 0.055: worse than the 0.05 of live version 7 by more than 10 %" in verdict
    status, _ = run(engine_aws, "good", rows(600, noise=0.5), **gate | {"Live": "none"})
    assert status == "Succeeded"


def test_data_without_the_target_fails_preprocessing_with_the_reason(engine_aws: Engine, fraud: str) -> None:
    status, steps = run(engine_aws, "headless", "a,b\n1,2\n")
    assert status == "Failed"
    assert "risk_score" in steps["PreprocessData"]["FailureReason"]


def test_a_breach_that_only_a_whole_reading_finds_fails_the_run_with_its_place(engine_aws: Engine, fraud: str) -> None:
    header, *lines = rows(60, noise=0.5).splitlines()
    lines[48] = "old" + lines[48]
    status, steps = run(engine_aws, "late", "\n".join([header, *lines]))
    assert status == "Failed"
    expected = "late.csv: type: column 'age': expected a number (row 50)"
    assert expected in steps["PreprocessData"]["FailureReason"]
    assert "TrainModel" not in steps
