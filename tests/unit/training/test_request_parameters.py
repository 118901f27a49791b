"""A request for a run may shape the model, and nothing that decides whether, as what or where it is registered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sluice.training.request_parameters import approval_parameters, refusal

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.sluice_world import SluiceWorld, sluice_world
from tests.unit.training.test_intake import batch, created

TABULAR = json.loads((Path(__file__).parents[3] / "pipelines" / "tabular" / "definition.json").read_text())


@pytest.fixture
def world() -> SluiceWorld:
    """A stage with the shipped pipeline and data to train on."""
    world = sluice_world()
    world.pipelines.offered = tuple(each["Name"] for each in TABULAR["Parameters"])
    world.pipelines.steps = tuple(TABULAR["Steps"])
    world.bucket.objects["data/fraud/a.csv"] = b"age,risk\n30,1\n"
    start_pipeline(batch(created("data/fraud/a.csv")), world.ports)
    world.wake()
    world.end_run()
    return world


def ask(world: SluiceWorld, request: str = "r1", **parameters: str) -> Mapping[str, Any]:
    detail = {"model": "fraud", "request": request, "parameters": parameters}
    return start_pipeline(batch({"detail-type": "TrainRequested", "detail": detail}), world.ports)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ModelApprovalStatus", "Approved", "decides how versions are registered"),
        ("ModelPackageGroupName", "sluice-dev-house-prices", "is filled by Sluice itself"),
        ("MseThreshold", "1e9", "is a threshold of the pipeline"),
        ("Gate", "none", "is filled by Sluice itself"),
        ("Live", "none", "is filled by Sluice itself"),
        ("InputData", "s3://bucket/data/fraud/poison.manifest", "is filled by Sluice itself"),
        ("DataContract", "s3://bucket/data/fraud/contract.json", "is filled by Sluice itself"),
        ("Objective", "binary:logistic", "is filled by Sluice itself"),
        ("modelapprovalstatus", "Approved", "has no parameter"),
    ],
)
def test_a_message_cannot_set_what_decides_about_a_version(world: SluiceWorld, name: str, value: str, why: str) -> None:
    answer = ask(world, **{name: value})
    assert answer == {"batchItemFailures": []}, "the message is told and done with, it does not come back"
    assert len(world.pipelines.started) == 1, "only the run of the upload"
    (told,) = [detail for kind, detail in world.events.published if kind == "TrainingRefused"]
    assert name in told["reason"]
    assert why in told["reason"]
    status = world.ports.pending_inputs.request_status("fraud", "r1")
    assert status is not None
    assert (status.state, status.reason) == ("refused", told["reason"])


def test_what_only_shapes_the_model_may_be_set(world: SluiceWorld) -> None:
    ask(world, NumRound="80", Eta="0.3", MaxDepth="3", TrainingInstanceType="ml.m5.2xlarge")
    world.wake()
    assert [each.parameters.get("NumRound") for each in world.pipelines.started.values()] == [None, "80"]


def test_one_bad_parameter_refuses_the_request_as_a_whole(world: SluiceWorld) -> None:
    ask(world, NumRound="80", ModelApprovalStatus="Approved")
    world.wake()
    assert len(world.pipelines.started) == 1


def test_a_refused_request_that_comes_again_changes_nothing_of_one_that_was_taken(world: SluiceWorld) -> None:
    ask(world, NumRound="80")
    world.wake()
    ask(world, MseThreshold="1e9")
    status = world.ports.pending_inputs.request_status("fraud", "r1")
    assert status is not None
    assert status.state == "run"


def test_a_request_that_waited_while_its_pipeline_changed_is_refused_at_its_start(world: SluiceWorld) -> None:
    """Also one that an earlier release took, which checked nothing."""
    world.pipelines.steps = ()
    world.pipelines.refusing = True
    ask(world, MseThreshold="1e9")
    world.pipelines.steps, world.pipelines.refusing = tuple(TABULAR["Steps"]), False
    world.wake()
    assert len(world.pipelines.started) == 1
    (told,) = [detail for kind, detail in world.events.published if kind == "TrainingRefused"]
    assert "MseThreshold is a threshold" in told["reason"]


def test_parameters_are_found_in_a_pipeline_of_the_users_own_wherever_they_stand() -> None:
    """By what they do, not by their names."""

    def get(name: str) -> dict[str, str]:
        return {"Get": f"Parameters.{name}"}

    names = ("Status", "Group", "Limit", "Image", "Role", "Code", "Depth", "Family")
    register = {
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": {"Std:Join": {"On": "-", "Values": ["sluice", get("Group")]}},
            "ModelApprovalStatus": get("Status"),
            "CustomerMetadataProperties": {"family": get("Family")},
        },
    }
    inner = {"Type": "Condition", "Arguments": {"Conditions": [], "IfSteps": [register], "ElseSteps": []}}
    condition = {"Type": "LessThan", "LeftValue": 1, "RightValue": get("Limit")}
    either = {"Type": "Or", "Conditions": [{"Type": "Not", "Expression": condition}]}
    outer = {"Type": "Condition", "Arguments": {"Conditions": [either], "IfSteps": [inner], "ElseSteps": []}}
    training = {
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {"TrainingImage": get("Image")},
            "RoleArn": get("Role"),
            "HyperParameters": {"sagemaker_submit_directory": get("Code"), "max_depth": get("Depth")},
        },
    }
    definition = {"Parameters": [{"Name": name} for name in names], "Steps": [training, outer]}
    assert [name for name in names if not refusal(definition, [name])] == ["Depth"]
    assert approval_parameters(definition) == {"Status"}, "what no spec may set, either"


X = {"Get": "Parameters.X"}


@pytest.mark.parametrize(
    "step",
    [
        pytest.param({"Type": "QualityCheck", "Arguments": {}, "SkipCheck": X}, id="a check that is skipped"),
        pytest.param({"Type": "ClarifyCheck", "Arguments": {}, "ModelPackageGroupName": X}, id="a group beside"),
        pytest.param({"Type": "Lambda", "FunctionArn": X, "Arguments": {}}, id="a function"),
        pytest.param(
            {"Type": "Lambda", "FunctionArn": "f", "Arguments": {"HyperParameters": {"a": X}}}, id="its input"
        ),
        pytest.param({"Type": "Callback", "SqsQueueUrl": "q", "Arguments": {"approve": X}}, id="a callback"),
        pytest.param(
            {"Type": "Processing", "Arguments": {"AppSpecification": {"ContainerArguments": ["--limit", X]}}},
            id="the arguments of the code that measures",
        ),
        pytest.param({"Type": "Processing", "Arguments": {"Environment": {"LIMIT": X}}}, id="its environment"),
        pytest.param(
            {"Type": "Training", "Arguments": {"Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": X}}},
            id="code by the environment",
        ),
        pytest.param({"Type": "Training", "Arguments": {"EnableNetworkIsolation": X}}, id="network isolation"),
        pytest.param({"Type": "Training", "Arguments": {"VpcConfig": {"Subnets": [X]}}}, id="a network"),
        pytest.param({"Type": "Training", "Arguments": {"HyperParameters": X}}, id="all hyperparameters"),
        pytest.param(
            {"Type": "Training", "Arguments": {"HyperParameters": {"SAGEMAKER_PROGRAM": X}}}, id="another spelling"
        ),
        pytest.param(
            {
                "Type": "Tuning",
                "Arguments": {"TrainingJobDefinition": {"StaticHyperParameters": {"sagemaker_program": X}}},
            },
            id="the code of a tuning job",
        ),
        pytest.param(
            {
                "Type": "Training",
                "Arguments": {"InputDataConfig": [{"DataSource": {"FileSystemDataSource": {"DirectoryPath": X}}}]},
            },
            id="other data",
        ),
        pytest.param({"Type": "Training", "Arguments": {}, "CacheConfig": {"Enabled": X}}, id="the cache"),
        pytest.param(
            {"Type": "Later", "Arguments": {"HyperParameters": {"depth": X}}}, id="a step that AWS has yet to make"
        ),
    ],
)
def test_what_is_used_elsewhere_than_in_a_models_shape_is_not_to_be_set(step: dict[str, Any]) -> None:
    """A list of what is allowed: nobody knows all of what steps of the user's own are given."""
    assert "X" in refusal({"Parameters": [{"Name": "X"}], "Steps": [step]}, ["X"])


def test_hyperparameters_and_the_size_of_jobs_are_a_models_shape() -> None:
    inner = {"Std:Join": {"On": "", "Values": [X]}}
    steps = [
        {"Type": "Tuning", "Arguments": {"TrainingJobDefinition": {"StaticHyperParameters": {"depth": inner}}}},
        {"Type": "Processing", "Arguments": {"ProcessingResources": {"ClusterConfig": {"InstanceType": X}}}},
        {"Type": "Training", "Arguments": {"StoppingCondition": {"MaxRuntimeInSeconds": X}}},
        {"Type": "Fail", "Arguments": {"ErrorMessage": inner}},
    ]
    assert refusal({"Parameters": [{"Name": "X"}], "Steps": steps}, ["X"]) == ""


def test_the_reason_says_what_a_request_may_set() -> None:
    assert "a request may set: Eta, MaxDepth, NumRound, Processing" in refusal(TABULAR, ["NumRounds"])
