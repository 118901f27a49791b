"""The committed pipeline definition: up to date, acceptable to AWS, and free of what is known to go wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from localaws.services.sagemaker.pipelines.definition import parse_definition
from localaws.services.sagemaker.pipelines.schedule import schedule_of
from tests.builders.pipeline_requests import TOKENS, fill, leaves, resolve, steps_of

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"
TABULAR = PIPELINES / "tabular"
AUTHORING = ROOT / ".venvs" / "authoring" / "bin" / "python"
SCRIPTS = sorted(path for path in TABULAR.glob("*.py") if path.name != "pipeline.py")

CREATED_BY = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "job"}),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "job"}),
    "RegisterModel": ("CreateModelPackage", {}),
}


@pytest.fixture(scope="module")
def committed() -> str:
    return (TABULAR / "definition.json").read_text()


@pytest.fixture(scope="module")
def definition(committed: str) -> dict[str, Any]:
    """As ``sluice apply`` sends it."""
    return fill(committed)


def test_the_committed_files_are_what_compiling_gives(tmp_path: Path) -> None:
    assert AUTHORING.exists(), "run `make setup-authoring` first: the compiler needs the SageMaker SDK"
    without_region = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    subprocess.run(
        [AUTHORING, "-m", "pipelines.compile", "tabular", "--into", tmp_path],
        cwd=ROOT,
        env=without_region,
        check=True,
        capture_output=True,
    )
    hint = "run `.venvs/authoring/bin/python -m pipelines.compile tabular` and commit what changed"
    for name in ("tabular/definition.json", "images.json"):
        assert (tmp_path / name).read_bytes() == (PIPELINES / name).read_bytes(), hint


def test_every_token_is_one_that_apply_fills(committed: str) -> None:
    assert set(re.findall(r"\$\{(\w+)\}", committed)) == set(TOKENS)


def test_steps_run_in_the_order_of_what_they_need(definition: dict[str, Any]) -> None:
    assert [step["Name"] for step in definition["Steps"]] == [
        "PreprocessData",
        "TrainModel",
        "EvaluateModel",
        "CheckModelQuality",
    ]
    needs = {
        name: {str(leaf).split(".")[1] for _, leaf in leaves(step["Arguments"]) if str(leaf).startswith("Steps.")}
        for name, step in steps_of(definition).items()
        if step["Type"] != "Condition"
    }
    assert needs == {
        "PreprocessData": set(),
        "TrainModel": {"PreprocessData"},
        "EvaluateModel": {"PreprocessData", "TrainModel"},
        "RegisterModel": {"TrainModel", "EvaluateModel"},
        "FailPipeline": {"EvaluateModel"},
    }


def test_parameters_have_the_documented_defaults(definition: dict[str, Any]) -> None:
    defaults = {each["Name"]: (each["Type"], each.get("DefaultValue")) for each in definition["Parameters"]}
    assert defaults == {
        "ProcessingInstanceCount": ("Integer", 1),
        "ProcessingInstanceType": ("String", "ml.m5.xlarge"),
        "TrainingInstanceType": ("String", "ml.m5.xlarge"),
        "ModelApprovalStatus": ("String", "PendingManualApproval"),
        "MseThreshold": ("Float", 6.0),
        "NumRound": ("Integer", 50),
        "MaxDepth": ("Integer", 5),
        "Eta": ("Float", 0.2),
        "Objective": ("String", "reg:squarederror"),
        "Gate": ("String", "none"),
        "Live": ("String", "none"),
        "InputData": ("String", None),
        "DataContract": ("String", TOKENS["DataContract"]),
        "ModelPackageGroupName": ("String", TOKENS["ModelPackageGroup"]),
    }


@pytest.mark.parametrize("name", ["PreprocessData", "TrainModel", "EvaluateModel", "RegisterModel"])
def test_what_a_step_asks_for_is_a_valid_request(definition: dict[str, Any], name: str) -> None:
    step = steps_of(definition)[name]
    operation, named = CREATED_BY[step["Type"]]
    request = {**named, **resolve(step["Arguments"], definition)}
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model(operation).input_shape
    assert shape is not None
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()


def test_one_image_runs_every_step_and_serves(definition: dict[str, Any]) -> None:
    images = [leaf for path, leaf in leaves(definition["Steps"]) if path[-1] in ("ImageUri", "TrainingImage", "Image")]
    assert images == [TOKENS["XGBoostImage"]] * 4
    versions = {uri.rpartition(":")[2] for uri in json.loads((PIPELINES / "images.json").read_text()).values()}
    locked = re.search(r"^xgboost-cpu==(\S+)", (ROOT / "requirements" / "xgboost.txt").read_text(), re.MULTILINE)
    assert locked
    assert {version.replace("-", ".") for version in versions} == {locked[1]}


def test_jobs_name_scripts_that_exist(definition: dict[str, Any]) -> None:
    steps = steps_of(definition)
    entrypoints = [
        steps[name]["Arguments"]["AppSpecification"]["ContainerEntrypoint"][-1]
        for name in ("PreprocessData", "EvaluateModel")
    ]
    programs = [Path(path).name for path in entrypoints]
    programs.append(steps["TrainModel"]["Arguments"]["HyperParameters"]["sagemaker_program"])
    (container,) = steps["RegisterModel"]["Arguments"]["InferenceSpecification"]["Containers"]
    programs.append(container["Environment"]["SAGEMAKER_PROGRAM"])
    assert set(programs) <= {path.name for path in SCRIPTS}


def test_the_model_is_served_by_its_own_code(definition: dict[str, Any]) -> None:
    (container,) = steps_of(definition)["RegisterModel"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["Environment"] == {
        "SAGEMAKER_PROGRAM": "inference.py",  # an empty one, which the SDK adds by itself, breaks /ping
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
    }


def test_channels_say_that_they_are_csv(definition: dict[str, Any]) -> None:
    channels = steps_of(definition)["TrainModel"]["Arguments"]["InputDataConfig"]
    types = {channel["ChannelName"]: channel["ContentType"] for channel in channels if channel["ChannelName"] != "code"}
    assert types == {"train": "text/csv", "validation": "text/csv", "preprocessing": "application/json"}


def test_the_gate_reads_what_evaluation_writes_and_its_failure_names_it(definition: dict[str, Any]) -> None:
    steps = steps_of(definition)
    condition, others = steps["CheckModelQuality"]["Arguments"]["Conditions"]
    metric = condition["LeftValue"]["Std:JsonGet"]
    assert metric["Path"] == "regression_metrics.mse.value"
    assert steps["EvaluateModel"]["PropertyFiles"] == [
        {"PropertyFileName": "EvaluationReport", "OutputName": "evaluation", "FilePath": "evaluation.json"}
    ]
    assert condition["Type"] == "LessThanOrEqualTo"
    assert condition["RightValue"] == {"Get": "Parameters.MseThreshold"}
    said = steps["FailPipeline"]["Arguments"]["ErrorMessage"]["Std:Join"]["Values"]
    assert said[0] == metric["Path"]
    assert {"Get": "Steps.EvaluateModel.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"} in said
    assert (others["Type"], others["RightValue"]) == ("Equals", 0)
    assert others["LeftValue"]["Std:JsonGet"]["Path"] == "gate.failed_rules"
    assert condition["RightValue"] in said


def test_nothing_is_asked_of_sagemaker_that_no_document_shows(definition: dict[str, Any]) -> None:
    """Std:JsonGet in conditions alone, joined texts of texts and Gets: the local AWS refuses anything else."""
    schedule_of(parse_definition(json.dumps(definition)))
    joined = [
        value
        for path, value in leaves(definition["Steps"])
        if "Std:Join" in path and "Values" in path and path[-1] != "Get"
    ]
    assert all(isinstance(value, str) for value in joined)


def test_a_repeated_job_is_found_in_the_cache(committed: str) -> None:
    """No input may name anything that differs between executions or compilations of the same code."""
    for name in ("PreprocessData", "TrainModel", "EvaluateModel"):
        step = steps_of(json.loads(committed))[name]
        assert step["CacheConfig"] == {"Enabled": True, "ExpireAfter": "30d"}
        keyed = {
            key: value
            for key, value in step["Arguments"].items()
            if key in ("AppSpecification", "Environment", "ProcessingInputs", "HyperParameters", "InputDataConfig")
        }
        for _, leaf in leaves(keyed):
            assert not str(leaf).startswith("Execution."), leaf
            assert not re.search(r"\d{4}-\d\d-\d\d|\d{10}", str(leaf)), leaf


def test_what_passes_by_itself_is_tried_again(definition: dict[str, Any]) -> None:
    steps = steps_of(definition)
    for name in ("PreprocessData", "TrainModel", "EvaluateModel"):
        tried = {kind for policy in steps[name]["RetryPolicies"] for kind in policy["ExceptionType"]}
        assert tried >= {"SageMaker.CAPACITY_ERROR", "SageMaker.JOB_INTERNAL_ERROR", "Step.THROTTLING"}
    assert steps["RegisterModel"]["RetryPolicies"]


def test_each_execution_writes_below_its_own_prefix(definition: dict[str, Any]) -> None:
    outputs = [
        output["S3Output"]["S3Uri"]
        for name in ("PreprocessData", "EvaluateModel")
        for output in steps_of(definition)[name]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    ]
    outputs.append(steps_of(definition)["TrainModel"]["Arguments"]["OutputDataConfig"]["S3OutputPath"])
    written = [resolve(uri, definition) for uri in outputs]
    assert len(set(written)) == len(written) == 7
    assert all(uri.startswith("s3://sluice-dev-data/pipelines/fraud/abc123/") for uri in written)


def test_the_code_of_every_job_has_neither_a_network_nor_credentials(definition: dict[str, Any]) -> None:
    """One role is of all models' jobs: their code could overwrite any model's artifact with it."""
    jobs = [step for step in steps_of(definition).values() if step["Type"] in ("Processing", "Training")]
    assert len(jobs) == 3
    for step in jobs:
        arguments = step["Arguments"]
        network = arguments["NetworkConfig"] if step["Type"] == "Processing" else arguments
        assert network["EnableNetworkIsolation"] is True, step["Name"]
    (training,) = (step["Arguments"] for step in jobs if step["Type"] == "Training")
    assert training["HyperParameters"]["sagemaker_submit_directory"].startswith("/opt/ml/input/data/code/")
